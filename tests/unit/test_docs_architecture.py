"""The pages on the architecture have the steps, states, errors and rooms that the code has, and no others."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import fields

import pytest
from tests.support.pages import ROOT, fences, page, spans, table

from tenantry import errors
from tenantry.control_plane import install as install_master
from tenantry.model.catalog import Kind, Label, State
from tenantry.model.states import TRANSITIONS
from tenantry.operations.instance import lifecycle, provision, rename
from tenantry.operations.railway import create as create_on_railway
from tenantry.operations.railway import terminate as delete_on_railway
from tenantry.operations.template import build as build_template
from tenantry.operations.template import edit as edit_template
from tenantry.remote import errors as remote_errors


def test_the_errors_in_the_table_are_of_the_family_and_exit_code_they_stand_at():
    for code, family, examples in table("engine.md", "exit", "family", "examples"):
        for base in map(_error, spans(family)):
            assert str(base.exit_code) == code
            assert all(issubclass(_error(name), base) for name in spans(examples) if name[0].isupper())


def _error(name: str) -> type[errors.TenantryError]:
    return getattr(errors, name, None) or getattr(remote_errors, name)


def test_every_layer_and_every_room_of_the_spawner_is_told():
    layers = [row[0] for row in table("architecture.md", "layer", "owns")]
    told = {name.partition("/")[0].removesuffix(".py") for name in spans(" ".join(layers))}
    assert told == _modules("") - {"__init__", "recipes"}
    rooms = [row[0] for row in table("tenant-server.md", "room", "owns")]
    assert {name.removesuffix(".py") for name in spans(" ".join(rooms))} == _modules("spawner") - {
        *("__init__", "__main__"),
    }


def _modules(package: str) -> set[str]:
    found = (ROOT / "src/tenantry" / package).iterdir()
    return {file.stem for file in found if file.suffix == ".py" or any(file.glob("*.py"))}


def test_every_field_of_a_label_is_told():
    told = [name for row in table("engine.md", "field", "meaning", "read by") for name in spans(row[0])]
    assert sorted(told) == sorted(field.name for field in fields(Label))


_STEPS = {
    "suspend": lifecycle.SUSPEND,
    "reactivate": lifecycle.REACTIVATE,
    "stop": lifecycle.STOP,
    "start": lifecycle.START,
    "rename": rename.STEPS,
    "terminate": lifecycle.TERMINATE,
    "create": create_on_railway.STEPS,
    "delete": delete_on_railway.STEPS,
    "build": build_template.STEPS,
    "ready": edit_template.STEPS,
    "install": install_master.INSTALL,
    "update": install_master.UPDATE,
}


_PAGES = ("engine.md", "master.md")


@pytest.mark.parametrize("operation", _STEPS)
def test_the_steps_of_an_operation_are_told_in_their_order(operation: str):
    steps = {step.name for each in _STEPS.values() for step in each}
    rows = {_first(row[0]): row[1] for name in _PAGES for row in table(name, "operation", "steps")}
    told = [name for name in spans(rows[operation]) if name in steps]
    assert told == [step.name for step in _STEPS[operation]]


def _first(cell: str) -> str:
    return re.split(r"[ ,(]", cell)[0] if not cell.startswith("install modules") else cell


def test_the_steps_of_a_creation_are_told_in_their_order():
    told = [spans(row[0])[0] for row in table("engine.md", "step", "is it done?")]
    assert told == [step.name for step in provision.STEPS]


def test_states_and_kinds_are_told_of_completely():
    for row in table("engine.md", "field", "meaning", "read by"):
        if row[0] in ("`kind`", "`state`"):
            told = Kind if row[0] == "`kind`" else State
            assert set(spans(row[1])) == {str(one.value) for one in told}
    words = dict(row[:2] for row in table("glossary.md", "the code's word"))
    for word, told in (("kind", Kind), ("state", State)):
        assert words[word] == f"of a label: {', '.join(told)}"


def test_the_drawing_of_states_is_the_table_of_transitions():
    drawings = [f.text for f in fences(page("engine.md")) if "[*] --> provisioning" in f.text]
    drawn = set(re.findall(r"(\w+) --> (\w+)", drawings[0]))
    assert drawn == {
        (str(before), str(after)) for (_, before), after in TRANSITIONS.items() if before != after
    }


def test_every_function_of_others_that_a_tenants_process_replaces_is_told():
    functions = [row[0] for row in table("tenant-server.md", "function of Odoo's", "becomes")]
    guarded = [row[1] for row in table("tenant-server.md", "guard", "replaces", "refuses")]
    told = spans(" ".join([*functions, *guarded]))
    assert sorted(told) == sorted(_replaced())


def _replaced() -> Iterator[str]:
    """The full names of what the `install` functions of `saas_process` replace."""
    for file in (ROOT / "addons/tenant/saas_process").rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for function in tree.body:
            if isinstance(function, ast.FunctionDef) and function.name == "install":
                yield from _assigned(function, _imported(tree))


def _imported(tree: ast.Module) -> dict[str, str]:
    names = [n for node in tree.body if isinstance(node, ast.ImportFrom) for n in node.names]
    modules = {n: node.module for node in tree.body if isinstance(node, ast.ImportFrom) for n in node.names}
    return {name.asname or name.name: f"{modules[name]}.{name.name}" for name in names}


def _assigned(function: ast.FunctionDef, imported: dict[str, str]) -> Iterator[str]:
    for node in ast.walk(function):
        for target in node.targets if isinstance(node, ast.Assign) else ():
            if isinstance(target, ast.Attribute):
                first, dot, rest = ast.unparse(target).replace("type(config)", "config").partition(".")
                yield imported.get(first, first) + dot + rest
