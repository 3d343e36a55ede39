"""Reading the log of Odoo's tests: to which class a fault belongs."""

from __future__ import annotations

from tests.support.odoo_report import OdooClass, Report

FIRST, SECOND = OdooClass("saas_a", "test_x", "TestFirst"), OdooClass("saas_a", "test_y", "TestSecond")

_MODULE = "odoo.addons.saas_a.tests.test_x"


def log(*records: str) -> str:
    return "".join(f"2026-01-01 10:00:00,000 42 {record}\n" for record in records)


def test_errors_and_warnings_about_ours_are_complaints_and_others_warnings_are_not():
    report = Report(
        log(
            "INFO db odoo.modules.loading: loading saas_manager/views.xml",
            "WARNING db py.warnings: something of PostgreSQL's",
            "WARNING db odoo.modules.loading: saas_manager has no access rules",
            "WARNING db odoo.addons.saas_a.models.x: something of ours",
            "ERROR db odoo.sql_db: bad query",
        )
    )
    assert [fault.split()[0] for fault in report.of_nobody] == ["WARNING", "WARNING", "ERROR"]


def test_what_is_logged_while_a_class_runs_is_its_own():
    report = Report(
        log(
            "INFO db odoo.addons.saas_a.tests.test_x: Starting TestFirst.test_1 ... ",
            "ERROR db odoo.sql_db: bad query\nits second line",
            "INFO db odoo.addons.saas_a.tests.test_y: Starting TestSecond.test_2 ... ",
            "INFO db odoo.addons.saas_a.tests.test_y: skipped TestSecond.test_2 : not today",
            f"ERROR db {_MODULE}: ERROR: tearDownClass ({_MODULE}.TestFirst)",
        )
    )
    assert report.ran == {FIRST: {"test_1"}, SECOND: {"test_2"}}
    query, tearing_down = report.faults[FIRST]
    assert query.endswith("its second line")
    assert "tearDownClass" in tearing_down
    assert report.faults[SECOND] == ["skipped TestSecond.test_2 : not today"]
    assert report.of_nobody == []


def test_a_summary_is_nobodys_fault_but_a_failure_nobody_told_of_is():
    started = f"INFO db {_MODULE}: Starting TestFirst.test_1 ... "
    failed = f"ERROR db {_MODULE}: FAIL: TestFirst.test_1"
    summary = "ERROR db odoo.modules.loading: Module saas_a: 1 failures, 0 errors of 1 tests"
    report = Report(log(started, failed, summary, "ERROR db odoo.sql_db: bad query"))
    assert report.faults == {FIRST: [f"ERROR {_MODULE}: FAIL: TestFirst.test_1"]}
    assert report.of_nobody == ["ERROR odoo.sql_db: bad query"]
    assert Report(log(summary)).of_nobody


def test_a_class_passes_when_all_its_tests_ran():
    report = Report(log("INFO db odoo.addons.saas_a.tests.test_x: Starting TestFirst.test_1 ... "))
    whole = OdooClass("saas_a", "test_x", "TestFirst", frozenset({"test_1"}))
    part = OdooClass("saas_a", "test_x", "TestFirst", frozenset({"test_1", "test_2"}))
    assert report.wrong_with(whole) == []
    assert "did not run test_2." in report.wrong_with(part)[0]
