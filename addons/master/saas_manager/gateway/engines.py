"""Which engine works for a server."""

import functools

from tenantry.agent.client import engine_at


@functools.cache
def _engine_at(address):
    return engine_at(address)


def _engine():
    """The engine of the installation's own server; secrets of columns are sealed with its key."""
    return _engine_at("")


def _engine_of(server):
    """The engine that works for a server; for none, the installation's own."""
    return _engine_at(server.address or "")
