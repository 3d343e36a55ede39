"""An operator's server on Railway, from its token to a terminated instance, with a stand-in for Railway."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.support.api_client import ApiClient, set_hourly_limit
from tests.support.back_office import BackOffice
from tests.support.odoo_client import OdooError
from tests.support.railway import TOKEN, Railway, running
from tests.support.waiting import wait_until

from tenantry.model.names import MASTER_DATABASE
from tenantry.operations.railway.services import wishes_in
from tenantry.railway.tokens import token_file

CLOUD = "cloud"
NEXT_TOKEN = "next-railway-token-9876543210"


@pytest.fixture
def railway(office: BackOffice) -> Iterator[Railway]:
    """The stand-in, whose address is in the table of a server that has no token yet."""
    settings = office.engine.settings
    file = settings.installation.file
    before = file.read_text() if file.exists() else None
    with running() as found:
        table = f'[servers.{CLOUD}]\nruntime = "railway"\nrailway_url = "{found.url}"\n'
        file.write_text(f"{before or ''}\n{table}")
        home = settings.other(CLOUD).home
        yield found
    file.unlink() if before is None else file.write_text(before)
    token_file(settings.installation.secrets_dir).unlink(missing_ok=True)
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def cloud(office: BackOffice, railway: Railway) -> Iterator[int]:
    """The server's record, as an operator makes it."""
    values = {"name": "Cloud", "code": CLOUD, "runtime": "railway"}
    server = office.call("saas.server", "create", [values])[0]
    yield server
    gone = {"active": False, "state": "disabled", "code": f"was-{server}"}
    office.call("saas.server", "write", [server], gone)


@pytest.fixture
def plan(office: BackOffice) -> Iterator[int]:
    plan = office.call("saas.plan", "create", [{"name": "Cloud", "code": CLOUD, "runtime": "railway"}])[0]
    yield plan
    office.call("saas.plan", "write", [plan], {"active": False, "code": f"was-{plan}"})


def dialog_of(office: BackOffice, server: int) -> tuple[str, str]:
    """The health of the server, and what the last row of the dialog says."""
    test = office.call("saas.server", "action_test_connection", [server])["res_id"]
    lines = office.call("saas.server.test.line", "search_read", [["test_id", "=", test]], ["health", "text"])
    return lines[-1]["health"], lines[-1]["text"]


def order(office: BackOffice, plan: int, subdomain: str) -> int:
    """Press Create in the dialog for a customer; return the id of the instance."""
    values = {
        "partner_id": office.customer(subdomain),
        "name": subdomain.title(),
        "admin_email": f"{subdomain}@customer.example",
        "plan_id": plan,
        "template_id": office.find("saas.template", code="blank"),
        "subdomain": subdomain,
    }
    wizard = office.call("saas.instance.create", "create", [values])[0]
    instance: int = office.call("saas.instance.create", "action_create", [wizard])["res_id"]
    return instance


def everything_in_the_master(office: BackOffice) -> str:
    """What its tables with texts of jobs, messages, servers and logs contain, and its log."""
    with office.engine.context.cluster.connect(MASTER_DATABASE) as inside:
        tables = ("queue_job", "mail_message", "mail_mail", "saas_server", "saas_instance_log")
        rows = [inside.execute(f"SELECT t::text FROM {table} t".encode()).fetchall() for table in tables]
    return f"{rows} {office.engine.master.runtime.log_file.read_text()}"


def test_an_operator_gives_a_token_creates_an_instance_by_a_button_and_terminates_it(
    office: BackOffice, railway: Railway, cloud: int, plan: int
) -> None:
    health, text = dialog_of(office, cloud)
    assert (health, "has no token" in text) == ("critical", True)
    with pytest.raises(OdooError, match="refused the token"):
        office.call("saas.server", "write", [cloud], {"railway_token": "wrong-token-0123456789"})
    office.call("saas.server", "write", [cloud], {"railway_token": TOKEN})
    assert dialog_of(office, cloud) == ("healthy", "Acme Hosting")
    assert office.read("saas.server", cloud, "railway_token")["railway_token"] is False
    office.call("saas.server", "action_activate", [cloud])

    instance = order(office, plan, "acme")
    assert office.wait("saas.instance", instance, ["active", "failed"])["state"] == "active"
    project = railway.only("acme")
    odoo = project.named("acme")[0]
    told = office.read("saas.instance", instance, "url", "health", "run_state", "project", "server_id")
    assert told["url"] == f"http://{odoo.domain}"
    assert (told["health"], told["run_state"]) == ("healthy", "running")
    assert (told["project"], told["server_id"][0]) == (project.id, cloud)
    assert httpx.get(f"{told['url']}/web/login").status_code == 200
    wishes = wishes_in(odoo.variables)
    assert (wishes["login"], wishes["password"]) == (
        "acme@customer.example",
        office.password(instance).reveal(),
    )
    with pytest.raises(OdooError, match="run on Railway"):
        office.press("action_stop", instance)

    office.press("action_terminate", instance)
    office.wait("saas.instance", instance, ["terminated"])
    assert railway.names == []
    said = everything_in_the_master(office)
    assert [secret for secret in (TOKEN, wishes["password"]) if secret in said] == []


def test_a_creation_that_fails_leaves_nothing_and_is_retried(
    office: BackOffice, railway: Railway, cloud: int, plan: int
) -> None:
    ready(office, cloud)
    railway.crashes["beta"] = ["starting", "python3: not found"]
    instance = order(office, plan, "beta")
    failed = office.wait("saas.instance", instance, ["active", "failed"])
    assert "python3: not found" in failed["state_reason"]
    assert railway.names == []

    railway.crashes.clear()
    office.press("action_retry", instance)
    assert office.wait("saas.instance", instance, ["active", "failed"])["state"] == "active"
    office.terminate(instance)


def test_a_long_deployment_holds_no_worker_and_the_next_look_goes_on_with_what_was_made(
    office: BackOffice, railway: Railway, cloud: int, plan: int
) -> None:
    ready(office, cloud)
    railway.phases = ["BUILDING"]
    instance = order(office, plan, "gamma")
    wait_until(lambda: bool(waiting_jobs(office)), "no job waits for the deployment")
    assert office.read("saas.instance", instance, "operation")["operation"] == "provision"

    for service in railway.only("gamma").services.values():
        service.phases = ["SUCCESS"]
    hurry(office)
    assert office.wait("saas.instance", instance, ["active", "failed"])["state"] == "active"
    assert railway.mutations.count("projectCreate") == 1
    assert railway.mutations.count("serviceInstanceDeployV2") == 2
    lines = [["instance_id", "=", instance], ["step", "=", "volumes"]]
    assert office.call("saas.instance.log", "search_count", lines) == 1
    office.terminate(instance)


def waiting_jobs(office: BackOffice) -> list[dict[str, Any]]:
    domain = [["method_name", "=", "_operate"], ["state", "=", "pending"], ["eta", "!=", False]]
    jobs: list[dict[str, Any]] = office.call("queue.job", "search_read", domain, ["eta"])
    return jobs


def hurry(office: BackOffice) -> None:
    """Let the jobs that wait look now."""
    with office.engine.context.cluster.connect(MASTER_DATABASE) as inside:
        inside.execute("UPDATE queue_job SET eta = now() AT TIME ZONE 'UTC' WHERE state = 'pending'")


def test_a_program_orders_one_and_is_told_its_project_and_what_cannot_be_done(
    office: BackOffice, railway: Railway, cloud: int, plan: int, api_keys: dict[str, Any]
) -> None:
    ready(office, cloud)
    set_hourly_limit(office, 0)
    api = ApiClient(f"{office.engine.master.url}/api", api_keys["api-admin"])
    body = {"clientName": "delta", "adminEmail": "boss@delta.example", "plan": CLOUD, "template": "blank"}
    asked = api.post("/instances", {**body, "runtime": "railway"})
    assert asked.status_code == 202, asked.text
    told = api.wait(f"/instances/{asked.json()['instanceId']}", "status", {"ready", "failed"})
    project = railway.only("delta")
    odoo = project.named("delta")[0]
    assert (told["status"], told["projectId"]) == ("ready", project.id)
    assert told["instanceUrl"] == f"http://{odoo.domain}"
    assert told["adminPassword"] == wishes_in(odoo.variables)["password"]

    instance = office.live("delta")
    refused = api.post("/provisioning/manage_instance/delta", {"action": "stop"})
    assert (refused.status_code, refused.json()["error_code"]) == (422, "UNKNOWN_ACTION")
    assert "run on Railway" in refused.json()["error"]
    ended = api.post("/provisioning/manage_instance/delta", {"action": "terminate", "confirm": "delta"})
    assert ended.status_code == 202, ended.text
    office.wait("saas.instance", instance, ["terminated"])
    assert railway.names == []


def test_a_token_that_is_replaced_or_taken_away_is_told(
    office: BackOffice, railway: Railway, cloud: int
) -> None:
    ready(office, cloud)
    railway.token = NEXT_TOKEN
    health, text = dialog_of(office, cloud)
    assert (health, "Not Authorized" in text) == ("critical", True)
    railway.workspaces["workspace-2"] = "Zenith"
    with pytest.raises(OdooError, match=r"Zenith \(workspace-2\)"):
        office.call("saas.server", "write", [cloud], {"railway_token": NEXT_TOKEN})
    values = {"railway_token": NEXT_TOKEN, "railway_workspace": "Zenith"}
    office.call("saas.server", "write", [cloud], values)
    assert dialog_of(office, cloud) == ("healthy", "Zenith")


def ready(office: BackOffice, cloud: int) -> None:
    office.call("saas.server", "write", [cloud], {"railway_token": TOKEN})
    office.call("saas.server", "action_activate", [cloud])
