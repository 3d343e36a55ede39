"""The keeper runs the spawner, the front and the mail relay. It restarts each; they end with it.

It also holds the spawner's listening sockets: visitors who wait there keep their connection while the spawner
restarts. It listens for the relay: no other program can take its port, and instances' mails with it, while it
restarts.

python -m tenantry.spawner.keeper CONFIG
SIGUSR1 starts the mail relay if there is a mail server now, or ends it. SIGHUP also restarts the spawner, and
leaves the tenants running. SIGTERM ends all. The keeper's process id is in a file beside CONFIG.
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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tenantry import agreed
from tenantry.keyfile import write_private
from tenantry.spawner.config import Config
from tenantry.spawner.files import raise_open_files_limit

_logger = logging.getLogger(__name__)

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 10.0
_STEADY_AFTER_S = 10
_ENDS_WITHIN_S = 8


class Store:
    """The listening sockets of the current spawner, kept for the next one. See `spawner.hosts`."""

    def __init__(self) -> None:
        self.channel: socket.socket | None = None
        self._kept: dict[str, int] = {}

    def connect(self) -> socket.socket:
        """Open a new channel; return the end for the new spawner."""
        if self.channel:
            self.channel.close()
        self.channel, spawner_end = agreed.pair()
        return spawner_end

    def send_all(self) -> None:
        """Send all kept sockets to the new spawner."""
        assert self.channel
        try:
            for host, descriptor in self._kept.items():
                agreed.send(self.channel, {"host": host}, [descriptor])
            agreed.send(self.channel, {"host": ""})
        except OSError as error:
            _logger.warning("the spawner did not take its sockets: %s", error)

    def receive(self) -> None:
        """Receive a message of the spawner: keep a host's socket, or close it."""
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
    """A program that must run. pause_s: the wait before the next start; it doubles with each failure.

    port: of the loopback interface, where we listen for it; 0: none. Its last argument is what it inherits.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] | None
    store: Store | None = None
    port: int = 0
    listener: socket.socket | None = None
    process: subprocess.Popen[bytes] | None = None
    pause_s: float = _FIRST_PAUSE_S
    next_start: float = 0.0
    began: float = 0.0

    def start(self) -> None:
        spawner_end = self.store.connect() if self.store else None
        if self.port and not self.listener:
            self.listener = socket.create_server(("127.0.0.1", self.port))
        inherited = [end.fileno() for end in (spawner_end, self.listener) if end]
        self.process = subprocess.Popen(
            [*self.command, *map(str, inherited)],
            stdin=subprocess.DEVNULL,
            env=None if self.environment is None else dict(self.environment),
            pass_fds=inherited,
        )
        if self.store and spawner_end:
            spawner_end.close()
            self.store.send_all()
        self.began = time.monotonic()
        _logger.info("%s: process %d", self.name, self.process.pid)

    def ensure_running(self) -> None:
        """Start the program if it has ended and its pause is over."""
        if self.process is not None and self.process.poll() is not None:
            lived_s = time.monotonic() - self.began
            self.pause_s = _FIRST_PAUSE_S if lived_s > _STEADY_AFTER_S else self.pause_s
            _logger.error("%s ended with %d after %.0f s", self.name, self.process.returncode, lived_s)
            self.process, self.next_start = None, time.monotonic() + self.pause_s
            self.pause_s = min(self.pause_s * 2, _LONGEST_PAUSE_S)
        if self.process is None and time.monotonic() >= self.next_start:
            try:
                self.start()
            except OSError as error:  # another program has its port
                _logger.error("%s cannot start: %s", self.name, error)
                self.next_start = time.monotonic() + _LONGEST_PAUSE_S

    def end(self, number: int) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def wait(self) -> None:
        if self.process is not None:
            try:
                self.process.wait(_ENDS_WITHIN_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
        if self.listener:
            self.listener.close()


def replace(programs: list[Program], wanted: Sequence[Program]) -> None:
    """End programs that are not wanted any more, and add new ones. Equal ones and the first go on."""
    commands = {program.name: [*program.command, program.port] for program in wanted}
    for program in programs[1:]:
        if commands.get(program.name) != [*program.command, program.port]:
            program.end(signal.SIGTERM)
            program.wait()
            programs.remove(program)
    known = {program.name for program in programs}
    programs.extend(program for program in wanted if program.name not in known)


def keep(programs: list[Program], store: Store, woken: int, wanted: Callable[[], Sequence[Program]]) -> None:
    """Keep the programs running until SIGTERM or SIGINT. woken: the pipe to which signals are written.

    wanted: the programs that there should be now.
    """
    while True:
        for program in programs:
            program.ensure_running()
        waits = [p.next_start - time.monotonic() for p in programs if p.process is None]
        with selectors.DefaultSelector() as selector:
            selector.register(woken, selectors.EVENT_READ)
            if store.channel:
                selector.register(store.channel, selectors.EVENT_READ)
            readable = {key.fd for key, _ in selector.select(max(min(waits), 0) if waits else None)}
        if store.channel and store.channel.fileno() in readable:
            store.receive()
        signals = set(os.read(woken, 64)) if woken in readable else set()
        if signals & {signal.SIGTERM, signal.SIGINT}:
            return
        if signals & {signal.SIGUSR1, signal.SIGHUP}:
            replace(programs, wanted())
        if signal.SIGHUP in signals:
            programs[0].pause_s = _FIRST_PAUSE_S  # it ends because we ask it to
            programs[0].end(signal.SIGHUP)


def main(config_file: Path) -> None:
    """Run until SIGTERM, which also ends the tenants."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    store = Store()
    raise_open_files_limit()
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGCHLD):
        signal.signal(number, lambda _number, _frame: None)
    # Only now: who reads it sends signals, which would end a process that does not handle them yet.
    write_private(config_file.with_suffix(".pid"), str(os.getpid()))
    programs = _programs(config_file, store)
    keep(programs, store, readable, lambda: _programs(config_file, store))
    for program in reversed(programs):
        program.end(signal.SIGTERM)
    for program in programs:
        program.wait()


def _programs(config_file: Path, store: Store) -> list[Program]:
    """The programs of the configuration, the spawner first."""
    config = Config.from_file(config_file)
    # The spawner is killed with the keeper: it must not go on beside the next keeper's spawner.
    spawner = ["setpriv", "--pdeathsig", "KILL", "--"]
    spawner += [sys.executable, "-m", "tenantry.spawner", str(config_file)]
    programs = [Program("spawner", spawner, None, store)]
    if config.front:
        programs.append(Program("front", config.front, config.front_environment))
    if config.has_mail_server:
        programs.append(Program("relay", config.relay, config.relay_environment, port=config.mail_port))
    return programs


if __name__ == "__main__":
    main(Path(sys.argv[1]))
