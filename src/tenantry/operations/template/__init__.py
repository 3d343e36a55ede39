"""What is done to templates."""
