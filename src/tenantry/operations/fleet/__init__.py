"""What is done to many databases at a time."""
