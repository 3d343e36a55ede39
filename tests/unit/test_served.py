"""Labels decide which tenants the spawner serves, and whose scheduled jobs run."""

from __future__ import annotations

import psycopg
import pytest

from tenantry.model.catalog import Kind, Label, State
from tenantry.spawner.catalog import Entry, _entry
from tenantry.spawner.spawner import Spawner


def entry(state: State, kind: Kind = Kind.INSTANCE, **more: bool) -> Entry:
    return Entry(1, "acme", Label(kind, state, **more))


@pytest.mark.parametrize("state", State)
def test_entries_that_are_served(state: State):
    assert entry(state).is_served == (state is State.ACTIVE)
    assert entry(state, published=True).is_served == (state in (State.ACTIVE, State.PROVISIONING))


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("kind", [Kind.INSTANCE, Kind.EDIT])
def test_jobs_run_for_active_instances_only(state: State, kind: Kind):
    found = entry(state, kind, published=True)
    assert found.has_crons == (kind is Kind.INSTANCE and state is State.ACTIVE)


@pytest.mark.parametrize("kind", Kind)
def test_no_database_but_a_tenants_or_a_zygotes_is_known(kind: Kind):
    found = _entry(1, "acme", Label(kind, State.ACTIVE).to_comment())
    assert (found is not None) == (kind in (Kind.INSTANCE, Kind.EDIT, Kind.ZYGOTE))


@pytest.mark.parametrize("comment", [None, "", "of others", '{"kind": "instance", "state": "active"}'])
def test_what_is_not_ours_is_not_known(comment: str | None):
    assert _entry(1, "acme", comment) is None


class CutOff:
    """A catalog whose connection was cut so many times."""

    def __init__(self, times: int) -> None:
        self.left = times

    def read(self, _names: object) -> dict[str, Entry]:
        self.left -= 1
        if self.left >= 0:
            raise psycopg.OperationalError("terminating connection due to administrator command")
        return {"acme": entry(State.SUSPENDED)}


@pytest.mark.parametrize(("times", "heard"), [(0, ["acme"]), (1, ["acme"]), (2, [])])
def test_a_look_request_is_answered_after_the_connection_was_cut(
    monkeypatch: pytest.MonkeyPatch, times: int, heard: list[str]
):
    spawner, followed, lost = object.__new__(Spawner), [], []
    spawner.catalog = CutOff(times)
    monkeypatch.setattr(Spawner, "_follow", lambda _spawner, changed: followed.extend(changed))
    monkeypatch.setattr(Spawner, "_catalog_failed", lambda _spawner, error: lost.append(error))
    spawner._read_labels(["acme"])
    assert (followed, len(lost)) == (heard, times)
