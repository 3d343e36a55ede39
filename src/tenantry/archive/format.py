"""The objects of an archive, and its manifest.

A store has these objects, each written once and never changed:

    manifests/<archive>.json        written last: an archive without one does not exist
    proofs/<archive>.json           what a trial restore of it said; the only object that is replaced
    dumps/<archive>.pgdump.zst.age  `age -d | zstd -d` gives what pg_restore reads
    files/<key>/ab/<sha256>.age     a file of any archive's filestore, by the SHA-256 of what is in it
    condemned/<key>/ab/<sha256>.age such a file that no archive needed when the store was pruned
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from tenantry.errors import ArchiveDamaged, ArchiveUnsupported

FORMAT = 1
PART_BYTES = 8 * 2**20
"""The size of the parts of a stored dump. Each part has a hash, which is checked before the part is used."""
NEWER_FIELDS = frozenset({"reason", "rows", "attachments", "posted", "uncounted", "entitlements"})
"""The manifest's fields that older manifests do not have."""
LONGEST_DUMP_S = 24 * 3600
"""A dump that takes longer fails: until then nothing is removed from the store that it may rely on."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
ARCHIVE_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,99}")


def manifest_path(archive: str) -> str:
    return f"manifests/{archive}.json"


def proof_path(archive: str) -> str:
    return f"proofs/{archive}.json"


def dump_path(archive: str) -> str:
    return f"dumps/{archive}.pgdump.zst.age"


def file_path(key: str, sha256: str) -> str:
    """key: the recipients, see `encryption.Keys.key_id`: objects for other recipients cannot be read."""
    return f"files/{key}/{sha256[:2]}/{sha256}.age"


def condemned_path(path: str) -> str:
    """Where an object of `files` is until it is removed: an archive that is being made may rely on it."""
    return f"condemned/{path.removeprefix('files/')}"


@dataclass(frozen=True)
class Stored:
    """An object in the store: its size, its hash, and the hashes of its parts, in order."""

    size_bytes: int
    sha256: str
    parts: tuple[str, ...]


@dataclass(frozen=True)
class Member:
    """A file of a filestore. path: within it. size_bytes, sha256: of the file, not of the object."""

    path: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """The description of an archive, and the list of its objects.

    name: the instance's name. made_at: UTC, ISO 8601. host: the instance's host name.
    label: the facts of the instance's label that are valid elsewhere, too. postgres: the server's major
    version.
    skipped: the number of entries in the filestore that are not files which Odoo could have made.

    Older manifests do not have the following. reason: see `model.backup.Reason`. rows: the number of rows, by
    table. attachments: the number of those that have a file; None if it is unknown. posted: the sum of posted
    journal items; "" without accounting. uncounted: what of these is unknown, and why. entitlements: the
    facts of the signed statement that was in force.
    """

    archive: str
    name: str
    made_at: str
    host: str
    series: str
    template: str
    version: str
    postgres: int
    modules: tuple[str, ...]
    extensions: tuple[str, ...]
    label: Mapping[str, Any]
    dump: Stored
    files: tuple[Member, ...] = field(default=())
    skipped: int = 0
    reason: str = ""
    rows: Mapping[str, int] = field(default_factory=dict)
    attachments: int | None = None
    posted: str = ""
    uncounted: Mapping[str, str] = field(default_factory=dict)
    entitlements: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> bytes:
        return json.dumps({"format": FORMAT, **asdict(self)}, sort_keys=True).encode()

    @classmethod
    def from_json(cls, archive: str, data: bytes) -> Manifest:
        """Read the manifest of that archive. Raises ArchiveDamaged, ArchiveUnsupported."""
        try:
            return cls._read(archive, json.loads(data))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ArchiveDamaged(archive, f"its manifest cannot be read ({error})") from error

    @classmethod
    def _read(cls, archive: str, given: dict[str, Any]) -> Manifest:
        if given["format"] != FORMAT:
            raise ArchiveUnsupported(archive, f"format {given['format']}", f"format {FORMAT}")
        if given["archive"] != archive:
            raise ArchiveDamaged(archive, f"its manifest is that of {given['archive']!r}")
        known = {f.name for f in fields(cls)}
        facts = {name: given[name] for name in known if name in given or name not in NEWER_FIELDS}
        dump = Stored(**{**facts["dump"], "parts": tuple(facts["dump"]["parts"])})
        members = tuple(Member(**member) for member in facts["files"])
        for name in ("modules", "extensions"):
            facts[name] = tuple(map(str, facts[name]))
        found = cls(**{**facts, "dump": dump, "files": members})
        if not found._is_consistent():
            raise ValueError("sizes or hashes")
        return found

    def _is_consistent(self) -> bool:
        parts = -(-self.dump.size_bytes // PART_BYTES)
        hashes = [self.dump.sha256, *self.dump.parts, *(member.sha256 for member in self.files)]
        return len(self.dump.parts) == parts and all(_SHA256.fullmatch(one) for one in hashes)


@dataclass(frozen=True)
class Archive:
    """A summary of an archive. size_bytes: of its dump and its files, which other archives may share."""

    archive: str
    name: str
    made_at: str
    url: str
    size_bytes: int
    files: int
    skipped: int

    @classmethod
    def of(cls, manifest: Manifest, url: str) -> Archive:
        """Summarize a manifest. url: of the store."""
        size = manifest.dump.size_bytes + sum(member.size_bytes for member in manifest.files)
        return cls(
            archive=manifest.archive,
            name=manifest.name,
            made_at=manifest.made_at,
            url=url,
            size_bytes=size,
            files=len(manifest.files),
            skipped=manifest.skipped,
        )
