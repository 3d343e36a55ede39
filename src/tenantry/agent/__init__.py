"""The engine behind a pipe: for programs that may not, or cannot, run it in their own process."""
