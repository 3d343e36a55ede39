"""The documentation names existing files, links, commands, settings, answers and recipes."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import typer
from tests.support.pages import ROOT, Fence, anchors, code_spans, fences, links, page, pages, spans, table

from tenantry.cli.main import app
from tenantry.model.names import LOCAL_SERVER
from tenantry.model.recipe import Recipe
from tenantry.settings import ServerSettings

_LANGUAGES = {
    *("console", "text", "python", "json", "toml", "ini", "sql", "nginx", "html", "js", "mermaid"),
}
_NOTES = {"not run", "typed"}
ADDONS = ROOT / "addons" / "master"
_HISTORY = ROOT / "docs" / "decisions"
"""Decisions also mention what existed at their time."""

each_page = pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
each_fence = pytest.mark.parametrize("fence", [f for page in pages() for f in fences(page)], ids=str)


# ---------------------------------------------------------------- links, files, blocks


@each_page
def test_every_link_within_the_tree_leads_somewhere(page: Path):
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if "://" in link or link.startswith("mailto:"):
            continue
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@each_page
def test_every_file_of_ours_that_is_named_is_there(page: Path):
    if _HISTORY in page.parents or page.name == "CHANGELOG.md":
        return
    for name in filter(_is_file_of_ours, code_spans(page)):
        assert any(fnmatch(f"/{file}", f"*/{name.rstrip('/')}") for file in _tree()), name


def _is_file_of_ours(name: str) -> bool:
    folder = (
        r"(src|tests|addons|docs|bench|requirements|control_plane|operations|postgres|odoo|model|spawner)/"
    )
    return bool(re.fullmatch(rf"{folder}[\w./*-]*|[\w./*-]+\.(py|md|sql|lock)", name))


def _tree() -> set[str]:
    files = {str(file.relative_to(ROOT)) for top in _TOPS for file in (ROOT / top).rglob("*")}
    return files | {file.name for file in ROOT.iterdir()}


_TOPS = ("src", "tests", "addons", "docs", "bench", "requirements")


def test_pages_that_programs_refer_people_to_are_there():
    named = re.compile(r"\bdocs/[\w/-]+\.md(?:#[\w-]+)?")
    for file in [*(ROOT / "src").rglob("*.*"), *(ROOT / "addons").rglob("*.py")]:
        if file.suffix not in (".py", ".toml", ".sql", ".in"):
            continue
        for name in named.findall(file.read_text(encoding="utf-8")):
            path, _, anchor = name.partition("#")
            assert (ROOT / path).is_file(), f"{file}: {name}"
            assert not anchor or anchor in anchors(ROOT / path), f"{file}: {name}"


@pytest.mark.parametrize("folder", ["decisions", "howto"])
def test_the_index_has_every_page(folder: str):
    linked = {(ROOT / "docs" / link).resolve() for link in links(page("README.md"))}
    assert set((ROOT / "docs" / folder).glob("*.md")) <= linked


def test_every_library_has_a_reason():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    told = page("decisions/0008-libraries.md").read_text(encoding="utf-8")
    libraries = [re.split(r"[^\w-]", requirement)[0] for requirement in project["dependencies"]]
    assert [library for library in libraries if library not in told] == []


@each_fence
def test_a_block_says_its_language_and_is_valid(fence: Fence):
    assert fence.language in _LANGUAGES
    assert set(fence.notes) <= _NOTES
    if fence.language == "python":
        compile(fence.text, str(fence), "exec")
    elif fence.language == "json":
        json.loads(fence.text)
    elif fence.language == "toml":
        tomllib.loads(fence.text)


@each_fence
def test_a_block_of_commands_is_run_or_says_why_not(fence: Fence):
    """`tests/acceptance/test_docs_commands.py` runs every other one."""
    assert fence.notes.get("not run", "a reason")
    if fence.language == "console":
        assert fence.text.startswith("$ ")


# ---------------------------------------------------------------- the command


def _commands(command: Any, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Each command, without those that are groups of others."""
    for name, part in getattr(command, "commands", {}).items():
        yield from _commands(part, *path, name)
    if not hasattr(command, "commands"):
        yield path, command


COMMANDS = dict(_commands(typer.main.get_command(app)))


def test_the_page_of_the_command_line_lists_every_command_and_no_other():
    listed = [
        tuple(name.split()) for row in table("howto/cli.md", "command", "does") for name in spans(row[0])
    ]
    assert sorted(listed) == sorted(COMMANDS)


@each_page
def test_every_command_and_option_that_is_named_is_there(page: Path):
    if _HISTORY in page.parents:
        return
    shown = [line for fence in fences(page) if fence.language in ("console", "ini") for line in [fence.text]]
    for text in [*shown, *code_spans(page)]:
        for words in re.findall(r"(?:^|[\s/(|])tenantry((?: +[^\s|;)`]+)*)", text, re.MULTILINE):
            _require_command(*words.partition("#")[0].split())


def _require_command(*words: str) -> None:
    if not words or words[0].startswith("-"):
        return
    assert words[0] in {path[0] for path in COMMANDS}, words
    command = COMMANDS.get(words[:1]) or COMMANDS.get(words[:2])
    if command is None:
        assert len(words) == 1, words
        return
    known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    for word in words:
        if word.startswith("--") and "ignore_unknown_options" not in command.context_settings:
            assert word.partition("=")[0] in known, words


@each_page
def test_every_target_of_make_that_is_named_is_there(page: Path):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    shown = [fence.text for fence in fences(page) if fence.language == "console"]
    for text in [*shown, *code_spans(page)]:
        for named in re.findall(r"(?:^|\$ )make ([a-z-]+)", text, re.MULTILINE):
            assert named in targets


# ---------------------------------------------------------------- settings


def test_the_page_of_settings_lists_every_variable_and_no_other():
    listed = {name for row in table("howto/settings.md", "variable") for name in spans(row[0])}
    read = ServerSettings.at(ROOT, ROOT).to_environment().keys() - {"TENANTRY_INSIDE_MASTER"}
    assert listed == read | {
        *("TENANTRY_MASTER", "TENANTRY_API_KEY", "TENANTRY_CONFIG", "TENANTRY_SERVER"),
    }


def test_the_page_of_settings_has_their_defaults():
    defaults = ServerSettings.from_environment({}).to_environment() | {"TENANTRY_SERVER": LOCAL_SERVER}
    for variable, default, *_ in table("howto/settings.md", "variable"):
        for literal in re.findall(r"^`([^`]+)`$", default):
            assert defaults[spans(variable)[0]] == literal
        assert default != "empty" or defaults[spans(variable)[0]] == ""


@pytest.mark.parametrize("name", ["production", "settings"])
def test_a_file_of_settings_is_one_that_tenantry_takes(name: str, tmp_path: Path):
    (shown,) = [fence for fence in fences(page(f"howto/{name}.md")) if fence.language == "toml"]
    (tmp_path / "settings.toml").write_text(shown.text)
    (tmp_path / "settings.toml").chmod(0o600)
    settings = ServerSettings.from_environment({"TENANTRY_HOME": str(tmp_path)})
    assert settings.base_domain == "example.com"
    assert all(settings.other(other) for other in settings.others())


def _parameters() -> Iterator[tuple[str, object]]:
    """The back office's system parameters on its pages of settings, with their defaults."""
    for file in ADDONS.glob("*/models/res_config_settings*.py"):
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            told = {word.arg: word.value for word in getattr(call, "keywords", ())}
            if isinstance(parameter := told.get("config_parameter"), ast.Constant):
                default = told.get("default")
                yield str(parameter.value), getattr(default, "value", None)


def test_the_pages_of_settings_list_every_parameter_of_the_back_office_and_its_default():
    listed = {
        spans(row[1])[0]: row[2]
        for name in ("settings", "signup", "captcha")
        for row in table(f"howto/{name}.md", "setting", "parameter", "default")
    }
    there = dict(_parameters())
    technical = {"saas_api.webhooks_allow_private", "saas_signup.minimum_s"}
    assert listed.keys() == there.keys() | technical
    for parameter, default in there.items():
        if default is not None:
            assert listed[parameter] == f"`{default}`", parameter


# ---------------------------------------------------------------- what programs and recipes may say


def test_every_code_the_api_refuses_with_is_told_with_its_status():
    told = {refusal for row in table("howto/api.md", "status", "codes") for refusal in _refusals(row)}
    text = (ADDONS / "saas_manager_api/errors.py").read_text(encoding="utf-8")
    assert {code for _, code in told} == set(re.findall(r'^    "([A-Z_]+)",$', text, re.MULTILINE))
    assert set(re.findall(r'^    (\d+): \("([A-Z_]+)"', text, re.MULTILINE)) <= told


def _refusals(row: list[str]) -> Iterator[tuple[str, str]]:
    return ((status, code) for status in row[0].split(", ") for code in spans(row[1]) if code.isupper())


def test_every_event_of_webhooks_is_told():
    data = (ADDONS / "saas_manager_webhook/data/saas_webhook_event_data.xml").read_text(encoding="utf-8")
    told = {name for row in table("howto/webhooks.md", "event", "when") for name in spans(row[0])}
    assert told == set(re.findall(r'<field name="name">([\w.]+)</field>', data))


def test_every_key_of_a_recipe_is_told_and_its_example_is_one():
    told = {spans(row[0])[0] for row in table("howto/templates.md", "key", "type", "default")}
    assert told == {field.name for field in fields(Recipe)} - {"code"}
    (example,) = (fence.text for fence in fences(page("howto/templates.md")) if fence.language == "toml")
    assert Recipe.from_toml("agency", example).modules


def test_every_shipped_recipe_is_named():
    named = set(code_spans(page("howto/templates.md")))
    assert {file.stem for file in (ROOT / "src/tenantry/recipes").glob("*.toml")} <= named


@pytest.mark.parametrize(
    ("model", "heading"), [("ir.cron", ("scheduled action", "when")), ("mail.template", ("mail", "to"))]
)
def test_every_scheduled_action_and_mail_of_the_back_office_is_told(model: str, heading: tuple[str, str]):
    named = re.compile(rf'model="{model}">\s*<field name="name">(?:SaaS: )?([^<]+)</field>')
    files = ADDONS.glob("*/data/*.xml")
    there = [name for file in files for name in named.findall(file.read_text(encoding="utf-8"))]
    told = [name for row in table("howto/back-office.md", *heading) for name in row[0].split("; ")]
    assert sorted(told) == sorted(there)
