"""The command line against a master elsewhere, as a person and a program use it."""

from __future__ import annotations

import json
import os
import signal
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.api_client import make_keys, set_hourly_limit
from tests.support.back_office import BackOffice
from tests.support.odoo_client import WebClient
from tests.support.remote_cli import RemoteCli, command_lines

from tenantry.engine import Engine
from tenantry.model.secret import Secret
from tenantry.process import free_port

_TIMEOUT_S = 60


@pytest.fixture(scope="module")
def keys(master: Engine) -> dict:
    return make_keys(master)


@pytest.fixture
def nobody(office: BackOffice, tmp_path: Path) -> Iterator[RemoteCli]:
    """Not logged in yet. The hourly limit is off; what a test made is gone afterwards."""
    set_hourly_limit(office, 0)
    yield RemoteCli(tmp_path, office.engine.master.url)
    office.terminate(*office.call("saas.instance", "search", [["state", "not in", ["draft", "terminated"]]]))
    for stray in office.engine.instances():
        office.engine.terminate(stray.name)


@pytest.fixture
def tenantry(nobody: RemoteCli, keys: dict) -> RemoteCli:
    """Logged in as an administrator."""
    assert nobody.login(keys["api-admin"]).returncode == 0
    return nobody


def _wait_until(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + _TIMEOUT_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_login_is_checked_kept_for_its_owner_and_forgotten(nobody: RemoteCli, keys: dict):
    assert nobody("whoami").returncode == 6
    logged_in = nobody.login(keys["api-manager"])
    assert (logged_in.returncode, logged_in.stderr) == (0, "")
    assert "api-manager" in logged_in.stdout
    assert stat.S_IMODE(nobody.login_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(nobody.login_file.parent.stat().st_mode) == 0o700
    me = json.loads(nobody("whoami", "--json").stdout)
    assert (me["master"], me["login"]) == (nobody.url, "api-manager")
    assert me["may"] == ["read", "create", "manage"]
    assert nobody("logout").returncode == 0
    assert not nobody.login_file.exists()
    assert nobody("instance", "logs", "acme").returncode == 6


def test_a_person_types_the_key_and_nobody_reads_it(nobody: RemoteCli, keys: dict):
    shown = nobody.type("API key: ", keys["api-manager"], "login", nobody.url)
    assert "Logged in" in shown
    assert keys["api-manager"] not in shown


def test_a_wrong_key_is_refused_not_kept_and_not_shown(nobody: RemoteCli):
    key = "0123456789abcdef" * 2
    refused = nobody.login(key)
    assert refused.returncode == 6
    assert "Remedy:" in refused.stderr
    assert key not in refused.stdout + refused.stderr
    assert not nobody.login_file.exists()


def test_a_program_needs_no_login_and_gets_errors_as_json(nobody: RemoteCli, keys: dict):
    access = {"TENANTRY_MASTER": nobody.url, "TENANTRY_API_KEY": keys["api-manager"]}
    assert json.loads(nobody("instance", "list", "--json", **access).stdout) == []
    missing = nobody("instance", "show", "nobody", "--json", **access)
    assert missing.returncode == 3
    error = json.loads(missing.stderr)
    assert (error["error_class"], error["retryable"]) == ("NotThere", False)
    assert error["remedy"]
    assert not nobody.login_file.exists()


def test_create_tells_a_person_where_how_far_and_how_to_get_in(tenantry: RemoteCli, office: BackOffice):
    created = tenantry(
        "create", "acme", "admin@acme.example", "--template", "tiny", "--company", "Acme [Ltd]"
    )
    assert created.returncode == 0, created.stderr
    for expected in (
        "acme is running after",
        "http://acme.localhost:",
        "admin@acme.example",
        "Database  acme",
    ):
        assert expected in created.stdout
    assert f"On the master {tenantry.url}" in created.stderr
    assert "✓ activate" in created.stderr
    assert "Acme [Ltd]" in tenantry("instance", "list").stdout


def test_create_tells_a_program_a_password_that_opens_the_instance(tenantry: RemoteCli, office: BackOffice):
    created = tenantry("create", "acme", "admin@acme.example", "--template", "tiny", "--json")
    creation = json.loads(created.stdout)
    assert creation["instance"]["url"] == office.engine.instance("acme").url
    route = office.engine.runtime.route("acme")
    client = WebClient(route, "acme", creation["login"], Secret(creation["password"]))
    assert client.session_info["username"] == "admin@acme.example"
    steps = [json.loads(line) for line in created.stderr.splitlines()]
    assert steps[-1]["fraction"] == 1.0

    (request,) = json.loads(tenantry("request", "list", "--limit", "1", "--json").stdout)
    assert (request["request_id"], request["state"]) == (creation["request_id"], "completed")
    again = tenantry("request", "show", creation["request_id"], "--follow")
    assert again.returncode == 0
    assert creation["password"] not in again.stdout


def test_a_creation_costs_few_of_the_calls_a_key_has(nobody: RemoteCli, office: BackOffice):
    fresh = make_keys(office.engine)["api-manager"]
    access = {"TENANTRY_MASTER": nobody.url, "TENANTRY_API_KEY": fresh}
    set_hourly_limit(office, 10)
    created = nobody("create", "acme", "admin@acme.example", "--template", "tiny", **access)
    assert created.returncode == 0, created.stderr
    set_hourly_limit(office, 1)
    refused = nobody("instance", "show", "acme", "--json", **access)
    set_hourly_limit(office, 0)
    error = json.loads(refused.stderr)
    assert (refused.returncode, error["error_class"], error["retryable"]) == (5, "RateLimited", True)
    assert "Try again in" in error["remedy"]


def test_an_instances_life(tenantry: RemoteCli, office: BackOffice):
    engine = office.engine
    tenantry("create", "acme", "admin@acme.example", "--template", "tiny")
    assert "acme is suspended." in tenantry("instance", "suspend", "acme", "--reason", "unpaid").stdout
    assert not engine.is_serving("acme")
    shown = json.loads(tenantry("instance", "show", "acme", "--json").stdout)
    assert (shown["state"], shown["reason"], shown["operation"]) == ("suspended", "unpaid", None)
    assert json.loads(tenantry("instance", "reactivate", "acme", "--json").stdout)["state"] == "active"
    assert engine.is_serving("acme")
    assert tenantry("instance", "stop", "acme").returncode == 0
    assert engine.instance("acme").state == "stopped"
    assert "acme  stopped" in tenantry("instance", "list").stdout
    assert tenantry("instance", "restart", "acme").returncode == 4
    assert tenantry("instance", "start", "acme").returncode == 0
    assert tenantry("instance", "restart", "acme").returncode == 0
    assert engine.is_serving("acme")
    assert "restart" in tenantry("instance", "logs", "acme").stdout
    assert json.loads(tenantry("instance", "open", "acme", "--json").stdout)["url"] == shown["url"]
    assert tenantry("instance", "usage", "acme").returncode == 0
    refused = tenantry("instance", "terminate", "acme", stdin="another\n")
    assert refused.returncode == 2
    assert tenantry.url in refused.stderr
    assert tenantry("instance", "terminate", "acme", stdin="acme\n").returncode == 0
    assert engine.instances() == []
    assert json.loads(tenantry("instance", "list", "--json").stdout) == []


def test_who_does_not_wait_is_told_how_to_follow(tenantry: RemoteCli):
    asked = tenantry("create", "acme", "admin@acme.example", "--template", "tiny", "--no-wait", "--json")
    request_id = json.loads(asked.stdout)["request_id"]
    followed = json.loads(tenantry("request", "show", request_id, "--follow", "--json").stdout)
    assert followed["instance"]["name"] == "acme"
    assert len(followed["password"]) == 23
    begun = json.loads(tenantry("instance", "suspend", "acme", "--no-wait", "--json").stdout)
    assert (begun["subdomain"], begun["action"]) == ("acme", "suspend")


def test_what_fails_says_so_and_leaves_the_instance_as_it_was(tenantry: RemoteCli, office: BackOffice):
    tenantry("create", "acme", "admin@acme.example", "--template", "tiny")
    # The engine, which the back office does not ask before, has it suspended already.
    office.engine.suspend("acme")
    stopped = tenantry("instance", "stop", "acme", "--json")
    assert stopped.returncode == 5
    error = json.loads(stopped.stderr.splitlines()[-1])
    assert error["error_class"] == "OperationFailed"
    assert "instance logs acme" in error["remedy"]


def test_a_taken_name_comes_with_others(tenantry: RemoteCli):
    tenantry("create", "acme", "admin@acme.example", "--template", "tiny")
    taken = tenantry("create", "acme", "admin@acme.example", "--template", "tiny")
    assert taken.returncode == 4
    assert "acme-2" in taken.stderr
    assert tenantry("instance", "check", "acme").returncode == 4
    assert "acme-2 is free." in tenantry("instance", "check", "acme-2").stdout


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (["create", "Acme", "a@acme.example"], 2),
        (["create", "www", "a@acme.example"], 2),
        (["create", "acme", "nobody"], 2),
        (["create", "acme", "a@acme.example", "--plan", "none-such"], 2),
        (["create", "acme", "a@acme.example", "--template", "none-such"], 2),
        (["instance", "suspend", "nobody"], 3),
        (["instance", "show", "../me"], 2),
        (["instance", "list", "--state", "odd"], 2),
        (["request", "show", "none-such"], 3),
        (["request", "cancel", "none-such"], 3),
    ],
)
def test_errors_are_a_sentence_a_remedy_and_an_exit_code(
    tenantry: RemoteCli, arguments: list[str], exit_code: int
):
    refused = tenantry(*arguments)
    assert refused.returncode == exit_code, refused.stderr
    assert "Error:" in refused.stderr
    assert "Remedy:" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_request_is_tried_again_when_what_was_in_its_way_is_gone(tenantry: RemoteCli, office: BackOffice):
    engine = office.engine
    engine.provision(engine.spec(name="acme", email="a@acme.example", template="tiny"))
    failed = tenantry("create", "acme", "admin@acme.example", "--template", "tiny", "--json")
    assert failed.returncode == 5
    error = json.loads(failed.stderr.splitlines()[-1])
    assert error["error_class"] == "RequestFailed"
    (request,) = json.loads(tenantry("request", "list", "--state", "failed", "--limit", "1", "--json").stdout)
    assert request["request_id"] in error["remedy"]
    engine.terminate("acme")
    retried = tenantry("request", "retry", request["request_id"])
    assert retried.returncode == 0, retried.stderr
    assert "acme is running" in retried.stdout
    assert engine.is_serving("acme")
    assert tenantry("request", "cancel", request["request_id"]).returncode == 4


def test_a_request_that_is_not_under_way_is_given_up(tenantry: RemoteCli, office: BackOffice):
    engine = office.engine
    engine.provision(engine.spec(name="acme", email="a@acme.example", template="tiny"))
    tenantry("create", "acme", "admin@acme.example", "--template", "tiny")
    (request,) = json.loads(tenantry("request", "list", "--state", "failed", "--limit", "1", "--json").stdout)
    cancelled = tenantry("request", "cancel", request["request_id"], "--json")
    assert json.loads(cancelled.stdout)["state"] == "cancelled"
    followed = tenantry("request", "show", request["request_id"], "--follow")
    assert followed.returncode == 4
    assert "cancelled" in followed.stderr


def test_who_stops_watching_stops_nothing_and_no_process_shows_the_key(
    tenantry: RemoteCli, office: BackOffice, keys: dict
):
    server = office.engine.runtime.pid
    assert server
    os.kill(server, signal.SIGSTOP)  # so that the creation waits for its probe
    try:
        watching = tenantry.start("create", "acme", "admin@acme.example", "--template", "tiny")
        domain = [["subdomain", "=", "acme"], ["operation", "=", "provision"], ["log_ids", "!=", False]]
        _wait_until(lambda: office.call("saas.instance", "search", domain))
        assert keys["api-admin"] not in command_lines()
        watching.send_signal(signal.SIGINT)
        out, err = watching.communicate(timeout=_TIMEOUT_S)
    finally:
        os.kill(server, signal.SIGCONT)
    assert (watching.returncode, out) == (130, "")
    assert "goes on at the master" in err
    request_id = err.split("tenantry request show ")[1].split(" ")[0]
    followed = tenantry("request", "show", request_id, "--follow", "--json")
    assert followed.returncode == 0, followed.stderr
    assert len(json.loads(followed.stdout)["password"]) == 23


def test_a_customers_key_sees_his_own_and_nothing_of_others(
    nobody: RemoteCli, office: BackOffice, keys: dict
):
    customer = office.customer("portal-owner")
    office.call("res.partner", "write", [keys["api-portal partner"]], {"parent_id": customer})
    office.create("mine-alone", partner_id=customer)
    office.create("not-mine")
    assert nobody.login(keys["api-portal"]).returncode == 0
    assert [row["name"] for row in json.loads(nobody("instance", "list", "--json").stdout)] == ["mine-alone"]
    assert nobody("instance", "show", "not-mine").returncode == 3
    assert nobody("instance", "show", "mine-alone").returncode == 0
    assert nobody("instance", "suspend", "not-mine").returncode == 3
    for arguments in (
        ["instance", "suspend", "mine-alone"],
        ["instance", "logs", "mine-alone"],
        ["request", "list"],
        ["create", "acme", "a@acme.example"],
    ):
        assert nobody(*arguments).returncode == 6, arguments
    assert office.engine.is_serving("mine-alone")


def test_a_manager_does_not_terminate(nobody: RemoteCli, office: BackOffice, keys: dict):
    office.create("acme")
    assert nobody.login(keys["api-manager"]).returncode == 0
    assert nobody("instance", "terminate", "acme", "--yes").returncode == 6
    assert office.engine.is_serving("acme")


def test_a_master_that_is_down_is_told_with_a_remedy(nobody: RemoteCli, keys: dict):
    key = keys["api-manager"]
    access = {"TENANTRY_MASTER": f"http://localhost:{free_port()}", "TENANTRY_API_KEY": key}
    down = nobody("instance", "list", **access)
    assert down.returncode == 5
    assert "does not answer" in down.stderr
    assert "Remedy:" in down.stderr
    assert key not in down.stdout + down.stderr


def test_what_answers_but_is_no_master_is_told_so(nobody: RemoteCli, office: BackOffice, keys: dict):
    tenants = f"http://localhost:{office.engine.settings.http_port}"
    refused = nobody("login", tenants, "--key-stdin", stdin=keys["api-manager"])
    assert refused.returncode == 5
    assert "is not the API" in refused.stderr


def test_logs_of_the_program_do_not_show_the_key(tenantry: RemoteCli, keys: dict):
    loud = tenantry("-vv", "instance", "list")
    assert "httpx" in loud.stderr or "httpcore" in loud.stderr
    assert keys["api-admin"] not in loud.stdout + loud.stderr


def test_with_local_it_acts_on_the_engine_of_this_machine(tenantry: RemoteCli, office: BackOffice):
    engine = office.engine
    engine.provision(engine.spec(name="only-here", email="a@acme.example", template="tiny"))
    home = {"TENANTRY_HOME": str(engine.settings.home)}
    local = tenantry("instance", "list", "--local", **home)
    assert "only-here" in local.stdout
    assert "On the engine of this machine" in local.stderr
    assert "only-here" not in tenantry("instance", "list", **home).stdout
    assert tenantry("instance", "terminate", "only-here", "--local", "--yes", **home).returncode == 0
    assert engine.instances() == []
