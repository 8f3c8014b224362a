"""What `wf new` writes: distributions whose files are made from the templates beside this file."""
