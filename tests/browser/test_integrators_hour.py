"""An integrator's first hour: keys and a form for their web site, then all else by their program."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from tests.support.back_office import BackOffice
from tests.support.embedding import confirm, expect_open
from tests.support.mail_server import MailServer
from tests.support.screen import Person, Screen
from tests.support.visitor import HOME
from tests.support.walk import Walk
from tests.support.web_site import WebSite
from tests.support.webhook_receiver import Receiver

_ALLOW_PRIVATE = "saas_api.webhooks_allow_private"
_PAUSES_S = (0.2, 0.3, 0.5, 1, 2, 3, 5, 8)
"""Between two looks at a request, as `docs/howto/api.md` says."""


@pytest.fixture
def receiver(office: BackOffice) -> Iterator[Receiver]:
    """On this machine, so private addresses are allowed meanwhile."""
    receiver = Receiver()
    receiver.start()
    office.call("ir.config_parameter", "set_param", _ALLOW_PRIVATE, "1")
    yield receiver
    office.call("saas.webhook", "unlink", office.call("saas.webhook", "search", []))
    office.call("ir.config_parameter", "set_param", _ALLOW_PRIVATE, False)
    receiver.stop()


@pytest.fixture
def nothing_left(office: BackOffice) -> Iterator[None]:
    yield
    live = [["state", "not in", ["draft", "terminated", "failed"]]]
    office.terminate(*office.call("saas.instance", "search", live))


class Program:
    """The integrator's: it knows the address of the API, a key and the secret of its webhook."""

    def __init__(self, http: httpx.Client, receiver: Receiver, secret: str) -> None:
        self.http, self.receiver, self.secret = http, receiver, secret

    def get(self, path: str) -> Any:
        return self._data(self.http.get(path))

    def post(self, path: str, **values: Any) -> Any:
        return self._data(self.http.post(path, json=values))

    def order(self, reference: str, **wishes: Any) -> Any:
        """Order an instance under a reference of their own: sent twice, it is one order."""
        (first, second) = (
            self.http.post(
                "/provisioning/create_instance", json=wishes, headers={"Idempotency-Key": reference}
            )
            for _time in range(2)
        )
        assert first.json() == second.json()
        return self._data(first)

    def follow(self, request: str) -> dict[str, Any]:
        """Look at a request until it has ended."""
        for pause_s in itertools.chain(_PAUSES_S, itertools.repeat(_PAUSES_S[-1])):
            told = self.get(f"/provisioning/request_status/{request}")
            if told["state"] in ("completed", "failed"):
                return told
            time.sleep(pause_s)
        raise AssertionError

    def manage(self, instance: str, action: str, **values: Any) -> dict[str, Any]:
        """Begin an operation, and wait for its event; what the event says."""
        before = len(self.receiver.messages)
        self.post(f"/provisioning/manage_instance/{instance}", action=action, **values)
        return self.hear(before)

    def hear(self, before: int) -> dict[str, Any]:
        """The event after so many, with its signature verified."""
        self.receiver.wait_for_count(before + 1)
        return self.receiver.messages[before].verified(self.secret)

    def _data(self, answer: httpx.Response) -> Any:
        assert answer.is_success, answer.text
        return answer.json()["data"]


@pytest.mark.timeout(1200)
@pytest.mark.usefixtures("nothing_left")
def test_an_integrator_embeds_the_signup_and_runs_an_instances_life_by_a_program(
    browser: Browser,
    office: BackOffice,
    operator: Person,
    mails: MailServer,
    site: WebSite,
    receiver: Receiver,
    pictures: Path,
) -> None:
    master = office.engine.master.url
    walk = Walk(master, "integrator")
    screen = Screen(browser, "desktop", master, pictures)
    walk.watch(screen.page.context)
    screen.page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=master)
    screen.log_in(operator)
    key = _make_an_api_key(screen, operator)
    snippet = _copy_the_snippet(screen, site)
    walk.check()

    visitor = Screen(browser, "desktop", master, pictures)
    walk.watch(visitor.page.context)
    _sign_up_on_the_web_site(visitor.page, site.publish("/", _page_with(snippet)), mails)
    walk.check()

    secret, headers = _make_a_webhook(screen, receiver), {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=f"{master}/api", headers=headers, timeout=60) as http:
        _run_a_life(Program(http, receiver, secret), visitor.page, walk)
    walk.end()
    for one in (screen, visitor):
        one.page.context.close()


# ------------------------------------------------------------ in the back office


def _make_an_api_key(screen: Screen, person: Person) -> str:
    page = screen.page
    page.locator(".o_user_menu button").click()
    page.get_by_role("menuitem", name="My Preferences").click()
    page.get_by_role("tab", name="Security").click()
    page.get_by_role("button", name="Add API Key").click()
    page.locator(".modal [name=password] input").fill(person.password)
    page.get_by_role("button", name="Confirm Password").click()
    page.get_by_placeholder("What's this key for?").fill("Our web shop")
    page.get_by_label("Only for the SaaS API").check()
    expect(page.locator(".modal [name=duration] input")).to_have_value("3 Months")
    screen.picture("hour-key")
    page.get_by_role("button", name="Generate key").click()
    expect(page.locator(".modal")).to_contain_text("Authorization: Bearer KEY")
    screen.picture("hour-key-shown")
    key = _copied(page, ".modal [name=key]")
    page.get_by_role("button", name="Done!").click()
    return key


def _copy_the_snippet(screen: Screen, site: WebSite) -> str:
    _open_configuration(screen, "Publishable Keys")
    page = screen.page
    screen.press("New")
    page.locator("[name=name] input").fill("Our web site")
    page.locator("[name=origins] textarea").fill(f"{site.origin}/")
    page.locator(".o_form_button_save").click()
    snippet = _copied(page, "div:has(> [name=snippet])")
    screen.picture("hour-snippet")
    assert f'src="{page.url.partition("/odoo")[0]}/api/signup.js"' in snippet
    return snippet


def _make_a_webhook(screen: Screen, receiver: Receiver) -> str:
    """Its secret."""
    _open_configuration(screen, "Webhooks")
    page = screen.page
    screen.press("New")
    page.locator("[name=name] input").fill("Our web shop")
    page.locator("[name=url] input").fill(receiver.url)
    page.locator(".o_form_button_save").click()
    screen.press("Show the Secret")
    secret = _copied(page, ".modal [name=secret]")
    screen.press("Done")
    expect(page.locator(".modal")).to_have_count(0)
    screen.press("Send a Test")
    receiver.wait_for(["ping"])
    receiver.messages[0].verified(secret)
    expect(page.locator(".o_notification")).to_contain_text("The test has arrived")
    screen.picture("hour-webhook-test")
    return secret


def _open_configuration(screen: Screen, name: str) -> None:
    screen.open("saas-dashboard", ".o_saas_dashboard")
    screen.page.get_by_role("button", name="Configuration").click()
    screen.page.get_by_role("menuitem", name=name, exact=True).click()
    screen.wait_for(".o_list_view")


def _copied(page: Page, field: str) -> str:
    """What its copy button puts into the clipboard."""
    page.locator(field).locator(".o_clipboard_button").click()
    expect(page.get_by_text("Copied", exact=True)).to_be_visible()
    return page.evaluate("navigator.clipboard.readText()")


# ------------------------------------------------------------ on the web site


def _page_with(snippet: str) -> str:
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Our shop</title>'
    return f'<!DOCTYPE html><html lang="en">{head}<main><h1>Our shop</h1>{snippet}</main></html>'


def _sign_up_on_the_web_site(page: Page, address: str, mails: MailServer) -> None:
    email = "vic@shop-window.example"
    page.goto(address)
    page.get_by_label("Company").fill("Shop Window")
    page.get_by_label("Your name").fill("Vic Window")
    page.get_by_label("Email").fill(email)
    expect(page.get_by_text("shop-window is free.")).to_be_visible()
    page.get_by_role("button", name="Create my Odoo").click()
    expect(page.get_by_text("Look into your mailbox")).to_be_visible()
    confirm(page, mails, email)
    expect_open(page, page.get_by_role("link", name="shop-window"))


# ------------------------------------------------------------ by the program


def _run_a_life(program: Program, page: Page, walk: Walk) -> None:
    (template,) = program.get("/provisioning/templates")
    first, other = program.get("/provisioning/plans")[:2]
    before = len(program.receiver.messages)
    request = program.order(
        "order-4711",
        customer_email="olga@orchard.example",
        customer_name="Olga Orchard",
        company_name="Orchard Ltd",
        subdomain="orchard",
        plan_id=first["id"],
        template=template["code"],
    )["request_id"]
    told = program.follow(request)
    assert (told["state"], told["progress"], told["error"]) == ("completed", 100, None)
    instance, url = told["instance"]["id"], told["instance"]["url"]
    events = [program.hear(before)]
    assert events[0]["data"]["request_id"] == request
    _expect_way_in(page, program.post(f"/instances/{instance}/login_link")["url"])
    walk.follow_links()

    events.append(program.manage(instance, "rename", subdomain="meadow"))
    assert events[-1]["data"]["previous_subdomain"] == "orchard"
    _expect_moved(page, walk, url, program.get(f"/provisioning/instance_info/{instance}"))
    walk.follow_links()

    events.append(program.manage(instance, "change_plan", plan=other["code"]))
    assert events[-1]["data"]["previous_plan"] == first["code"]
    assert program.get(f"/provisioning/instance_info/{instance}")["plan"]["code"] == other["code"]

    events.append(program.manage(instance, "suspend", reason="March was not paid"))
    assert events[-1]["data"]["reason"] == "March was not paid"
    events.append(program.manage(instance, "reactivate"))
    events.append(program.manage(instance, "terminate", confirm="meadow"))
    assert program.get(f"/provisioning/instance_info/{instance}")["state"] == "terminated"

    assert [event["type"].removeprefix("instance.") for event in events] == [
        *("provisioned", "renamed", "plan_changed", "suspended", "reactivated", "terminated")
    ]
    assert {event["data"]["instance"]["id"] for event in events} == {instance}
    assert [event["data"]["instance"]["subdomain"] for event in events] == ["orchard", *["meadow"] * 5]


def _expect_way_in(page: Page, link: str) -> None:
    page.goto(link)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/saas/password")
    page.get_by_role("link", name="Later").click()
    expect(page.locator(HOME)).to_be_visible()
    # A client that is left open would go on asking the address that is renamed.
    page.goto("about:blank")


def _expect_moved(page: Page, walk: Walk, old: str, now: dict[str, Any]) -> None:
    """The old name is gone, and the new one serves."""
    assert now["subdomain"] == "meadow"
    assert re.search(r"//meadow\.", now["url"])
    served = page.goto(f"{now['url']}/web/login")
    assert served is not None
    assert served.status == 200
    with walk.expecting(404, old):
        gone = page.goto(f"{old}/web/login")
        assert gone is not None
        assert gone.status == 404
