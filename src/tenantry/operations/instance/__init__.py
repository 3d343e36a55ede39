"""What is done to one instance."""
