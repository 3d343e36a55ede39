"""The table of operations agrees with the engine's table of transitions in every state."""

from __future__ import annotations

from unittest.mock import Mock, patch

import pytest

from tenantry.engine.instances import Instances
from tenantry.errors import InvalidValue
from tenantry.model.catalog import State
from tenantry.model.operations import ENGINE_STATES, OPERATIONS, Operation, transitions
from tenantry.model.states import TRANSITIONS, Action, after
from tenantry.operations.instance.lifecycle import STEPS, operate

_FOR_A_MOMENT = {State.PROVISIONING, State.RENAMING, State.TERMINATING, State.MOVING, State.RESTORING}
"""The engine's states that last only during an operation."""
_ROWS = [pytest.param(row, id=row.name) for row in OPERATIONS.values()]
_OF_STEPS_ALONE = [it for it in OPERATIONS.values() if STEPS.keys() >= set(it.actions) and not it.engine]


@pytest.mark.parametrize("row", _ROWS)
@pytest.mark.parametrize(("state", "run_state"), ENGINE_STATES)
def test_where_the_record_allows_it_the_engine_gets_to_what_the_record_tells_then(
    row: Operation, state: str, run_state: str
):
    is_refused = row.needs_running and (state, run_state) == ("active", "stopped")
    if state not in row.before or is_refused:
        return
    led = ENGINE_STATES[state, run_state]
    for action in row.actions:
        led = after("acme", led, action)
    told = (row.after or state, row.run_state or run_state)
    assert led == (State.TERMINATING if row.after == "terminated" else ENGINE_STATES[told])


def test_each_state_of_an_instance_is_one_of_the_record_or_lasts_a_moment():
    of_instances = {state for _action, state in TRANSITIONS} | set(TRANSITIONS.values())
    assert of_instances == set(ENGINE_STATES.values()) | _FOR_A_MOMENT | {State.MOVED}
    assert not set(ENGINE_STATES.values()) & _FOR_A_MOMENT


def test_every_action_of_the_engine_belongs_to_an_operation():
    used = {action for row in OPERATIONS.values() for action in row.actions}
    # What the back office does not ask for yet, and what it does at once, without an operation (0034).
    others = {Action.DUMP, Action.RESET_PASSWORD, Action.LOG_IN}
    others |= {Action.CHANGE, Action.MOVE, Action.LEAVE, Action.CONFIRM_MOVE}
    others |= {Action.RESTORE, Action.END_RESTORE, Action.DUPLICATE}
    assert used | others == {action for action, _state in TRANSITIONS}
    assert STEPS.keys() < used


@pytest.mark.parametrize("operation", ["rename", "terminate", "no such thing"])
def test_what_is_not_made_of_those_steps_alone_is_refused_before_anything_is_done(operation: str):
    context = Mock()
    with pytest.raises(InvalidValue, match=operation):
        operate(context, "acme", operation)
    context.maintenance.assert_not_called()


@pytest.mark.parametrize("row", _OF_STEPS_ALONE)
def test_what_is_made_of_those_steps_alone_is_asked_for_by_its_name(row: Operation):
    with patch.object(Instances, "operate") as operated:
        done = getattr(Instances(Mock()), row.name)("acme", on_step := Mock())
    operated.assert_called_once_with("acme", row.name, on_step)
    assert done == operated.return_value


@pytest.mark.parametrize("row", [row for row in OPERATIONS.values() if row.engine])
def test_the_engines_other_word_is_an_operation_that_does_the_same(row: Operation):
    assert OPERATIONS[row.engine].actions == row.actions


@pytest.mark.parametrize(
    ("operation", "record", "is_done"),
    [
        ("suspend", ("suspended", "stopped", "March was not paid"), True),
        ("suspend", ("active", "running", "PostgreSQL is away"), False),
        ("reactivate", ("active", "running", ""), True),
        ("reactivate", ("expired", "stopped", "PostgreSQL is away"), False),
        ("stop", ("active", "stopped", ""), True),
        ("stop", ("active", "running", "PostgreSQL is away"), False),
        ("start", ("active", "running", ""), True),
        ("restart", ("active", "running", ""), True),
        ("restart", ("active", "running", "PostgreSQL is away"), False),
        ("terminate", ("terminated", "stopped", ""), True),
        ("terminate", ("active", "running", "PostgreSQL is away"), False),
    ],
)
def test_a_record_on_which_nothing_is_under_way_tells_of_success_or_not(
    operation: str, record: tuple[str, str, str], is_done: bool
):
    assert OPERATIONS[operation].is_done(*record) == is_done


def test_a_record_moves_where_its_row_says_or_stays():
    moves = transitions()
    assert moves["suspend", "active"] == "suspended"
    assert moves["set_domains", "expired"] == "expired"
    assert ("restart", "suspended") not in moves
    assert {name for name, _state in moves} == set(OPERATIONS)
