"""The pages of addresses that are not served name the provider, and cannot be made to say anything else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tenantry.edge.front import Front
from tenantry.edge.pages import LANGUAGES, read_provider, write_pages, write_provider
from tenantry.errors import InvalidValue
from tenantry.model.provider import NOBODY, Provider
from tenantry.settings import ServerSettings

ACME = Provider(
    "Acme <Cloud>", "hello@acme.example", "https://acme.example/help", "Call us.\nMonday & Friday"
)


@pytest.fixture
def front(tmp_path: Path) -> Front:
    return Front(ServerSettings.at(tmp_path / "home", tmp_path / "cache"))


def page_of(folder: Path, name: str, language: str = "en") -> str:
    return (folder / f"{name}.{language}.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["unknown", "suspended", "stopped"])
@pytest.mark.parametrize(("language", "word"), [("en", "Contact"), ("fr", "Contact"), ("vi", "Liên hệ")])
def test_a_page_says_whose_it_is_and_whom_to_ask(tmp_path: Path, name: str, language: str, word: str):
    write_pages(tmp_path, ACME)
    page = page_of(tmp_path, name, language)
    assert '<p class="provider">Acme &lt;Cloud&gt;</p>' in page
    assert f'{word}: <a href="https://acme.example/help">acme.example/help</a>' in page
    assert '<a href="mailto:hello@acme.example">hello@acme.example</a>' in page
    assert "Call us.\nMonday &amp; Friday" in page
    assert "<Cloud>" not in page


def test_without_a_provider_the_pages_have_no_empty_parts(tmp_path: Path):
    write_pages(tmp_path)
    assert "<p class" not in page_of(tmp_path, "suspended")


def test_the_provider_is_shown_at_once_and_after_a_restart(front: Front):
    front.folder.mkdir(parents=True)
    front.settings.home.mkdir(exist_ok=True)
    front.keep_provider(ACME)
    assert "acme.example/help" in page_of(front.folder / "pages", "stopped")
    for file in (front.folder / "pages").iterdir():
        file.unlink()
    front.write(8069)
    assert "acme.example/help" in page_of(front.folder / "pages", "stopped")
    names = {
        f"{page}.{form}"
        for page in ("unknown", "closed")
        for form in (*map("{}.html".format, LANGUAGES), "json")
    }
    assert names <= {file.name for file in (front.folder / "pages").iterdir()}


def test_it_can_be_set_before_the_first_start(front: Front):
    front.settings.home.mkdir()
    front.keep_provider(ACME)
    assert not front.folder.exists()


@pytest.mark.parametrize("text", [None, "", "[1]", '{"name": 3}', '{"odd": ""}', '{"url": "javascript:x"}'])
def test_an_unreadable_file_does_not_keep_the_front_from_starting(tmp_path: Path, text: str | None):
    file = tmp_path / "provider.json"
    if text is not None:
        file.write_text(text)
    assert read_provider(file) == NOBODY


def test_what_is_written_is_read(tmp_path: Path):
    write_provider(tmp_path / "provider.json", ACME)
    assert read_provider(tmp_path / "provider.json") == ACME
    assert json.loads((tmp_path / "provider.json").read_text())["name"] == "Acme <Cloud>"


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "javascript:alert(1)"},
        {"email": "hello@acme.example?bcc=all@acme.example"},
        {"email": 'a@b"onclick="x y'},
        {"notice": "x" * 501},
    ],
)
def test_a_provider_that_cannot_be_shown_is_refused(wrong: dict[str, str]):
    with pytest.raises(InvalidValue):
        Provider(**wrong)
