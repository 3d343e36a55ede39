"""Where visitors reach an instance, and where what they ask for is sent: two things."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Address:
    """A public one, as it stands in a browser. port: 0 where the protocol's own is meant."""

    protocol: str
    host: str
    port: int = 0

    @property
    def authority(self) -> str:
        """What a request's `Host` says."""
        return f"{self.host}:{self.port}" if self.port else self.host

    @property
    def url(self) -> str:
        return f"{self.protocol}://{self.authority}"


@dataclass(frozen=True)
class Upstream:
    """Where an edge or a probe connects for an instance: a host and a port, or a UNIX socket by its path."""

    host: str = "localhost"
    port: int = 0
    socket: str = ""


def subdomain_host(name: str, base_domain: str) -> str:
    """The host name that every instance has."""
    return f"{name}.{base_domain}"
