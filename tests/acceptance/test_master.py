"""The master: installed once, started with the stack, runs jobs, separated from the tenants."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from tests.support.foreign import write_comment
from tests.support.master import ask_inside, master_client
from tests.support.odoo_client import OdooClient, OdooError, WebClient
from tests.support.waiting import wait_until

from tenantry import process
from tenantry.engine import Engine
from tenantry.errors import ForeignDatabase, LoginRefused
from tenantry.model.instance import Creation
from tenantry.model.names import MASTER_BUILDING, MASTER_DATABASE
from tenantry.model.progress import StepEvent, StepStatus
from tenantry.model.secret import Secret
from tenantry.odoo import own_addons
from tenantry.postgres import databases, embedded
from tenantry.postgres.cluster import Cluster


@pytest.fixture
def acme(engine: Engine) -> Iterator[Creation]:
    yield engine.instances.provision(
        engine.instances.spec(name="acme", email="admin@acme.example", template="tiny")
    )
    engine.instances.terminate("acme")


@pytest.fixture
def new_addons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the master's addons that the engine uses in place of ours; tests may change it."""
    folder = tmp_path / "addons"
    shutil.copytree(own_addons.shipped(own_addons.MASTER).parent, folder)
    monkeypatch.setattr(own_addons, "shipped", lambda role: folder / role)
    return folder / own_addons.MASTER


def start(engine: Engine) -> tuple[Secret | None, list[str]]:
    """Start the master; return the password and the steps that ran."""
    done: list[str] = []

    def note(event: StepEvent) -> None:
        if event.status is StepStatus.DONE:
            done.append(event.step)

    return engine.start_master(note), done


def as_master(engine: Engine) -> Cluster:
    return engine.context.cluster.as_role(MASTER_DATABASE, engine.context.role_password(MASTER_DATABASE))


def test_the_masters_parameters_have_the_base_domain(master: Engine):
    with master.context.as_owner(MASTER_DATABASE, MASTER_DATABASE) as inside:
        rows = inside.execute(
            "SELECT key, value FROM ir_config_parameter WHERE key IN ('saas.base_domain', 'saas.protocol')"
        ).fetchall()
    settings = master.settings
    assert dict(rows) == {"saas.base_domain": settings.base_domain, "saas.protocol": settings.protocol}


def test_a_second_start_is_a_no_op(master: Engine):
    pid = master.master.pid
    assert start(master) == (None, [])
    assert master.master.pid == pid
    assert master.master.is_answering()


def test_a_stopped_master_is_started_again_without_being_installed_again(master: Engine):
    assert master.master.runtime.stop()
    assert not master.master.is_answering()
    assert start(master) == (None, [])
    assert master.master.is_answering()


def test_changed_code_causes_an_update_and_a_restart(master: Engine, new_addons: Path):
    pid = master.master.pid
    manifest = new_addons / "saas_manager" / "__manifest__.py"
    manifest.write_text(manifest.read_text().replace("19.0.1.", "19.0.99."))
    assert start(master) == (None, ["dependencies", "stop", "rename", "update", "verify", "note"])
    assert master.master.pid not in (pid, None)
    with master.context.cluster.connect(MASTER_DATABASE) as inside:
        query = "SELECT latest_version FROM ir_module_module WHERE name = 'saas_manager'"
        assert inside.execute(query).fetchone()[0].startswith("19.0.99.")


def test_an_update_installs_new_addons(master: Engine, new_addons: Path):
    client = master_client(master)
    modules = client.call("ir.module.module", "search", [["name", "=", "saas_manager_api"]])
    client.call("ir.module.module", "button_immediate_uninstall", modules)
    (new_addons / "saas_manager_api" / "new.py").touch()
    assert start(master) == (None, ["dependencies", "stop", "rename", "update", "verify", "note"])
    with master.context.cluster.connect(MASTER_DATABASE) as inside:
        query = "SELECT state FROM ir_module_module WHERE name = 'saas_manager_api'"
        assert inside.execute(query).fetchone()[0] == "installed"


def test_reverted_code_causes_an_update_too(master: Engine):
    start(master)
    assert start(master) == (None, [])
    assert (
        (master.settings.run_dir / "addons/master/saas_manager")
        .readlink()
        .is_relative_to(own_addons.shipped(own_addons.MASTER))
    )


def test_a_foreign_database_with_the_masters_name_is_left_alone(master: Engine):
    with master.context.maintenance() as connection:
        comment = databases.find(connection, MASTER_DATABASE).label.to_comment()
        write_comment(connection, MASTER_DATABASE, "of somebody else")
        try:
            with pytest.raises(ForeignDatabase):
                master.start_master()
        finally:
            write_comment(connection, MASTER_DATABASE, comment)


def test_the_masters_threads_share_one_core_and_the_tenants_server_has_all(master: Engine):
    cores: set[int] = set()
    for thread in psutil.Process(master.master.pid).threads():
        with contextlib.suppress(ProcessLookupError):
            cores |= os.sched_getaffinity(thread.id)
    assert len(cores) == 1
    assert os.sched_getaffinity(master.runtime.pid or 0) == os.sched_getaffinity(0)


def test_a_job_runs_to_its_end(master: Engine):
    client = master_client(master)
    uuid = client.http.get("/queue_job/create_test_job").text.split()[-1]
    done = [["uuid", "=", uuid], ["state", "=", "done"]]
    wait_until(lambda: client.call("queue.job", "search_count", done), "the job is not done")


def test_a_new_password_replaces_the_old_one_and_ends_its_sessions(master: Engine):
    before = master.master.reset_admin_password()
    route = master.master.runtime.route
    client = WebClient(route, MASTER_DATABASE, "admin", before)
    assert client.call("res.users", "search_count", [])
    master.master.reset_admin_password()
    with pytest.raises(OdooError):
        client.call("res.users", "search_count", [])
    with pytest.raises(LoginRefused):
        WebClient(route, MASTER_DATABASE, "admin", before)


def test_inside_the_master_the_engine_sees_the_same_installation_and_starts_nothing(
    master: Engine, acme: Creation
):
    answer = ask_inside(
        master,
        """
from tenantry.agent.client import engine_at
engine = engine_at()
try:
    engine.up()
except AttributeError:
    refused = True
answer = {
    "domain": engine.facts().base_domain,
    "instances": [instance.name for instance in engine.instances.all()],
    "refused": refused,
}
""",
    )
    there = [instance.name for instance in master.instances.all()]
    assert answer == {"domain": master.settings.base_domain, "instances": there, "refused": True}


def test_the_master_has_the_operators_languages(master: Engine):
    languages = master_client(master).call("res.lang", "search_read", [], ["code"])
    assert {"en_US", "fr_FR", "vi_VN"} <= {language["code"] for language in languages}


def test_tenants_see_neither_the_back_office_nor_its_queue(master: Engine, acme: Creation):
    client = OdooClient(master, acme)
    client.call("ir.module.module", "update_list")
    assert ours(client) <= {"saas_process", "saas_tenant"}
    assert "saas_tenant" in ours(client)


def test_the_master_sees_no_addon_of_the_tenants(master: Engine):
    client = master_client(master)
    client.call("ir.module.module", "update_list")
    seen = ours(client)
    assert {"saas_manager", "queue_job"} <= seen
    assert not seen & {"saas_process", "saas_tenant"}


def ours(client: WebClient) -> set[str]:
    domain = ["|", ["name", "=like", "saas_%"], ["name", "=", "queue_job"]]
    return {module["name"] for module in client.call("ir.module.module", "search_read", domain, ["name"])}


def test_the_masters_role_reaches_its_own_database_and_no_tenants(master: Engine, acme: Creation):
    role = as_master(master)
    for database in (MASTER_DATABASE, "postgres"):
        role.open(database).close()
    parameters = {**role.parameters, "password": role.password.reveal()}
    with master.context.maintenance() as connection:
        others = databases.names(connection) - {MASTER_DATABASE, MASTER_BUILDING, "postgres"}
    assert "acme" in others
    for database in others:
        with pytest.raises(psycopg.OperationalError, match=r"pg_hba|permission denied"):
            psycopg.connect(**parameters, dbname=database)


def test_no_tenants_role_reaches_the_master(master: Engine, acme: Creation):
    role = master.context.cluster.as_role("acme", master.context.role_password("acme"))
    with pytest.raises(psycopg.OperationalError, match=r"pg_hba|permission denied"):
        psycopg.connect(**role.parameters, password=role.password.reveal(), dbname=MASTER_DATABASE)


def test_the_front_does_not_serve_the_master(master: Engine):
    route = master.context.route(MASTER_DATABASE)
    assert route.get("/web/login") == 404


def test_a_cluster_older_than_the_master_accepts_it_after_the_next_start(master: Engine):
    cluster = master._embedded
    rules = cluster.data / "pg_hba.conf"
    old = "\n".join(line for line in embedded.ACCESS_RULES.splitlines() if MASTER_DATABASE not in line) + "\n"
    cluster._write(rules, old)
    cluster._run([cluster._program("pg_ctl"), "-D", cluster.data, "reload"])
    wait_until(lambda: not may_connect(as_master(master)))
    master.start_postgres()
    wait_until(lambda: may_connect(as_master(master)))
    assert rules.read_text() == embedded.ACCESS_RULES


def may_connect(cluster: Cluster) -> bool:
    try:
        psycopg.connect(**cluster.parameters, password=cluster.password.reveal(), dbname="postgres").close()
    except psycopg.OperationalError:
        return False
    return True


def test_the_masters_command_line_and_environment_hold_no_password_of_postgresql(master: Engine):
    secret = master.context.role_password(MASTER_DATABASE).reveal()
    said = process.tail(Path(f"/proc/{master.master.pid}/cmdline"))
    assert secret not in said
    assert secret not in Path(f"/proc/{master.master.pid}/environ").read_text()
    assert master.master.runtime.config_file.stat().st_mode & 0o077 == 0
