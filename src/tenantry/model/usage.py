"""The usage of an instance, to compare with its limits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Usage:
    """users: active internal ones. storage_bytes: database and files. last_activity: ISO, UTC, or "".

    files_bytes: the files alone, which are a container's volume; None: unknown.
    """

    users: int
    storage_bytes: int
    last_activity: str = ""
    files_bytes: int | None = None
