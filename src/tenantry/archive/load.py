"""Read an archive. Every part of it is verified before it is used."""

from __future__ import annotations

import hashlib
import io
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, BinaryIO

import zstandard

from tenantry import process
from tenantry.archive.encryption import Keys, decrypt, open_sealed
from tenantry.archive.format import (
    ARCHIVE_ID,
    PART_BYTES,
    Manifest,
    Member,
    Stored,
    condemned_path,
    dump_path,
    file_path,
    manifest_path,
)
from tenantry.archive.parallel import in_parallel
from tenantry.archive.stores import Store
from tenantry.errors import ArchiveDamaged, ArchiveNotFound, ProgramFailed
from tenantry.postgres.programs import CONNECT
from tenantry.process import Piped, piped

_STALL_TIMEOUT_S = 3600
"""pg_restore reads nothing while it creates the index of a large table."""
_MAX_WINDOW = 2**27
_NOT_RESTORED = re.compile(
    r"(ACL|DEFAULT ACL|EXTENSION|SCHEMA - public|COMMENT - (EXTENSION|SCHEMA public|DATABASE)|DATABASE"
    r"|EVENT TRIGGER|PUBLICATION|SUBSCRIPTION|SECURITY LABEL)\b"
)
"""Entries that belong to the owner of a database, not to the instance's role: a new database has its own."""
_ENTRY = re.compile(r"(?P<id>\d+); \d+ \d+ (?P<what>.*)")


@dataclass(frozen=True)
class Found:
    """An archive that can be loaded: its manifest and its recipients."""

    manifest: Manifest
    recipients: tuple[str, ...]
    key_id: str
    is_ours: bool


def find_archive(store: Store, keys: Keys, archive: str, trusted: str = "") -> Found:
    """Read and check a manifest. trusted: see `encryption.open_sealed`.

    Raises ArchiveNotFound, ArchiveDamaged, ArchiveNotTrusted, ArchiveKeyMissing, ArchiveUnsupported.
    """
    data = store.get(manifest_path(archive)) if ARCHIVE_ID.fullmatch(archive) else None
    if data is None:
        raise ArchiveNotFound(store.url, archive)
    opened = open_sealed(keys, archive, data, trusted)
    manifest = Manifest.from_json(archive, opened.data)
    key_id = Keys(opened.recipients, (), keys.signing).key_id
    return Found(manifest, opened.recipients, key_id, opened.is_ours)


# ---------------------------------------------------------------- the database


class _Pieces:
    """An object, read by one request for each piece: no connection is held while the reader is slow."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._piece = pieces, io.BytesIO()

    def read(self, size: int = -1) -> bytes:
        data = self._piece.read(size)
        if not data:
            self._piece = io.BytesIO(next(self._pieces, b""))
            data = self._piece.read(size)
        return data


def _checked_pieces(store: Store, path: str, archive: str, stored: Stored) -> Iterator[bytes]:
    """The parts of the dump, each yielded only after its hash was checked."""
    for number, expected in enumerate(stored.parts):
        start = number * PART_BYTES
        data = store.get_range(path, start, min(PART_BYTES, stored.size_bytes - start))
        if data is None:
            raise ArchiveDamaged(archive, f"{path} is missing or too short")
        if hashlib.sha256(data).hexdigest() != expected:
            raise ArchiveDamaged(archive, f"{path} was altered after byte {start}")
        yield data


def _pieces(store: Store, path: str, archive: str) -> Iterator[bytes]:
    """The bytes of an object whose own hash is unknown: only the hash of the decrypted file is known."""
    size, start = store.size(path), 0
    if size is None:
        missing, path = path, condemned_path(path)
        size = store.size(path)
    if size is None:
        raise ArchiveDamaged(archive, f"{missing} is missing")
    while start < size:
        data = store.get_range(path, start, min(PART_BYTES, size - start))
        if not data:
            raise ArchiveDamaged(archive, f"{path} is too short")
        yield data
        start += len(data)


def restore_database(
    pg_restore: Path, environment: Mapping[str, str], store: Store, found: Found, keys: Keys, folder: Path
) -> None:
    """Restore the dump into an empty database, with a role that has no privileges outside of it.

    environment: from `programs.service`. folder: for the list of entries to restore.
    Raises ArchiveDamaged, ArchiveKeyMissing, ProgramFailed, ProgramTimeout, StoreFailure.
    """
    with (
        _command(pg_restore, folder, found, _listed(pg_restore, store, found, keys)) as command,
        piped(command, environment=environment, silent_s=_STALL_TIMEOUT_S, reads=True) as program,
    ):
        _feed(store, found, keys, program)
        program.finish()


def decrypted(store: Store, found: Found, keys: Keys, folder: Path) -> Path:
    """The dump as a file in `folder`, as pg_restore reads it. Raises as `restore_database`."""
    file = folder / f"{found.manifest.archive}.pgdump"
    if not file.exists():
        with tempfile.NamedTemporaryFile(prefix="dump-", dir=folder, delete=False) as dump:
            _feed(store, found, keys, dump)
        Path(dump.name).rename(file)
    return file


def restore_in_parallel(
    pg_restore: Path, environment: Mapping[str, str], dump: Path, found: Found, sections: Sequence[str]
) -> None:
    """Restore these sections of a dump that is a file: by several processes, which takes less time.

    sections: of pre-data, data, post-data. Raises ArchiveDamaged, ProgramFailed, ProgramTimeout.
    """
    listed = process.run([pg_restore, "--list", dump])
    with _command(pg_restore, dump.parent, found, listed) as command:
        command += [f"--jobs={os.cpu_count() or 1}", *(f"--section={section}" for section in sections), dump]
        process.run(command, environment=environment, timeout_s=_STALL_TIMEOUT_S)


def schema_of(pg_restore: Path, dump: Path) -> str:
    """A hash of the section pre-data: of tables, functions and all else that is made before rows."""
    text = process.run([pg_restore, "--section=pre-data", "--no-owner", "--no-privileges", "--file=-", dump])
    lines = [line for line in text.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@contextmanager
def _command(pg_restore: Path, folder: Path, found: Found, listed: str) -> Iterator[list[object]]:
    """The command that restores the entries of the list which belong to the instance's role."""
    with tempfile.NamedTemporaryFile("w", prefix="restore-", dir=folder) as chosen:
        chosen.write("\n".join(_chosen(found, listed)))
        chosen.flush()
        options = ["--no-owner", "--no-privileges", "--no-password", "--exit-on-error"]
        yield [pg_restore, CONNECT, *options, f"--use-list={chosen.name}"]


def _listed(pg_restore: Path, store: Store, found: Found, keys: Keys) -> str:
    """The list of the dump's entries, which is at its beginning."""
    with tempfile.TemporaryFile() as listed:
        with piped([pg_restore, "--list"], silent_s=_STALL_TIMEOUT_S, reads=True, output=listed) as program:
            try:
                _feed(store, found, keys, program)
            except ProgramFailed:
                program.finish()  # it had read the list and stopped reading; raises if it failed instead
            else:
                program.finish()
        listed.seek(0)
        return listed.read().decode(errors="replace")


def _chosen(found: Found, listed: str) -> Sequence[str]:
    """The numbers of the listed entries to restore."""
    lines = listed.split("\n")  # a name may have other separators of lines
    entries = [(line, _ENTRY.fullmatch(line)) for line in lines if line and not line.startswith(";")]
    for line, entry in entries:
        if not entry:
            raise ArchiveDamaged(found.manifest.archive, f"its dump's list has the line {line[:100]!r}")
    return [entry["id"] + ";" for _, entry in entries if entry and not _NOT_RESTORED.match(entry["what"])]


def _feed(store: Store, found: Found, keys: Keys, sink: Piped | IO[bytes]) -> None:
    manifest = found.manifest
    pieces = _checked_pieces(store, dump_path(manifest.archive), manifest.archive, manifest.dump)
    decompressor = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW)
    plain = decompressor.stream_writer(sink, closefd=False)  # type: ignore[arg-type]
    try:
        decrypt(keys, manifest.archive, found.recipients, _Pieces(pieces), plain)
    except zstandard.ZstdError as error:
        raise ArchiveDamaged(manifest.archive, f"its dump cannot be decompressed ({error})") from error


# ---------------------------------------------------------------- files


def get_files(store: Store, found: Found, keys: Keys, open_file: Callable[[str], BinaryIO]) -> None:
    """Write every file of the archive. open_file: creates the file of a path within the filestore.

    Raises ArchiveDamaged, ArchiveKeyMissing, StoreFailure, StoreRefused, and what `open_file` raises.
    """
    for _ in in_parallel(
        lambda member: _get_file(store, found, keys, open_file, member), found.manifest.files
    ):
        pass


def _get_file(
    store: Store, found: Found, keys: Keys, open_file: Callable[[str], BinaryIO], member: Member
) -> None:
    archive, path = found.manifest.archive, file_path(found.key_id, member.sha256)
    with open_file(member.path) as file:
        sink = _Measured(file, member)
        decrypt(keys, archive, found.recipients, _Pieces(_pieces(store, path, archive)), sink)
    if not sink.is_right:
        raise ArchiveDamaged(archive, f"{path}, the file {member.path}, has a wrong hash")


@dataclass
class _Measured:
    """Writes a file, but no more than its expected size, and computes its hash."""

    file: BinaryIO
    member: Member
    size_bytes: int = 0
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    def write(self, data: bytes) -> int:
        self.size_bytes += len(data)
        self.digest.update(data)
        return self.file.write(data) if self.size_bytes <= self.member.size_bytes else len(data)

    @property
    def is_right(self) -> bool:
        return self.digest.hexdigest() == self.member.sha256
