"""The transitions between the states of an instance, in one table."""

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
    STOP = "be stopped"
    START = "be started"
    RENAME = "be renamed"
    INSTALL = "get modules"
    SET_DOMAINS = "get other domains"
    DUMP = "be dumped"
    RESET_PASSWORD = "get a new password"
    LOG_IN = "be logged in to"
    CHANGE = "be changed"
    MOVE = "be moved"
    LEAVE = "be left behind by its move"
    CONFIRM_MOVE = "have its move confirmed"
    RESTORE = "be restored"
    END_RESTORE = "be used again after a restore"
    DUPLICATE = "be duplicated"


TRANSITIONS: Mapping[tuple[Action, State], State] = MappingProxyType(
    {
        (Action.ACTIVATE, State.PROVISIONING): State.ACTIVE,
        (Action.SUSPEND, State.ACTIVE): State.SUSPENDED,
        (Action.REACTIVATE, State.SUSPENDED): State.ACTIVE,
        (Action.TERMINATE, State.PROVISIONING): State.TERMINATING,
        (Action.TERMINATE, State.ACTIVE): State.TERMINATING,
        (Action.TERMINATE, State.SUSPENDED): State.TERMINATING,
        (Action.STOP, State.ACTIVE): State.STOPPED,
        (Action.START, State.STOPPED): State.ACTIVE,
        (Action.SUSPEND, State.STOPPED): State.SUSPENDED,
        (Action.TERMINATE, State.STOPPED): State.TERMINATING,
        (Action.RENAME, State.ACTIVE): State.RENAMING,
        (Action.ACTIVATE, State.RENAMING): State.ACTIVE,
        (Action.TERMINATE, State.RENAMING): State.TERMINATING,
        (Action.MOVE, State.ACTIVE): State.MOVING,
        (Action.ACTIVATE, State.MOVING): State.ACTIVE,
        (Action.LEAVE, State.MOVING): State.MOVED,
        (Action.TERMINATE, State.MOVING): State.TERMINATING,
        (Action.TERMINATE, State.MOVED): State.TERMINATING,
        (Action.RESTORE, State.ACTIVE): State.RESTORING,
        (Action.END_RESTORE, State.RESTORING): State.ACTIVE,
        (Action.TERMINATE, State.RESTORING): State.TERMINATING,
        # The state does not change.
        (Action.INSTALL, State.ACTIVE): State.ACTIVE,
        (Action.RESET_PASSWORD, State.ACTIVE): State.ACTIVE,
        (Action.LOG_IN, State.ACTIVE): State.ACTIVE,
        (Action.SET_DOMAINS, State.ACTIVE): State.ACTIVE,
        (Action.SET_DOMAINS, State.STOPPED): State.STOPPED,
        (Action.SET_DOMAINS, State.SUSPENDED): State.SUSPENDED,
        (Action.DUMP, State.ACTIVE): State.ACTIVE,
        (Action.DUMP, State.STOPPED): State.STOPPED,
        (Action.DUMP, State.SUSPENDED): State.SUSPENDED,
        (Action.DUMP, State.MOVING): State.MOVING,
        (Action.CONFIRM_MOVE, State.MOVED): State.MOVED,
        (Action.RESTORE, State.STOPPED): State.STOPPED,
        (Action.RESTORE, State.SUSPENDED): State.SUSPENDED,
        (Action.END_RESTORE, State.STOPPED): State.STOPPED,
        (Action.END_RESTORE, State.SUSPENDED): State.SUSPENDED,
        (Action.DUPLICATE, State.ACTIVE): State.ACTIVE,
        (Action.DUPLICATE, State.STOPPED): State.STOPPED,
        (Action.CHANGE, State.PROVISIONING): State.PROVISIONING,
        (Action.CHANGE, State.ACTIVE): State.ACTIVE,
        (Action.CHANGE, State.STOPPED): State.STOPPED,
        (Action.CHANGE, State.RENAMING): State.RENAMING,
        (Action.CHANGE, State.RESTORING): State.RESTORING,
        (Action.CHANGE, State.SUSPENDED): State.SUSPENDED,
        (Action.CHANGE, State.TERMINATING): State.TERMINATING,
        # The action is run again after a kill: the state is reached already.
        (Action.SUSPEND, State.SUSPENDED): State.SUSPENDED,
        (Action.REACTIVATE, State.ACTIVE): State.ACTIVE,
        (Action.TERMINATE, State.TERMINATING): State.TERMINATING,
        (Action.STOP, State.STOPPED): State.STOPPED,
        (Action.START, State.ACTIVE): State.ACTIVE,
        (Action.RENAME, State.RENAMING): State.RENAMING,
        (Action.MOVE, State.MOVING): State.MOVING,
        (Action.RESTORE, State.RESTORING): State.RESTORING,
        (Action.LEAVE, State.MOVED): State.MOVED,
        (Action.ACTIVATE, State.ACTIVE): State.ACTIVE,
    }
)


def after(name: str, state: State, action: Action) -> State:
    """The state `action` leads to. Raises InvalidTransition."""
    try:
        return TRANSITIONS[action, state]
    except KeyError:
        raise InvalidTransition(name, state, action) from None
