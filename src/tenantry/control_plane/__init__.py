"""The master: its code, its installation, its server and the agent it asks."""
