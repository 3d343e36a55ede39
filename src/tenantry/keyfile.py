"""The installation's keys: made once, a file each; and files and folders nobody else can read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TextIO

from tenantry.errors import KeyLost
from tenantry.model.keys import Keys
from tenantry.model.secret import Secret, random_key

# The instances' key is made last: where it is, all are, and one that is missing then was lost.
_LAST = "instances"
_NAMES = ("roles", "signing", "sealing", _LAST)
_ONE_KEY = "installation.key"
"""What older versions had instead of the four."""


def key_file(folder: Path, name: str) -> Path:
    """name: a field of Keys."""
    return folder / f"{name}.key"


def has_keys(folder: Path) -> bool:
    """Whether the keys were made, all of them."""
    return key_file(folder, _LAST).exists()


def installation_keys(folder: Path) -> Keys:
    """Read the keys, making them first if there are none. Two processes at once get the same ones.

    A killed maker's are completed. Raises KeyLost.
    """
    private_folder(folder)
    if not has_keys(folder):
        _make(folder)
    keys = Keys(**{name: _read(key_file(folder, name)) for name in _NAMES})
    _forget_the_one_key(folder, keys)
    return keys


def _make(folder: Path) -> None:
    """What the one key of older versions protects stays readable: all but instances take it over."""
    one_key = _value(folder / _ONE_KEY)
    for name in _NAMES:
        _link(key_file(folder, name), Secret(one_key) if one_key and name != _LAST else random_key())


def _link(file: Path, key: Secret) -> None:
    """Write a key unless there is one; whole or not at all, and only the first of two writers."""
    partial = file.with_name(f"{file.name}.{os.getpid()}")
    write_private(partial, key.reveal())
    try:
        os.link(partial, file)
    except FileExistsError:
        pass
    finally:
        partial.unlink()


def _forget_the_one_key(folder: Path, keys: Keys) -> None:
    """Remove the file of older versions, unless it holds another key: that may be somebody's only copy."""
    file = folder / _ONE_KEY
    if _value(file) == keys.sealing.reveal():
        file.unlink(missing_ok=True)


def _read(file: Path) -> Secret:
    value = _value(file)
    if not value:
        raise KeyLost(file)
    return Secret(value)


def _value(file: Path) -> str:
    """What is in the file; "" when it is not there."""
    try:
        return file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""


def private_folder(folder: Path) -> None:
    """Make a folder nobody else can enter; one that is there stays as it is."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def write_private(file: Path, text: str, owner: int | None = None) -> None:
    """Write a file nobody but its owner can read, whole or not at all. owner: a user id; None: our own."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f"{file.name}.{os.getpid()}.partial")
    with _open_private(partial, os.O_TRUNC) as stream:
        stream.write(text)
        if owner is not None:
            os.fchown(stream.fileno(), owner, owner)
    partial.rename(file)


def make_private(file: Path, text: str) -> None:
    """Write such a file unless there is one; whole or not at all, and only the first of two writers."""
    file.parent.mkdir(parents=True, exist_ok=True)
    _link(file, Secret(text))


def append_private(file: Path) -> TextIO:
    """Open a log to append to, in its folder; nobody else can read it if it is new."""
    return _open_private(file, os.O_APPEND)


def is_private(path: Path) -> bool:
    """Whether nobody but its owner has any right to a file or folder. One that is not there has no rights."""
    return not path.exists() or not path.stat().st_mode & 0o077


def _open_private(file: Path, flags: int) -> TextIO:
    return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | flags, 0o600), "w")
