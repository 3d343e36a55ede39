"""The back office's Odoo runs as its own user: it calls the agent and cannot reach the engine's files."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

import psutil
import pytest
from tests.support.back_office import BackOffice
from tests.support.odoo_client import OdooError
from tests.support.waiting import wait_until

from tenantry import process, sandbox
from tenantry.agent.client import RemoteEngine
from tenantry.agent.transports import through_socket
from tenantry.control_plane.doctor import examine
from tenantry.engine import Engine
from tenantry.spawner import identity

by_root = pytest.mark.skipif(
    not identity.is_root(), reason="an ordinary user's processes are all the same user"
)
_TRY = """
import os, sys
for path in sys.argv[1:]:
    try:
        os.listdir(path) if os.path.isdir(path) else open(path).read()
        print(path)
    except OSError:
        pass
"""


@pytest.fixture
def odoo_process(master: Engine) -> psutil.Process:
    return psutil.Process(master.master.pid)


@by_root
def test_the_masters_odoo_is_not_root_and_cannot_become_root(odoo_process: psutil.Process):
    assert set(odoo_process.uids()) == {identity.MASTER}
    assert set(odoo_process.gids()) == {identity.MASTER}
    status = Path(f"/proc/{odoo_process.pid}/status").read_text()
    assert "NoNewPrivs:\t1" in status
    assert "CapEff:\t0000000000000000" in status
    assert "CapBnd:\t0000000000000000" in status


def as_master(master: Engine, *arguments: object) -> str:
    """The output of a program that runs in the view of the master's Odoo, as its user."""
    odoo = master.master.odoo(print)
    view = master.master.runtime.view(odoo, master.master.runtime.config_file)
    command = sandbox.command(view, [odoo.python, *arguments])
    return subprocess.run(command, capture_output=True, text=True, check=True, env=odoo.environment).stdout


@by_root
def test_the_masters_odoo_cannot_reach_keys_logs_and_tenants_files(master: Engine):
    settings, installation = master.settings, master.settings.installation
    assert master._embedded
    closed = [
        settings.installation.secrets_dir,
        settings.installation.instances_key_file,
        settings.log_dir,
        master._embedded.data,
    ]
    closed += [settings.data_dir, settings.run_dir / "agent.pid", "/etc/shadow", "/home"]
    open_ = [installation.master_data_dir, master.master.runtime.config_file]
    assert as_master(master, "-c", _TRY, *closed, *open_).split() == [str(path) for path in open_]


@by_root
def test_the_masters_environment_holds_no_secret(master: Engine, odoo_process: psutil.Process):
    names = {name for name in odoo_process.environ() if name.startswith("TENANTRY_")}
    assert names == {
        *("TENANTRY_HOME", "TENANTRY_ODOO_SERIES", "TENANTRY_BASE_DOMAIN", "TENANTRY_PROTOCOL"),
        *("TENANTRY_RESERVED_NAMES", "TENANTRY_INSIDE_MASTER", "TENANTRY_AGENT", "TENANTRY_CORES"),
    }


@by_root
def test_the_agent_refuses_every_other_user(master: Engine):
    socket = master.settings.installation.agent_socket
    ask = f"import socket; socket.socket(socket.AF_UNIX).connect({str(socket)!r})"
    readable = (*sandbox.python_folders(Path(sys.executable)), socket.parent)

    def may_ask(user: int) -> bool:
        command = sandbox.command(sandbox.View(readable, (), user), [sys.executable, "-c", ask])
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    assert [may_ask(user) for user in (identity.MASTER, identity.BUILDER, 65534)] == [True, False, False]
    socket.parent.chmod(0o755)
    try:
        assert not may_ask(identity.BUILDER)
    finally:
        socket.parent.chmod(0o710)
    assert socket.parent.stat().st_uid == 0, "who owns the folder could put another socket there"


@by_root
def test_the_agent_gives_the_same_answers_as_the_engine(master: Engine):
    agent = RemoteEngine(partial(through_socket, master.settings.installation.agent_socket))
    assert agent.instances.all() == tuple(master.instances.all())
    assert agent.templates.all() == tuple(master.templates.all())
    assert agent.is_up()


@by_root
def test_a_killed_agent_is_restarted_and_the_master_works_on(office: BackOffice):
    engine = office.engine
    agent, odoo = engine.master.runtime.agent, engine.master.pid
    assert agent
    before = agent.pid
    assert before
    psutil.Process(before).kill()
    wait_until(lambda: not process.is_running(before, marker="tenantry.agent"))
    instance = office.instance("acme")
    (told,) = (finding for finding in examine(engine.settings) if finding.subject == "Master")
    assert (told.ok, "agent" in told.detail) == (False, True)
    with pytest.raises(OdooError, match="connection to the engine's agent was lost"):
        office.press("action_provision_instance", instance)
    engine.start_master()
    assert agent.pid not in (None, before)
    assert engine.master.pid == odoo
    office.press("action_provision_instance", instance)
    assert office.wait("saas.instance", instance, ["active", "failed"])["state"] == "active"
    office.terminate(instance)


@by_root
def test_files_that_root_left_in_the_masters_folder_belong_to_the_master_after_a_start(master: Engine):
    data, elsewhere = master.settings.installation.master_data_dir, master.settings.log_dir
    (data / "filestore" / "by-root").mkdir()
    (data / "filestore" / "by-root" / "file").touch()
    (data / "filestore" / "by-root" / "link").symlink_to(elsewhere)
    master.master.runtime.stop()
    master.start_master()
    found = [path.lstat().st_uid for path in data.rglob("*")]
    assert set(found) == {identity.MASTER}
    assert elsewhere.stat().st_uid == 0


@by_root
def test_stopping_the_master_stops_its_agent(master: Engine):
    agent = master.master.runtime.agent
    assert agent
    assert agent.pid
    master.master.runtime.stop()
    assert agent.pid is None
    master.start_master()
    assert agent.pid
