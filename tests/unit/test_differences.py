"""What counts as a difference, thing by thing; `test_reconciler.py` tries whole histories."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from tenantry.model import names
from tenantry.model.catalog import Database, Kind, Label, State
from tenantry.model.difference import (
    Facts,
    Proposal,
    Quarantined,
    What,
    lost_name,
    lost_on,
    quarantined,
    subjects,
)
from tenantry.model.reconcile import differences

NOW = 1_800_000_000.0
TEMPLATE = Label(Kind.TEMPLATE, State.READY, "blank", "2", filestore="template_blank@2")
INSTANCE = Label(Kind.INSTANCE, State.ACTIVE, "blank", "1")
ZYGOTE = Label(Kind.ZYGOTE, State.READY, "blank", "1")
SPARE = Label(Kind.SPARE, State.READY, "blank", "2")


def facts(roles: tuple[str, ...] = (), folders: tuple[str, ...] = (), **labels: Label | None) -> Facts:
    """Databases have their roles and folders; those that are given are there besides."""
    databases = {name: Database(name, it) for name, it in labels.items()}
    whole = {name for name, it in databases.items() if it.label and it.label.kind is not Kind.TEMPLATE}
    return Facts(
        databases={name: replace(it, is_being_made=it.label is None) for name, it in databases.items()},
        oids=dict.fromkeys(databases, 1),
        roles=dict.fromkeys({*roles, *whole}, 2),
        folders=dict.fromkeys({*folders, *whole}, 3),
        claimed=frozenset(it.filestore for it in databases.values() if it.label),
    )


def proposals(given: Facts) -> dict[str, Proposal]:
    """When all of it is old."""
    things = {What.DATABASE: given.databases, What.ROLE: given.roles, What.FOLDER: given.folders}
    old = {given.key(what, name): 0.0 for what, there in things.items() for name in there}
    return {f"{it.what} {it.name}": it.proposal for it in differences(given, old, NOW)}


@pytest.mark.parametrize(
    ("given", "proposed"),
    [
        (facts(template_blank=TEMPLATE, acme=INSTANCE, zygote_blank_1=ZYGOTE, spare_blank_a=SPARE), {}),
        (facts(acme=INSTANCE, zygote_blank_1=ZYGOTE), {}),
        (facts(zygote_blank_1=ZYGOTE), {"database zygote_blank_1": Proposal.DISCARD}),
        (
            facts(acme=INSTANCE, zygote_blank_1=ZYGOTE.having(state=State.BUILDING)),
            {"database zygote_blank_1": Proposal.DISCARD},
        ),
        (facts(spare_blank_a=SPARE), {"database spare_blank_a": Proposal.DISCARD}),
        (facts(load_acme=None), {"database load_acme": Proposal.DISCARD}),
        (facts(roles=("edit--blank",)), {"role edit--blank": Proposal.QUARANTINE}),
        (facts(roles=("clone_acme",)), {"role clone_acme": Proposal.DISCARD}),
        (facts(folders=("clone_acme",)), {"folder clone_acme": Proposal.QUARANTINE}),
        (facts(folders=("acme.partial",), acme=INSTANCE), {"folder acme.partial": Proposal.DISCARD}),
        (facts(folders=("template_blank@2",), template_blank=TEMPLATE.having(filestore="")), {}),
        (
            facts(folders=("template_blank@1",), template_blank=TEMPLATE),
            {"folder template_blank@1": Proposal.QUARANTINE},
        ),
        (facts(acme=INSTANCE.having(kind=Kind.EDIT)), {}),
        (facts(former_acme=INSTANCE.having(kind=Kind.FORMER), acme=INSTANCE), {}),
        (
            facts(former_acme=INSTANCE.having(kind=Kind.FORMER)),
            {"database former_acme": Proposal.QUARANTINE},
        ),
        (facts(acme=INSTANCE.having(state=State.RENAMING)), {"database acme": Proposal.LOOK}),
        (
            facts(acme=INSTANCE.having(filestore="kept_acme"), kept_acme=SPARE.having(state=State.BUILDING)),
            {"database acme": Proposal.LOOK},
        ),
        (facts(acme=INSTANCE, folders=("aside_acme",)), {"folder aside_acme": Proposal.QUARANTINE}),
        (
            facts(acme=INSTANCE.having(state=State.MOVING), folders=("aside_acme",)),
            {"database acme": Proposal.LOOK},
        ),
    ],
)
def test_what_is_proposed(given: Facts, proposed: dict[str, Proposal]):
    assert proposals(given) == proposed


def of_template(name: str, *roles: str, **changes: object) -> Facts:
    label = TEMPLATE.having(filestore="", **changes)
    return Facts({name: Database(name, label)}, oids={name: 1}, roles=dict.fromkeys(roles, 2))


def test_a_build_without_a_finished_step_is_discarded_and_any_other_is_told():
    building = names.building_database("blank")
    begun = of_template(building, state=State.BUILDING)
    assert proposals(begun) == {f"database {building}": Proposal.DISCARD}
    for finished in ("install", "edited"):
        found = of_template(building, "edit--blank", state=State.BUILDING, finished=(finished,))
        assert proposals(found) == {f"database {building}": Proposal.LOOK}


def test_a_template_that_was_replaced_is_discarded():
    retired = names.retired_database("blank")
    assert proposals(of_template(retired)) == {f"database {retired}": Proposal.DISCARD}


def test_an_instance_without_its_role_or_its_files_is_told():
    there = facts(acme=INSTANCE)
    for lacking in (replace(there, roles={}), replace(there, folders={})):
        assert proposals(lacking) == {"database acme": Proposal.LOOK}


@pytest.mark.parametrize(
    ("name", "lock"),
    [
        ("acme", "instance acme"),
        ("clone_acme", "instance acme"),
        ("load_acme", "instance acme"),
        ("stage_acme", "instance acme"),
        ("former_acme", "instance acme"),
        ("spare_blank_1a2b3c4d", "database spare_blank_1a2b3c4d"),
        ("clone_edit--blank", "build of blank"),
        ("edit--blank", "build of blank"),
        ("template_blank", "build of blank"),
        ("template_blank__building", "build of blank"),
        ("template_my-shop@1.0.3", "build of my-shop"),
        ("zygote_my-shop_1.0.3", "build of my-shop"),
    ],
)
def test_the_lock_of_whoever_works_on_it_is_known(name: str, lock: str):
    assert lock in subjects(name)


def test_a_name_in_quarantine_fits_is_free_and_has_its_day():
    day = date(2026, 11, 30)
    assert lost_name("acme", day, ()) == "lost_261130_acme"
    assert lost_name("acme", day, ("lost_261130_acme",)) == "lost_261130_acme_2"
    long = lost_name("a" * 60, day, ())
    again = lost_name("a" * 60, day, (long,))
    assert len(long) == 63
    assert len(again) <= 63
    assert long != again
    assert {lost_on(name) for name in (long, again)} == {day}
    assert [lost_on(name) for name in ("lost_acme", "lost_269930_acme", "acme")] == [None] * 3


def test_what_is_kept_is_listed_with_the_day_on_which_it_may_go():
    given = facts(roles=("lost_261130_gone",), lost_261130_acme=INSTANCE.having(kind=Kind.LOST))
    assert quarantined(given) == (
        Quarantined(What.DATABASE, "lost_261130_acme", "2026-12-30"),
        Quarantined(What.ROLE, "lost_261130_gone", "2026-12-30"),
    )
