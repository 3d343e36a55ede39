"""The table of mutants fits this tree; `make mutants` checks whether tests kill them."""

from __future__ import annotations

import contextlib
import re

import pytest
from tests.mutants.copy import Copy
from tests.mutants.table import ROOT, Mutant, mutants

MUTANTS = mutants()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_what_a_mutant_changes_is_there_once_and_so_are_its_tests(mutant: Mutant):
    assert mutant.objection() == ""
    assert mutant.old != mutant.new


def test_no_two_mutants_have_one_name():
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


def test_every_part_of_the_code_has_mutants():
    files = {mutant.file for mutant in MUTANTS}
    for part in ("model", "operations", "control_plane", "postgres", "odoo", "spawner", "remote"):
        assert any(file.startswith(f"src/tenantry/{part}/") for file in files)
    for manifest in (ROOT / "addons").glob("*/*/__manifest__.py"):
        assert any(file.startswith(f"{manifest.parent.relative_to(ROOT)}/") for file in files)


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "tests" / "unit").mkdir(parents=True)
    (tmp_path / "tests" / "unit" / "test_it.py").write_text("def test_it(): ...\n")
    (tmp_path / "it.py").write_text("one = 1\ntwo = 1\n")
    return tmp_path


def mutant(**changes) -> Mutant:
    wanted = {"name": "it", "file": "it.py", "old": "one = 1", "new": "one = 2", **changes}
    return Mutant(**{"tests": ("tests/unit/test_it.py::test_it",), **wanted})


@pytest.mark.parametrize(
    ("changes", "objection"),
    [
        ({}, ""),
        ({"old": "= 1"}, "'= 1' is 2 times"),
        ({"old": "three"}, "'three' is 0 times"),
        ({"file": "gone.py"}, "is 0 times in gone.py"),
        ({"tests": ("tests/unit/test_it.py::test_gone",)}, "there is no .*test_gone"),
        ({"tests": ("tests/unit/test_gone.py::test_it",)}, "there is no .*test_gone"),
    ],
)
def test_a_mutant_that_fits_no_more_is_told(tree, changes, objection):
    found = mutant(**changes).objection(tree)
    assert re.search(objection, found)
    assert bool(found) == bool(objection)


def test_a_mutant_is_undone_whatever_becomes_of_its_tests(tree):
    copy = Copy(tree)
    with contextlib.suppress(KeyboardInterrupt), copy.broken_by(mutant()):
        assert (tree / "it.py").read_text() == "one = 2\ntwo = 1\n"
        raise KeyboardInterrupt
    assert (tree / "it.py").read_text() == "one = 1\ntwo = 1\n"


def test_a_mutant_is_fast_when_its_tests_need_nothing_but_python():
    assert mutant().is_fast
    assert not mutant(tests=("tests/unit/test_it.py::test_it", "tests/integration/test_x.py")).is_fast
