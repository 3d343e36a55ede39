"""The watcher of the walks finds what it is for, on small pages of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page
from tests.support.walk import Walk
from tests.support.web_site import WebSite

_PAGE = """<!doctype html><title>A page</title><link rel=icon href="data:,"><body>
<button onclick="ask('/slow.json')">Silent</button>
<button onclick="this.disabled = true; ask('/slow.json')">Honest</button>
<button>Idle</button>
<button onclick="add('o_notification', '<b class=bg-danger>No!</b>')">Red</button>
<button onclick="add('', 'Oops! Something went wrong.')">Crash</button>
<button onclick="this.disabled = true; ask('/refused.json')">Refused</button>
<button onclick="this.disabled = true; nothing.at.all()">Throws</button>
<a href="/next">Next</a>
<script>
function ask(url) { const it = new XMLHttpRequest(); it.open("GET", url); it.send(); }
function add(kind, html) {
    document.body.insertAdjacentHTML("beforeend", `<div class="${kind}">${html}</div>`);
}
</script>"""
_FILES = {
    "/": _PAGE,
    "/next": '<link rel=icon href="data:,"><p>It is here.</p>',
    "/dead": '<link rel=icon href="data:,"><a href="/nowhere">Dead</a>',
    "/picture": '<link rel=icon href="data:,"><img src="/lost.png">',
    "/slow.json": "{}",
    "/refused.json": '{"jsonrpc": "2.0", "error": {"message": "Odoo", "data": {"message": "You may not."}}}',
}


@pytest.fixture(scope="module")
def site() -> Iterator[WebSite]:
    site = WebSite()
    site.start()
    for path, content in _FILES.items():
        site.publish(path, content)
    yield site
    site.stop()


@pytest.fixture
def walk(site: WebSite) -> Walk:
    return Walk(site.origin, "tester")


@pytest.fixture
def page(browser: Browser, site: WebSite, walk: Walk) -> Iterator[Page]:
    context = browser.new_context(base_url=site.origin)
    walk.watch(context)
    page = context.new_page()
    page.goto("/")
    yield page
    context.close()


@pytest.mark.parametrize(
    ("button", "fault"),
    [
        ("Silent", '"Silent" showed nothing while it waited for /slow.json'),
        ("Idle", "'Idle' at http://127.0.0.1:[0-9]+/ showed nothing"),
        ("Red", "it showed an error: No!"),
        ("Crash", "it showed a crash: Oops!"),
        ("Refused", "/refused.json was refused: You may not."),
        ("Throws", "nothing is not defined"),
    ],
)
def test_a_press_that_a_person_would_call_broken_fails_the_walk(
    page: Page, walk: Walk, button: str, fault: str
) -> None:
    page.get_by_role("button", name=button).click()
    with pytest.raises(AssertionError, match=fault):
        walk.end()


def test_a_press_that_shows_something_and_a_link_that_leads_on_pass(page: Page, walk: Walk) -> None:
    page.get_by_role("button", name="Honest").click()
    page.get_by_role("link", name="Next").click()
    page.wait_for_url("**/next")
    walk.end()
    assert [press.how for press in walk.presses] == ["a change of the page", "another page"]


def test_a_link_that_leads_nowhere_fails_the_walk(page: Page, walk: Walk) -> None:
    page.goto("/dead")
    with pytest.raises(AssertionError, match=r"the link 'Dead' of \S+/dead leads to 404"):
        walk.end()


def test_an_error_of_anything_on_a_page_fails_the_walk(page: Page, walk: Walk) -> None:
    page.goto("/picture")
    with pytest.raises(AssertionError, match=r"404 from GET \S+/lost.png"):
        walk.end()


def test_an_expected_refusal_passes(page: Page, walk: Walk) -> None:
    with walk.expecting(404, "/lost.png"):
        page.goto("/picture")
        walk.end()
