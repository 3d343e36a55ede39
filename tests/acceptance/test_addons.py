"""The back office's addons under Odoo's own test runner: installed, tested, updated, uninstalled.

Odoo is started once for all classes of tests, or for those that were chosen; each is a test here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.master import UnusedMaster
from tests.support.odoo_report import OdooClass, Report, classes_in
from tests.support.odoo_tests import Trial, trial

from tenantry.control_plane.install import RECIPE

FOLDERS = sorted((Path(__file__).parents[2] / "addons" / "master").glob("saas_manager*"))
CLASSES = classes_in(FOLDERS)

_BROKEN_TESTS = """\
import logging
import unittest

from odoo.tests import TransactionCase


class TestBroken(TransactionCase):
    def test_that_fails(self):
        self.assertEqual(self.env.registry.db_name, "another")

    def test_that_passes(self):
        pass


class TestSkipped(TransactionCase):
    @unittest.skip("not today")
    def test_that_is_skipped(self):
        pass


class TestNeverSetUp(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        raise ValueError("no ground to stand on")

    def test_that_never_runs(self):
        pass


class TestParts(TransactionCase):
    def test_whose_part_fails(self):
        for number in (1, 2):
            with self.subTest(number=number):
                self.assertEqual(number, 1, "the second part")


class TestComplaining(TransactionCase):
    def test_that_passes_and_logs_an_error(self):
        logging.getLogger("odoo.somewhere").error("something broke")


class TestFine(TransactionCase):
    def test_that_passes(self):
        pass
"""
_NOT_IMPORTED = """\
from odoo.tests import TransactionCase


class TestForgotten(TransactionCase):
    def test_that_nobody_imports(self):
        pass
"""


@pytest.fixture
def copy(unused_master: UnusedMaster, tmp_path: Path) -> Iterator[Trial]:
    """A throw-away copy of the master's database."""
    with trial(unused_master, tmp_path) as it:
        yield it


@pytest.fixture(scope="module")
def report(
    request: pytest.FixtureRequest, unused_master: UnusedMaster, tmp_path_factory: pytest.TempPathFactory
) -> Report:
    """The results of the chosen test classes; all are chosen unless pytest's options say otherwise."""
    chosen = _chosen(request.session.items)
    with trial(unused_master, tmp_path_factory.mktemp("addons")) as copy:
        is_all = len(chosen) == len(CLASSES)
        tags = [f"/{folder.name}" for folder in FOLDERS] if is_all else [it.tag for it in chosen]
        return copy.test([folder.name for folder in FOLDERS], tags)


def _chosen(items: list[pytest.Item]) -> list[OdooClass]:
    parameters = [item.callspec.params for item in items if hasattr(item, "callspec")]
    return [found["odoo_class"] for found in parameters if "odoo_class" in found] or CLASSES


@pytest.mark.parametrize("odoo_class", CLASSES, ids=str)
def test_a_class_of_odoos_tests_passes(report: Report, odoo_class: OdooClass):
    wrong = report.wrong_with(odoo_class)
    assert not wrong, "\n".join(wrong)


def test_odoo_logs_no_other_complaint(report: Report):
    assert report.of_nobody == []
    assert not report.failure or report.faults, report.end


def test_every_class_that_ran_is_listed_here(report: Report):
    assert {str(it) for it in report.ran} <= {str(it) for it in CLASSES}


def test_the_addons_are_uninstalled_one_by_one_without_a_complaint(copy: Trial):
    for addon in reversed(RECIPE.modules):
        copy.uninstall(addon)
        assert addon not in copy.installed()
        assert copy.rows(f"SELECT 1 FROM ir_model_data WHERE module = '{addon}'") == []


def test_a_test_that_fails_in_odoo_fails_here(unused_master: UnusedMaster, tmp_path: Path):
    addon = make_addon(tmp_path / "addons" / "saas_manager_broken")
    with trial(unused_master, tmp_path, [addon.parent]) as copy:
        report = copy.test([addon.name], [f"/{addon.name}"])
    wrong = {it.name: "\n".join(report.wrong_with(it)) for it in classes_in([addon])}
    assert "'another'" in wrong.pop("TestBroken")
    assert "not today" in wrong.pop("TestSkipped")
    assert "no ground to stand on" in wrong["TestNeverSetUp"]
    assert "did not run test_that_never_runs" in wrong.pop("TestNeverSetUp")
    assert "the second part" in wrong.pop("TestParts")
    assert "something broke" in wrong.pop("TestComplaining")
    assert "did not run test_that_nobody_imports" in wrong.pop("TestForgotten")
    assert wrong == {"TestFine": ""}


def make_addon(folder: Path) -> Path:
    (folder / "tests").mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "__manifest__.py").write_text("{'name': 'Broken', 'license': 'LGPL-3', 'author': 'Tenantry'}")
    (folder / "tests" / "__init__.py").write_text("from . import test_broken\n")
    (folder / "tests" / "test_broken.py").write_text(_BROKEN_TESTS)
    (folder / "tests" / "test_forgotten.py").write_text(_NOT_IMPORTED)
    return folder
