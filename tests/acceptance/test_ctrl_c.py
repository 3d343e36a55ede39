"""Ctrl-C at any moment of a command: it says what is left, and that is true."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.inventory import orphans

from tenantry.engine import Engine

_COMMAND = Path(sys.executable).with_name("tenantry")
_MOMENTS = 20
_LONGEST_S = 240


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    said: str

    @property
    def was_python(self) -> bool:
        """Whether Python itself was still starting: none of our code was there to be asked."""
        return self.code == -signal.SIGINT or ("Traceback" in self.said and "/tenantry/" not in self.said)

    @property
    def is_in_words(self) -> bool:
        """Whether a person can read all that was said."""
        return not any(sign in self.said for sign in ("Traceback", "arning", "Exception ignored", "Error:"))


@dataclass(frozen=True)
class Terminal:
    """A person at a terminal, who runs commands and presses Ctrl-C."""

    environment: dict[str, str]

    def run(self, *arguments: str, interrupt_after_s: float | None = None) -> Ended:
        started = subprocess.Popen(
            [_COMMAND, *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
        )
        if interrupt_after_s is not None:
            time.sleep(interrupt_after_s)
            started.send_signal(signal.SIGINT)
        out, said = started.communicate(timeout=_LONGEST_S)
        return Ended(started.returncode, out, said)

    def took_s(self, *arguments: str) -> float:
        began = time.monotonic()
        ended = self.run(*arguments)
        assert ended.code == 0, ended.said
        return time.monotonic() - began


def _terminal(home: Path, engine: Engine) -> Terminal:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TENANTRY_")}
    there = {
        **engine.settings.to_environment(),
        "TENANTRY_HOME": str(home),
        "TENANTRY_CONFIG": str(home / "config"),
    }
    return Terminal({**kept, **there, "COLUMNS": "200"})


@pytest.fixture
def terminal(engine: Engine) -> Iterator[Terminal]:
    yield _terminal(engine.settings.home, engine)
    for instance in engine.instances.all():
        engine.instances.terminate(instance.name)


@pytest.mark.parametrize("spares", [0, 1])
def test_a_creation(terminal: Terminal, engine: Engine, spares: int):
    create = ("create", "acme", "boss@acme.example", "--template", "tiny")
    engine.pool.fill("tiny", spares)
    whole_s = terminal.took_s(*create)
    loading_s = terminal.took_s("server", "list")
    engine.instances.terminate("acme")
    said = []
    for after_s in _moments(0.7 * loading_s, whole_s):
        engine.pool.fill("tiny", spares)
        ended = terminal.run(*create, interrupt_after_s=after_s)
        if ended.was_python:
            continue
        assert ended.is_in_words, ended.said
        assert ended.code in (0, 130), ended.said
        if ended.code == 0:
            assert "Password" in ended.out
        elif "nothing " in ended.said:
            assert engine.instances.taken(["acme"]) == frozenset(), ended.said
        elif "acme was finished" in ended.said:
            assert engine.instances.state("acme") == "active", ended.said
        else:
            again = terminal.run(*create)
            assert again.code == 0, f"{ended.said} then {again.said}"
        said.append(ended.said)
        if engine.instances.state("acme"):
            engine.instances.terminate("acme")
        assert orphans(engine.context) == []
    assert any("Interrupted; nothing of acme is left" in one for one in said), said


def _moments(first_s: float, last_s: float) -> list[float]:
    return [first_s + (last_s - first_s) * number / _MOMENTS for number in range(_MOMENTS)]


@pytest.mark.parametrize(
    "command",
    [
        ("instance", "suspend", "acme"),
        ("instance", "rename", "acme", "zenith"),
        ("instance", "terminate", "acme", "--yes"),
    ],
    ids=" ".join,
)
def test_what_changes_an_instance(terminal: Terminal, engine: Engine, command: tuple[str, ...]):
    def begin() -> None:
        for name in engine.instances.names():
            engine.instances.terminate(name)
        spec = engine.instances.spec(name="acme", email="a@acme.example", template="tiny")
        engine.instances.provision(spec)

    begin()
    whole_s = terminal.took_s(*command)
    for after_s in _moments(0.4 * whole_s, whole_s)[::2]:
        begin()
        ended = terminal.run(*command, interrupt_after_s=after_s)
        if ended.was_python:
            continue
        assert ended.is_in_words, ended.said
        assert ended.code in (0, 130), ended.said
        state = engine.instances.state("acme")
        if ended.code and "nothing was" not in ended.said and command[1] != "rename":
            left = "is half gone" if engine.instances.taken(["acme"]) else "nothing of acme is left"
            assert (f"acme is {state}" if state else left) in ended.said
        if ended.code:
            again = terminal.run(*command)  # it may have been done: then there is nothing, or it is suspended
            assert again.code in (0, 3, 4), f"{ended.said} then {again.said}"
        assert orphans(engine.context) == [], ended.said


def test_a_build(terminal: Terminal, engine: Engine):
    build = ("template", "build", "small", "--module", "web")
    for seconds in (2, 5, 9):
        ended = terminal.run(*build, interrupt_after_s=seconds)
        assert (ended.code, ended.out) == (130, "")
        assert ended.is_in_words, ended.said
        assert "small" in ended.said or "nothing was changed" in ended.said
        assert engine.templates.is_being_built("small") == ("is kept" in ended.said)
        assert orphans(engine.context) == []
    assert "small" not in {template.code for template in engine.templates.all()}


def test_the_start_of_a_new_installation(tmp_path: Path, engine: Engine):
    home = tmp_path / "home"
    engine.settings.home.chmod(0o755)
    ports = {"TENANTRY_HTTP_PORT": "", "TENANTRY_MASTER_PORT": ""}
    terminal = Terminal({**_terminal(home, engine).environment, **ports})
    for seconds in (1, 3, 6, 12, 20):
        ended = terminal.run("up", interrupt_after_s=seconds)
        assert ended.code == 130, ended.said
        assert ended.is_in_words, ended.said
        if not home.exists():
            assert "Interrupted; nothing was" in ended.said
            continue
        stopped = terminal.run("stop")
        assert stopped.code == 0, stopped.said
        for server in ("PostgreSQL", "the tenant server"):
            said_to_run = f"{server} run" in ended.said or f"{server} and" in ended.said
            assert (server in stopped.out) == said_to_run, f"{ended.said} then {stopped.out}"
    assert home.exists(), "it was never interrupted while it worked"
