"""The output of commands is complete, on a terminal and in a pipe."""

from __future__ import annotations

import pytest

from tenantry.cli.output import Output

LONG = "https://a-company-with-a-rather-long-name.some-provider-of-odoo.example.com:8069"
COLUMNS = {"NAME": lambda row: row[0], "URL": lambda row: row[1]}


def test_a_table_that_is_read_by_a_program_cuts_nothing(capsys: pytest.CaptureFixture[str]):
    Output().table([("acme", LONG), ("beta", f"{LONG}/again")], COLUMNS, "none")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [["NAME", "URL"], ["acme", LONG], ["beta", f"{LONG}/again"]]


def test_on_a_narrow_terminal_an_address_goes_on_in_the_next_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "60")
    Output().table([("acme", LONG)], COLUMNS, "none")
    shown = capsys.readouterr().out
    assert LONG in "".join(part.strip() for part in shown.replace("acme", "").splitlines()[1:])
    assert "…" not in shown
