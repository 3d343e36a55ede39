"""Users of right-to-left languages get mirrored pages, which are made with the template."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest
from tests.support import rtlcss
from tests.support.odoo_client import OdooClient

from tenantry.engine import Engine
from tenantry.errors import CannotMirror, TemplateNotFound
from tenantry.model.recipe import Recipe
from tenantry.settings import ServerSettings

_ARABIC = Recipe("arabic", "Arabic", ("web",), languages=("ar_001",))


@pytest.fixture
def arabic(engine: Engine, settings: ServerSettings) -> Iterator[str]:
    """A template built with rtlcss, which is removed before the template is used."""
    programs = rtlcss.install(settings.home / "npm", settings.installation.cache)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
        engine.templates.build(_ARABIC)
    yield _ARABIC.code
    engine.templates.drop(_ARABIC.code)


def test_no_template_is_built_without_rtlcss(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("shutil.which", lambda _program: None)
    with pytest.raises(CannotMirror, match="ar_001"):
        engine.templates.build(_ARABIC)
    with pytest.raises(TemplateNotFound):
        engine.templates.get(_ARABIC)


def test_pages_are_mirrored_although_rtlcss_was_removed(engine: Engine, arabic: str):
    spec = engine.instances.spec(name="souk", email="a@souk.example", template=arabic, language="ar_001")
    creation = engine.instances.provision(spec)
    try:
        admin = OdooClient(engine, creation).http
        page = admin.get("/odoo", follow_redirects=True).text
        (sheet,) = re.findall(r'href="(/web/assets/[^"]*assets_web\.[^"]*css)"', page)
        style = re.sub(r"\s+", "", admin.get(sheet).text)
    finally:
        engine.instances.terminate("souk")
    assert ".rtl." in sheet
    assert ".float-start{float:right!important" in style
