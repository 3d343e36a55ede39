"""The engine's operations: each one is a tuple of steps."""
