"""The spawner's side of the forwarder: which hosts' visitors it takes to another server."""

from __future__ import annotations

import logging
import signal
import socket
import subprocess
import sys
from functools import partial

from tenantry import agreed
from tenantry.spawner.loop import Loop
from tenantry.spawner.tenants import Tenant

_logger = logging.getLogger(__name__)

_RETRY_S = 1


class Forwarding:
    """The forwarder of one spawner; it is started when the first tenant has moved away."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._tenants: dict[str, Tenant] = {}
        self._channel: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def follow(self, tenant: Tenant) -> None:
        """Forward the tenant's visitors if it has moved, else take them back."""
        if not tenant.entry.forward_to or tenant.listener is None:
            self.forget(tenant)
            return
        self._tenants[tenant.host] = tenant
        if self._channel is None:
            self._start()
        else:
            self._send(tenant)

    def forget(self, tenant: Tenant) -> None:
        if self._tenants.pop(tenant.host, None) is not None and self._channel is not None:
            self._tell({"host": tenant.host})

    def stop(self, *, at_once: bool) -> None:
        """End the forwarder: at once, or when the connections that it has are closed."""
        if self._channel is not None:
            self._loop.unwatch(self._channel)
            self._channel.close()
            self._channel = None
        if at_once and self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    def _start(self) -> None:
        channel, forwarder_end = agreed.pair()
        command = [sys.executable, "-m", "tenantry.spawner.forwarder", str(forwarder_end.fileno())]
        with forwarder_end:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, pass_fds=[forwarder_end.fileno()]
            )
        _logger.info("forwarder: process %d", self._process.pid)
        self._channel = channel
        self._loop.watch(channel, partial(self._ended, channel))
        for tenant in list(self._tenants.values()):
            self._send(tenant)

    def _send(self, tenant: Tenant) -> None:
        assert tenant.listener
        host, _colon, port = tenant.entry.forward_to.rpartition(":")
        self._tell({"host": tenant.host, "to": [host, int(port)]}, tenant.listener.fileno())

    def _tell(self, message: dict[str, object], *descriptors: int) -> None:
        assert self._channel
        try:
            agreed.send(self._channel, message, descriptors)
        except OSError as error:
            _logger.warning("the forwarder was not told: %s", error)

    def _ended(self, channel: socket.socket) -> None:
        """The forwarder has ended, which it does not do by itself."""
        _logger.error("the forwarder ended; it is started again")
        self._loop.unwatch(channel)
        channel.close()
        self._channel = None
        if self._process is not None:
            self._process.wait()
        self._loop.timers.after(_RETRY_S, self._restart)

    def _restart(self) -> None:
        if self._channel is None and self._tenants:
            self._start()
