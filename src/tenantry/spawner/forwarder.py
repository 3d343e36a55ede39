"""The forwarder takes the visitors of tenants that have moved to the front of their new server.

It copies bytes: the request keeps its Host header, and a websocket is a connection like any other.

python -m tenantry.spawner.forwarder CHANNEL
A message of the channel names a host, with its listening socket and the address to forward to; without a
socket the host is not forwarded any more. When the channel is closed, it finishes its connections and ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from dataclasses import dataclass, field

from tenantry import agreed
from tenantry.spawner import identity
from tenantry.spawner.files import raise_open_files_limit

_logger = logging.getLogger(__name__)

_CONNECT_WITHIN_S, _PAUSE_S = 10, 0.05
_FINISH_WITHIN_S = 65
_CHUNK = 64 * 1024
Address = tuple[str, int]


@dataclass
class Forwarder:
    """Accepts at each host's socket, and connects each visitor to that host's address."""

    channel: socket.socket
    has_ended: asyncio.Event = field(default_factory=asyncio.Event)
    _listeners: dict[str, socket.socket] = field(default_factory=dict)
    _visits: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self) -> None:
        """Forward until the channel is closed, and then finish."""
        self.channel.setblocking(False)
        asyncio.get_running_loop().add_reader(self.channel, self._read)
        await self.has_ended.wait()
        if self._visits:
            await asyncio.wait(self._visits, timeout=_FINISH_WITHIN_S)

    def _read(self) -> None:
        try:
            message, descriptors = agreed.receive(self.channel)
        except BlockingIOError:
            return
        except OSError:
            message, descriptors = None, []
        if message is None:
            asyncio.get_running_loop().remove_reader(self.channel)
            for host in list(self._listeners):
                self._forget(host)
            self.has_ended.set()
            return
        host = str(message["host"])
        self._forget(host)
        if descriptors:
            address = (str(message["to"][0]), int(message["to"][1]))
            listener = self._listeners[host] = socket.socket(fileno=agreed.first_of(descriptors))
            asyncio.get_running_loop().add_reader(listener, self._accept, listener, address)

    def _forget(self, host: str) -> None:
        listener = self._listeners.pop(host, None)
        if listener is not None:
            asyncio.get_running_loop().remove_reader(listener)
            listener.close()

    def _accept(self, listener: socket.socket, address: Address) -> None:
        try:
            visitor, _address = listener.accept()
        except OSError:  # the visitor is gone, or we have too many open files
            return
        visit = asyncio.get_running_loop().create_task(_forward(visitor, address))
        self._visits.add(visit)
        visit.add_done_callback(self._visits.discard)


async def _forward(visitor: socket.socket, address: Address) -> None:
    try:
        here = await asyncio.open_connection(sock=visitor)
        there = await _connect(address)
    except OSError as error:
        _logger.warning("%s:%d cannot be reached: %s", *address, error)
        visitor.close()
        return
    try:
        await asyncio.gather(_copy(here[0], there[1]), _copy(there[0], here[1]))
    finally:
        for _reader, writer in (here, there):
            writer.close()


async def _connect(address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect, and try again for a while: a front that restarts is away for a moment."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _CONNECT_WITHIN_S
    while True:
        try:
            return await asyncio.open_connection(*address)
        except OSError:
            if loop.time() > deadline:
                raise
            await asyncio.sleep(_PAUSE_S)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the sender has no more to say, and pass that on."""
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
        writer.write_eof()


def main(channel: int) -> None:
    """Run as a user of its own where root starts it: it needs no file."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    raise_open_files_limit()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if identity.is_root():
        os.setgroups([])
        os.setgid(identity.FRONT)
        os.setuid(identity.FRONT)
    asyncio.run(Forwarder(socket.socket(fileno=channel)).run())


if __name__ == "__main__":
    main(int(sys.argv[1]))
