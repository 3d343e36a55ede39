"""The folder the front looks hosts up in: a socket for who is served, a marker for who is not.

`<host>.sock` is a listening socket, or for further host names a link to one, and `<host>.served` says that it
is there: the front sees no socket. `<host>.suspended`, `.stopped` and `.preparing` say why there is none.
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
"""The front's `edge/Caddyfile` looks for them, and has a page for each but the first."""
_BACKLOG = 512
_PARTIAL = ".new"


class Hosts:
    """The folder; every change of it is whole or not at all."""

    def __init__(self, folder: Path, store: socket.socket | None = None) -> None:
        """store: the keeper's channel, which has the sockets of the spawner before."""
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        self.folder = folder
        # A socket's path may be 107 bytes long: this way it is short, whatever the host.
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
        """The listening socket at that host, and whether it is the one a spawner before had."""
        kept = self._kept.pop(host, None)
        if kept and (self.folder / (host + SOCKET)).is_socket():
            self.mark(host, SERVED)
            return kept, True
        listener = self._bind(host)
        self._tell_store(host, listener)
        self.mark(host, SERVED)
        return listener, False

    def _tell_store(self, host: str, *listeners: socket.socket) -> None:
        if self._store:
            with contextlib.suppress(OSError):
                agreed.send(self._store, {"host": host}, [listener.fileno() for listener in listeners])

    def _bind(self, host: str) -> socket.socket:
        """Another that was there is replaced at once."""
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
        """Let a further host lead to the socket of `target`."""
        file, partial = self.folder / (host + SOCKET), self.folder / _PARTIAL
        with contextlib.suppress(FileNotFoundError):
            partial.unlink()
        partial.symlink_to(target + SOCKET)
        partial.replace(file)
        self.mark(host, SERVED)

    def mark(self, host: str, marker: str) -> None:
        """Say that the host is served, or why it is not.

        At no moment nothing is said, and none at which it counts as served without a socket: the front would
        look for it in vain for a while.
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
        """Remove what a spawner before left of hosts that are no more."""
        for entry in self.folder.iterdir():
            host = entry.name.rpartition(".")[0]
            if host not in hosts:
                entry.unlink(missing_ok=True)

    def _remove_socket(self, host: str) -> None:
        self._unlink(host + SOCKET)
        self._tell_store(host)

    def _unlink(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)
