"""How tasks travel: the contract, and one adapter per technology."""
