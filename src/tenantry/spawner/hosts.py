"""The folder the front looks hosts up in: a socket for who is served, a marker for who is not.

`<host>.sock` is a listening socket, or for further host names a link to one. `<host>.suspended`, `.stopped`
and `.preparing` say why there is none.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Collection
from pathlib import Path

SOCKET = ".sock"
MARKERS = (".suspended", ".stopped", ".preparing")
_BACKLOG = 512


class Hosts:
    """The folder; every change of it is whole or not at all."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        self.folder = folder
        # A socket's path may be 107 bytes long: this way only the name counts.
        self._descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)

    def listen(self, host: str) -> socket.socket:
        """A new listening socket at that host; one that was there is replaced at once."""
        listener = socket.socket(socket.AF_UNIX)
        partial, file = f".{host}.new", host + SOCKET
        with contextlib.suppress(FileNotFoundError):
            (self.folder / partial).unlink()
        listener.bind(f"/proc/self/fd/{self._descriptor}/{partial}")
        (self.folder / partial).chmod(0o666)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
        (self.folder / partial).replace(self.folder / file)
        self.unmark(host)
        return listener

    def link(self, host: str, target: str) -> None:
        """Let a further host lead to the socket of `target`."""
        file, partial = self.folder / (host + SOCKET), self.folder / f".{host}.new"
        with contextlib.suppress(FileNotFoundError):
            partial.unlink()
        partial.symlink_to(target + SOCKET)
        partial.replace(file)
        self.unmark(host)

    def mark(self, host: str, marker: str) -> None:
        """Say why that host is not served."""
        (self.folder / (host + marker)).touch()
        self._unlink(host + SOCKET)
        for other in MARKERS:
            if other != marker:
                self._unlink(host + other)

    def unmark(self, host: str) -> None:
        for marker in MARKERS:
            self._unlink(host + marker)

    def forget(self, host: str) -> None:
        self._unlink(host + SOCKET)
        self.unmark(host)

    def keep_only(self, hosts: Collection[str]) -> None:
        """Remove what a spawner before left of hosts that are no more."""
        for entry in self.folder.iterdir():
            host = entry.name.rpartition(".")[0]
            if host not in hosts:
                entry.unlink(missing_ok=True)

    def _unlink(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)
