"""The spawner holds the tenants' listening sockets, and has a process forked when a visitor connects."""
