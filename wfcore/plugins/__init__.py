"""What plugin authors write against, and how plugins are found, checked and kept apart."""
