"""Values and decisions: frozen, pure, knowing nothing of the world."""
