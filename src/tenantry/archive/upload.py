"""A backup that another system made: Odoo's own `.zip`, or a file of `pg_dump`. Nothing in it is believed.

All forms become the statements of a plain dump, see `plain_dump`. A dump in pg_dump's custom format is turned
into them by a `pg_restore` that has no connection and sees nothing but the file.
"""

from __future__ import annotations

import io
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

import psycopg

from tenantry import sandbox
from tenantry.archive.plain_dump import Extension, Refused, Rows, Statement, read
from tenantry.errors import ProgramFailed, UploadRefused
from tenantry.odoo.filestore import is_content
from tenantry.postgres.cluster import Connection, one_line
from tenantry.process import Piped, piped
from tenantry.sandbox import View
from tenantry.spawner.identity import READER, is_root

DUMP, FILES = "dump.sql", "filestore/"
_CUSTOM_FORMAT, _ZIP_FORMAT, _ENCRYPTED = b"PGDMP", b"PK", 0x1
_MAX_RATIO, _JUDGED = 200, 2**20
"""How many times larger than in the zip a file of more than _JUDGED bytes may be; usual are 5 to 20 times."""
AS_PG_DUMP = {"search_path": "", "check_function_bodies": "off", "xmloption": "content"}
"""The settings of a session for `load_dump`: those that dumps begin with, and need."""
_PIECE = 2**20
_STALL_TIMEOUT_S = 600
_MODULES = re.compile(rb"COPY (?:public\.)?ir_module_module \(([^)]*)\) FROM stdin", re.IGNORECASE)
_INSTALLED = (b"installed", b"to upgrade", b"to remove")


class Upload(Protocol):
    """size_bytes: of the dump's statements, if that is known, and of the files."""

    @property
    def path(self) -> Path: ...

    @property
    def size_bytes(self) -> int: ...

    def dump(self) -> AbstractContextManager[BinaryIO]:
        """The statements. Raises UploadRefused."""

    def files(self) -> Iterator[tuple[str, BinaryIO]]:
        """The files of its filestore, by their path there."""


@dataclass(frozen=True)
class Survey:
    """What a dump says before it is loaded. series, modules: empty if its rows are written as INSERTs."""

    series: str
    modules: tuple[str, ...]
    extensions: tuple[str, ...]


def open_upload(path: Path, pg_restore: Path) -> Upload:
    """Recognise the form of a file. Raises UploadRefused."""
    try:
        with path.open("rb") as file:
            beginning = file.read(len(_CUSTOM_FORMAT))
    except OSError as error:
        raise UploadRefused(str(path), f"it cannot be read ({error.strerror})") from error
    if beginning.startswith(_ZIP_FORMAT):
        return _Zip.opened(path)
    if beginning == _CUSTOM_FORMAT:
        return _Custom(path, pg_restore)
    return _Plain(path)


# ---------------------------------------------------------------- forms


@dataclass(frozen=True)
class _Plain:
    path: Path

    @property
    def size_bytes(self) -> int:
        return self.path.stat().st_size

    def dump(self) -> AbstractContextManager[BinaryIO]:
        return self.path.open("rb")

    def files(self) -> Iterator[tuple[str, BinaryIO]]:
        return iter(())


@dataclass(frozen=True)
class _Custom(_Plain):
    pg_restore: Path

    @contextmanager
    def dump(self) -> Iterator[BinaryIO]:
        view = View((self.pg_restore.parent.parent,), (), READER if is_root() else None)
        command = [self.pg_restore, "--file=-", "--no-owner", "--no-privileges"]
        try:
            with (
                self.path.open("rb") as file,
                piped(
                    sandbox.command(view, command, ends_with_caller=True),
                    silent_s=_STALL_TIMEOUT_S,
                    source=file,
                ) as program,
            ):
                yield io.BufferedReader(_Output(program), _PIECE)
        except ProgramFailed as error:
            raise UploadRefused(str(self.path), error.output) from error


class _Output(io.RawIOBase):
    """A program's output, as a file."""

    def __init__(self, program: Piped) -> None:
        self._program = program

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._program.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


@dataclass(frozen=True)
class _Zip:
    """Odoo's own: `dump.sql`, the files below `filestore/`, and a manifest that nobody needs."""

    path: Path
    members: Mapping[str, zipfile.ZipInfo]

    @classmethod
    def opened(cls, path: Path) -> _Zip:
        """Raises UploadRefused."""
        try:
            with zipfile.ZipFile(path) as archive:
                members = archive.infolist()
        except (zipfile.BadZipFile, NotImplementedError) as error:
            raise UploadRefused(str(path), str(error)) from error
        wanted = [it for it in members if it.filename == DUMP or _path_of(it)]
        for it in wanted:
            if it.flag_bits & _ENCRYPTED:
                raise UploadRefused(str(path), f"{it.filename} is encrypted")
            if it.file_size > max(_JUDGED, it.compress_size * _MAX_RATIO):
                raise UploadRefused(str(path), f"{it.filename} is {_MAX_RATIO} times larger than in the zip")
        found = {it.filename: it for it in wanted}
        if len(found) < len(wanted):
            raise UploadRefused(str(path), "it has several files of one name")
        if DUMP not in found:
            raise UploadRefused(str(path), f"there is no {DUMP} in it")
        return cls(path, found)

    @property
    def size_bytes(self) -> int:
        return sum(it.file_size for it in self.members.values())

    @contextmanager
    def dump(self) -> Iterator[BinaryIO]:
        with self._opened(DUMP) as file:
            yield file

    def files(self) -> Iterator[tuple[str, BinaryIO]]:
        for name, member in self.members.items():
            if path := _path_of(member):
                with self._opened(name) as file:
                    yield path, file

    @contextmanager
    def _opened(self, name: str) -> Iterator[BinaryIO]:
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(name) as file:
                yield file  # type: ignore[misc]
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise UploadRefused(str(self.path), f"{name}: {error}") from error


def _path_of(member: zipfile.ZipInfo) -> str:
    """The path of a file in the filestore; "" for everything that Odoo could not have put there."""
    path = member.filename.removeprefix(FILES)
    is_file = stat.S_IFMT(member.external_attr >> 16) in (0, stat.S_IFREG) and not member.is_dir()
    return path if path != member.filename and is_file and is_content(path) else ""


# ---------------------------------------------------------------- dumps


def survey(upload: Upload) -> Survey:
    """Read the whole dump without loading it. Raises UploadRefused."""
    extensions, installed = [], dict[str, str]()
    with _refusing(upload), upload.dump() as file:
        for it in read(file):
            match it:
                case Extension():
                    extensions.append(it.name)
                case Rows() if found := _MODULES.fullmatch(it.copy):
                    installed = dict(_installed(found[1].split(b", "), it.pieces))
    series = ".".join(installed.get("base", "").split(".")[:2])
    return Survey(series, tuple(sorted(installed)), tuple(extensions))


def _installed(columns: Sequence[bytes], pieces: Iterator[bytes]) -> Iterator[tuple[str, str]]:
    """The installed modules and their versions."""
    for line in b"".join(pieces).splitlines():
        row = dict(zip(columns, line.split(b"\t"), strict=False))
        if row.get(b"state") in _INSTALLED:
            yield row[b"name"].decode(), row.get(b"latest_version", b"").decode()


def load_dump(upload: Upload, connection: Connection) -> None:
    """Load it into an empty database, as a role without rights outside of it. Raises UploadRefused."""
    line = 0
    with _refusing(upload), upload.dump() as file, connection.cursor(binary=True) as cursor:
        try:
            for it in read(file):
                line = it.line
                match it:
                    case Statement(is_run=True):
                        cursor.execute(it.text)  # binary: PostgreSQL takes one statement only
                    case Rows():
                        with cursor.copy(it.copy) as copy:
                            for piece in it.pieces:
                                copy.write(piece)
        except psycopg.Error as error:
            raise Refused(f"line {line}: {one_line(error)}") from error


@contextmanager
def _refusing(upload: Upload) -> Iterator[None]:
    try:
        yield
    except Refused as error:
        raise UploadRefused(str(upload.path), str(error)) from error
