"""The address of a server, the facts that its agent reports, and its condition."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from tenantry.errors import DiskNearlyFull, InvalidValue, TenantryError
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

    @property
    def of_installation(self) -> str:
        """The address of the own server of its installation."""
        port = f":{self.port}" if self.port else ""
        return f"ssh://{self.destination}{port}" if self.destination else ""


WIRE = 5
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


MIN_FREE_PERCENT = 10
"""V2: a server with less room than this, or less of its disk, gets no new instances."""


class Health(StrEnum):
    HEALTHY = "healthy"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True)
class Check:
    """One check of a server. detail: what was found, in names and figures only. fault: what is wrong.

    gravity: the health of a server with this fault.
    """

    subject: str
    detail: str = ""
    fault: TenantryError | None = None
    gravity: Health = Health.CRITICAL

    @classmethod
    def of(cls, subject: str, ask: Callable[[], str], gravity: Health = Health.CRITICAL) -> Check:
        """ask: returns the detail, or raises the fault."""
        try:
            return cls(subject, ask(), gravity=gravity)
        except TenantryError as error:
            return cls(subject, fault=error, gravity=gravity)


@dataclass(frozen=True)
class Capacity:
    """What the machine of a server has, and what is used of it now. 0: the server cannot say.

    disk_*: of that file system of its files which is fullest. disk_folder: where it is.
    awake: how many instances are awake.
    """

    cpus: int = 0
    memory_bytes: int = 0
    memory_used_bytes: int = 0
    disk_bytes: int = 0
    disk_used_bytes: int = 0
    disk_folder: str = ""
    awake: int = 0

    def disk_room(self) -> str:
        """How much of the disk is used. Raises DiskNearlyFull."""
        free_percent = 100 * (self.disk_bytes - self.disk_used_bytes) // self.disk_bytes
        if free_percent < MIN_FREE_PERCENT:
            raise DiskNearlyFull(self.disk_folder, free_percent, MIN_FREE_PERCENT)
        return f"{self.disk_used_bytes // 2**30} / {self.disk_bytes // 2**30} GB"


@dataclass(frozen=True)
class Condition:
    """checks: of everything that it needs to create and run instances."""

    checks: tuple[Check, ...] = ()
    capacity: Capacity = Capacity()
