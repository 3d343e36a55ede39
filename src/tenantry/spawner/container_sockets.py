"""The sockets of containers: each container sees a folder with two of them, and those of no other.

By the channel it gets its orders. The other one gives it connections to the mail relay, which it cannot reach
by its own network.
"""

from __future__ import annotations

import logging
import os
import shutil
import socket
from functools import partial
from pathlib import Path

from tenantry import agreed
from tenantry.spawner.control import socket_address
from tenantry.spawner.loop import Loop

_logger = logging.getLogger(__name__)

CHANNEL, MAIL = "channel", "mail"
_MAIL_EVERY_S = 0.1


class ContainerSockets:
    """The sockets of one spawner's containers, by their databases.

    folder: of all of them. mail_port: the relay's, on this machine.
    """

    def __init__(self, loop: Loop, folder: Path, mail_port: int) -> None:
        self._loop = loop
        self._folder = folder
        self._mail_port = mail_port
        self._mail: dict[int, dict[str, socket.socket]] = {}

    def folder_of(self, oid: int, container: str) -> Path:
        """The folder that one container of the database sees. container: what tells it from others."""
        return self._folder / str(oid) / container

    def open(self, oid: int, container: str, user: int) -> socket.socket:
        """Make a container's sockets, for that user; return the one to which it will connect its channel."""
        self._offer_mail(oid, container, user)
        return _listener(self.folder_of(oid, container) / CHANNEL, user)

    def adopt(self, oid: int, user: int) -> None:
        """Offer mail to the containers that run already."""
        for folder in (self._folder / str(oid)).glob("*"):
            self._offer_mail(oid, folder.name, user)

    def keep_only(self, oid: int, container: str) -> None:
        """Remove those of the database's other containers."""
        listeners = self._mail.get(oid, {})  # there are none after `close`
        for former in set(listeners) - {container}:
            self._forget(listeners.pop(former))
            shutil.rmtree(self.folder_of(oid, former), ignore_errors=True)

    def close(self, oid: int) -> None:
        """Listen no more for a database's containers."""
        for listener in self._mail.pop(oid, {}).values():
            self._forget(listener)

    def remove(self, oid: int) -> None:
        """Remove all files of a database's containers, after `close`; also in another thread."""
        shutil.rmtree(self._folder / str(oid), ignore_errors=True)

    def _forget(self, listener: socket.socket) -> None:
        self._loop.unwatch(listener)
        listener.close()

    # ------------------------------------------------------------ mail

    def _offer_mail(self, oid: int, container: str, user: int) -> None:
        listeners = self._mail.setdefault(oid, {})
        if container not in listeners:
            listeners[container] = listener = _listener(self.folder_of(oid, container) / MAIL, user)
            self._loop.watch(listener, partial(self._connect_to_mail, listener, user))

    def _connect_to_mail(self, listener: socket.socket, user: int) -> None:
        """Send one connected socket to a container. To the relay it is the tenant's user who connects."""
        try:
            client, _address = listener.accept()
            with client, socket.create_connection(("127.0.0.1", self._mail_port), timeout=1) as relay:
                os.fchown(relay.fileno(), user, -1)
                agreed.send(client, {}, [relay.fileno()])
        except OSError as error:
            _logger.warning("a container has no connection to the mail relay: %s", error)
        # One that asks without end must not keep us from the others.
        self._loop.unwatch(listener)
        self._loop.timers.after(_MAIL_EVERY_S, partial(self._offer_again, listener, user))

    def _offer_again(self, listener: socket.socket, user: int) -> None:
        if listener.fileno() >= 0:  # it was not closed meanwhile
            self._loop.watch(listener, partial(self._connect_to_mail, listener, user))


def _listener(file: Path, user: int) -> socket.socket:
    """Listen at the path, for that user."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.parent.chmod(0o755)
    file.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with socket_address(file) as address:
        listener.bind(address)
    file.chmod(0o600)
    os.chown(file, user, -1)
    listener.listen(8)
    listener.setblocking(False)
    return listener
