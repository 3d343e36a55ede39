"""The folder in which the front looks up hosts: sockets and markers.

`<host>.sock` is a listening socket, or for a further host name a link to one. The marker `<host>.served` says
that the socket exists, because the front cannot see sockets. The markers `<host>.suspended`, `.stopped` and
`.preparing` say why there is no socket.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Collection, Iterator
from pathlib import Path

from tenantry import agreed

SOCKET = ".sock"
SERVED = ".served"
SUSPENDED, STOPPED, PREPARING = ".suspended", ".stopped", ".preparing"
MARKERS = (SERVED, SUSPENDED, STOPPED, PREPARING)
"""`edge/Caddyfile` looks for these files, and has a page for each except the first."""
SUFFIXES = (SOCKET, *MARKERS)
_BACKLOG = 512
_PARTIAL = ".new"


def known_hosts(folder: Path) -> set[str]:
    """The hosts that have a socket or a marker in the folder."""
    entries = folder.iterdir() if folder.is_dir() else ()
    return {file.name.removesuffix(file.suffix) for file in entries if file.suffix in SUFFIXES}


class Hosts:
    """The folder of sockets and markers. Every change is atomic."""

    def __init__(self, folder: Path, store: socket.socket | None = None) -> None:
        """store: the channel to the keeper, which holds the sockets of the previous spawner."""
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        self.folder = folder
        # A socket's path has at most 107 bytes; a path through this descriptor is always short enough.
        self._descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)

        self._store = store
        self._kept = dict(self._receive_kept())

    def _receive_kept(self) -> Iterator[tuple[str, socket.socket]]:
        while self._store:
            message, descriptors = agreed.receive(self._store)
            if not (message and message["host"]):
                return
            yield message["host"], socket.socket(fileno=descriptors[0])

    def listen(self, host: str) -> tuple[socket.socket, bool]:
        """The listening socket of that host, and whether it is the previous spawner's."""
        kept = self._kept.pop(host, None)
        if kept and (self.folder / (host + SOCKET)).is_socket():
            self.mark(host, SERVED)
            return kept, True
        listener = self._bind(host)
        self._notify_keeper(host, listener)
        self.mark(host, SERVED)
        return listener, False

    def _notify_keeper(self, host: str, *listeners: socket.socket) -> None:
        if self._store:
            with contextlib.suppress(OSError):
                agreed.send(self._store, {"host": host}, [listener.fileno() for listener in listeners])

    def _bind(self, host: str) -> socket.socket:
        """Listen at the host's path; replace a socket that exists there atomically."""
        listener = socket.socket(socket.AF_UNIX)
        partial, file = _PARTIAL, host + SOCKET
        with contextlib.suppress(FileNotFoundError):
            (self.folder / partial).unlink()
        listener.bind(f"/proc/self/fd/{self._descriptor}/{partial}")
        (self.folder / partial).chmod(0o666)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
        (self.folder / partial).replace(self.folder / file)
        return listener

    def link(self, host: str, target: str) -> None:
        """Link a further host to the socket of the host `target`."""
        file, partial = self.folder / (host + SOCKET), self.folder / _PARTIAL
        with contextlib.suppress(FileNotFoundError):
            partial.unlink()
        partial.symlink_to(target + SOCKET)
        partial.replace(file)
        self.mark(host, SERVED)

    def mark(self, host: str, marker: str) -> None:
        """Set the host's marker: that it is served, or why it is not.

        The host always has a marker, and it is never marked as served while it has no socket: the front would
        retry to connect for a while.
        """
        file = self.folder / (host + marker)
        file.touch()
        file.chmod(0o644)
        for other in MARKERS:
            if other != marker:
                self._unlink(host + other)
        if marker != SERVED:
            self._remove_socket(host)

    def forget(self, host: str) -> None:
        for marker in MARKERS:
            self._unlink(host + marker)
        self._remove_socket(host)

    def keep_only(self, hosts: Collection[str]) -> None:
        """Remove the files of all other hosts, which a previous spawner left."""
        for entry in self.folder.iterdir():
            host = entry.name.rpartition(".")[0]
            if host not in hosts:
                entry.unlink(missing_ok=True)

    def _remove_socket(self, host: str) -> None:
        self._unlink(host + SOCKET)
        self._notify_keeper(host)

    def _unlink(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)
