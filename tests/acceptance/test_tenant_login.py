"""Login links and support sessions in a real Odoo, used as a browser uses them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.odoo_client import OdooClient, OdooError, WebClient, browser
from tests.support.tenants import create

from tenantry.engine import Engine
from tenantry.errors import AdministratorMissing, InstanceNotFound, InvalidTransition, LoginRefused
from tenantry.model.instance import Creation
from tenantry.model.secret import Secret
from tenantry.model.signing import now_us, sign_login
from tenantry.operations.inventory import find_instance


@pytest.fixture(scope="module")
def acme(engine: Engine) -> Iterator[Creation]:
    yield engine.instances.provision(
        engine.instances.spec(name="acme", email="admin@acme.example", template="tiny")
    )
    engine.instances.terminate("acme")


@pytest.fixture(scope="module")
def admin(engine: Engine, acme: Creation) -> OdooClient:
    return OdooClient(engine, acme)


@pytest.fixture
def visitor(engine: Engine, acme: Creation) -> httpx.Client:
    return browser(engine.context.route("acme"))


@pytest.fixture
def consent(admin: OdooClient) -> Iterator[None]:
    """Give consent in the settings, as the administrator does."""
    give_consent(admin, True)
    yield
    give_consent(admin, False)


def give_consent(admin: OdooClient, given: bool) -> None:
    (settings,) = admin.call("res.config.settings", "create", [{"saas_support_access": given}])
    admin.call("res.config.settings", "execute", [settings])


def link(engine: Engine, **wishes: object) -> str:
    """The path and query of a fresh link, without the host."""
    url = httpx.URL(engine.instances.login_link("acme", **wishes).reveal())
    return url.raw_path.decode()


def signed(engine: Engine, name: str = "acme", *, ago_s: float = 0, support: bool = False) -> str:
    """A link that was made earlier or for another instance."""
    issued_at = now_us() - int(ago_s * 1_000_000)
    with engine.context.maintenance() as connection:
        identity = find_instance(connection, "acme").identity_of("acme") if name == "acme" else name
    token = sign_login(engine.context.keys.signing, identity, name, issued_at, 300, support=support)
    return f"/saas/login?token={token.reveal()}"


def press(visitor: httpx.Client, path: str) -> httpx.Response:
    """Open the link's page and press its button, if there is one."""
    page = visitor.get(path)
    fields = dict(re.findall(r'name="(csrf_token|token)"\s+value="([^"]+)"', page.text))
    return visitor.post("/saas/login", data=fields) if page.status_code == 200 else page


def user_of(visitor: httpx.Client) -> str | None:
    """The login of the current user; None without one."""
    answer = visitor.post("/web/session/get_session_info", json={"params": {}}).json()
    return answer["result"]["username"] if "result" in answer else None


def visits(admin: OdooClient) -> list[dict]:
    return admin.call("saas.tenant.access", "search_read", [], ["kind", "operator", "address", "ends_at"])


# ---------------------------------------------------------------- login links


def test_a_link_logs_the_administrator_in_once(engine: Engine, visitor: httpx.Client, admin: OdooClient):
    path = link(engine, by="Ann of Support")
    answer = press(visitor, path)
    assert (answer.status_code, httpx.URL(answer.headers["location"]).path) == (303, "/odoo")
    assert user_of(visitor) == "admin@acme.example"
    assert visitor.get("/odoo").status_code == 200
    assert visits(admin)[0]["operator"] == "Ann of Support"
    second = browser(engine.context.route("acme"))
    refused = press(second, path)
    assert refused.status_code == 410
    assert "was used already" in refused.text
    assert user_of(second) is None


def test_support_must_enter_the_password_to_change_it(
    engine: Engine, visitor: httpx.Client, admin: OdooClient, consent: None
):
    press(visitor, link(engine, support=True))
    user = called(visitor, "res.users", "search", [["login", "=", "admin@acme.example"]])
    action = called(visitor, "res.users", "preference_change_password", user)
    assert action["res_model"] == "res.users.identitycheck"


def called(visitor: httpx.Client, model: str, method: str, *args: object) -> Any:
    """Call a model's method with the session of the link."""
    params = {"model": model, "method": method, "args": args, "kwargs": {}}
    answer = visitor.post(f"/web/dataset/call_kw/{model}/{method}", json={"params": params}).json()
    return answer["result"]


def test_a_second_press_with_the_same_page_is_refused(engine: Engine, acme: Creation):
    path, visitors = link(engine), [browser(engine.context.route("acme")) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda visitor: press(visitor, path).status_code, visitors))
    assert sorted(answers) == [303, 410, 410, 410]


def test_opening_the_page_does_not_use_the_link_up(engine: Engine, visitor: httpx.Client):
    path = link(engine)
    for _ in range(3):
        page = visitor.get(path)
        assert page.status_code == 200
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["referrer-policy"] == "no-referrer"
    assert visitor.head(path).status_code == 200
    assert user_of(visitor) is None
    assert press(visitor, path).status_code == 303


def test_a_link_needs_the_pages_own_form(engine: Engine, visitor: httpx.Client):
    """Another site cannot log a visitor in without their knowledge."""
    token = httpx.URL(link(engine)).params["token"]
    assert visitor.post("/saas/login", data={"token": token}).status_code == 400
    assert user_of(visitor) is None


def test_a_link_for_a_web_site_is_accepted_from_its_pages_only(engine: Engine, visitor: httpx.Client):
    ours = "https://office.example.com"
    token = httpx.URL(engine.instances.login_link("acme", origin=ours).reveal()).params["token"]
    for page in ("https://evil.example/", "https://office.example.com.evil.example/", "null", ""):
        answer = visitor.post("/saas/login", data={"token": token}, headers={"Referer": page})
        assert (answer.status_code, user_of(visitor)) == (400, None)
    answer = visitor.post("/saas/login", data={"token": token}, headers={"Referer": f"{ours}/"})
    assert answer.status_code == 303
    assert user_of(visitor) == "admin@acme.example"


def test_the_session_is_a_new_one(engine: Engine, visitor: httpx.Client):
    path = link(engine)
    visitor.get(path)
    before = visitor.cookies["session_id"]
    press(visitor, path)
    assert visitor.cookies["session_id"] != before
    stale = browser(engine.context.route("acme"))
    stale.cookies.set("session_id", before)
    assert user_of(stale) is None


def test_a_link_replaces_the_session_of_another_user(
    engine: Engine, visitor: httpx.Client, admin: OdooClient
):
    values = {"name": "Somebody else", "login": "else", "password": "a long password"}
    admin.call("res.users", "create", [values])
    other = WebClient(engine.context.route("acme"), "acme", "else", Secret("a long password"))
    assert press(other.http, link(engine)).status_code == 303
    assert user_of(other.http) == "admin@acme.example"


@pytest.mark.parametrize("support", [False, True])
def test_an_expired_link_is_refused(engine: Engine, visitor: httpx.Client, consent: None, support: bool):
    refused = press(visitor, signed(engine, ago_s=301, support=support))
    assert refused.status_code == 410
    assert "has expired" in refused.text
    assert 'href="/web/reset_password"' in refused.text  # who never chose a password has no other way in
    assert visitor.get("/web/reset_password").status_code == 200
    assert user_of(visitor) is None


def test_a_link_of_another_instance_is_refused(engine: Engine, visitor: httpx.Client):
    refused = press(visitor, signed(engine, "beta"))
    assert refused.status_code == 403
    assert "not valid" in refused.text


@pytest.mark.parametrize("end", ["terminated", "renamed"])
def test_a_link_does_not_open_the_next_instance_with_the_same_name(engine: Engine, end: str):
    create(engine, "first")
    path = httpx.URL(engine.instances.login_link("first").reveal()).raw_path.decode()
    try:
        if end == "terminated":
            engine.instances.terminate("first")
        else:
            engine.instances.rename("first", "moved")
            assert press(browser(engine.context.route("moved")), path).status_code == 403
            engine.instances.rename("moved", "first")
            assert press(browser(engine.context.route("first")), path).status_code == 403
            engine.instances.rename("first", "moved")
        create(engine, "first")
        assert press(browser(engine.context.route("first")), path).status_code == 403
    finally:
        for found in engine.instances.all():
            if found.name in ("first", "moved"):
                engine.instances.terminate(found.name)


@pytest.mark.parametrize("token", ["", "nonsense", "a.b", "%00", "é.é"])
def test_an_invalid_link_is_refused(visitor: httpx.Client, token: str):
    assert visitor.get("/saas/login", params={"token": token}).status_code == 403


def test_a_suspended_instances_link_does_nothing_and_works_again_afterwards(
    engine: Engine, visitor: httpx.Client
):
    path = link(engine)
    engine.instances.suspend("acme")
    try:
        assert visitor.get(path).status_code == 503
        assert visitor.post("/saas/login", data={}).status_code == 503
    finally:
        engine.instances.reactivate("acme")
    assert press(visitor, path).status_code == 303


def test_an_archived_administrator_cannot_be_logged_in(engine: Engine, visitor: httpx.Client):
    path = link(engine)
    with engine.context.cluster.connect("acme") as inside:
        inside.execute("UPDATE res_users SET active = false WHERE login = 'admin@acme.example'")
        try:
            assert press(visitor, path).status_code == 403
        finally:
            inside.execute("UPDATE res_users SET active = true WHERE login = 'admin@acme.example'")


@pytest.fixture
def second_factor(engine: Engine, acme: Creation) -> Iterator[None]:
    """The administrator protects the account with codes from a phone."""
    statement = "UPDATE res_users SET totp_secret = %s WHERE login = 'admin@acme.example'"
    with engine.context.cluster.connect("acme") as inside:
        inside.execute(statement, ["JBSWY3DPEHPK3PXP"])
        yield
        inside.execute(statement, [None])


def test_a_link_stands_for_the_password_and_not_for_the_second_factor(
    engine: Engine, visitor: httpx.Client, second_factor: None
):
    answer = press(visitor, link(engine))
    assert "/web/login/totp" in answer.headers["location"]
    assert user_of(visitor) is None
    assert "authentication code" in visitor.get(answer.headers["location"]).text.lower()


def test_support_is_not_asked_for_the_owners_second_factor(
    engine: Engine, visitor: httpx.Client, consent: None, second_factor: None
):
    press(visitor, link(engine, support=True))
    assert user_of(visitor) == "admin@acme.example"


def test_no_log_holds_a_link(engine: Engine, visitor: httpx.Client):
    path = link(engine)
    press(visitor, path)
    log = "\n".join(engine.instances.logs("acme"))
    assert "/saas/login?token=***" in log
    assert httpx.URL(path).params["token"].split(".")[1] not in log


def test_a_link_is_made_for_instances_only(engine: Engine, acme: Creation):
    assert "***" in repr(engine.instances.login_link("acme"))
    with pytest.raises(InstanceNotFound):
        engine.instances.login_link("nobody")


# ---------------------------------------------------------------- support


def test_support_can_log_in_with_the_owners_consent_only(
    engine: Engine, visitor: httpx.Client, admin: OdooClient
):
    path = link(engine, by="Ann", support=True)
    refused = press(visitor, path)
    assert refused.status_code == 403
    assert "has not allowed it" in refused.text
    assert user_of(visitor) is None
    give_consent(admin, True)
    assert press(visitor, path).status_code == 303
    assert user_of(visitor) == "admin@acme.example"
    give_consent(admin, False)


def test_a_support_session_is_recorded_and_shown(
    engine: Engine, visitor: httpx.Client, admin: OdooClient, consent: None
):
    press(visitor, link(engine, by="Ann of Support", support=True))
    visit = visits(admin)[0]
    assert (visit["kind"], visit["operator"], visit["address"]) == ("support", "Ann of Support", "127.0.0.1")
    assert visit["ends_at"]
    info = visitor.post("/web/session/get_session_info", json={"params": {}}).json()["result"]
    (banner,) = info["saas_banners"]
    assert banner["level"] == "support"
    assert "Ann of Support" in banner["text"]
    with pytest.raises(OdooError):
        admin.call("saas.tenant.access", "unlink", [visit["id"]])
    with pytest.raises(OdooError):
        admin.call("saas.tenant.access", "write", [visit["id"]], {"operator": "Nobody"})


def test_a_support_session_ends_after_fifteen_minutes(engine: Engine, visitor: httpx.Client, consent: None):
    press(visitor, link(engine, by="Ann", support=True))
    file = session_file(engine, visitor)
    session = json.loads(file.read_text())
    assert 800 < session["deletion_time"] - session["create_time"] <= 900
    assert user_of(visitor) == "admin@acme.example"
    session = json.loads(file.read_text())
    # Move the login 15 minutes into the past. Odoo's renewal of sessions must not extend it.
    session["saas_support_ends_at"] -= 900
    session.pop("deletion_time", None)
    file.write_text(json.dumps(session))
    assert user_of(visitor) is None
    assert "/web/login" in visitor.get("/odoo").headers["location"]


def test_an_ordinary_login_by_link_does_not_end_so_soon(engine: Engine, visitor: httpx.Client):
    press(visitor, link(engine))
    session = json.loads(session_file(engine, visitor).read_text())
    assert "deletion_time" not in session
    assert "saas_support_ends_at" not in session


def session_file(engine: Engine, visitor: httpx.Client) -> Path:
    sid = visitor.cookies["session_id"]
    return engine.context.filestores.folder("acme") / ".sessions" / sid[:2] / sid


def test_only_administrators_can_read_the_support_log(engine: Engine, admin: OdooClient):
    values = {"name": "Employee", "login": "employee", "password": "a long password"}
    (user,) = admin.call("res.users", "create", [values])
    with engine.context.cluster.connect("acme") as inside:
        inside.execute(
            "DELETE FROM res_groups_users_rel WHERE uid = %s AND gid <> (SELECT res_id FROM ir_model_data"
            " WHERE module = 'base' AND name = 'group_user')",
            [user],
        )
    employee = WebClient(engine.context.route("acme"), "acme", "employee", Secret("a long password"))
    with pytest.raises(OdooError, match="not allowed to access"):
        visits(employee)
    visits(admin)


# ---------------------------------------------------------------- ends the administrator's session


def test_a_user_who_logged_in_by_a_link_can_set_a_password_without_the_old_one(
    engine: Engine, visitor: httpx.Client
):
    press(visitor, link(engine))
    user = called(visitor, "res.users", "search", [["login", "=", "admin@acme.example"]])
    action = called(visitor, "res.users", "preference_change_password", user)
    assert action["res_model"] == "change.password.own"
    new = {"new_password": "chosen by himself", "confirm_password": "chosen by himself"}
    wizard = called(visitor, "change.password.own", "create", [new])
    called(visitor, "change.password.own", "change_password", wizard)
    route = engine.context.route("acme")
    assert WebClient(route, "acme", "admin@acme.example", Secret("chosen by himself")).session_info["uid"]


# ---------------------------------------------------------------- a new password


def test_a_reset_password_is_the_only_one_that_works_and_ends_the_old_one_s_sessions(engine: Engine):
    old = create(engine, "lost")
    route = engine.context.route("lost")
    try:
        before = WebClient(route, "lost", old.login, old.password)
        new = engine.instances.reset_password("lost")
        assert new.login == old.login
        assert "***" in repr(new.password)
        with pytest.raises(OdooError):
            before.call("res.users", "search", [])
        with pytest.raises(LoginRefused):
            WebClient(route, "lost", old.login, old.password)
        assert WebClient(route, "lost", new.login, new.password).session_info["uid"]
    finally:
        engine.instances.terminate("lost")


def test_a_password_is_reset_for_the_login_that_the_customer_chose(engine: Engine):
    create(engine, "lost")
    try:
        with engine.context.cluster.connect("lost") as inside:
            inside.execute("UPDATE res_users SET login = 'ann' WHERE login = 'admin@lost.example'")
        new = engine.instances.reset_password("lost")
        assert new.login == "ann"
        assert WebClient(engine.context.route("lost"), "lost", "ann", new.password).session_info["uid"]
    finally:
        engine.instances.terminate("lost")


def test_no_password_is_reset_where_nobody_can_log_in(engine: Engine):
    create(engine, "lost")
    try:
        engine.instances.suspend("lost")
        with pytest.raises(InvalidTransition, match="suspended: it cannot get a new password"):
            engine.instances.reset_password("lost")
        engine.instances.reactivate("lost")
        with engine.context.cluster.connect("lost") as inside:
            inside.execute("UPDATE res_users SET active = false WHERE login = 'admin@lost.example'")
        with pytest.raises(AdministratorMissing):
            engine.instances.reset_password("lost")
    finally:
        engine.instances.terminate("lost")
    with pytest.raises(InstanceNotFound):
        engine.instances.reset_password("lost")
