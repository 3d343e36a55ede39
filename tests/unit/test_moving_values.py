"""What a move compares and says."""

from __future__ import annotations

import pytest

from tenantry.agent.wire import from_line, to_line
from tenantry.model.catalog import Kind, Label, State
from tenantry.model.move import Whereabouts, differences, rows_in
from tenantry.spawner.catalog import Entry

CONTENT = {"public.line": "3:77", "public.big": "2:-5", "public.big_id_seq": "4711"}


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (CONTENT, []),
        ({**CONTENT, "public.line": "3:78"}, ["public.line"]),
        ({**CONTENT, "public.big_id_seq": ""}, ["public.big_id_seq"]),
        ({**CONTENT, "public.more": "0:0"}, ["public.more"]),
        ({}, sorted(CONTENT)),
    ],
    ids=["the same", "another row", "a sequence", "one more table", "nothing"],
)
def test_each_table_and_sequence_that_is_not_the_same_is_named(other: dict[str, str], expected: list[str]):
    assert differences(CONTENT, other) == expected


def test_tables_and_rows_are_counted_without_sequences():
    assert rows_in(CONTENT) == (2, 5)


def test_what_a_server_knows_of_an_instance_travels():
    known = Whereabouts("paris", "ab" * 32, "19.0", 16, "active", "f" * 32, modules=("base", "crm"))
    assert from_line(to_line({"result": known})) == {"result": known}


def entry(**label: object) -> Entry:
    return Entry(1, "acme", Label(Kind.INSTANCE, **label))


def test_who_visits_while_it_moves_waits_and_is_not_forwarded():
    held = entry(state=State.MOVING, frozen_at=1.0, forward_to="127.0.0.1:1")
    assert (held.keeps_visitors, held.is_served, held.has_crons, held.forward_to) == (True, False, False, "")
    moved = entry(state=State.MOVED, forward_to="127.0.0.1:1")
    assert (moved.keeps_visitors, moved.is_served, moved.forward_to) == (True, False, "127.0.0.1:1")
    assert not entry(state=State.ACTIVE).keeps_visitors


def test_only_the_copy_without_a_moment_of_freezing_is_arriving():
    assert Label(Kind.INSTANCE, State.MOVING).is_arriving
    assert not Label(Kind.INSTANCE, State.MOVING, frozen_at=1.0).is_arriving
    assert not Label(Kind.INSTANCE, State.ACTIVE).is_arriving


def test_a_host_name_that_leads_here_from_before_is_one_of_its_hosts_once():
    label = Label(
        Kind.INSTANCE, State.ACTIVE, hostnames=("a.example", "b.example"), former_hosts=("b.example", "c")
    )
    assert label.further_hosts == ("a.example", "b.example", "c")
