"""What is done with instances on Railway. Their projects are the only inventory."""
