"""The one table of transitions."""

from __future__ import annotations

import pytest

from tenantry.errors import InvalidTransition
from tenantry.model.catalog import State
from tenantry.model.states import Action, after


def test_an_instance_is_activated_suspended_reactivated_and_terminated():
    state = after("acme", State.PROVISIONING, Action.ACTIVATE)
    state = after("acme", state, Action.SUSPEND)
    state = after("acme", state, Action.REACTIVATE)
    assert after("acme", state, Action.TERMINATE) is State.TERMINATING


@pytest.mark.parametrize(
    ("state", "action"),
    [
        (State.PROVISIONING, Action.SUSPEND),
        (State.PROVISIONING, Action.REACTIVATE),
        (State.TERMINATING, Action.REACTIVATE),
        (State.TERMINATING, Action.SUSPEND),
        (State.BUILDING, Action.TERMINATE),
    ],
)
def test_what_the_table_does_not_list_is_refused(state: State, action: Action):
    with pytest.raises(InvalidTransition):
        after("acme", state, action)


@pytest.mark.parametrize(
    ("state", "action"),
    [
        (State.SUSPENDED, Action.SUSPEND),
        (State.ACTIVE, Action.REACTIVATE),
        (State.TERMINATING, Action.TERMINATE),
    ],
)
def test_doing_it_twice_changes_nothing(state: State, action: Action):
    assert after("acme", state, action) is state
