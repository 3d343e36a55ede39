"""Railway: its API, as far as instances on it need it, and the program that their containers run."""
