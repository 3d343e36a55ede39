"""Every mail as its reader sees it on a phone: in three languages, in the light and in the dark."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from tests.support.back_office import BackOffice
from tests.support.mail_server import MailServer, serving, text_of
from tests.support.screen import SIZES

_LANGUAGES = ("en_US", "fr_FR", "vi_VN")
_SCHEMES = ("light", "dark")
_TOKEN = "kept-to-oneself-" * 8
_TOLD = {
    "login_link": f"https://faubourg.operator.example/saas/login?token={_TOKEN}",
    "verification_url": f"https://operator.example/signup/confirm?token={_TOKEN}",
    "operators": "olivia@operator.example",
}
_PERSON, _COMPANY = "Anne-Charlotte de Montfaucon", "Pâtisserie du Faubourg"
_BEFORE, _SUBDOMAIN = "patisserie-de-la-rue-du-faubourg", "patisserie-du-faubourg"
_REASON = "The invoice of May is unpaid."
_NAMES = {_PERSON, _COMPANY, _BEFORE, _SUBDOMAIN, _REASON, "My Company", "Starter", "This Server"}
_SETTINGS = {"saas.termination_days": "30", "saas.collect_payments": "True"}
"""With them, mails have the most sentences."""
_NUMBER = "X-Number-Of-Test"
"""A header of the mails that a test sends: those of the operations come in between."""
_RULES = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-name", "image-alt"]}}
_SAME_EVERYWHERE = re.compile(r"://|@|^SUB/|^[\W\d_]*$")
"""Addresses, the number of a subscription, and signs."""
_TEXTS = """() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
    while (walker.nextNode()) {
        const it = walker.currentNode;
        if (it.parentElement.checkVisibility()) found.push(it.textContent.replace(/\\s+/g, " ").trim());
    }
    return found;
}"""
_LINKS = """() => [...document.querySelectorAll("a")].map(
    (it) => [it.getAttribute("href") ?? "", it.innerText.trim()])"""
_TOO_WIDE = """() => [...document.querySelectorAll("html, table, td, p, a, span, img")]
    .filter((it) => it.checkVisibility() && it.getBoundingClientRect().right > innerWidth + 1)
    .map((it) => `${it.tagName} ends at ${it.getBoundingClientRect().right}: ${it.innerText}`)"""
_BROKEN_LINES = re.compile(r"[{}<>*]|\[\d+\]|&\w+;|\n{3}|^ | $", re.MULTILINE)


@dataclass(frozen=True)
class Sent:
    """A mail in one language, as it came out of the mail server."""

    name: str
    language: str
    mail: EmailMessage

    @property
    def plain(self) -> str:
        return text_of(self.mail).replace("\r\n", "\n")


class Post:
    """Sends every mail in every language."""

    def __init__(self, office: BackOffice, server: MailServer) -> None:
        self.office, self.server = office, server
        self.sent: list[Sent] = []
        self.templates = office.call(
            "mail.template", "search_read", [["model", "like", "saas."]], ["name", "model"]
        )
        self.names = {template["name"] for template in self.templates}
        request, self.instance = self._order()
        self.records = {
            "saas.instance": self.instance,
            "saas.subscription": office.find("saas.subscription", instance_id=self.instance),
            "saas.instance.request": request,
        }
        (company,) = office.call("res.company", "search", [], limit=1)
        self.readers = [
            office.read("saas.instance", self.instance, "partner_id")["partner_id"][0],
            office.read("res.company", company, "partner_id")["partner_id"][0],
        ]

    def _order(self) -> tuple[int, int]:
        """A request, and its instance."""
        values = {
            "customer_name": _PERSON,
            "customer_email": "anne-charlotte@patisserie-du-faubourg.example",
            "company_name": _COMPANY,
            "subdomain": _BEFORE,
            "plan_id": self.office.find("saas.plan", code="starter"),
            "template_id": self.office.find("saas.template", code="tiny"),
        }
        request = self.office.call("saas.instance.request", "create", [values])[0]
        self.office.call("saas.instance.request", "action_submit", [request])
        instance = self.office.read("saas.instance.request", request, "instance_id")["instance_id"][0]
        self.office.wait("saas.instance", instance, ["active"])
        return request, instance

    def change(self, action: str, state: str, **arguments: str) -> None:
        self.office.press(action, self.instance, **arguments)
        self.office.wait("saas.instance", self.instance, [state])

    def send(self, *names: str) -> None:
        """Send these mails in each language."""
        for language in _LANGUAGES:
            self.office.call("res.partner", "write", self.readers, {"lang": language})
            for template in self.templates:
                if template["name"] in names:
                    self._send(template, language)
        self.office.call("res.partner", "write", self.readers, {"lang": "en_US"})

    def _send(self, template: dict[str, Any], language: str) -> None:
        number = str(len(self.sent))
        options = {
            "force_send": True,
            "email_values": {"headers": repr({_NUMBER: number})},
            "context": {"lang": "en_US", **_TOLD},
        }
        record = self.records[template["model"]]
        self.office.call("mail.template", "send_mail", template["id"], record, **options)
        (mail,) = [it for it in list(self.server.mails) if it[_NUMBER] == number]
        self.sent.append(Sent(template["name"], language, mail))


@pytest.fixture(scope="module")
def post(office: BackOffice) -> Iterator[Post]:
    with serving(office) as server:
        post = Post(office, server)
        for name, value in _SETTINGS.items():
            office.call("ir.config_parameter", "set_param", name, value)
        post.change("action_suspend", "suspended", reason=_REASON)
        post.send("Instance: suspended")
        post.change("action_reactivate", "active")
        post.change("change_subdomain", "active", subdomain=_SUBDOMAIN)
        post.send(*post.names - {"Instance: suspended", "Instance: terminated"})
        office.terminate(post.instance)
        post.send("Instance: terminated")
        for name in _SETTINGS:
            office.call("ir.config_parameter", "set_param", name, False)
        yield post


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(**SIZES["phone"])
    yield context.new_page()
    context.close()


def _show(page: Page, sent: Sent, scheme: str = "light") -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_content(text_of(sent.mail, "html"), wait_until="load")


def _texts(page: Page, sent: Sent) -> set[str]:
    """What is shown, but for what is the same in every language."""
    _show(page, sent)
    return {it for it in page.evaluate(_TEXTS) if it not in _NAMES and not _SAME_EVERYWHERE.search(it)}


def test_every_mail_comes_in_every_language(post: Post) -> None:
    assert len(post.names) > 10
    assert {(sent.name, sent.language) for sent in post.sent} == set(product(post.names, _LANGUAGES))


def test_a_mail_fits_a_phone_and_is_legible_in_the_light_and_in_the_dark(
    post: Post, page: Page, pictures: Path
) -> None:
    wrong = []
    for sent, scheme in product(post.sent, _SCHEMES):
        _show(page, sent, scheme)
        name = re.sub(r"\W+", "-", f"mail {sent.name} {sent.language} {scheme}")
        page.screenshot(path=pictures / f"{name}.png", full_page=True)
        violations = Axe().run(page, options=_RULES).response["violations"]
        wrong += [f"{name}: {it}" for it in (*page.evaluate(_TOO_WIDE), *violations)]
    assert wrong == []


def test_each_link_of_a_mail_has_words_and_a_whole_address(post: Post, page: Page) -> None:
    found = []
    for sent in post.sent:
        _show(page, sent)
        found += [(sent.name, address, words) for address, words in page.evaluate(_LINKS)]
    assert [it for it in found if not it[2] or not it[1].startswith(("http://", "https://"))] == []
    assert {words for _, address, words in found if _TOKEN in address} > {
        "Log in",
        "Se connecter",
        "Đăng nhập",
    }


def test_no_sentence_of_a_mail_stays_in_english(post: Post, page: Page) -> None:
    english = {sent.name: sent for sent in post.sent if sent.language == "en_US"}
    for sent in post.sent:
        if sent.language != "en_US":
            original, translated = _texts(page, english[sent.name]), _texts(page, sent)
            assert original & translated == set(), f"{sent.name}, {sent.language}"
            assert len(translated) > 2, sent.name
            assert sent.mail["subject"] != english[sent.name].mail["subject"]


def test_a_mail_has_a_plain_text_that_reads_well(post: Post) -> None:
    for sent in post.sent:
        assert not _BROKEN_LINES.search(sent.plain), sent.plain
        paragraphs = sent.plain.strip().split("\n\n")
        assert len(paragraphs) > 2, sent.plain
        assert paragraphs[-1] == "My Company · office@operator.example"
