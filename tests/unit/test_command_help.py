"""The command helps: flags look like flags, examples can be typed, and TAB offers what exists."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from tests.support.program import tenantry_program
from tests.support.recording_master import RecordingMaster, recording_master
from typer.testing import CliRunner

from tenantry.cli import complete
from tenantry.cli.main import app
from tenantry.cli.output import modules_loaded
from tenantry.errors import RecipeNotFound, TemplateNotFound

ROOT = typer.main.get_command(app)


def _commands(command: Any, *path: str) -> Iterator[tuple[str, Any]]:
    for name, part in getattr(command, "commands", {}).items():
        yield from _commands(part, *path, name)
    if not hasattr(command, "commands"):
        yield " ".join(path), command


COMMANDS = dict(_commands(ROOT))
WITH_ARGUMENTS = [
    name
    for name, command in COMMANDS.items()
    if any(one.param_type_name == "argument" for one in command.params)
]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_flag_has_no_type_in_the_help(name: str):
    shown = CliRunner().invoke(app, [*name.split(), "--help"], env={"COLUMNS": "100"}).output
    assert "<bool>" not in shown
    assert "--help" in shown


@pytest.mark.parametrize("name", WITH_ARGUMENTS)
def test_a_command_with_arguments_shows_examples_that_can_be_typed(name: str):
    command = COMMANDS[name]
    heading, *examples = (command.epilog or "").split("\n\n")
    assert heading.startswith("Example")
    for example in examples:
        program, *words = shlex.split(example)
        group = name.split()
        assert [program, *words[: len(group)]] == ["tenantry", *group]
        command.make_context(name, words[len(group) :])  # raises for what it does not take


def test_bench_shows_its_short_way():
    assert "--quick" in CliRunner().invoke(app, ["bench", "--help"], env={"COLUMNS": "100"}).output


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TENANTRY_HOME", raising=False)
    monkeypatch.setenv("TENANTRY_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("TENANTRY_MASTER", "")
    return tmp_path


def test_the_recipes_are_offered_before_anything_runs(nowhere: Path):
    (nowhere / ".tenantry").mkdir()
    assert complete.codes("re") == ["restaurant"]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("tenantry template build re", ["restaurant"]),
        ("tenantry create acme a@acme.example --template servi", ["services"]),
        ("tenantry --server lo", ["local"]),
        ("tenantry instance sus", ["suspend"]),
        ("tenantry instance show a", []),
    ],
)
def test_a_shell_that_asks_gets_them_and_nothing_else(
    nowhere: Path, tmp_path_factory: pytest.TempPathFactory, typed: str, offered: list[str]
):
    (nowhere / ".tenantry").mkdir()
    asked = {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split()) - 1)}
    answered = subprocess.run(
        tenantry_program(tmp_path_factory.mktemp("program")),
        env={**os.environ, **asked, "_TENANTRY_COMPLETE": "complete_bash"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (answered.stdout.split(), answered.stderr) == (offered, "")


def test_where_there_is_no_installation_nothing_is_offered_and_none_is_made(nowhere: Path):
    assert complete.codes("") == []
    assert complete.instances("") == []
    assert complete.requests("") == []
    assert list(nowhere.iterdir()) == []


@pytest.fixture
def master(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RecordingMaster]:
    (nowhere / "config").mkdir()
    with recording_master() as server:
        monkeypatch.setenv("TENANTRY_MASTER", server.url)
        monkeypatch.setenv("TENANTRY_API_KEY", "0123456789abcdef0123456789abcdef")
        yield server


def test_the_ids_of_a_masters_requests_are_offered_and_asked_for_once_a_minute(
    master: RecordingMaster, nowhere: Path
):
    rows = [{"request_id": one, "state": "failed", "progress": 0.0} for one in ("80d5-a", "80d5-b", "9-c")]
    master.will_tell(rows, next=None)
    assert complete.requests("80") == ["80d5-a", "80d5-b"]
    assert complete.requests("9") == ["9-c"]
    assert len(master.calls) == 1
    kept = (nowhere / "config" / "completion.json").read_text()
    assert "0123456789abcdef" not in kept
    assert json.loads(kept)


def test_a_master_that_does_not_answer_offers_nothing(master: RecordingMaster):
    master.answers.append((500, {}, "{}"))
    assert complete.requests("") == []


def test_an_unknown_template_names_the_known_ones_and_the_one_that_was_meant():
    error = TemplateNotFound("restaurantz", ["blank"], ["restaurant", "services"])
    assert "Did you mean restaurant?" in error.remedy
    for code in ("blank", "services"):
        assert code in error.remedy


def test_a_template_that_was_only_not_built_says_how():
    error = TemplateNotFound("restaurant", ["blank"], ["restaurant"])
    assert "`tenantry template build restaurant`" in error.remedy
    assert "template build nope" not in TemplateNotFound("nope", ["blank"]).remedy


def test_an_unknown_recipe_names_the_one_that_was_meant():
    assert "Did you mean services?" in RecipeNotFound("service", ["blank", "services"]).remedy


def test_how_many_modules_odoo_has_loaded_is_read_from_its_log():
    log = "... odoo.modules.loading: Loading module web (1/40)\n... Loading module crm (7/40) \n..."
    assert modules_loaded(log) == ", module 7 of 40"
    assert modules_loaded("Registry loaded in 3 s") == ""
