"""The snippet in pages of another web site, and visitors who sign up there."""

from __future__ import annotations

import re
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from tenantry.model.names import MASTER_DATABASE
from tests.support import react
from tests.support.back_office import BackOffice
from tests.support.mail_server import MailServer, text_of
from tests.support.web_site import WebSite

_ROOT = Path(__file__).parents[2]
EXAMPLES, S4 = _ROOT / "docs" / "examples", _ROOT / "tests" / "browser" / "embed" / "s4"
SNIPPET = _ROOT / "addons" / "master" / "saas_manager_signup" / "static" / "src" / "snippet.js"
HOW_TO = (_ROOT / "docs" / "howto" / "api.md").read_text()
_LINK = re.compile(r"https?://\S+/signup/confirm\S+")
PATIENCE_MS = 60_000


def sql(office: BackOffice, statement: str) -> list[tuple]:
    with office.engine.context.cluster.connect(MASTER_DATABASE) as inside:
        cursor = inside.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def made_ours(text: str, office: BackOffice, key: str) -> str:
    """An example with our address and our key, and nothing else changed."""
    assert "https://office.example.com/api" in text
    assert "pk_..." in text
    return text.replace("https://office.example.com/api", f"{office.engine.master.url}/api").replace(
        "pk_...", key
    )


def of_s4(name: str, office: BackOffice, key: str) -> str:
    """An example of the auto-provisioning document, with our address, and the key as a header."""
    text = (S4 / name).read_text()
    address, header = "https://votre-api.com/api", "'Content-Type': 'application/json'"
    assert address in text
    assert header in text
    text = text.replace(address, f"{office.engine.master.url}/api")
    return text.replace(header, f"{header}, 'X-API-Key': '{key}'")


def page_with_element(office: BackOffice, key: str, **attributes: str) -> str:
    """A page with the element as the how-to has it; attributes are added."""
    (block,) = re.findall(r"```html\n(<script type=\"module\".*?)```", HOW_TO, re.DOTALL)
    more = "".join(f' {name}="{value}"' for name, value in attributes.items())
    body = made_ours(block, office, key).replace("<tenantry-signup", f"<tenantry-signup{more}")
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Our site</title>'
    return f'<!DOCTYPE html><html lang="en">{head}<main><h1>Our site</h1>{body}</main></html>'


def page_in_react(component: str, folder: Path, office: BackOffice, site: WebSite) -> str:
    """The address of a page with that component."""
    script = react.bundle(
        component, folder, office.engine.settings.installation.cache, signup=SNIPPET.read_text()
    )
    site.publish("/app.js", script)
    return site.publish("/react", react.PAGE)


def sign_up(page: Page, company: str, email: str) -> None:
    page.locator("[name=company], #companyName").fill(company)
    page.locator("[type=email]").fill(email)
    page.get_by_role("button", name=re.compile("create|créer", re.IGNORECASE)).click()


def confirm(page: Page, mails: MailServer, email: str) -> None:
    """Follow the link of the mail in another tab, and press its button."""
    mail = mails.wait_to(email)
    found = _LINK.search(text_of(mail))
    assert found, text_of(mail)
    tab = page.context.new_page()
    tab.goto(found[0])
    tab.get_by_role("button", name="Create").click()
    tab.wait_for_url("**/signup/progress/*")
    tab.close()


def expect_open(page: Page, link: Locator) -> None:
    """The link leads into the instance."""
    expect(link).to_be_visible(timeout=PATIENCE_MS)
    page.goto(link.get_attribute("href") or "")
    expect(page.locator("form.oe_login_form")).to_be_visible()


def expect_accessible(page: Page) -> None:
    """Check that the page is accessible."""
    violations = Axe().run(page).response["violations"]
    assert [it for it in violations if it["impact"] in ("serious", "critical")] == []


def count_of_requests(office: BackOffice, company: str) -> int:
    return office.call("saas.instance.request", "search_count", [["company_name", "=", company]])


def expect_active(office: BackOffice, subdomain: str) -> None:
    instance = office.find("saas.instance", subdomain=subdomain)
    assert office.wait("saas.instance", instance, ["active", "failed"])["state"] == "active"
