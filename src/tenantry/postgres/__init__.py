"""PostgreSQL: a cluster of our own or a given one, and what the engine does in it."""
