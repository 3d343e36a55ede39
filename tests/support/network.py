"""A second machine, as far as a network goes: a namespace with addresses, sockets and firewall of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_HERE, _THERE = "198.18.99.1", "198.18.99.2"
"""Of a network that is for tests of networks alone (RFC 2544): machines may have the ones for examples."""


@dataclass(frozen=True)
class Network:
    """name: of the namespace, and of our end of the way to it. address: of its machine, for us."""

    name: str
    address: str = _THERE

    @property
    def enter(self) -> tuple[str, ...]:
        """The begin of a command that runs there. `ip netns exec` would hide the control groups."""
        return ("nsenter", f"--net=/run/netns/{self.name}", "--")

    def python(self, program: str, *arguments: object, **environment: str) -> None:
        """Run a program of Python there. Raises CalledProcessError."""
        subprocess.run(self.command(program, *arguments), env=told(environment), check=True)

    def command(self, program: str, *arguments: object) -> list[str]:
        return [*self.enter, sys.executable, "-c", program, *map(str, arguments)]


def told(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a program there, which can import the tests, too."""
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **environment}


@contextmanager
def network(name: str) -> Iterator[Network]:
    """A namespace for a block, and a way to it. Raises CalledProcessError where there can be none."""
    _remove(name)  # that of a run that was killed
    _ip("netns", "add", name)
    try:
        _ip("link", "add", name, "type", "veth", "peer", "name", "outside", "netns", name)
        _ip("address", "add", f"{_HERE}/30", "dev", name)
        _ip("link", "set", name, "up")
        _ip("-n", name, "address", "add", f"{_THERE}/30", "dev", "outside")
        for link in ("lo", "outside"):
            _ip("-n", name, "link", "set", link, "up")
        yield Network(name)
    finally:
        _remove(name)


def _remove(name: str) -> None:
    for words in (("link", "delete", name), ("netns", "delete", name)):
        subprocess.run(["ip", *words], check=False, stderr=subprocess.DEVNULL)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, stdin=subprocess.DEVNULL)
