"""The output of commands is complete, on a terminal and in a pipe."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from tenantry.cli.output import Output, plain_text

LONG = "https://a-company-with-a-rather-long-name.some-provider-of-odoo.example.com:8069"
COLUMNS = {"NAME": lambda row: row[0], "URL": lambda row: row[1]}


def test_a_table_that_is_read_by_a_program_cuts_nothing(capsys: pytest.CaptureFixture[str]):
    Output().table([("acme", LONG), ("beta", f"{LONG}/again")], COLUMNS, "none")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [["NAME", "URL"], ["acme", LONG], ["beta", f"{LONG}/again"]]


def test_a_message_of_several_lines_is_one_line_for_a_program(capsys: pytest.CaptureFixture[str]):
    Output().table([("acme", "first\nsecond\tthird")], COLUMNS, "none")
    assert capsys.readouterr().out.splitlines() == ["NAME  URL", "acme  first second third"]


def test_a_program_that_counts_rows_counts_no_sentence(capsys: pytest.CaptureFixture[str]):
    Output().table([], COLUMNS, "No requests yet.")
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "No requests yet.\n"


def test_even_the_widest_cell_is_whole_in_a_pipe(capsys: pytest.CaptureFixture[str]):
    Output().table([("acme", "x" * 9000)], COLUMNS, "none")
    assert capsys.readouterr().out.splitlines()[1] == f"acme  {'x' * 9000}"


@pytest.mark.parametrize("sign", ["\x1b[2J", "\x1b]0;root\x07", "\x9b2J", "\r", "\u202e"])
def test_a_text_of_a_tenant_is_no_command_to_the_terminal(capsys: pytest.CaptureFixture[str], sign: str):
    output = Output()
    output.result(None, plain_text(f"[red]a line{sign}of a tenant\nand the next"))
    output.table([("acme", f"a{sign}name")], COLUMNS, "none")
    printed = capsys.readouterr().out
    assert not {"\x1b", "\x9b", "\x07", "\r", "\u202e"} & set(printed)
    assert "[red]a line" in printed
    assert "\nand the next" in printed


ID = "80d59afe-8e99-4a11-9f0e-3c6f5b8f1a2b"
REQUEST = {
    "REQUEST": lambda row: ID,
    "COMPANY": lambda row: "The Company of Acme and Sons",
    "ASKED": lambda row: "2026-01-01T10:00:00Z",
    "NOTE": lambda row: "the mail server did not answer for a day, and so nothing was sent",
}


def _on_a_terminal(width: int) -> tuple[list[str], str]:
    shown, said = io.StringIO(), io.StringIO()
    output = Output()
    output._out = Console(file=shown, force_terminal=True, width=width, color_system=None, soft_wrap=True)
    output._err = Console(file=said, width=200)
    output.table(["one"], REQUEST, "none", least=("ASKED", "COMPANY"))
    return [line.rstrip() for line in shown.getvalue().splitlines()], said.getvalue()


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_on_any_usual_terminal_an_id_can_be_copied_whole(width: int):
    lines, _said = _on_a_terminal(width)
    assert ID in lines[1]
    assert max(map(len, lines)) <= width
    assert "…" not in "".join(lines)


def test_a_narrow_terminal_keeps_the_reason_and_says_what_it_left_out():
    lines, said = _on_a_terminal(50)
    assert "NOTE" in lines[0]
    assert "ASKED" not in lines[0]
    assert "ASKED" in said
    assert "--json" in said


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
