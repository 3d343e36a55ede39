"""The states of an instance and how it gets from one to the next: the only table of it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from tenantry.errors import InvalidTransition
from tenantry.model.catalog import State


class Action(StrEnum):
    ACTIVATE = "be activated"
    SUSPEND = "be suspended"
    REACTIVATE = "be reactivated"
    TERMINATE = "be terminated"


TRANSITIONS: Mapping[tuple[Action, State], State] = MappingProxyType(
    {
        (Action.ACTIVATE, State.PROVISIONING): State.ACTIVE,
        (Action.SUSPEND, State.ACTIVE): State.SUSPENDED,
        (Action.REACTIVATE, State.SUSPENDED): State.ACTIVE,
        (Action.TERMINATE, State.PROVISIONING): State.TERMINATING,
        (Action.TERMINATE, State.ACTIVE): State.TERMINATING,
        (Action.TERMINATE, State.SUSPENDED): State.TERMINATING,
        # Run again after a kill: already there, nothing changes.
        (Action.SUSPEND, State.SUSPENDED): State.SUSPENDED,
        (Action.REACTIVATE, State.ACTIVE): State.ACTIVE,
        (Action.TERMINATE, State.TERMINATING): State.TERMINATING,
    }
)


def after(name: str, state: State, action: Action) -> State:
    """The state `action` leads to. Raises InvalidTransition."""
    try:
        return TRANSITIONS[action, state]
    except KeyError:
        raise InvalidTransition(name, state, action) from None
