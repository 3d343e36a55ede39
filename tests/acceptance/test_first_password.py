"""The last step of a signup: choosing a password, and what a customer sees first."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.support.odoo_client import OdooClient, OdooError, WebClient, browser
from tests.support.tenants import create

from tenantry.engine import Engine
from tenantry.errors import LoginRefused
from tenantry.model.entitlements import Entitlements
from tenantry.model.instance import Creation
from tenantry.model.secret import Secret

PAGE = "/saas/password"
CHOSEN = "four words are enough"


@pytest.fixture
def fresh(engine: Engine) -> Iterator[Creation]:
    """An instance that nobody entered yet."""
    yield create(engine, "fresh")
    engine.instances.terminate("fresh")


@pytest.fixture
def visitor(engine: Engine, fresh: Creation) -> httpx.Client:
    return browser(engine.context.route("fresh"))


def enter(engine: Engine, visitor: httpx.Client, **wishes: Any) -> str:
    """Open a login link and press its button; return the path that they are led to."""
    url = httpx.URL(engine.instances.login_link("fresh", **wishes).reveal())
    page = visitor.get(url.raw_path.decode())
    return httpx.URL(send(visitor, "/saas/login", page, token=url.params["token"]).headers["location"]).path


def send(visitor: httpx.Client, path: str, page: httpx.Response, **fields: str) -> httpx.Response:
    token = re.search(r'name="csrf_token"\s+value="([^"]+)"', page.text)
    assert token
    return visitor.post(path, data={"csrf_token": token[1], **fields})


def choose(visitor: httpx.Client, password: str, confirmation: str | None = None) -> httpx.Response:
    again = password if confirmation is None else confirmation
    return send(visitor, PAGE, visitor.get(PAGE), password=password, confirmation=again)


def session_info(visitor: httpx.Client) -> dict[str, Any]:
    answer = visitor.post("/web/session/get_session_info", json={"params": {}}).json()
    return dict(answer.get("result", {}))


def called(visitor: httpx.Client, model: str, method: str, *args: object) -> Any:
    params = {"model": model, "method": method, "args": args, "kwargs": {}}
    return (
        visitor.post(f"/web/dataset/call_kw/{model}/{method}", json={"params": params}).json().get("result")
    )


def changing_password(visitor: httpx.Client) -> str:
    """What Odoo shows after *Change password* in the preferences."""
    return str(called(visitor, "res.users", "preference_change_password", [2])["res_model"])


def age_session(engine: Engine, visitor: httpx.Client) -> None:
    """Let eleven minutes pass since the login."""
    sid = visitor.cookies["session_id"]
    file = engine.context.filestores.folder("fresh") / ".sessions" / sid[:2] / sid
    session = json.loads(file.read_text())
    session["identity-check-last"] -= 11 * 60
    file.write_text(json.dumps(session))


def test_a_customer_who_enters_by_a_link_chooses_a_password_and_goes_on(
    engine: Engine, fresh: Creation, visitor: httpx.Client
):
    assert enter(engine, visitor) == PAGE
    page = visitor.get(PAGE)
    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-store"
    assert fresh.login in page.text
    answer = choose(visitor, CHOSEN)
    assert (answer.status_code, httpx.URL(answer.headers["location"]).path) == (303, "/odoo")
    assert session_info(visitor)["username"] == fresh.login
    route = engine.context.route("fresh")
    assert WebClient(route, "fresh", fresh.login, Secret(CHOSEN)).session_info["uid"]
    with pytest.raises(LoginRefused):
        WebClient(route, "fresh", fresh.login, fresh.password)


def test_it_is_asked_for_once_only(engine: Engine, visitor: httpx.Client):
    enter(engine, visitor)
    choose(visitor, CHOSEN)
    assert enter(engine, visitor) == "/odoo"
    assert visitor.get(PAGE).status_code == 303
    form = visitor.get(httpx.URL(engine.instances.login_link("fresh").reveal()).raw_path.decode())
    send(visitor, PAGE, form, password="another one", confirmation="another one")
    route = engine.context.route("fresh")
    assert WebClient(route, "fresh", "admin@fresh.example", Secret(CHOSEN)).session_info["uid"]


@pytest.mark.parametrize(
    ("password", "confirmation", "sentence"),
    [
        ("short", "short", "at least 8 characters"),
        (CHOSEN, "something else", "not the same"),
        ("admin@fresh.example", "admin@fresh.example", "your login"),
        ("        ", "        ", "at least 8 characters"),
    ],
)
def test_a_password_that_cannot_be_used_is_refused_with_the_reason(
    engine: Engine, visitor: httpx.Client, password: str, confirmation: str, sentence: str
):
    enter(engine, visitor)
    answer = choose(visitor, password, confirmation)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert enter(engine, visitor) == PAGE


def test_odoos_own_policy_holds(engine: Engine, visitor: httpx.Client):
    engine.instances.install_modules("fresh", ["auth_password_policy"])
    with engine.context.cluster.connect("fresh") as inside:
        inside.execute(
            "UPDATE ir_config_parameter SET value = '12' WHERE key = 'auth_password_policy.minlength'"
        )
        inside.execute("INSERT INTO orm_signaling_default DEFAULT VALUES")
        inside.execute("INSERT INTO orm_signaling_stable DEFAULT VALUES")
    enter(engine, visitor)
    assert "at least 12 characters" in choose(visitor, "ten chars.").text


def test_who_puts_it_off_is_asked_again_and_never_for_a_password_that_nobody_knew(
    engine: Engine, visitor: httpx.Client
):
    enter(engine, visitor)
    (banner,) = session_info(visitor)["saas_banners"]
    assert banner["link"]["url"] == PAGE
    age_session(engine, visitor)
    assert changing_password(visitor) == "change.password.own"
    assert enter(engine, visitor) == PAGE
    choose(visitor, CHOSEN)
    assert session_info(visitor)["saas_banners"] == []
    age_session(engine, visitor)
    assert changing_password(visitor) == "res.users.identitycheck"


def test_a_password_that_was_used_is_not_asked_for_again_until_it_is_reset(
    engine: Engine, fresh: Creation, visitor: httpx.Client
):
    OdooClient(engine, fresh)
    assert enter(engine, visitor) == "/odoo"
    engine.instances.reset_password("fresh")
    assert enter(engine, visitor) == PAGE, "also in the browser whose session has ended by that"


def test_support_cannot_choose_the_customers_password(engine: Engine, fresh: Creation, visitor: httpx.Client):
    customer = browser(engine.context.route("fresh"))
    enter(engine, customer)
    (settings,) = called(customer, "res.config.settings", "create", [{"saas_support_access": True}])
    called(customer, "res.config.settings", "execute", [settings])
    assert enter(engine, visitor, support=True) == "/odoo"
    assert visitor.get(PAGE).headers["location"].endswith("/odoo")
    form = visitor.get(httpx.URL(engine.instances.login_link("fresh").reveal()).raw_path.decode())
    answer = send(visitor, PAGE, form, password=CHOSEN, confirmation=CHOSEN)
    assert answer.headers["location"].endswith("/odoo")
    with pytest.raises(LoginRefused):
        WebClient(engine.context.route("fresh"), "fresh", fresh.login, Secret(CHOSEN))
    assert not any(banner["key"] == "password" for banner in session_info(visitor)["saas_banners"])


def test_another_site_cannot_choose_the_password(engine: Engine, fresh: Creation, visitor: httpx.Client):
    enter(engine, visitor)
    assert visitor.post(PAGE, data={"password": CHOSEN, "confirmation": CHOSEN}).status_code == 400
    with pytest.raises(LoginRefused):
        WebClient(engine.context.route("fresh"), "fresh", fresh.login, Secret(CHOSEN))


def test_a_visitor_who_is_not_logged_in_gets_the_login_page(visitor: httpx.Client):
    assert "/web/login" in visitor.get(PAGE).headers["location"]


# ---------------------------------------------------------------- the first page


@pytest.mark.parametrize(
    ("modules", "first"), [(["contacts"], "Contacts"), (["contacts", "project"], "Projects")]
)
def test_the_first_page_is_their_app_and_no_robot_has_written(
    engine: Engine, fresh: Creation, visitor: httpx.Client, modules: list[str], first: str
):
    """Project comes with another app, To-do."""
    engine.instances.install_modules("fresh", modules)
    enter(engine, visitor)
    assert visitor.get("/odoo").status_code == 200
    home = session_info(visitor)["home_action_id"]
    assert called(visitor, "ir.actions.actions", "read", [home], ["name"])[0]["name"] == first
    with engine.context.cluster.connect("fresh") as inside:
        assert inside.execute("SELECT count(*) FROM mail_message WHERE body LIKE '%emoji%'").fetchone() == (
            0,
        )


def test_the_welcome_is_shown_to_the_administrator_until_they_close_it(
    engine: Engine, fresh: Creation, visitor: httpx.Client
):
    provider = Entitlements(provider="Corner Hosting", provider_email="help@corner.example")
    engine.instances.entitle("fresh", provider)
    enter(engine, visitor)
    welcome = session_info(visitor)["saas_welcome"]
    assert "mailto:help@corner.example" in [step.get("url") for step in welcome["steps"]]
    values = {"name": "Employee", "login": "employee", "password": "a long password"}
    called(visitor, "res.users", "create", [values])
    employee = WebClient(engine.context.route("fresh"), "fresh", "employee", Secret("a long password"))
    assert employee.session_info["saas_welcome"] is None
    employee.call("saas.welcome", "close")
    assert session_info(visitor)["saas_welcome"]
    called(visitor, "saas.welcome", "close")
    assert session_info(visitor)["saas_welcome"] is None


# ---------------------------------------------------------------- the login page


def test_without_a_mail_server_reset_password_claims_nothing_and_names_who_helps(
    engine: Engine, fresh: Creation, visitor: httpx.Client
):
    provider = Entitlements(provider="Corner Hosting", provider_email="help@corner.example")
    engine.instances.entitle("fresh", provider)
    for login in (fresh.login, "nobody@fresh.example"):
        answer = send(visitor, "/web/reset_password", visitor.get("/web/reset_password"), login=login)
        assert "instructions sent" not in answer.text
        assert "Corner Hosting (help@corner.example)" in answer.text
    client = OdooClient(engine, fresh)
    client.call("ir.mail_server", "create", {"name": "Own", "smtp_host": "127.0.0.1", "smtp_port": 9})
    answer = send(visitor, "/web/reset_password", visitor.get("/web/reset_password"), login=fresh.login)
    assert "cannot send mails yet" not in answer.text


def test_without_a_mail_server_an_invitation_is_not_said_to_be_sent(engine: Engine, fresh: Creation):
    client = OdooClient(engine, fresh)
    cook = {"name": "Cook", "login": "cook@fresh.example", "email": "cook@fresh.example"}
    (user,) = client.call("res.users", "create", [cook])
    with engine.context.cluster.connect("fresh") as inside:
        assert inside.execute("SELECT count(*) FROM mail_mail").fetchone() == (0,)
        (told,) = inside.execute(
            "SELECT message FROM bus_bus WHERE message LIKE '%simple_notification%' ORDER BY id DESC LIMIT 1"
        ).fetchone() or ("",)
    assert "No mail was sent to cook@fresh.example" in told
    with pytest.raises(OdooError, match="cannot send mails yet"):
        client.call("res.users", "action_reset_password", [user])


def test_nobody_can_make_an_account_until_the_customer_allows_it(
    engine: Engine, fresh: Creation, visitor: httpx.Client
):
    assert "Don't have an account" not in visitor.get("/web/login").text
    assert visitor.get("/web/signup").status_code == 404
    client = OdooClient(engine, fresh)
    client.call("ir.config_parameter", "set_param", "auth_signup.invitation_scope", "b2c")
    assert visitor.get("/web/signup").status_code == 200
