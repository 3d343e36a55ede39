"""Write an archive: its files, the output of pg_dump, and finally its manifest."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BufferedReader
from itertools import chain
from pathlib import Path

import zstandard

from tenantry.archive.encryption import Keys, encrypt, seal
from tenantry.archive.format import Manifest, Member, Stored, dump_path, file_path, manifest_path
from tenantry.archive.parallel import in_parallel
from tenantry.archive.stores import Store
from tenantry.errors import FilestoreFailure, StoreFailure, StoreRefused
from tenantry.odoo.filestore import Filestores
from tenantry.postgres.programs import CONNECT
from tenantry.process import piped

_LEVEL = 3
_TRIES = 3
_LOCKS = tuple(threading.Lock() for _ in range(16))
STALL_TIMEOUT_S = 600
"""pg_dump writes continuously, once it has read the catalog and has its locks."""
LOCK_WAIT = "--lock-wait-timeout=30s"
_AGE_HEADER = range(100, 4096)
_AGE_CHUNK, _AGE_TAG = 2**16, 16


def dump_database(
    pg_dump: Path,
    environment: Mapping[str, str],
    store: Store,
    archive: str,
    keys: Keys,
    expected_bytes: int,
    snapshot: str = "",
) -> Stored:
    """Dump a database to the store, compressed and encrypted, in constant memory.

    environment: from `programs.service`. snapshot: dump what this exported snapshot shows; "": a new one.
    Raises ProgramFailed, ProgramTimeout, StoreFailure, StoreRefused; then nothing is in the store.
    """
    command = [pg_dump, CONNECT, "--format=custom", "--compress=0", "--no-owner", "--no-privileges"]
    command += ["--no-subscriptions", "--no-publications", "--no-password", LOCK_WAIT]
    command += [f"--snapshot={snapshot}"] if snapshot else []
    writer = store.writer(dump_path(archive), expected_bytes)
    with piped(command, environment=environment, silent_s=STALL_TIMEOUT_S) as program, writer as sink:
        compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
        with compressor.stream_reader(program, closefd=False) as compressed:  # type: ignore[arg-type]
            encrypt(keys, compressed, sink)
    return sink.stored


def put_files(
    store: Store,
    keys: Keys,
    filestores: Filestores,
    name: str,
    known: Mapping[str, Member],
    *,
    sessions: bool = False,
) -> Iterator[Member]:
    """Put a filestore's files that are not in the store yet, a few at a time; yield those that are not known.

    known: by path, the files that were put already. sessions: put those, too. A file that is deleted
    meanwhile is left out. Raises FilestoreFailure, StoreFailure, StoreRefused.
    """
    paths = chain(filestores.content(name), filestores.sessions(name) if sessions else ())
    wanted = (path for path in paths if path not in known)
    for member in in_parallel(lambda path: _put_file(store, keys, filestores, name, path), wanted):
        if member:
            yield member


def put_files_aside(
    store: Store, keys: Keys, filestores: Filestores, name: str, known: Mapping[str, Member], since: float
) -> Iterator[Member]:
    """The same for files that are not known and were put aside since that time: under their former paths."""
    for path, place in filestores.put_aside(name, since):
        if path not in known:
            member = _put_file(store, keys, filestores, name, path, place)
            if member:
                yield member


def _put_file(
    store: Store, keys: Keys, filestores: Filestores, name: str, path: str, place: str = ""
) -> Member | None:
    """place: where the file is, if it is not at its path."""
    for _ in range(_TRIES):
        with filestores.open_content(name, place or path) as file:
            if file is None:
                return None
            member = Member(path, *_measured(file))
            with _LOCKS[int(member.sha256[:2], 16) % len(_LOCKS)]:  # of equal files one is sent
                if _has(store, keys, member) or _upload(store, keys, member, file):
                    return member
    raise FilestoreFailure(filestores.folder(name) / path, "it changed while it was read")


def _measured(file: BufferedReader) -> tuple[int, str]:
    digest = hashlib.file_digest(file, "sha256")
    return file.tell(), digest.hexdigest()


def _has(store: Store, keys: Keys, member: Member) -> bool:
    """Whether the store has the whole object, judged by its size; the length of age's header varies."""
    size = store.size(file_path(keys.key_id, member.sha256))
    chunks = max(1, -(-member.size_bytes // _AGE_CHUNK))
    return size is not None and size - member.size_bytes - (chunks + 1) * _AGE_TAG in _AGE_HEADER


class _Changed(Exception):
    """The file changed between two reads, so it must not be stored under the first hash."""


@dataclass
class _Hashing:
    """Reads a file and computes the hash of what was read."""

    file: BufferedReader
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    def read(self, size: int = -1) -> bytes:
        data = self.file.read(size)
        self.digest.update(data)
        return data


def _upload(store: Store, keys: Keys, member: Member, file: BufferedReader) -> bool:
    """Upload the file; return False if its hash changed: other archives rely on the object's name."""
    file.seek(0, os.SEEK_SET)
    source = _Hashing(file)
    try:
        with store.writer(file_path(keys.key_id, member.sha256), member.size_bytes) as sink:
            encrypt(keys, source, sink)
            if source.digest.hexdigest() != member.sha256:
                raise _Changed
    except _Changed:
        return False
    return True


def put_manifest(store: Store, keys: Keys, manifest: Manifest) -> None:
    """Write the manifest, which makes the archive exist; one that was kept only in part is removed.

    Raises StoreFailure, StoreRefused.
    """
    path = manifest_path(manifest.archive)
    try:
        store.put(path, seal(keys, manifest.to_json()))
    except StoreFailure:
        with contextlib.suppress(StoreFailure, StoreRefused):
            store.remove(path)
        raise
