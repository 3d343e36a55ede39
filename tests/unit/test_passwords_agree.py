"""The engine and the spawner derive the same password for a tenant's role, from one key."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenantry.edge.front import Front
from tenantry.errors import RoleWithoutPassword
from tenantry.keyfile import installation_keys
from tenantry.model import names
from tenantry.model.keys import Keys
from tenantry.odoo.finding.installation import OdooInstallation
from tenantry.postgres.cluster import Cluster
from tenantry.runtimes.shared import SharedRuntime
from tenantry.settings import ServerSettings
from tenantry.spawner import cgroups
from tenantry.spawner.config import Config
from tenantry.spawner.loop import Loop
from tenantry.spawner.processes import Processes

ROLES = ["acme", names.editing_database("blank"), names.zygote_database("blank", "1.0.10")]


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return installation_keys(tmp_path / "secrets")


@pytest.fixture
def config(keys: Keys, tmp_path: Path) -> Config:
    """The spawner's configuration, written by the engine and read as the spawner does."""
    nowhere = tmp_path / "odoo"
    nowhere.mkdir()
    odoo = OdooInstallation("19.0", "19.0", Path("/usr/bin/python3"), nowhere, nowhere, (nowhere,), "test")
    settings = ServerSettings.at(tmp_path / "home", tmp_path / "cache")
    runtime = SharedRuntime(settings, keys, Front(settings))
    told = runtime._config(odoo, Cluster({"host": "127.0.0.1", "port": "5432", "user": "x"}), 8069, 2525)
    file = tmp_path / "config.json"
    file.write_text(told.to_json())
    return Config.from_file(file)


@pytest.fixture
def processes(config: Config, monkeypatch: pytest.MonkeyPatch) -> Processes:
    monkeypatch.setattr(cgroups, "find", lambda _installation: cgroups.Unavailable("not looked for"))
    return Processes(Loop(), config, lambda _tenant, _process: None, lambda: None)


@pytest.mark.parametrize("role", ROLES)
def test_the_spawner_logs_in_with_the_password_the_engine_set(keys: Keys, processes: Processes, role: str):
    assert processes.password_of(role) == keys.role_password(role).reveal()


def test_the_spawner_reads_the_catalog_with_the_password_the_engine_set(keys: Keys, config: Config):
    assert config.catalog_password == keys.role_password(config.catalog_user).reveal()


def test_the_spawner_can_derive_no_password_of_the_infrastructure(keys: Keys, processes: Processes):
    for role in names.INFRASTRUCTURE_ROLES:
        with pytest.raises(RoleWithoutPassword):
            processes.password_of(role)
    told = processes.config.to_json()
    for key in (keys.roles, keys.signing, keys.sealing):
        assert key.reveal() not in told
