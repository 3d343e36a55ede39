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


def test_an_instance_rests_and_can_be_blocked_or_ended_while_it_does():
    assert after("acme", State.ACTIVE, Action.STOP) is State.STOPPED
    assert after("acme", State.STOPPED, Action.START) is State.ACTIVE
    assert after("acme", State.STOPPED, Action.SUSPEND) is State.SUSPENDED
    assert after("acme", State.STOPPED, Action.TERMINATE) is State.TERMINATING


def test_an_instance_being_renamed_becomes_active_again_or_is_ended():
    assert after("acme", State.ACTIVE, Action.RENAME) is State.RENAMING
    assert after("acme", State.RENAMING, Action.ACTIVATE) is State.ACTIVE
    assert after("acme", State.RENAMING, Action.TERMINATE) is State.TERMINATING


@pytest.mark.parametrize(
    ("state", "action"),
    [
        (State.SUSPENDED, Action.STOP),
        (State.SUSPENDED, Action.START),
        (State.STOPPED, Action.REACTIVATE),
        (State.STOPPED, Action.RENAME),
        (State.SUSPENDED, Action.RENAME),
        (State.STOPPED, Action.INSTALL),
        (State.RENAMING, Action.STOP),
        (State.PROVISIONING, Action.SET_DOMAINS),
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
        (State.STOPPED, Action.STOP),
        (State.ACTIVE, Action.START),
        (State.RENAMING, Action.RENAME),
        (State.TERMINATING, Action.TERMINATE),
    ],
)
def test_doing_it_twice_changes_nothing(state: State, action: Action):
    assert after("acme", state, action) is state
