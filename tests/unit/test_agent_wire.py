"""Values arrive unchanged between client and agent, and a line can create no other objects."""

from __future__ import annotations

import ast
import inspect
import json
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from unittest.mock import Mock

import pytest

from tenantry import errors
from tenantry.agent.client import RemoteEngine
from tenantry.agent.handler import _method
from tenantry.agent.offer import METHODS, NOUNS, PARTS, PROVISION, REPORTS_STEPS, function
from tenantry.agent.transports import through_socket
from tenantry.agent.wire import from_line, to_line
from tenantry.engine import templates as engine_templates
from tenantry.engine.templates import Templates
from tenantry.errors import AgentLost, InvalidName, ModuleNotFound, NotOffered, TenantryError
from tenantry.model.activity import Activity
from tenantry.model.catalog import State
from tenantry.model.difference import Difference, Proposal, Quarantined, Reconciliation, What
from tenantry.model.entitlements import Entitlements
from tenantry.model.instance import Creation, Instance, InstanceSpec
from tenantry.model.progress import StepEvent, StepStatus
from tenantry.model.recipe import Recipe
from tenantry.model.secret import Secret
from tenantry.model.server import WIRE
from tenantry.model.states import Action
from tenantry.model.template import PoolStatus, Template, TemplateState
from tenantry.model.usage import Usage
from tenantry.operations import patience
from tenantry.operations.instance.provision import Session
from tenantry.operations.template.edit import Editing

ROOT = Path(__file__).parents[2]
GATEWAY = ROOT / "addons" / "master" / "saas_manager" / "gateway"
INSTANCE = Instance("acme", State.ACTIVE, "http://acme.localhost", "shop", "1.0.0", ("odoo.acme.example",))
VALUES = [
    None,
    True,
    7,
    1.5,
    "Łódź\n\u2028",
    ("a", ("b",)),
    frozenset({"a", "b"}),
    {"idle_s": 60, "nested": {"row": ("x",)}},
    Path("/srv/odoo"),
    Secret("hunter2"),
    INSTANCE,
    Creation(INSTANCE, "a@acme.example", Secret("x"), 0.1, True, (("prepare", 0.01),), ("Mind the chart.",)),
    InstanceSpec.checked(name="acme", email="a@acme.example", password=Secret("x"), limits={"idle_s": 60}),
    Entitlements(users=5, plan="Small"),
    Recipe("shop", "Shop", ("web",), languages=("fr_FR",)),
    Template("shop", "template_shop", "1", "19.0", TemplateState.STALE, "it is old", 1, ("web",), (), "FR"),
    PoolStatus("shop", 2, 1),
    StepEvent("suspend", "acme", "lock", StepStatus.DONE, 0.5, 0.1),
    Usage(3, 2**40, "2030-01-01T00:00:00+00:00"),
    Activity("acme", True, pid=7, next_job_s=None),
    Editing("http://localhost", "admin", Secret("x")),
    Reconciliation(
        (Difference(What.FOLDER, "ghost", "it has no database", Proposal.QUARANTINE, 1.8e9, "done"),),
        (Quarantined(What.DATABASE, "lost_261130_acme", "2026-12-30"),),
    ),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_arrives_as_it_was(value: object) -> None:
    assert from_line(to_line({"result": value})) == {"result": value}
    assert to_line({"result": value}).count(b"\n") == 1


def test_a_list_arrives_as_a_tuple() -> None:
    assert from_line(to_line({"result": ["a", ["b"]]})) == {"result": ("a", ("b",))}


@pytest.mark.parametrize(
    "error",
    [
        InvalidName("A", "it is too short", "acme"),
        ModuleNotFound(["no_such"], [Path("/srv/addons")]),
        errors.Busy("instance acme"),
        errors.InvalidTransition("acme", State.SUSPENDED, Action.RENAME),
        errors.ServerNotStarted("Odoo", "it ended", Path("/log")),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_arrives_with_its_class_its_sentence_and_its_facts(error: TenantryError) -> None:
    found = from_line(to_line({"error": error}))["error"]
    assert type(found) is type(error)
    assert str(found) == str(error)
    assert found.exit_code == error.exit_code
    assert vars(found) == {**vars(error), "remedy": error.remedy, "retryable": error.retryable}


@dataclass(frozen=True)
class Stranger:
    name: str


@pytest.mark.parametrize("value", [Stranger("x"), b"bytes", object()])
def test_foreign_classes_are_not_transferred(value: object) -> None:
    with pytest.raises(TypeError, match="does not travel"):
        to_line({"result": value})


@pytest.mark.parametrize(
    "message",
    [
        {"fact": ["Stranger", {"name": "x"}]},
        {"fact": ["Popen", {"args": "id"}]},
        {"error": ["KeyboardInterrupt", "x", {}]},
        {"word": ["State", "no such state"]},
        {"fact": ["Usage", {"users": 1}]},
        {"path": "/", "secret": "x"},
        {"pickle": "gASV"},
        ["no tag"],
    ],
)
def test_nothing_else_can_be_made_of_a_line(message: object) -> None:
    with pytest.raises(AgentLost):
        from_line(json.dumps({"result": message}).encode())


@pytest.mark.parametrize("line", [b"", b"\n", b"[]", b"not json\n", b"[" * 100_000])
def test_a_line_that_is_not_a_message_is_an_error(line: bytes) -> None:
    with pytest.raises(AgentLost):
        from_line(line)


def test_what_is_offered_is_the_engines() -> None:
    for name in METHODS | {PROVISION}:
        assert callable(function(name)), name
    for name in PARTS:
        assert callable(getattr(Session, name)), name
    assert {it for it in METHODS if "on_step" in inspect.signature(function(it)).parameters} == REPORTS_STEPS


def test_nothing_is_offered_but_methods_of_the_engine_and_its_nouns() -> None:
    assert all(re.fullmatch(r"([a-z]+\.)?[a-z][a-z_]*", name) for name in METHODS)
    for noun, kind in NOUNS.items():
        offered = {name.rpartition(".")[2] for name in METHODS if name.rpartition(".")[0] == noun}
        assert offered <= {name for name, it in vars(kind).items() if inspect.isfunction(it)}
    assert not {"instances.usages", "templates.drop", "templates.recipes"} & METHODS


@pytest.mark.parametrize(
    "name",
    [
        *("up", "stop", "load", "start_tenants", "start_master", "start_postgres", "context", "_keys"),
        *("archives", "master", "runtime", "settings", "at", "is_own", "suspend"),
    ],
)
def test_nobody_behind_a_pipe_starts_or_stops_servers(name: str) -> None:
    with pytest.raises(AttributeError):
        getattr(remote(), name)


@pytest.mark.parametrize("name", ["_parts", "_context", "usages", "drop", "stop.__func__", "facts"])
@pytest.mark.parametrize("noun", [noun for noun in NOUNS if noun])
def test_a_noun_there_has_no_more_than_is_offered(noun: str, name: str) -> None:
    with pytest.raises(AttributeError):
        getattr(getattr(remote(), noun), name)


def test_every_noun_that_is_offered_is_there() -> None:
    for name in METHODS:
        noun, _dot, method = name.rpartition(".")
        assert callable(getattr(getattr(remote(), noun) if noun else remote(), method)), name


def remote() -> RemoteEngine:
    return RemoteEngine(partial(through_socket, Path("/nowhere")))


def test_all_that_the_back_office_asks_is_offered() -> None:
    asked = {
        asked_of_an_engine(node.func)
        for file in GATEWAY.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    } - {""}
    assert len(asked) > 20
    assert asked - METHODS == {PROVISION, "instances.spec"}


def asked_of_an_engine(node: ast.AST) -> str:
    """Such as instances.suspend; "" of another call."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.insert(0, node.attr)
        node = node.value
    is_engine = is_named(node, "engine") or is_call_of(node, "_engine", "_engine_of", "_builder_of")
    return ".".join(names) if is_engine else ""


def is_named(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def is_call_of(node: ast.AST, *names: str) -> bool:
    return isinstance(node, ast.Call) and any(is_named(node.func, name) for name in names)


def test_an_agent_of_before_says_no_number_of_its_wire_and_is_understood_so_far() -> None:
    facts = {"version": "1", "name": "local", "series": "19.0", "base_domain": "x", "protocol": "http"}
    told = {"fact": ["ServerFacts", {**facts, "reserved_names": {"set": []}}]}
    assert from_line(json.dumps({"result": told}).encode())["result"].wire != WIRE


def test_what_is_not_offered_is_no_broken_way() -> None:
    with pytest.raises(NotOffered, match=r"does not offer 'instances\.suspend'") as refusal:
        _method(None, "instances.suspend", frozenset())
    assert ("Upgrade" in refusal.value.remedy, refusal.value.retryable) == (True, False)


def test_a_caller_cannot_have_the_engine_wait_for_days(monkeypatch: pytest.MonkeyPatch) -> None:
    there, build, finish = Templates(Mock()), Mock(), Mock()
    monkeypatch.setattr(engine_templates, "build_template", build)
    monkeypatch.setattr(engine_templates.edit, "finish_editing", finish)
    monkeypatch.setattr(Templates, "_described", Mock())
    for asked_s, waited_s in ((5, 5), (10**6, patience.LONG_S)):
        there.build(Recipe("blank", "Blank", ("web",)), patience_s=asked_s)
        there.finish_editing("blank", patience_s=asked_s)
        assert (build.call_args.kwargs["patience_s"], finish.call_args.kwargs["patience_s"]) == (
            waited_s,
        ) * 2
