"""The back office's addons under Odoo's own test runner: installed, tested, updated, uninstalled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.master import UnusedMaster
from tests.support.odoo_tests import Trial, complaints, count_tests, trial

from tenantry.operations.install_master import RECIPE

FOLDERS = list((Path(__file__).parents[2] / "addons").glob("saas_manager*"))

_BROKEN_TEST = """\
from odoo.tests import TransactionCase


class TestBroken(TransactionCase):
    def test_that_fails(self):
        self.assertEqual(self.env.registry.db_name, "another")
"""


@pytest.fixture
def copy(unused_master: UnusedMaster, tmp_path: Path) -> Iterator[Trial]:
    """A throw-away copy of the master's database."""
    with trial(unused_master, tmp_path) as it:
        yield it


def test_the_addons_own_tests_pass(copy: Trial):
    ran = count_tests(copy.test(*(folder.name for folder in FOLDERS)))
    with_tests = {folder.name for folder in FOLDERS if any(folder.glob("tests/test_*.py"))}
    assert {addon for addon, count in ran.items() if count} == with_tests


def test_one_after_the_other_is_uninstalled_without_a_complaint(copy: Trial):
    for addon in reversed(RECIPE.modules):
        copy.uninstall(addon)
        assert addon not in copy.installed()
        assert copy.rows(f"SELECT 1 FROM ir_model_data WHERE module = '{addon}'") == []


def test_a_test_that_fails_in_odoo_fails_here(unused_master: UnusedMaster, tmp_path: Path):
    make_addon(tmp_path / "addons" / "saas_manager_broken", _BROKEN_TEST)
    with (
        trial(unused_master, tmp_path, [tmp_path / "addons"]) as copy,
        pytest.raises(AssertionError, match="another"),
    ):
        copy.test("saas_manager_broken")


def test_errors_and_warnings_about_ours_are_complaints_and_others_warnings_are_not():
    log = """\
2026-01-01 10:00:00,000 42 INFO db odoo.modules.loading: loading saas_manager/views.xml
2026-01-01 10:00:00,000 42 WARNING db py.warnings: something of PostgreSQL's
2026-01-01 10:00:00,000 42 WARNING db odoo.modules.loading: saas_manager has no access rules
2026-01-01 10:00:00,000 42 ERROR db odoo.sql_db: bad query
"""
    assert [line.split()[3] for line in complaints(log)] == ["WARNING", "ERROR"]


def make_addon(folder: Path, test: str) -> None:
    (folder / "tests").mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "__manifest__.py").write_text("{'name': 'Broken', 'license': 'LGPL-3', 'author': 'Tenantry'}")
    (folder / "tests" / "__init__.py").write_text("from . import test_broken\n")
    (folder / "tests" / "test_broken.py").write_text(test)
