"""The relay as a program of a tenant server: its file and its command."""

from __future__ import annotations

import os
import socket
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

from tenantry import sandbox
from tenantry.model.secret import Secret
from tenantry.relay import asking
from tenantry.relay.peers import listener_at
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


def renew_key(settings: ServerSettings, key: Secret) -> None:
    """Take only logins of this key from now on; see `keys.mail_key`."""
    if (known := current(settings)) and known.key != key:
        save(settings, replace(known, key=key))


def command(settings: ServerSettings) -> list[str]:
    """Where root starts it, it is a user of its own, which can read only its code and its file.

    It needs one more argument, the descriptor of the socket to listen at.
    """
    file, python = file_of(settings), Path(sys.executable)
    _make_folder(file)
    view = sandbox.View(
        readable=(*_folders_of(python), file.parent),
        writable=(),
        user=identity.RELAY if identity.is_root() else None,
    )
    return sandbox.command(view, [python, "-m", "tenantry.relay", file], ends_with_caller=True)


@cache
def _folders_of(python: Path) -> tuple[Path, ...]:
    return sandbox.python_folders(python)


def _make_folder(file: Path) -> None:
    """The relay's user must get into the folder; only that user can read the file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.parent.chmod(0o755)


def is_listening(port: int) -> bool:
    """Whether a relay of ours takes mails there. Any other program could give the same greeting."""
    if listener_at((HOST, port)) != os.geteuid():
        return False
    try:
        with socket.create_connection((HOST, port), timeout=1) as connection:
            return connection.recv(1) != b""
    except OSError:
        return False


def counted(settings: ServerSettings, port: int, timeout_s: float) -> list[asking.Counted]:
    """What the relay at that port counted; empty when the operator has set no mail server. Raises OSError."""
    known = current(settings)
    if known is None:
        return []
    if listener_at((HOST, port)) != os.geteuid():
        raise ConnectionRefusedError("it does not listen")
    return asking.counted(HOST, port, known.key, timeout_s)
