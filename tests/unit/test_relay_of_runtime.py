"""The tenant server follows the operator's mail server: its key, and a keeper that knows no relay."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from tenantry import process
from tenantry.edge.front import Front
from tenantry.errors import ServerNotStarted
from tenantry.keyfile import installation_keys
from tenantry.model.keys import Keys, mail_key
from tenantry.model.mail import Smarthost
from tenantry.model.secret import Secret
from tenantry.odoo.finding.installation import OdooInstallation
from tenantry.postgres.cluster import Cluster
from tenantry.relay import program
from tenantry.relay.settings import RelaySettings
from tenantry.runtimes.shared import SharedRuntime
from tenantry.settings import ServerSettings
from tenantry.spawner.config import Config

SMARTHOST = Smarthost("smtp.provider.example", 587, "mail@provider.example")


class Server:
    def __init__(self, folder: Path) -> None:
        self.settings = ServerSettings.at(folder / "home", folder / "cache")
        self.keys = installation_keys(folder / "secrets")
        self.nowhere = folder / "odoo"
        self.nowhere.mkdir()

    def runtime(self, keys: Keys | None = None) -> SharedRuntime:
        return SharedRuntime(self.settings, keys or self.keys, Front(self.settings))

    def prepare(self, keys: Keys | None = None) -> Config:
        none = self.nowhere
        odoo = OdooInstallation("19.0", "19.0", Path("/usr/bin/python3"), none, none, (none,), "test")
        cluster = Cluster({"host": "127.0.0.1", "port": "5432", "user": "x"})
        self.runtime(keys).prepare(odoo, cluster, lambda _line: None)
        return Config.from_file(self.runtime().config_file)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setattr(SharedRuntime, "_make_spawner_role", lambda _runtime, _cluster: None)
    return Server(tmp_path)


def test_a_new_key_of_the_instances_is_the_relays_from_the_next_start_on(server: Server):
    program.save(server.settings, RelaySettings(mail_key(server.keys.instances), SMARTHOST))
    new = replace(server.keys, instances=Secret("n" * 64))
    server.prepare(new)
    assert program.current(server.settings) == RelaySettings(mail_key(new.instances), SMARTHOST)


def test_a_server_without_a_mail_server_gets_none_at_its_start(server: Server):
    server.prepare()
    assert program.current(server.settings) is None


@pytest.fixture
def signals(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The signals that were sent to a running keeper, which does nothing."""
    sent: list[int] = []
    monkeypatch.setattr(SharedRuntime, "pid", os.getpid())
    monkeypatch.setattr("tenantry.runtimes.tenant_server.os.kill", lambda _pid, number: sent.append(number))
    monkeypatch.setattr(program, "is_listening", lambda _port: False)
    return sent


def test_a_keeper_of_an_older_version_is_not_sent_a_signal_that_would_end_it(
    server: Server, request: pytest.FixtureRequest
):
    config = server.prepare()
    signals = request.getfixturevalue("signals")
    server.runtime().follow_mail_server()
    assert len(signals) == 1
    server.runtime().config_file.write_text(replace(config, relay=()).to_json())
    server.runtime().follow_mail_server()
    assert len(signals) == 1


def test_a_server_that_is_just_starting_is_sent_its_signal_afterwards(
    server: Server, request: pytest.FixtureRequest
):
    server.prepare()
    signals = request.getfixturevalue("signals")
    follower = threading.Thread(target=server.runtime().follow_mail_server)
    with process.file_lock(server.runtime()._file("lock")):
        follower.start()
        follower.join(0.3)
        assert signals == []
    follower.join(60)
    assert len(signals) == 1


def test_without_a_mail_server_the_relay_is_not_asked(server: Server):
    assert server.runtime().counted_mails(timeout_s=1) == []


def test_a_relay_that_does_not_listen_has_counted_nothing_that_is_known(server: Server):
    server.prepare()
    program.save(server.settings, RelaySettings(mail_key(server.keys.instances), SMARTHOST))
    with pytest.raises(ServerNotStarted, match="The mail relay"):
        server.runtime().counted_mails(timeout_s=1)
