"""The command line with a remote master: login, the target of commands, and the secrecy of the key."""

from __future__ import annotations

import json
import stat

from tests.support.back_office import BackOffice
from tests.support.remote_cli import RemoteCli

from tenantry.ports import free_port


def test_a_login_is_checked_saved_for_its_owner_only_and_removed_by_logout(
    stranger: RemoteCli, api_keys: dict
):
    assert stranger("whoami").returncode == 6
    logged_in = stranger.login(api_keys["api-manager"])
    assert (logged_in.returncode, logged_in.stderr) == (0, "")
    assert "api-manager" in logged_in.stdout
    assert stat.S_IMODE(stranger.login_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(stranger.login_file.parent.stat().st_mode) == 0o700
    me = json.loads(stranger("whoami", "--json").stdout)
    assert (me["master"], me["login"]) == (stranger.url, "api-manager")
    assert me["may"] == ["read", "create", "manage"]
    assert stranger("logout").returncode == 0
    assert not stranger.login_file.exists()
    assert stranger("instance", "logs", "acme").returncode == 6


def test_a_typed_key_is_not_shown(stranger: RemoteCli, api_keys: dict):
    shown = stranger.type("API key: ", api_keys["api-manager"], "login", stranger.url)
    assert "Logged in" in shown
    assert api_keys["api-manager"] not in shown


def test_a_wrong_key_is_refused_and_neither_saved_nor_shown(stranger: RemoteCli):
    key = "0123456789abcdef" * 2
    refused = stranger.login(key)
    assert refused.returncode == 6
    assert "Remedy:" in refused.stderr
    assert key not in refused.stdout + refused.stderr
    assert not stranger.login_file.exists()


def test_a_program_needs_no_login_and_gets_errors_as_json(stranger: RemoteCli, api_keys: dict):
    access = {"TENANTRY_MASTER": stranger.url, "TENANTRY_API_KEY": api_keys["api-manager"]}
    assert json.loads(stranger("instance", "list", "--json", **access).stdout) == []
    missing = stranger("instance", "show", "nobody", "--json", **access)
    assert missing.returncode == 3
    error = json.loads(missing.stderr)
    assert (error["error_class"], error["retryable"]) == ("NotThere", False)
    assert error["remedy"]
    assert not stranger.login_file.exists()


def test_a_customers_key_sees_only_their_own_instances(
    stranger: RemoteCli, office: BackOffice, api_keys: dict
):
    customer = office.customer("portal-owner")
    office.call("res.partner", "write", [api_keys["api-portal partner"]], {"parent_id": customer})
    office.create("mine-alone", partner_id=customer)
    office.create("not-mine")
    assert stranger.login(api_keys["api-portal"]).returncode == 0
    assert [row["name"] for row in json.loads(stranger("instance", "list", "--json").stdout)] == [
        "mine-alone"
    ]
    assert stranger("instance", "show", "not-mine").returncode == 3
    assert stranger("instance", "show", "mine-alone").returncode == 0
    assert stranger("instance", "suspend", "not-mine").returncode == 3
    for arguments in (
        ["instance", "suspend", "mine-alone"],
        ["instance", "logs", "mine-alone"],
        ["request", "list"],
        ["create", "acme", "a@acme.example"],
    ):
        assert stranger(*arguments).returncode == 6, arguments
    assert office.engine.instances.is_serving("mine-alone")


def test_a_manager_may_not_terminate(stranger: RemoteCli, office: BackOffice, api_keys: dict):
    office.create("acme")
    assert stranger.login(api_keys["api-manager"]).returncode == 0
    assert stranger("instance", "terminate", "acme", "--yes").returncode == 6
    assert office.engine.instances.is_serving("acme")


def test_a_master_that_is_down_is_an_error_with_a_remedy(stranger: RemoteCli, api_keys: dict):
    key = api_keys["api-manager"]
    access = {"TENANTRY_MASTER": f"http://localhost:{free_port()}", "TENANTRY_API_KEY": key}
    down = stranger("instance", "list", **access)
    assert down.returncode == 5
    assert "does not answer" in down.stderr
    assert "Remedy:" in down.stderr
    assert key not in down.stdout + down.stderr


def test_a_server_that_is_not_a_master_is_an_error(stranger: RemoteCli, office: BackOffice, api_keys: dict):
    tenants = f"http://localhost:{office.engine.settings.http_port}"
    refused = stranger("login", tenants, "--key-stdin", stdin=api_keys["api-manager"])
    assert refused.returncode == 5
    assert "is not one of a master's API" in refused.stderr


def test_the_programs_logs_do_not_show_the_key(remote: RemoteCli, api_keys: dict):
    loud = remote("-vv", "instance", "list")
    assert "httpx" in loud.stderr or "httpcore" in loud.stderr
    assert api_keys["api-admin"] not in loud.stdout + loud.stderr


def test_the_option_local_uses_the_engine_of_this_machine(remote: RemoteCli, office: BackOffice):
    engine = office.engine
    engine.instances.provision(
        engine.instances.spec(name="only-here", email="a@acme.example", template="tiny")
    )
    home = {"TENANTRY_HOME": str(engine.settings.home)}
    local = remote("instance", "list", "--local", **home)
    assert "only-here" in local.stdout
    assert "On the engine of this machine" in local.stderr
    assert "only-here" not in remote("instance", "list", **home).stdout
    assert remote("instance", "terminate", "only-here", "--local", "--yes", **home).returncode == 0
    assert engine.instances.all() == []
