"""Keeps the spawner and the front running: starts each again when it ends, and both end with it.

python -m tenantry.spawner.keeper CONFIG
"""

from __future__ import annotations

import logging
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tenantry.spawner.config import Config

_logger = logging.getLogger(__name__)

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 10.0
_STEADY_AFTER_S = 10
_ENDS_WITHIN_S = 8


@dataclass
class Program:
    """A program that must run. pause_s: how long to wait before the next start; it grows while it fails."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] | None
    process: subprocess.Popen[bytes] | None = None
    pause_s: float = _FIRST_PAUSE_S
    next_start: float = 0.0
    began: float = 0.0

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            env=None if self.environment is None else dict(self.environment),
        )
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


def keep(programs: Sequence[Program], woken: int) -> int:
    """Keep them running until a signal says to end; return which."""
    with selectors.DefaultSelector() as selector:
        selector.register(woken, selectors.EVENT_READ)
        while True:
            for program in programs:
                program.look()
            waits = [p.next_start - time.monotonic() for p in programs if p.process is None]
            if selector.select(max(min(waits), 0) if waits else None):
                for number in os.read(woken, 64):
                    if number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                        return int(number)


def main(config_file: Path) -> None:
    """SIGTERM ends the tenants, too; SIGHUP leaves them running, for the next keeper."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    config = Config.from_file(config_file)
    programs = [Program("spawner", [sys.executable, "-m", "tenantry.spawner", str(config_file)], None)]
    if config.front:
        programs.append(Program("front", config.front, config.front_environment))
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, lambda _number, _frame: None)
    told = keep(programs, readable)
    for program in reversed(programs):
        program.end(told if program.name == "spawner" else signal.SIGTERM)
    for program in programs:
        program.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
