"""The plan's limits of an instance's process; without one the server's default holds (`spawner.config`).

idle_s: how long there must be no request before it sleeps. memory_mb: its address space; of a container its
memory. threads: requests at the same time. cpus: the processor time of a container, as a number of cores.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tenantry.errors import InvalidValue

MAX_THREADS = 16
"""More threads would need more connections than a role may have, see `postgres.roles`."""
RANGES: Mapping[str, tuple[float, float]] = {
    "idle_s": (1, 30 * 86400),
    "memory_mb": (512, 65536),
    "threads": (1, MAX_THREADS),
    "cpus": (0.1, 512),
}
"""Minimum and maximum of each limit. A small Odoo still works with an address space of 512 MB."""


def checked(wishes: Mapping[str, float]) -> dict[str, float]:
    """The known limits that are not 0, checked. Raises InvalidValue."""
    wanted = {name: wishes[name] for name in RANGES if wishes.get(name)}
    for name, value in wanted.items():
        if not _is_possible(name, value):
            least, most = RANGES[name]
            raise InvalidValue(name, str(value), f"0 for the server's default, or {least} to {most}")
    return wanted


def from_label(data: Any) -> dict[str, float]:
    """The valid limits of a label; others are ignored."""
    found = data if isinstance(data, dict) else {}
    return {name: found[name] for name in RANGES if name in found and _is_possible(name, found[name])}


def _is_possible(name: str, value: Any) -> bool:
    least, most = RANGES[name]
    return type(value) in (int, float) and least <= value <= most
