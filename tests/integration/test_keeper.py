"""The keeper restarts its programs, and they end with it. The spawner needs no cluster for these tests."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from tests.support.waiting import wait_until

from tenantry.model.mail import Smarthost
from tenantry.model.secret import Secret
from tenantry.ports import free_port, is_taken
from tenantry.relay import program
from tenantry.relay.settings import RelaySettings
from tenantry.spawner import control
from tenantry.spawner.config import Config

_WITHIN_S = 120


class Kept:
    """A keeper of a spawner and of a front that only sleeps."""

    def __init__(self, home: Path) -> None:
        self.run = home / "run"
        self.run.mkdir()
        self.config_file = self.run / "tenants-19.0.json"
        self.pid_file = self.config_file.with_suffix(".pid")
        self.config_file.write_text(a_config(home).to_json())
        self.mail_server = home / "mail server"
        self.process: psutil.Popen | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "tenantry.spawner.keeper", str(self.config_file)]
        self.process = psutil.Popen(command, stderr=subprocess.DEVNULL)
        wait_until(lambda: self.pid_file.exists() and self.is_answering() and self.front)

    def programs(self, part_of_command: str) -> list[psutil.Process]:
        assert self.process
        return [p for p in self.process.children() if part_of_command in command_of(p)]

    @property
    def spawner(self) -> psutil.Process | None:
        return next(iter(self.programs("-m tenantry.spawner ")), None)

    @property
    def front(self) -> psutil.Process | None:
        return next(iter(self.programs("sleep")), None)

    def is_answering(self) -> bool:
        try:
            return bool(control.ask(self.run / control.CONTROL_FILE, {"do": "ps"})["ok"])
        except control.SpawnerAway:
            return False

    def end(self) -> None:
        if self.process and self.process.is_running():
            family = [self.process, *self.process.children(recursive=True)]
            self.process.terminate()
            self.process.wait(_WITHIN_S)
            for program in family:
                if program.is_running():
                    program.kill()


def a_config(home: Path) -> Config:
    return Config(
        base_domain="localhost",
        address={"host": str(home), "port": "1"},
        catalog_user="nobody",
        catalog_password="-",
        instances_key="-",
        public_key="-",
        home=str(home),
        hosts=str(home / "hosts"),
        filestores=str(home / "filestore"),
        logs=str(home / "log"),
        run=str(home / "run"),
        zygote=("false",),
        zygote_environment={},
        options={},
        readable=(),
        # As bubblewrap has it: the front ends with who started it.
        front=("setpriv", "--pdeathsig", "KILL", "--", "sleep", "600"),
        front_environment={"PATH": os.environ["PATH"]},
        relay=("sh", "-c", "exec tail -f /dev/null"),
        relay_environment={"PATH": os.environ["PATH"]},
        relay_file=str(home / "mail server"),
        mail_port=free_port(),
    )


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    for folder in ("hosts", "filestore", "log"):
        (tmp_path / folder).mkdir()
    kept = Kept(tmp_path)
    yield kept
    kept.end()


def test_its_process_id_is_written_atomically(kept: Kept, tmp_path: Path):
    """A reader would take an empty file for a server that has ended."""
    kept.pid_file.write_text("1")
    seen_before = tmp_path / "the file as it was opened"
    os.link(kept.pid_file, seen_before)
    kept.start()
    assert kept.process
    assert kept.pid_file.read_text() == str(kept.process.pid)
    assert seen_before.read_text() == "1"


@pytest.mark.parametrize("name", ["spawner", "front"])
def test_a_killed_program_is_restarted_and_the_other_keeps_running(kept: Kept, name: str):
    kept.start()
    before = {"spawner": kept.spawner, "front": kept.front}
    before[name].kill()
    wait_until(lambda: getattr(kept, name) not in (None, before[name]))
    wait_until(kept.is_answering)
    other = "front" if name == "spawner" else "spawner"
    assert getattr(kept, other) == before[other]


def test_sighup_restarts_the_spawner_only(kept: Kept):
    kept.start()
    spawner, front = kept.spawner, kept.front
    assert kept.process
    kept.process.send_signal(signal.SIGHUP)
    wait_until(lambda: kept.spawner not in (None, spawner))
    wait_until(kept.is_answering)
    assert kept.front == front


def test_the_mail_relay_runs_while_there_is_a_mail_server(kept: Kept):
    kept.start()
    spawner, front = kept.spawner, kept.front
    assert not kept.programs("tail")
    kept.mail_server.touch()
    kept.process.send_signal(signal.SIGUSR1)
    wait_until(lambda: len(kept.programs("tail")) == 1)
    kept.mail_server.unlink()
    kept.process.send_signal(signal.SIGUSR1)
    wait_until(lambda: not kept.programs("tail"))
    assert (kept.spawner, kept.front) == (spawner, front)


def test_no_other_program_can_take_the_mail_relays_port_while_it_restarts(kept: Kept):
    """It would get instances' logins and mails."""
    port = Config.from_file(kept.config_file).mail_port
    kept.mail_server.touch()
    kept.start()
    wait_until(lambda: len(kept.programs("tail")) == 1)
    (first,) = kept.programs("tail")
    first.kill()
    while kept.programs("tail") in ([], [first]):
        assert is_taken(port)
    kept.mail_server.unlink()
    kept.process.send_signal(signal.SIGUSR1)
    wait_until(lambda: not is_taken(port))


def test_the_mail_relay_answers_where_the_keeper_listens_also_after_it_was_killed(kept: Kept, tmp_path: Path):
    server = SimpleNamespace(home=tmp_path)
    smarthost = Smarthost("smtp.provider.example", 587, "mail@provider.example")
    program.save(server, RelaySettings(Secret("k"), smarthost))
    config = Config.from_file(kept.config_file)
    relay, file = tuple(program.command(server)), str(program.file_of(server))
    kept.config_file.write_text(replace(config, relay=relay, relay_file=file).to_json())
    kept.start()
    wait_until(lambda: program.is_listening(config.mail_port))
    (first,) = kept.programs("tenantry.relay")
    first.kill()
    wait_until(lambda: kept.programs("tenantry.relay") not in ([], [first]))
    wait_until(lambda: program.is_listening(config.mail_port))
    program.forget(server)
    kept.process.send_signal(signal.SIGUSR1)
    wait_until(lambda: not program.is_listening(config.mail_port))


def test_a_mail_relay_whose_port_is_taken_leaves_the_others_running(kept: Kept):
    kept.start()
    with socket.create_server(("127.0.0.1", Config.from_file(kept.config_file).mail_port)):
        kept.mail_server.touch()
        kept.process.send_signal(signal.SIGUSR1)
        kept.spawner.kill()
        wait_until(kept.is_answering)
        assert not kept.programs("tail")


def test_a_signal_right_after_its_process_id_is_known_does_not_end_it(kept: Kept):
    command = [sys.executable, "-m", "tenantry.spawner.keeper", str(kept.config_file)]
    kept.process = psutil.Popen(command, stderr=subprocess.DEVNULL)
    while not kept.pid_file.exists():
        pass
    kept.process.send_signal(signal.SIGUSR1)
    wait_until(kept.is_answering)
    assert kept.process.is_running()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_its_programs_end_with_it(kept: Kept, number: signal.Signals):
    """A second spawner beside the next keeper's would fork for the same sockets."""
    kept.start()
    family = [kept.spawner, kept.front]
    assert kept.process
    kept.process.send_signal(number)
    kept.process.wait(_WITHIN_S)
    wait_until(lambda: not [program for program in family if program and program.is_running()])


def command_of(program: psutil.Process) -> str:
    """Wait until the process has ended."""
    try:
        return " ".join(program.cmdline())
    except psutil.Error:
        return ""
