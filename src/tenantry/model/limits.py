"""What a plan allows an instance's process; what it does not say is the server's own (`spawner.config`).

idle_s: how long nobody must have come before it sleeps. memory_mb: its address space. threads: requests at
once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tenantry.errors import InvalidValue

RANGES: Mapping[str, tuple[float, float]] = {
    "idle_s": (1, 30 * 86400),
    "memory_mb": (512, 65536),
    "threads": (1, 16),
}
"""The least and the most of each. In 512 MB of addresses a small Odoo still serves its pages; more threads
would want more connections than a role may have."""


def checked(wishes: Mapping[str, float]) -> dict[str, float]:
    """Those that are known and not 0. Raises InvalidValue."""
    wanted = {name: wishes[name] for name in RANGES if wishes.get(name)}
    for name, value in wanted.items():
        if not _is_possible(name, value):
            least, most = RANGES[name]
            raise InvalidValue(name, str(value), f"0 for the server's own, or {least} to {most}")
    return wanted


def from_label(data: Any) -> dict[str, float]:
    """What a label says that can be followed; the rest is ignored."""
    said = data if isinstance(data, dict) else {}
    return {name: said[name] for name in RANGES if name in said and _is_possible(name, said[name])}


def _is_possible(name: str, value: Any) -> bool:
    least, most = RANGES[name]
    return type(value) in (int, float) and least <= value <= most
