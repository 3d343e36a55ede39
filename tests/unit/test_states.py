"""The one table of transitions: every action in every state, as it is meant."""

from __future__ import annotations

import itertools

import pytest

from tenantry.errors import InvalidTransition
from tenantry.model.catalog import State
from tenantry.model.states import Action, after

_STATES = [
    State.PROVISIONING,
    State.ACTIVE,
    State.STOPPED,
    State.RENAMING,
    State.SUSPENDED,
    State.TERMINATING,
    State.MOVING,
    State.MOVED,
    State.RESTORING,
]
# What each leads to, in the order of the states above; a dash: it is refused.
_TABLE = {
    Action.ACTIVATE: "active active - active - - active - -",
    Action.SUSPEND: "- suspended suspended - suspended - - - -",
    Action.REACTIVATE: "- active - - active - - - -",
    Action.TERMINATE: " ".join(["terminating"] * len(_STATES)),
    Action.STOP: "- stopped stopped - - - - - -",
    Action.START: "- active active - - - - - -",
    Action.RENAME: "- renaming - renaming - - - - -",
    Action.INSTALL: "- active - - - - - - -",
    Action.SET_DOMAINS: "- active stopped - suspended - - - -",
    Action.RESET_PASSWORD: "- active - - - - - - -",
    Action.LOG_IN: "- active - - - - - - -",
    Action.DUMP: "- active stopped - suspended - moving - -",
    Action.CHANGE: "provisioning active stopped renaming suspended terminating - - restoring",
    Action.MOVE: "- moving - - - - moving - -",
    Action.LEAVE: "- - - - - - moved moved -",
    Action.CONFIRM_MOVE: "- - - - - - - moved -",
    Action.RESTORE: "- restoring stopped - suspended - - - restoring",
    Action.END_RESTORE: "- - stopped - suspended - - - active",
    Action.DUPLICATE: "- active stopped - - - - - -",
}
_MEANT = {
    (action, state): target
    for action, row in _TABLE.items()
    for state, target in zip(_STATES, row.split(), strict=True)
}


@pytest.mark.parametrize(("action", "state"), list(itertools.product(Action, State)))
def test_each_action_leads_where_it_is_meant_to_or_is_refused(action: Action, state: State):
    target = _MEANT.get((action, state), "-")
    if target == "-":
        with pytest.raises(InvalidTransition, match=f"acme.*{state}.*{action}"):
            after("acme", state, action)
    else:
        assert after("acme", state, action) == target
