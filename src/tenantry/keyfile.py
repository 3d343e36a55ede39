"""The installation's key: made once, readable by its owner only."""

from __future__ import annotations

import os
from pathlib import Path

from tenantry.model.secret import Secret, random_key


def installation_key(file: Path) -> Secret:
    """Read the key, making it first if there is none. Two processes at once get the same one."""
    if not file.exists():
        _make(file)
    return Secret(file.read_text(encoding="ascii").strip())


def _make(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = file.with_name(f"{file.name}.{os.getpid()}")
    write_private(partial, random_key().reveal())
    try:
        os.link(partial, file)
    except FileExistsError:
        pass
    finally:
        partial.unlink()


def write_private(file: Path, text: str) -> None:
    """Write a file nobody else can read, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f"{file.name}.{os.getpid()}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
    partial.rename(file)
