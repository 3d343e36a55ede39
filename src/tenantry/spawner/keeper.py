"""Keeps the spawner and the front running: starts each again when it ends, and both end with it.

It also holds the spawner's listening sockets, so that a visitor who waits at one waits on while the spawner
is started anew.

python -m tenantry.spawner.keeper CONFIG
SIGHUP starts the spawner anew and touches no tenant; SIGTERM ends all. Its process id stands beside CONFIG.
"""

from __future__ import annotations

import logging
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tenantry import agreed
from tenantry.keyfile import write_private
from tenantry.spawner.config import Config
from tenantry.spawner.files import allow_many_files

_logger = logging.getLogger(__name__)

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 10.0
_STEADY_AFTER_S = 10
_ENDS_WITHIN_S = 8


class Store:
    """The listening sockets of the spawner before, for the next one. See `spawner.hosts`."""

    def __init__(self) -> None:
        self.channel: socket.socket | None = None
        self._kept: dict[str, int] = {}

    def connect(self) -> socket.socket:
        """A new spawner's end of the channel."""
        if self.channel:
            self.channel.close()
        self.channel, theirs = agreed.pair()
        return theirs

    def hand_out(self) -> None:
        """Give a new spawner all there are."""
        assert self.channel
        try:
            for host, descriptor in self._kept.items():
                agreed.send(self.channel, {"host": host}, [descriptor])
            agreed.send(self.channel, {"host": ""})
        except OSError as error:
            _logger.warning("the spawner did not take its sockets: %s", error)

    def hear(self) -> None:
        """Keep or forget what the spawner says."""
        assert self.channel
        try:
            message, descriptors = agreed.receive(self.channel)
        except OSError:
            message, descriptors = None, []
        if message is None:
            self.channel.close()
            self.channel = None
            return
        known = self._kept.pop(str(message["host"]), None)
        if known is not None:
            os.close(known)
        if descriptors:
            self._kept[str(message["host"])] = descriptors[0]


@dataclass
class Program:
    """A program that must run. pause_s: how long to wait before the next start; it grows while it fails."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] | None
    store: Store | None = None
    process: subprocess.Popen[bytes] | None = None
    pause_s: float = _FIRST_PAUSE_S
    next_start: float = 0.0
    began: float = 0.0

    def start(self) -> None:
        theirs = self.store.connect() if self.store else None
        inherited = [theirs.fileno()] if theirs else []
        self.process = subprocess.Popen(
            [*self.command, *map(str, inherited)],
            stdin=subprocess.DEVNULL,
            env=None if self.environment is None else dict(self.environment),
            pass_fds=inherited,
        )
        if self.store and theirs:
            theirs.close()
            self.store.hand_out()
        self.began = time.monotonic()
        _logger.info("%s: process %d", self.name, self.process.pid)

    def look(self) -> None:
        """Start it if it should run and does not."""
        if self.process is not None and self.process.poll() is not None:
            lived_s = time.monotonic() - self.began
            self.pause_s = _FIRST_PAUSE_S if lived_s > _STEADY_AFTER_S else self.pause_s
            _logger.error("%s ended with %d after %.0f s", self.name, self.process.returncode, lived_s)
            self.process, self.next_start = None, time.monotonic() + self.pause_s
            self.pause_s = min(self.pause_s * 2, _LONGEST_PAUSE_S)
        if self.process is None and time.monotonic() >= self.next_start:
            self.start()

    def end(self, number: int) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def wait(self) -> None:
        if self.process is not None:
            try:
                self.process.wait(_ENDS_WITHIN_S)
            except subprocess.TimeoutExpired:
                self.process.kill()


def keep(programs: Sequence[Program], store: Store, woken: int) -> None:
    """Keep them running until a signal says to end."""
    while True:
        for program in programs:
            program.look()
        waits = [p.next_start - time.monotonic() for p in programs if p.process is None]
        with selectors.DefaultSelector() as selector:
            selector.register(woken, selectors.EVENT_READ)
            if store.channel:
                selector.register(store.channel, selectors.EVENT_READ)
            readable = {key.fd for key, _ in selector.select(max(min(waits), 0) if waits else None)}
        if store.channel and store.channel.fileno() in readable:
            store.hear()
        told = set(os.read(woken, 64)) if woken in readable else set()
        if told & {signal.SIGTERM, signal.SIGINT}:
            return
        if signal.SIGHUP in told:
            programs[0].end(signal.SIGHUP)


def main(config_file: Path) -> None:
    """Run until SIGTERM, which ends the tenants, too."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    config = Config.from_file(config_file)
    store = Store()
    allow_many_files()
    write_private(config_file.with_suffix(".pid"), str(os.getpid()))
    # When the keeper is killed, so is the spawner, which else would go on unseen beside the next one.
    spawner = ["setpriv", "--pdeathsig", "KILL", "--"]
    spawner += [sys.executable, "-m", "tenantry.spawner", str(config_file)]
    programs = [Program("spawner", spawner, None, store)]
    if config.front:
        programs.append(Program("front", config.front, config.front_environment))
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, lambda _number, _frame: None)
    keep(programs, store, readable)
    for program in reversed(programs):
        program.end(signal.SIGTERM)
    for program in programs:
        program.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
