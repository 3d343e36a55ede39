"""Read a dump of SQL statements, as `pg_dump` writes them in its plain format, without `psql`.

`psql` would also obey the lines of a dump that begin with a backslash, among them `\\!`, which runs a program
of this machine. Here there are none but the two that newer versions of pg_dump write themselves, and every
statement must begin as one that builds a database (`RUN`). The others are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

_PIECE = 2**16
_BEGINNING, _MAX_STATEMENT = 2**16, 2**26
"""How much of a statement is looked at, and how long it may be. Rows of COPY have no limit."""
_END_OF_ROWS = (b"\\.\n", b"\\.\r\n", b"\\.")
_SAFE_LINE = re.compile(rb"\\(un)?restrict [A-Za-z0-9]+\r?\n")
"""What pg_dump writes since the minor versions of August 2025, so that psql obeys no other such line."""
_MAX_SHOWN = 100


class Refused(Exception):
    """A dump that is not loaded. The argument says why, and in which line."""


@dataclass
class Statement:
    """A statement without its semicolon; line: where it begins. What an owner decides is not run."""

    text: bytes
    line: int
    is_run: bool


@dataclass
class Rows:
    """`COPY … FROM stdin` and its data, which have to be read before the next statement."""

    copy: bytes
    line: int
    pieces: Iterator[bytes]


@dataclass
class Extension:
    """An extension that the database has."""

    name: str
    line: int


def read(file: BinaryIO) -> Iterator[Statement | Rows | Extension]:
    """Read a dump in UTF-8. Raises Refused."""
    return _Reader(file).read()


# ---------------------------------------------------------------- statements


_NAME = rb'(?:"(?:[^"]|"")+"|[A-Za-z_][\w$]*)'
_QUALIFIED = rb"(?:%s\.)?%s" % (_NAME, _NAME)
_COPY = re.compile(rb"COPY %s(?: \([^)]*\))? FROM stdin" % _QUALIFIED, re.IGNORECASE)
_EXTENSION = re.compile(rb"CREATE EXTENSION (?:IF NOT EXISTS )?\"?([a-z0-9_-]+)\"?(?: .*)?", re.IGNORECASE)
_SETTING = re.compile(rb"SET (?:SESSION )?([a-z_]+) ?(?:=|TO) ?(.*)", re.IGNORECASE)
_SETTINGS = {
    b"client_encoding": (b"'UTF8'", b"UTF8", b"'UTF-8'"),
    b"standard_conforming_strings": (b"on", b"'on'"),
}
"""Settings that change how a dump is read, with the values for which it is read as it is here."""
_OWNERS = (
    rb"ALTER (?:TABLE(?: ONLY)?|SEQUENCE|VIEW|MATERIALIZED VIEW|TYPE|DOMAIN) %s OWNER TO" % _QUALIFIED,
    rb"ALTER (?:FUNCTION|PROCEDURE|AGGREGATE|OPERATOR|SCHEMA|EXTENSION|COLLATION) [^;]* OWNER TO",
    rb"ALTER DEFAULT PRIVILEGES",
    rb"GRANT",
    rb"REVOKE",
    rb"(?:CREATE|ALTER) SCHEMA (?:IF NOT EXISTS )?public",
    rb"COMMENT ON (?:EXTENSION|SCHEMA|DATABASE)",
    rb"SECURITY LABEL",
    rb"SELECT pg_catalog\.set_config\('search_path', '', false\)",
)
_BUILDING = (
    rb"CREATE (?:UNLOGGED )?TABLE",
    rb"CREATE SEQUENCE",
    rb"CREATE (?:UNIQUE )?INDEX",
    rb"CREATE STATISTICS",
    rb"CREATE (?:OR REPLACE )?(?:RECURSIVE )?VIEW",
    rb"CREATE MATERIALIZED VIEW",
    rb"REFRESH MATERIALIZED VIEW",
    rb"CREATE (?:OR REPLACE )?(?:FUNCTION|PROCEDURE|AGGREGATE|RULE)",
    rb"CREATE (?:OR REPLACE )?(?:CONSTRAINT )?TRIGGER",
    rb"CREATE (?:TYPE|DOMAIN|COLLATION|OPERATOR|CAST|POLICY)",
    rb"CREATE TEXT SEARCH (?:CONFIGURATION|DICTIONARY)",
    rb"ALTER (?:TABLE|SEQUENCE|INDEX|TYPE|DOMAIN|VIEW|MATERIALIZED VIEW|TEXT SEARCH)",
    rb"COMMENT ON",
    rb"INSERT INTO",
    rb"SELECT pg_catalog\.setval\('[^']+', \d+, (?:true|false)\)$",
)


def _beginning(patterns: tuple[bytes, ...]) -> re.Pattern[bytes]:
    return re.compile(rb"(?:%s)(?![\w$])" % rb"|".join(patterns), re.IGNORECASE)


LEFT_OUT, RUN = _beginning(_OWNERS), _beginning(_BUILDING)
"""The beginnings of statements that are left out, and of those that are run. Others are refused."""


def _judged(text: bytes, line: int) -> Statement | Extension:
    """Raises Refused."""
    flat = _flat(text)
    if found := _EXTENSION.fullmatch(flat):
        return Extension(found[1].decode(), line)
    if found := _SETTING.fullmatch(flat):
        name, value = found[1].lower(), found[2]
        if value in _SETTINGS.get(name, (value,)):
            return Statement(text, line, is_run=name == b"search_path")
    elif LEFT_OUT.match(flat):
        return Statement(text, line, is_run=False)
    elif RUN.match(flat):
        return Statement(text, line, is_run=True)
    raise Refused(f"line {line}: {_shown(flat)}")


def _flat(text: bytes) -> bytes:
    """The beginning of a statement, with single spaces."""
    return b" ".join(text[:_BEGINNING].split())


def _shown(text: bytes) -> str:
    shown = text.decode(errors="replace")
    return shown if len(shown) <= _MAX_SHOWN else shown[:_MAX_SHOWN] + "…"


# ---------------------------------------------------------------- reading


_TOKEN = re.compile(
    rb"""
      (?P<quote>'|"|\$(?:[A-Za-z_\x80-\xff][\w\x80-\xff]*)?\$)
    | (?P<word>[\w\x80-\xff][\w$\x80-\xff]*)
    | (?P<comment>--[^\n]*)
    | (?P<block>/\*)
    | (?P<open>\()
    | (?P<close>\))
    | (?P<end>;)
    | (?P<backslash>\\)
    | (?P<other>\s+|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_AHEAD = 256
"""No token but a comment is longer: names have 63 bytes."""
_ESCAPED = re.compile(rb"(?:[^'\\]|\\.|'')*+", re.DOTALL)
_BLOCK = re.compile(rb"/\*|\*/")


@dataclass
class _Reader:
    """line: how many lines were read. text: the part of the dump that is known. at: how far it is done."""

    file: BinaryIO
    line: int = 0
    text: bytearray = field(default_factory=bytearray)
    at: int = 0

    def read(self) -> Iterator[Statement | Rows | Extension]:
        while statement := self._statement():
            text, line = statement
            if _COPY.fullmatch(_flat(text)):
                self._end_line()
                rows = Rows(text, line, self._rows())
                yield rows
                for _ in rows.pieces:
                    pass  # what the caller has not read
            else:
                yield _judged(text, line)

    def _statement(self) -> tuple[bytes, int] | None:
        """The next statement, without comments, and its line; None at the end."""
        del self.text[: self.at]
        self.at, text, line, depth, before = 0, bytearray(), 0, 0, b""
        while token := self._token():
            kind, value = token
            if kind == "backslash" and not text and self._skip_safe_line():
                continue
            if kind == "backslash":
                raise Refused(f"line {self.line}: a command of psql's begins with a backslash")
            if kind == "end" and depth == 0:
                if text:
                    return bytes(text), line
                continue
            if kind == "quote":
                value += self._quoted(value, is_escaped=before in (b"E", b"e"))
            elif kind in ("comment", "block"):
                value = self._comment(kind)
            depth += (kind == "open") - (kind == "close")
            before = value
            if text or not value.isspace():
                line = line or self.line
                text += value
            self._check_length(text)
        if text:
            raise Refused(f"line {self.line}: it ends in the middle of a statement")
        return None

    def _token(self) -> tuple[str, bytes] | None:
        while True:
            found = _TOKEN.match(self.text, self.at)
            is_whole = found and found.end() < len(self.text) - _AHEAD
            if not is_whole and self._more():
                continue
            if found is None:
                return None
            self.at = found.end()
            return str(found.lastgroup), found[0]

    def _more(self) -> bool:
        """Read the next line, or more of a long one; return False if that cannot change the next token."""
        if self.text.endswith(b"\n") and self.at < len(self.text):
            return False
        return self._append()

    def _append(self) -> bool:
        piece = self.file.readline(_PIECE)
        if b"\0" in piece:
            raise Refused(f"line {self.line + 1}: a zero byte")
        self.line += piece.endswith(b"\n")
        self.text += piece
        self._check_length(self.text)
        return bool(piece)

    def _check_length(self, text: bytearray) -> None:
        if len(text) > _MAX_STATEMENT:
            raise Refused(f"line {self.line}: a statement is longer than {_MAX_STATEMENT // 2**20} MB")

    def _quoted(self, quote: bytes, *, is_escaped: bool) -> bytes:
        """The rest of a quoted text. A doubled quote ends one text and begins the next."""
        if is_escaped and quote == b"'":
            return self._escaped()
        return self._until(re.compile(re.escape(quote)), overlap=len(quote) - 1)

    def _escaped(self) -> bytes:
        """The rest of a text such as E'it\\'s', in which a backslash takes the meaning of what follows."""
        start = self.at
        while True:
            unescaped = _ESCAPED.match(self.text, self.at)
            assert unescaped
            self.at = unescaped.end()
            ahead = self.text[self.at : self.at + 2]
            if len(ahead) == 2 or not self._append():  # else the next byte decides
                self.at += 1
                if ahead[:1] != b"'":
                    raise Refused(f"line {self.line}: a quoted text does not end")
                return bytes(self.text[start : self.at])

    def _until(self, end: re.Pattern[bytes], overlap: int) -> bytes:
        """Everything up to the end of the first match. overlap: how many known bytes one may begin with."""
        start = searched = self.at
        while not (found := end.search(self.text, searched)):
            searched = max(searched, len(self.text) - overlap)
            if not self._append():
                raise Refused(f"line {self.line}: a quoted text or a comment does not end")
        self.at = found.end()
        return bytes(self.text[start : self.at])

    def _comment(self, kind: str) -> bytes:
        """A comment becomes a space; one between `/*` and `*/` can contain others."""
        depth = int(kind == "block")
        while depth:
            depth += 1 if self._until(_BLOCK, overlap=1).endswith(b"/*") else -1
        return b" "

    def _skip_safe_line(self) -> bool:
        """Skip a line that only newer versions of psql would take for a command, if this is one."""
        start = self.at - 1
        while not self.text.endswith(b"\n") and self._append():
            pass
        found = _SAFE_LINE.match(self.text, start)
        is_at_start = start == 0 or self.text[start - 1 : start] == b"\n"
        if found and is_at_start:
            self.at = found.end()
        return bool(found) and is_at_start

    def _end_line(self) -> None:
        while not self.text.endswith(b"\n") and self._append():
            pass
        if self.text[self.at :].strip():
            raise Refused(f"line {self.line}: rows begin in the line of their COPY")
        self.text.clear()
        self.at = 0

    def _rows(self) -> Iterator[bytes]:
        begins_line = True
        while piece := self.file.readline(_PIECE):
            if begins_line and piece in _END_OF_ROWS:
                self.line += 1
                return
            begins_line = piece.endswith(b"\n")
            self.line += begins_line
            yield piece
        raise Refused(f"line {self.line}: it ends in the middle of a table's rows")
