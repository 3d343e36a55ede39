"""The address of a server, and the facts that its agent reports."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tenantry.errors import InvalidValue
from tenantry.model.names import LOCAL_SERVER, server_name

_SSH = re.compile(
    r"ssh://(?P<destination>([a-z_][a-z0-9_-]*@)?[A-Za-z0-9][A-Za-z0-9._-]*)(:(?P<port>[0-9]{1,5}))?(/(?P<name>.*))?"
)
_EXPECTED = "empty, a server's name in settings.toml, or ssh://user@host"


@dataclass(frozen=True)
class ServerAddress:
    """The address of a server of this installation, or of an installation on another machine, by `ssh`.

    destination: `user@host`, or a host of ssh's configuration; "": this machine. port: 0: ssh's default.
    """

    name: str = LOCAL_SERVER
    destination: str = ""
    port: int = 0

    @classmethod
    def of(cls, text: str) -> ServerAddress:
        """Parse "" (the local server), `paris`, `ssh://user@host:22` or `ssh://user@host/paris`.

        Raises InvalidValue.
        """
        found = _SSH.fullmatch(text)
        name = found["name"] or "" if found else text
        try:
            name = server_name(name) if name not in ("", LOCAL_SERVER) else LOCAL_SERVER
        except InvalidValue as error:
            raise InvalidValue("server's address", text, _EXPECTED) from error
        return cls(name, found["destination"], int(found["port"] or 0)) if found else cls(name)


WIRE = 4
"""Counts what callers and agents of one version may not agree on: the methods' names and their values."""


@dataclass(frozen=True)
class ServerFacts:
    """version: the server's version of Tenantry. series: its Odoo's, such as 19.0.

    runtime: how its instances run, see `runtimes.kinds`.
    wire: its WIRE; 0 of an agent that does not say it yet.
    """

    version: str
    name: str
    series: str
    base_domain: str
    protocol: str
    reserved_names: frozenset[str]
    wire: int = 0
    runtime: str = ""
