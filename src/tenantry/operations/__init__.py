"""What the engine does to the world: each operation a visible tuple of steps."""
