"""The command line with a remote master: creations, instances and requests."""

from __future__ import annotations

import json
import os
import re
import signal

import pytest
from tests.support.api_client import make_keys, set_hourly_limit
from tests.support.back_office import BackOffice
from tests.support.mail_server import serving
from tests.support.odoo_client import WebClient, browser
from tests.support.remote_cli import RemoteCli, command_lines
from tests.support.tenants import ask
from tests.support.waiting import wait_until

from tenantry.model.names import MASTER_DATABASE
from tenantry.model.secret import Secret


def test_create_prints_the_address_the_progress_and_the_login(remote: RemoteCli, office: BackOffice):
    created = remote("create", "acme", "admin@acme.example", "--template", "tiny", "--company", "Acme [Ltd]")
    assert created.returncode == 0, created.stderr
    for expected in (
        "acme is running after",
        "http://acme.localhost:",
        "admin@acme.example",
        "Database  acme",
    ):
        assert expected in created.stdout
    assert f"On the master {remote.url}" in created.stderr
    assert "✓ activate" in created.stderr
    assert "Acme [Ltd]" in remote("instance", "list").stdout


def test_create_as_json_prints_a_password_that_works(remote: RemoteCli, office: BackOffice):
    created = remote("create", "acme", "admin@acme.example", "--template", "tiny", "--json")
    creation = json.loads(created.stdout)
    assert creation["instance"]["url"] == office.engine.instances.get("acme").url
    route = office.engine.context.route("acme")
    client = WebClient(route, "acme", creation["login"], Secret(creation["password"]))
    assert client.session_info["username"] == "admin@acme.example"
    steps = [json.loads(line) for line in created.stderr.splitlines()]
    assert steps[-1]["fraction"] == 1.0

    (request,) = json.loads(remote("request", "list", "--limit", "1", "--json").stdout)
    assert (request["request_id"], request["state"]) == (creation["request_id"], "completed")
    again = remote("request", "show", creation["request_id"], "--follow")
    assert again.returncode == 0
    assert creation["password"] not in again.stdout


def test_the_customers_name_country_and_time_zone_arrive(remote: RemoteCli, office: BackOffice):
    customer = ("--name", "Léa Dupont", "--country", "FR", "--tz", "Indian/Reunion", "--lang", "en_US")
    created = remote("create", "acme", "admin@acme.example", "--template", "tiny", *customer)
    assert created.returncode == 0, created.stderr
    query = """
        SELECT partner.name, partner.tz, country.code FROM res_users AS admin
          JOIN res_partner AS partner ON partner.id = admin.partner_id
          JOIN res_company AS company ON company.id = admin.company_id
          JOIN res_partner AS address ON address.id = company.partner_id
          JOIN res_country AS country ON country.id = address.country_id
         WHERE admin.login = 'admin@acme.example'
    """
    assert ask(office.engine, "acme", query) == [("Léa Dupont", "Indian/Reunion", "FR")]


def test_a_language_that_the_template_lacks_is_refused_at_once_with_those_it_has(remote: RemoteCli):
    refused = remote("create", "acme", "admin@acme.example", "--template", "tiny", "--lang", "fr_FR")
    assert refused.returncode == 2
    assert "It has: en_US." in refused.stderr
    assert ".." not in refused.stderr
    assert "acme" not in remote("instance", "list").stdout


def test_a_creation_uses_few_of_a_keys_hourly_requests(stranger: RemoteCli, office: BackOffice):
    fresh = make_keys(office.engine)["api-manager"]
    access = {"TENANTRY_MASTER": stranger.url, "TENANTRY_API_KEY": fresh}
    try:
        set_hourly_limit(office, 20)
        created = stranger("create", "acme", "admin@acme.example", "--template", "tiny", **access)
        assert created.returncode == 0, created.stderr
        set_hourly_limit(office, 1)
        refused = stranger("instance", "show", "acme", "--json", **access)
    finally:
        set_hourly_limit(office, 0)
    error = json.loads(refused.stderr)
    assert (refused.returncode, error["error_class"], error["retryable"]) == (5, "RateLimited", True)
    assert "Try again in" in error["remedy"]


def test_an_instance_is_listed_changed_and_terminated(remote: RemoteCli, office: BackOffice):
    engine = office.engine
    remote("create", "acme", "admin@acme.example", "--template", "tiny")
    assert "acme is suspended." in remote("instance", "suspend", "acme", "--reason", "unpaid").stdout
    assert not engine.instances.is_serving("acme")
    shown = json.loads(remote("instance", "show", "acme", "--json").stdout)
    assert (shown["state"], shown["reason"], shown["operation"]) == ("suspended", "unpaid", None)
    assert "unpaid" in remote("instance", "show", "acme").stdout
    assert json.loads(remote("instance", "reactivate", "acme", "--json").stdout)["state"] == "active"
    assert engine.instances.is_serving("acme")
    assert remote("instance", "stop", "acme").returncode == 0
    assert engine.instances.get("acme").state == "stopped"
    assert "acme  stopped" in remote("instance", "list").stdout
    assert remote("instance", "restart", "acme").returncode == 4
    assert remote("instance", "start", "acme").returncode == 0
    assert remote("instance", "restart", "acme").returncode == 0
    assert engine.instances.is_serving("acme")
    assert "restart" in remote("instance", "logs", "acme").stdout
    assert json.loads(remote("instance", "open", "acme", "--json").stdout)["url"] == shown["url"]
    assert remote("instance", "usage", "acme").returncode == 0
    refused = remote("instance", "terminate", "acme", stdin="another\n")
    assert refused.returncode == 2
    assert remote.url in refused.stderr
    assert remote("instance", "terminate", "acme", stdin="acme\n").returncode == 0
    assert engine.instances.all() == []
    assert json.loads(remote("instance", "list", "--json").stdout) == []


def test_a_customer_who_cannot_log_in_is_let_in_over_the_login(remote: RemoteCli, office: BackOffice):
    remote("create", "acme", "admin@acme.example", "--template", "tiny")
    link = remote("instance", "link", "acme")
    assert link.returncode == 0, link.stderr
    assert link.stdout.startswith("http://acme.localhost:")
    visitor, token = browser(office.engine.context.route("acme")), link.stdout.strip().partition("token=")[2]
    page = visitor.get("/saas/login", params={"token": token})
    fields = dict(re.findall(r'name="(csrf_token|token)"\s+value="([^"]+)"', page.text))
    assert visitor.post("/saas/login", data=fields).headers["location"].endswith("/saas/password")

    new = json.loads(remote("instance", "password", "acme", "--json").stdout)
    client = WebClient(office.engine.context.route("acme"), "acme", new["login"], Secret(new["password"]))
    assert client.session_info["username"] == "admin@acme.example"
    assert "No mail can be sent" in remote("instance", "password", "acme", "--send").stderr
    with serving(office):
        for command in (("link", "acme", "--send"), ("password", "acme", "--send"), ("welcome", "acme")):
            assert "A mail to admin@acme.example is on its way." in remote("instance", *command).stdout
    logged = remote("instance", "logs", "acme").stdout
    assert "made a login link" in logged
    assert new["password"] not in logged
    remote("instance", "suspend", "acme", "--reason", "unpaid")
    refused = remote("instance", "link", "acme")
    assert refused.returncode == 4
    assert "Reactivate it first" in refused.stderr


def test_create_without_waiting_prints_how_to_follow_the_request(remote: RemoteCli):
    asked = remote("create", "acme", "admin@acme.example", "--template", "tiny", "--no-wait", "--json")
    request_id = json.loads(asked.stdout)["request_id"]
    followed = json.loads(remote("request", "show", request_id, "--follow", "--json").stdout)
    assert followed["instance"]["name"] == "acme"
    assert len(followed["password"]) == 23
    begun = json.loads(remote("instance", "suspend", "acme", "--no-wait", "--json").stdout)
    assert (begun["subdomain"], begun["action"]) == ("acme", "suspend")


def test_a_failed_command_is_an_error_and_leaves_the_instance_unchanged(
    remote: RemoteCli, office: BackOffice
):
    remote("create", "acme", "admin@acme.example", "--template", "tiny")
    # The instance is suspended in the engine already; the back office does not check that before.
    office.engine.instances.suspend("acme")
    stopped = remote("instance", "stop", "acme", "--json")
    assert stopped.returncode == 5
    error = json.loads(stopped.stderr.splitlines()[-1])
    assert error["error_class"] == "OperationFailed"
    assert "instance logs acme" in error["remedy"]


def test_a_taken_name_is_refused_with_free_ones_from_the_master(remote: RemoteCli):
    remote("create", "acme", "admin@acme.example", "--template", "tiny")
    taken = remote("create", "acme", "admin@acme.example", "--template", "tiny")
    assert taken.returncode == 4
    assert "acme-2" in taken.stderr
    assert remote("instance", "check", "acme").returncode == 4
    assert "acme-2 is free." in remote("instance", "check", "acme-2").stdout


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
    remote: RemoteCli, arguments: list[str], exit_code: int
):
    refused = remote(*arguments)
    assert refused.returncode == exit_code, refused.stderr
    assert "Error:" in refused.stderr
    assert "Remedy:" in refused.stderr
    assert "Traceback" not in refused.stderr


def _fail(remote: RemoteCli, office: BackOffice) -> dict:
    """A request that fails: in the master the template has a language that the engine refuses."""
    with office.engine.context.as_owner(MASTER_DATABASE, MASTER_DATABASE) as inside:
        inside.execute("UPDATE saas_template SET loaded_languages = 'en_US fr_FR' WHERE code = 'tiny'")
    wishes = ["acme", "admin@acme.example", "--template", "tiny", "--lang", "fr_FR"]
    failed = remote("create", *wishes, "--json")
    assert failed.returncode == 5, failed.stderr
    error = json.loads(failed.stderr.splitlines()[-1])
    assert error["error_class"] == "RequestFailed"
    (request,) = json.loads(remote("request", "list", "--state", "failed", "--limit", "1", "--json").stdout)
    assert request["request_id"] in error["remedy"]
    return request


def test_a_failed_request_can_be_retried_when_its_cause_is_mended(remote: RemoteCli, office: BackOffice):
    request = _fail(remote, office)
    instances = office.call("saas.instance", "search", [["subdomain", "=", "acme"], ["state", "=", "failed"]])
    office.call("saas.instance", "write", instances, {"language_id": False})
    retried = remote("request", "retry", request["request_id"])
    assert retried.returncode == 0, retried.stderr
    assert "acme is running" in retried.stdout
    assert office.engine.instances.is_serving("acme")
    assert remote("request", "cancel", request["request_id"]).returncode == 4


def test_a_request_that_is_not_running_can_be_cancelled(remote: RemoteCli, office: BackOffice):
    request = _fail(remote, office)
    cancelled = remote("request", "cancel", request["request_id"], "--json")
    assert json.loads(cancelled.stdout)["state"] == "cancelled"
    followed = remote("request", "show", request["request_id"], "--follow")
    assert followed.returncode == 4
    assert "cancelled" in followed.stderr


def test_a_name_that_only_the_engine_knows_is_refused_at_once(remote: RemoteCli, office: BackOffice):
    engine = office.engine
    engine.instances.provision(engine.instances.spec(name="acme", email="a@acme.example", template="tiny"))
    refused = remote("create", "acme", "admin@acme.example", "--template", "tiny", "--json")
    assert refused.returncode == 4
    assert "acme-2" in json.loads(refused.stderr.splitlines()[-1])["remedy"]


def test_interrupting_the_command_stops_no_creation_and_no_process_shows_the_key(
    remote: RemoteCli, office: BackOffice, api_keys: dict
):
    server = office.engine.runtime.pid
    assert server
    os.kill(server, signal.SIGSTOP)  # so that the creation waits for its probe
    try:
        watching = remote.start("create", "acme", "admin@acme.example", "--template", "tiny")
        domain = [["subdomain", "=", "acme"], ["operation", "=", "provision"], ["log_ids", "!=", False]]
        wait_until(lambda: office.call("saas.instance", "search", domain))
        shown = command_lines()
        assert "create acme" in shown
        assert api_keys["api-admin"] not in shown
        watching.send_signal(signal.SIGINT)
        out, err = watching.communicate(timeout=120)
    finally:
        os.kill(server, signal.SIGCONT)
    assert (watching.returncode, out) == (130, "")
    assert "goes on at the master" in err
    request_id = err.split("tenantry request show ")[1].split(" ")[0]
    followed = remote("request", "show", request_id, "--follow", "--json")
    assert followed.returncode == 0, followed.stderr
    assert len(json.loads(followed.stdout)["password"]) == 23
