"""Wakes tenants: holds their listening sockets, and has a process forked when somebody comes."""
