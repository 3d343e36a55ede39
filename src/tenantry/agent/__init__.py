"""The engine behind a pipe: for who may not, or cannot, run it in their own process."""
