"""What a tenant's process is made of; loaded server-wide in it, installed in no database."""
