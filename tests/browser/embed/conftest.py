"""A web site beside the master and its visitors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from tests.support.back_office import BackOffice
from tests.support.embedding import sql
from tests.support.mail_server import MailServer
from tests.support.screen import SIZES, Screen
from tests.support.web_site import WebSite


@pytest.fixture
def key(office: BackOffice, site: WebSite, mails: MailServer) -> Iterator[str]:
    """A publishable key of the site; each test starts with fresh limits and leaves nothing.

    Nobody can sign up without a mail server.
    """
    sql(office, "DELETE FROM saas_api_count")
    (record,) = office.call("saas.api.key.publishable", "create", [{"name": "Site", "origins": site.origin}])
    yield office.read("saas.api.key.publishable", record, "key")["key"]
    live = [["state", "not in", ["draft", "terminated", "failed"]]]
    office.terminate(*office.call("saas.instance", "search", live))


@pytest.fixture(params=list(SIZES))
def screen(
    browser: Browser, office: BackOffice, pictures: Path, request: pytest.FixtureRequest
) -> Iterator[Screen]:
    screen = Screen(browser, request.param, office.engine.master.url, pictures)
    yield screen
    # A page that was left open would go on asking.
    screen.page.context.close()


@pytest.fixture
def page(browser: Browser, office: BackOffice, pictures: Path) -> Iterator[Page]:
    page = Screen(browser, "desktop", office.engine.master.url, pictures).page
    yield page
    page.context.close()
