"""What the two servers of a move tell of an instance, and the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tenantry.model.instance import Instance


@dataclass(frozen=True)
class Whereabouts:
    """What one server knows of an instance.

    installation: the public key of the server's installation. machine: the same of servers that see the same
    archives, and reach each other without a network. series, postgres: the server's versions.
    state, identity, moved_to, pause_s: of the instance's label; "" and 0 without one. modules: those that are
    installed.
    """

    server: str
    installation: str
    series: str
    postgres: int
    state: str = ""
    identity: str = ""
    moved_to: str = ""
    pause_s: float = 0.0
    modules: tuple[str, ...] = ()
    machine: str = ""


@dataclass(frozen=True)
class Moved:
    """A finished move. source, target: the names of the servers. pause_s: how long its visitors were held.

    tables, rows, files: how many were compared.
    """

    name: str
    source: str
    target: str
    instance: Instance
    pause_s: float
    tables: int = 0
    rows: int = 0
    files: int = 0


def differences(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """The tables and sequences that are not the same."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def rows_in(content: Mapping[str, str]) -> tuple[int, int]:
    """How many tables there are, and how many rows in all. Sequences have no rows."""
    rows = [int(entry.partition(":")[0]) for entry in content.values() if ":" in entry]
    return len(rows), sum(rows)
