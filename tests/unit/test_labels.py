"""Which comments of databases are labels, and the facts in them."""

from __future__ import annotations

import json

import pytest

from tenantry.model.catalog import FORMAT, Database, Kind, Label, State

LABEL = Label(Kind.INSTANCE, State.ACTIVE, "blank", "1.0.0", hostnames=("shop.acme.example",), identity="abc")
FACTS = {"kind": "instance", "state": "active"}


def comment(**facts: object) -> str:
    return json.dumps(facts)


def test_a_label_is_read_as_it_was_written():
    assert Label.from_comment(LABEL.to_comment()) == LABEL


@pytest.mark.parametrize(
    "text",
    [
        comment(**FACTS),
        comment(**FACTS, tenantry=FORMAT + 1),
        comment(**FACTS, tenantry=str(FORMAT)),
        comment(**FACTS, tenantry=None),
        comment(**FACTS, Tenantry=FORMAT),
        comment(tenantry={**FACTS, "tenantry": FORMAT}),
        json.dumps([comment(**FACTS, tenantry=FORMAT)]),
        "our tenantry database",
    ],
)
def test_a_comment_that_does_not_bear_our_mark_is_no_label(text: str):
    assert Label.from_comment(text) is None


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "{",
        "[" * 100_000,
        comment(tenantry=FORMAT),
        comment(tenantry=FORMAT, kind="planet", state="active"),
        comment(tenantry=FORMAT, kind="instance", state="odd"),
        comment(tenantry=FORMAT, **FACTS, hostnames=7),
    ],
)
def test_what_cannot_be_read_is_no_label(text: str | None):
    assert Label.from_comment(text) is None


def test_additional_fields_of_a_later_version_are_ignored():
    label = Label.from_comment(comment(**FACTS, tenantry=FORMAT, planet="earth"))
    assert label == Label(Kind.INSTANCE, State.ACTIVE)


def test_a_database_is_ours_by_its_label_or_its_maker():
    assert Database("acme", LABEL).is_ours
    assert Database("acme", None, is_being_made=True).is_ours
    assert not Database("acme", None).is_ours


def test_an_identity_outlives_the_name():
    assert LABEL.identity_of("renamed") == "abc"
    assert LABEL.having(identity="").identity_of("first-name") == "first-name"


def test_files_are_where_the_label_says_and_else_under_the_name():
    assert Database("acme", LABEL.having(filestore="spare_blank_1")).filestore == "spare_blank_1"
    assert Database("acme", LABEL).filestore == Database("acme", None).filestore == "acme"
