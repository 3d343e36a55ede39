"""The messages between a caller and the agent: lines of JSON.

An object is sent with the name of its class, from a closed list; a line can create no other objects.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from tenantry import errors
from tenantry.errors import AgentLost, TenantryError
from tenantry.model.activity import Activity
from tenantry.model.catalog import State
from tenantry.model.difference import Difference, Proposal, Quarantined, Reconciliation, What
from tenantry.model.entitlements import Entitlements
from tenantry.model.instance import Creation, Instance, InstanceSpec, NewPassword
from tenantry.model.mail import Security, Smarthost, Traffic
from tenantry.model.module import Module
from tenantry.model.move import Whereabouts
from tenantry.model.progress import StepEvent, StepStatus
from tenantry.model.recipe import Recipe
from tenantry.model.secret import Secret
from tenantry.model.server import Capacity, Check, Condition, Health, ServerFacts
from tenantry.model.states import Action
from tenantry.model.template import PoolStatus, Template, TemplateState
from tenantry.model.usage import Usage
from tenantry.operations.template.edit import Editing

_FACTS: Mapping[str, Any] = {
    kind.__name__: kind
    for kind in (
        *(Activity, Capacity, Check, Condition, Creation, Editing, Entitlements, Instance),
        *(InstanceSpec, Module, NewPassword, PoolStatus, Recipe, ServerFacts, Smarthost, StepEvent),
        *(Template, Traffic, Usage, Whereabouts),
        *(Difference, Quarantined, Reconciliation),
    )
}
_WORDS: Mapping[str, type[StrEnum]] = {
    kind.__name__: kind
    for kind in (Action, Health, Proposal, Security, State, StepStatus, TemplateState, What)
}
_ERRORS: Mapping[str, type[TenantryError]] = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, TenantryError)
}


def to_line(message: Mapping[str, Any]) -> bytes:
    """Raises TypeError for a value of a class that is not in the list."""
    return json.dumps({key: _packed(value) for key, value in message.items()}).encode() + b"\n"


def from_line(line: bytes) -> dict[str, Any]:
    """Raises AgentLost for a line that is not a message: another program wrote it, or it was cut."""
    try:
        return {key: _unpacked(value) for key, value in json.loads(line).items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise AgentLost(f"{line[:80]!r} is no message") from error


def _packed(value: Any) -> Any:
    for tag, kind in _KINDS.items():
        if isinstance(value, kind.covers):
            return {tag: kind.pack(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{type(value).__name__} does not travel")


def _unpacked(value: Any) -> Any:
    if isinstance(value, list):
        raise TypeError("a row without its tag")
    if not isinstance(value, dict):
        return value
    ((tag, packed),) = value.items()
    return _KINDS[tag].unpack(packed)


class _Kind(NamedTuple):
    """How the values of some classes are written as JSON, under a tag: the kind's name."""

    covers: type | tuple[type, ...]
    pack: Callable[[Any], Any]
    unpack: Callable[[Any], Any]


def _pack_fact(value: Any) -> Any:
    fields = {field.name: _packed(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return [type(value).__name__, fields]


def _unpack_fact(packed: Any) -> Any:
    name, fields = packed
    return _FACTS[name](**{key: _unpacked(field) for key, field in fields.items()})


def _pack_error(error: TenantryError) -> Any:
    facts = {"remedy": error.remedy, "retryable": error.retryable, **vars(error)}
    return [type(error).__name__, str(error), {key: _packed(fact) for key, fact in facts.items()}]


def _unpack_error(packed: Any) -> TenantryError:
    """The same class with the same facts; the sentence was built by the sender."""
    name, sentence, facts = packed
    error = _ERRORS[name].__new__(_ERRORS[name])
    error.args = (sentence,)
    vars(error).update({key: _unpacked(fact) for key, fact in facts.items()})
    return error


_KINDS: Mapping[str, _Kind] = {
    "word": _Kind(
        tuple(_WORDS.values()), lambda it: [type(it).__name__, it.value], lambda it: _WORDS[it[0]](it[1])
    ),
    "path": _Kind(Path, str, Path),
    "secret": _Kind(Secret, Secret.reveal, Secret),
    "error": _Kind(TenantryError, _pack_error, _unpack_error),
    "map": _Kind(
        Mapping,
        lambda it: {str(key): _packed(entry) for key, entry in it.items()},
        lambda it: {key: _unpacked(entry) for key, entry in it.items()},
    ),
    "row": _Kind((tuple, list), lambda it: [*map(_packed, it)], lambda it: tuple(map(_unpacked, it))),
    "set": _Kind((set, frozenset), lambda it: [*map(_packed, it)], lambda it: frozenset(map(_unpacked, it))),
    "fact": _Kind(tuple(_FACTS.values()), _pack_fact, _unpack_fact),
}
