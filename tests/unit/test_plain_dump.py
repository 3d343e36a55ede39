"""Dumps of SQL statements are read without psql, and what does not build a database is refused."""

from __future__ import annotations

import io

import pytest

from tenantry.archive import plain_dump
from tenantry.archive.plain_dump import Extension, Refused, Rows, Statement, read

HEAD = """\
--
-- PostgreSQL database dump
--

\\restrict aB3

SET statement_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);

"""
TABLE = "CREATE TABLE public.note (\n    id integer NOT NULL\n)"


def parsed(dump: str | bytes) -> list[object]:
    """What is run or loaded, with each table's rows read."""
    found: list[object] = []
    for it in read(io.BytesIO(dump.encode() if isinstance(dump, str) else dump)):
        match it:
            case Statement():
                found += [it.text.decode()] if it.is_run else []
            case Rows():
                found.append((it.copy.decode(), b"".join(it.pieces).decode()))
            case Extension():
                found.append(f"extension {it.name}")
    return found


def test_statements_and_rows_come_in_their_order() -> None:
    dump = HEAD + (
        "CREATE EXTENSION IF NOT EXISTS unaccent WITH SCHEMA public;\n"
        "COMMENT ON EXTENSION unaccent IS 'text; search';\n"
        f"{TABLE};\n\n"
        "ALTER TABLE public.note OWNER TO odoo;\n"
        "COPY public.note (id) FROM stdin;\n1\n2\n\\.\n\n"
        "SELECT pg_catalog.setval('public.note_id_seq', 2, true);\n"
        "ALTER TABLE ONLY public.note ADD CONSTRAINT note_pkey PRIMARY KEY (id);\n"
        "\\unrestrict aB3\n\n--\n-- end\n--\n"
    )
    assert parsed(dump) == [
        "extension unaccent",
        TABLE,
        ("COPY public.note (id) FROM stdin", "1\n2\n"),
        "SELECT pg_catalog.setval('public.note_id_seq', 2, true)",
        "ALTER TABLE ONLY public.note ADD CONSTRAINT note_pkey PRIMARY KEY (id)",
    ]


@pytest.mark.parametrize(
    "quoted",
    [
        "'a;b'",
        "'it''s; fine'",
        "'back\\'",
        "E'it\\'s; fine'",
        "E'it''s\\\\'",
        "e'\\\\\\'; '",
        '"a;b"',
        "$$ one; 'two $$",
        "$body$ $$ ; $other$ $body$",
        "(1; 2)",
        "/* a; /* b; */ c */ 1",
        "'line\nof; text'",
    ],
)
@pytest.mark.parametrize("piece", [1, 2, 3, 7, 2**16])
def test_a_semicolon_in_a_text_ends_no_statement(
    quoted: str, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain_dump, "_PIECE", piece)
    first, second = read(io.BytesIO(f"-- x\nCREATE VIEW v AS SELECT {quoted};CREATE TABLE t ();".encode()))
    assert isinstance(first, Statement)
    assert isinstance(second, Statement)
    expected = quoted if "/*" not in quoted else "  1"
    assert (first.text.decode(), second.text) == (f"CREATE VIEW v AS SELECT {expected}", b"CREATE TABLE t ()")


@pytest.mark.parametrize(
    "evil",
    [
        "\\! id\n",
        "\\connect postgres\n",
        "\\restrict aB3; \\! id\n",
        "  \\copy x from program 'id'\n",
        "CREATE TABLE t () \\! id\n;",
        "CREATE TABLE t ();\\g |id\n",
        "COPY public.note (id) FROM '/etc/passwd';\n",
        "COPY public.note (id) FROM PROGRAM 'id';\n",
        "COPY public.note (id) TO '/tmp/x';\n",
        "COPY (SELECT 1) TO stdout;\n",
        "COPY public.note FROM stdin WHERE pg_sleep(1) IS NULL;\n1\n\\.\n",
        "DO $$ BEGIN END $$;\n",
        "SELECT lo_import('/etc/passwd');\n",
        "SELECT pg_catalog.setval('x', 1, true), pg_sleep(1);\n",
        "SET ROLE postgres;\n",
        "SET SESSION AUTHORIZATION postgres;\n",
        "RESET ROLE;\n",
        "CREATE ROLE x;\n",
        "CREATE DATABASE x;\n",
        "ALTER DATABASE x SET search_path = y;\n",
        "ALTER SYSTEM SET x = y;\n",
        "CREATE EVENT TRIGGER x ON ddl_command_start EXECUTE FUNCTION y();\n",
        "CREATE SUBSCRIPTION x CONNECTION '' PUBLICATION y;\n",
        "CREATE SERVER x FOREIGN DATA WRAPPER y;\n",
        "CREATE SCHEMA other;\n",
        "CREATE TABLESPACE x LOCATION '/tmp';\n",
        "LOAD 'x';\n",
        "BEGIN;\n",
        "DROP TABLE x;\n",
        "UPDATE x SET y = 1;\n",
        "DELETE FROM x;\n",
        "CREATE TABLESX;\n",
    ],
)
def test_what_does_not_build_a_database_is_refused(evil: str) -> None:
    with pytest.raises(Refused, match="line 13"):
        parsed(HEAD + "\n" + evil)


@pytest.mark.parametrize(
    "setting",
    [
        "SET client_encoding = 'SJIS'",
        "SET client_encoding TO 'GBK'",
        "SET standard_conforming_strings = off",
        "SET SESSION standard_conforming_strings TO off",
    ],
)
def test_what_changes_how_a_dump_is_read_is_refused(setting: str) -> None:
    with pytest.raises(Refused, match="SET"):
        parsed(f"{setting};\n")


@pytest.mark.parametrize(
    ("cut", "reason"),
    [
        ("CREATE TABLE t (", "middle of a statement"),
        ("COPY public.note (id) FROM stdin;\n1\n", "middle of a table's rows"),
        ("CREATE VIEW v AS SELECT 'abc;\n", "does not end"),
        ("CREATE VIEW v AS SELECT E'abc\\';\n", "does not end"),
        ("CREATE FUNCTION f() $x$ ;\n", "does not end"),
        ("/* never closed", "does not end"),
        ("COPY public.note (id) FROM stdin; 1\n\\.\n", "line of their COPY"),
        ("CREATE TABLE \0;", "zero byte"),
    ],
)
def test_a_dump_that_was_cut_off_or_garbled_is_refused(cut: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        parsed(cut)


def test_rows_are_read_in_pieces_and_an_end_inside_a_line_is_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_dump, "_PIECE", 4)
    rows = "abcd\\.\n\\.x\nlong line of text\n"
    dump = f"COPY public.note FROM stdin;\n{rows}\\.\n"
    assert parsed(dump) == [("COPY public.note FROM stdin", rows)]


def test_rows_that_were_not_read_are_no_statements() -> None:
    dump = "COPY public.note FROM stdin;\nDROP TABLE x;\n\\.\nCREATE TABLE t ();\n"
    found = [type(it) for it in read(io.BytesIO(dump.encode()))]
    assert found == [Rows, Statement]


def test_a_statement_without_end_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_dump, "_MAX_STATEMENT", 2**20)
    for text in ("CREATE TABLE " + "x" * 2**21, "CREATE VIEW v AS SELECT '" + "x" * 2**21, "a " * 2**20):
        with pytest.raises(Refused, match="longer than 1 MB"):
            parsed(text)


def test_a_copys_list_of_columns_can_be_long() -> None:
    columns = ", ".join(f"a_column_with_number_{n}" for n in range(500))
    assert parsed(f"COPY public.wide ({columns}) FROM stdin;\n\\.\n") == [
        (f"COPY public.wide ({columns}) FROM stdin", "")
    ]
