"""Where state lives: the contract, and one adapter per technology."""
