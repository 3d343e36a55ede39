"""Several servers: a second one on this machine, reached by its name and, like a remote one, by ssh."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import TINY
from tests.support.back_office import BackOffice
from tests.support.inventory import orphans
from tests.support.sshd import machine
from tests.support.waiting import eventually, wait_until

from tenantry.control_plane.doctor import examine
from tenantry.engine import Engine
from tenantry.errors import InstanceNotFound
from tenantry.model.catalog import State

SECOND = "second"
DOMAIN = "second.localhost"


@pytest.fixture(scope="module")
def office(master: Engine) -> BackOffice:
    found = BackOffice(master)
    found.template(TINY.code, " ".join(TINY.modules))
    return found


@pytest.fixture(scope="module")
def second(office: BackOffice) -> Iterator[Engine]:
    """The second server, running and known to the agent."""
    own = Engine(office.engine.settings, report=print)
    own.settings.installation.file.write_text(f"[servers.{SECOND}]\nbase_domain = '{DOMAIN}'\n")
    found = own.at(SECOND)
    found.up()
    own.start_master()
    yield found
    found.stop()
    own.settings.installation.file.unlink()
    shutil.rmtree(found.settings.home)
    own.start_master()


@pytest.fixture(scope="module", params=[SECOND, f"ssh://there/{SECOND}"], ids=["by name", "by ssh"])
def there(
    request: pytest.FixtureRequest,
    office: BackOffice,
    second: Engine,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[int]:
    """The id of the server's record."""
    installation = second.settings.installation
    programs = str(Path(sys.executable).parent)
    environment = {"TENANTRY_HOME": str(installation.home), "TENANTRY_CACHE": str(installation.cache)}
    environment["PATH"] = f"{programs}:/usr/bin:/bin"
    with machine(tmp_path_factory.mktemp("ssh"), "tenantry", environment) as reached:
        shutil.copy(reached.config, installation.ssh_config)
        server = office.call(
            "saas.server",
            "create",
            [{"name": request.param, "code": f"at-{len(request.param)}", "address": request.param}],
        )[0]
        yield server
        office.call("saas.server", "write", [server], {"active": False, "state": "disabled"})
        installation.ssh_config.unlink()


@pytest.fixture(scope="module")
def template(office: BackOffice, second: Engine, there: int) -> Iterator[int]:
    """Build the template there with the back office's button."""
    values = {"name": "There", "code": f"there-{there}", "modules": "web", "pool_size": 0, "server_id": there}
    made = office.call("saas.template", "create", [values])[0]
    office.call("saas.template", "action_create_template_db", [made])
    assert office.wait("saas.template", made, ["ready", "failed"])["state"] == "ready"
    yield made
    second.templates.drop(f"there-{there}")


def checks_of(office: BackOffice, server: int) -> dict[str, tuple[str, str]]:
    """What an operator reads after Test Connection: by check, the health and the text."""
    test = office.call("saas.server", "action_test_connection", [server])["res_id"]
    lines = office.call("saas.server.test", "read", [test], ["line_ids"])[0]["line_ids"]
    rows = office.call("saas.server.test.line", "read", lines, ["subject", "health", "text"])
    return {row["subject"]: (row["health"], row["text"]) for row in rows}


def test_its_connection_is_tested_and_its_machine_is_measured(office: BackOffice, there: int):
    rows = checks_of(office, there)
    wrong = {subject: text for subject, (health, text) in rows.items() if health == "critical"}
    assert wrong == {}
    assert {"Connection", "Version", "PostgreSQL", "Tenant server", "Disk"} <= set(rows)
    server = office.read("saas.server", there, "postgres", "cpu_count", "memory_gb", "disk_gb", "is_measured")
    assert server["postgres"].startswith("PostgreSQL ")
    assert min(server["cpu_count"], server["memory_gb"], server["disk_gb"]) > 0
    assert server["is_measured"]


def test_a_wrong_address_is_told_with_its_remedy(office: BackOffice, there: int):
    values = {"name": "Nowhere", "code": f"nowhere-{there}", "address": "nowhere"}
    nowhere = office.call("saas.server", "create", [values])[0]
    ((health, text),) = checks_of(office, nowhere).values()
    assert health == "critical"
    assert "nowhere" in text
    office.call("saas.server", "unlink", [nowhere])


def test_an_instance_is_created_managed_and_terminated_on_its_server(
    office: BackOffice, second: Engine, there: int, template: int
):
    office.call("saas.server", "action_activate", [there])
    server = office.read("saas.server", there, "health", "health_message", "state")
    assert (server["health"], server["state"]) == ("healthy", "active"), server["health_message"]
    instance = office.create("acme", template_id=template)
    now = office.read("saas.instance", instance, "url", "server_id", "database_name")
    assert now["server_id"][0] == there
    assert f"acme.{DOMAIN}" in now["url"]
    wait_until(lambda: second.instances.is_serving("acme"), "it is not served")
    with pytest.raises(InstanceNotFound):
        office.engine.instances.get("acme")
    link = office.call("saas.instance", "action_open", [instance])["url"]
    assert f"acme.{DOMAIN}" in link
    office.press("action_suspend", instance)
    office.wait("saas.instance", instance, ["suspended"])
    assert second.instances.get("acme").state is State.SUSPENDED
    office.press("action_reactivate", instance)
    office.wait("saas.instance", instance, ["active"])
    office.press("action_check_health", instance)
    assert office.read("saas.instance", instance, "health", "user_count") == {
        "id": instance,
        "health": "healthy",
        "user_count": 1,
    }
    office.terminate(instance)
    with pytest.raises(InstanceNotFound):
        second.instances.get("acme")
    assert orphans(second.context) == []


def test_instances_with_one_name_on_two_servers_are_independent(
    office: BackOffice, second: Engine, template: int, there: int
):
    own, code = office.engine, f"there-{there}"
    here = own.instances.provision(
        own.instances.spec(name="acme", email="a@acme.example", template=TINY.code)
    )
    beside = second.instances.provision(
        second.instances.spec(name="acme", email="b@acme.example", template=code)
    )
    try:
        assert own.instances.prove_login(here) > 0
        assert second.instances.prove_login(beside) > 0
        second.instances.suspend("acme")
        assert own.instances.is_serving("acme")
        assert not second.instances.is_serving("acme")
        users = {engine.runtime.user_of(16384) for engine in (own, second)}
        assert len(users) == 2 or users == {None}
        passwords = {engine.context.role_password("acme").reveal() for engine in (own, second)}
        assert len(passwords) == 2, "who knows one of them reaches the other's database"
        assert {activity.name for activity in own.instances.activities()} >= {"acme"}
        assert second.instances.activities() == []
    finally:
        own.instances.terminate("acme")
        second.instances.terminate("acme")


def test_doctor_reports_on_each_server(office: BackOffice, second: Engine):
    (told,) = (it for it in examine(office.engine.settings) if it.subject == f"Server {SECOND}")
    assert told.ok
    assert str(second.runtime.port) in told.detail
    subjects = {it.subject for it in examine(second.settings)}
    assert "Master" not in subjects
    assert "Tenant server" in subjects


def test_an_instance_moves_to_another_server_and_back_when_that_one_is_drained(
    office: BackOffice, second: Engine
):
    values = {"name": "Beside", "code": "beside", "address": SECOND}
    beside = office.call("saas.server", "create", [values])[0]
    office.call("saas.server", "action_activate", [beside])
    instance, own = office.create("mover"), office.find("saas.server", code="local")

    office.call("saas.instance", "move_to", [instance], beside)
    assert not office.wait("saas.instance", instance, ["active"])["failure"]
    now = office.read("saas.instance", instance, "server_id", "left_server_id", "url", "move_pause_s")
    assert (now["server_id"][0], now["left_server_id"][0]) == (beside, own)
    assert f"//mover.{DOMAIN}" in now["url"]
    assert 0 < now["move_pause_s"] < 60
    wait_until(lambda: second.instances.is_serving("mover"), "it is not served")
    office.press("action_confirm_move", instance)

    office.call("saas.server", "action_drain", [beside])
    drained = "is_draining", "instance_count"
    assert eventually(lambda: not office.read("saas.server", beside, *drained)["is_draining"], within_s=180)
    assert office.read("saas.server", beside, *drained)["instance_count"] == 0
    assert office.read("saas.instance", instance, "server_id")["server_id"][0] == own
    office.press("action_confirm_move", instance)
    office.terminate(instance)
    assert second.instances.state("mover") == ""
    office.call("saas.server", "write", [beside], {"active": False, "state": "disabled"})
