"""The front: passes requests to the tenants' sockets, and has pages for hosts that are not served."""
