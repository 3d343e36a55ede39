"""The installation's keys, one file each, created once; and private files and folders."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TextIO

from tenantry.errors import KeyLost
from tenantry.model.keys import Keys
from tenantry.model.secret import Secret, random_key

# The instances' key is created last: if it exists, a missing other key was lost.
_LAST = "instances"
_NAMES = ("roles", "signing", "sealing", _LAST)
_ONE_KEY = "installation.key"
"""The only key of older versions."""


def key_file(folder: Path, name: str) -> Path:
    """The file of a key. name: a field of Keys."""
    return folder / f"{name}.key"


def has_keys(folder: Path) -> bool:
    """Whether all keys were created."""
    return key_file(folder, _LAST).exists()


def roles_key(folder: Path) -> Secret | None:
    """`Keys.roles` as it is or, after an update, will be; None while there is none. Nothing is made."""
    value = _value(key_file(folder, "roles")) or _value(folder / _ONE_KEY)
    return Secret(value) if value else None


def installation_keys(folder: Path) -> Keys:
    """Read the keys; create them first if there are none. Two processes at once get the same keys.

    If a process was killed while it created them, the rest is created. Raises KeyLost.
    """
    private_folder(folder)
    if not has_keys(folder):
        _make(folder)
    keys = Keys(**{name: _read(key_file(folder, name)) for name in _NAMES})
    _forget_the_one_key(folder, keys)
    return keys


def _make(folder: Path) -> None:
    """Create the missing keys. All except `instances` take over the key of older versions, if any."""
    one_key = _value(folder / _ONE_KEY)
    for name in _NAMES:
        _link(key_file(folder, name), Secret(one_key) if one_key and name != _LAST else random_key())


def _link(file: Path, key: Secret) -> None:
    """Write a key, atomically, unless the file exists: of two writers the first one wins."""
    partial = file.with_name(f"{file.name}.{os.getpid()}")
    write_private(partial, key.reveal())
    try:
        os.link(partial, file)
    except FileExistsError:
        pass
    finally:
        partial.unlink()


def _forget_the_one_key(folder: Path, keys: Keys) -> None:
    """Remove the key file of older versions, unless it has another key: it may be the only copy."""
    file = folder / _ONE_KEY
    if _value(file) == keys.sealing.reveal():
        file.unlink(missing_ok=True)


def _read(file: Path) -> Secret:
    value = _value(file)
    if not value:
        raise KeyLost(file)
    return Secret(value)


def _value(file: Path) -> str:
    """The text of the file; "" when it does not exist."""
    try:
        return file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""


def private_folder(folder: Path) -> None:
    """Create a folder that only its owner can enter; an existing folder stays unchanged."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def write_private(file: Path, text: str, owner: int | None = None) -> None:
    """Write a file that only its owner can read, atomically. owner: a user id; None: our own."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f"{file.name}.{os.getpid()}.partial")
    with _open_private(partial, os.O_TRUNC) as stream:
        stream.write(text)
        if owner is not None:
            os.fchown(stream.fileno(), owner, owner)
    partial.rename(file)


def make_private(file: Path, text: str) -> None:
    """Write a private file, atomically, unless it exists: of two writers the first one wins."""
    file.parent.mkdir(parents=True, exist_ok=True)
    _link(file, Secret(text))


def append_private(file: Path) -> TextIO:
    """Open a log for appending. A new log can be read by its owner only."""
    return _open_private(file, os.O_APPEND)


def is_private(path: Path) -> bool:
    """Whether only the owner has permissions on a file or folder, or it does not exist."""
    return not path.exists() or not path.stat().st_mode & 0o077


def _open_private(file: Path, flags: int) -> TextIO:
    return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | flags, 0o600), "w")
