"""How an instance runs."""
