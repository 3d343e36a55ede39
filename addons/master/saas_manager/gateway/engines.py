"""Chooses the engine for a server."""

import functools

from tenantry.agent.client import engine_at
from tenantry.model.server import ServerAddress


@functools.cache
def _engine_at(address):
    return engine_at(address)


def _engine():
    """The engine of the installation's own server. Its key encrypts secrets in columns."""
    return _engine_at("")


def _keeper_of(server):
    """The engine that keeps a server's settings: that of its installation's own server."""
    return _engine_at(ServerAddress.of(server.address or "").of_installation)


def _engine_of(server):
    """The engine for a server; without a server, the installation's own."""
    return _engine_at(server.address or "")
