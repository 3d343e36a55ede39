"""The master: its code, its installation, its server and its agent."""
