"""The relay as a program of a tenant server: its file and its command."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

from tenantry import sandbox
from tenantry.relay.settings import RelaySettings
from tenantry.settings import ServerSettings
from tenantry.spawner import identity

HOST = "127.0.0.1"


def file_of(settings: ServerSettings) -> Path:
    return settings.home / "relay" / "settings.json"


def current(settings: ServerSettings) -> RelaySettings | None:
    """None when the operator has set no mail server."""
    return RelaySettings.read(file_of(settings))


def save(settings: ServerSettings, relay: RelaySettings) -> None:
    file = file_of(settings)
    _make_folder(file)
    relay.write(file)


def forget(settings: ServerSettings) -> None:
    file_of(settings).unlink(missing_ok=True)


def command(settings: ServerSettings, port: int) -> list[str]:
    """Where root starts it, it is a user of its own, which can read only its code and its file."""
    file, python = file_of(settings), Path(sys.executable)
    _make_folder(file)
    view = sandbox.View(
        readable=(*sandbox.python_folders(python), file.parent),
        writable=(),
        user=identity.RELAY if identity.is_root() else None,
    )
    return sandbox.command(view, [python, "-m", "tenantry.relay", file, port], ends_with_caller=True)


def _make_folder(file: Path) -> None:
    """The relay's user must get into the folder; only that user can read the file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.parent.chmod(0o755)


def is_listening(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True
