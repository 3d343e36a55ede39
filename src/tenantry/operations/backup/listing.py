"""List the backups in the server's store, also those of instances that are gone.

A manifest has a line for each file, and a store has thousands of manifests. Since they never change, what a
listing needs of each is kept in a file of ours, which can be removed at any time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tenantry.archive.format import ARCHIVE_ID, Manifest, manifest_path
from tenantry.archive.load import find_archive
from tenantry.archive.parallel import in_parallel
from tenantry.archive.stores import Listed
from tenantry.errors import (
    ArchiveDamaged,
    ArchiveKeyMissing,
    ArchiveNotFound,
    ArchiveNotTrusted,
    ArchiveUnsupported,
    StoreFailure,
    StoreRefused,
)
from tenantry.model.backup import Backup, Proof, ProofState, Reason
from tenantry.model.keys import Keys
from tenantry.operations.backup.proofs import find_proof
from tenantry.operations.instance.archives import Place, place_of
from tenantry.settings import ServerSettings

UNREADABLE = (ArchiveDamaged, ArchiveKeyMissing, ArchiveNotTrusted, ArchiveUnsupported)
_NAME = re.compile(r"(?P<name>.+)-(?P<made_at>\d{8}-\d{6})-[0-9a-f]{6}")
_MAX_UNCOUNTED = 20
_FORMAT = 1


def summary(manifest: Manifest) -> Backup:
    """What a listing says of a manifest; the proof is another object."""
    known = {str(reason) for reason in Reason}
    return Backup(
        backup=manifest.archive,
        name=manifest.name,
        identity=str(manifest.label.get("identity", "")),
        made_at=manifest.made_at,
        reason=Reason(manifest.reason) if manifest.reason in known else Reason.ASKED,
        series=manifest.series,
        size_bytes=manifest.dump.size_bytes + sum(member.size_bytes for member in manifest.files),
        files=len(manifest.files),
        skipped=manifest.skipped,
        uncounted=tuple(f"{what}: {why}" for what, why in manifest.uncounted.items())[:_MAX_UNCOUNTED],
    )


def backups(settings: ServerSettings, keys: Keys, name: str = "") -> list[Backup]:
    """The backups in the server's store, the newest first. name: those of instances that had this name.

    A backup whose manifest cannot be read is among them, and says why. Raises InvalidStore, StoreFailure,
    StoreRefused.
    """
    place = place_of(settings, keys.signing, settings.backups_url)
    known = _Known.read(settings)
    found = list(_proved(place, known, _found(place, known)))
    known.write()
    chosen = (backup for backup in found if name in ("", backup.name))
    return sorted(chosen, key=lambda backup: (backup.made_at, backup.backup), reverse=True)


def find(settings: ServerSettings, keys: Keys, backup: str) -> Backup:
    """Raises ArchiveNotFound, and as `backups`."""
    for found in backups(settings, keys):
        if found.backup == backup:
            return found
    raise ArchiveNotFound(settings.backups_url, backup)


def remember(settings: ServerSettings, place: Place, manifest: Manifest) -> Backup:
    """Keep what is known of a new backup: without the private key its manifest cannot be read later.

    The backup is complete, so a store that fails now is no error.
    """
    backup, listed = summary(manifest), None
    with contextlib.suppress(StoreFailure, StoreRefused):
        listed = place.store.find(manifest_path(manifest.archive))
    if listed:
        known = _Known.read(settings)
        known.backups[backup.backup] = (listed.stamp, backup)
        known.write()
    return backup


def _found(place: Place, known: _Known) -> Iterator[Backup]:
    listed = _objects(place, "manifests")
    known.keep(known.backups, listed)
    missing = [archive for archive in listed if archive not in known.backups]
    yield from [backup for _stamp, backup in known.backups.values()]
    for backup in in_parallel(lambda archive: _read(place, archive), missing):
        if backup and not backup.fault:
            known.backups[backup.backup] = (listed[backup.backup].stamp, backup)
        if backup:
            yield backup


def _proved(place: Place, known: _Known, found: Iterator[Backup]) -> Iterator[Backup]:
    listed = _objects(place, "proofs")
    known.keep(known.proofs, listed)
    for backup in found:
        if backup.backup in listed and backup.backup not in known.proofs:
            proof = find_proof(place, backup.backup)
            if proof:
                known.proofs[backup.backup] = (listed[backup.backup].stamp, proof)
        _stamp, proof = known.proofs.get(backup.backup, ("", None))
        yield replace(backup, proof=proof)


def _objects(place: Place, folder: str) -> dict[str, Listed]:
    listed = ((found.path.removesuffix(".json"), found) for found in place.store.listing(folder))
    return {archive: found for archive, found in listed if ARCHIVE_ID.fullmatch(archive)}


def _read(place: Place, archive: str) -> Backup | None:
    """None when it was removed meanwhile."""
    try:
        return summary(find_archive(place.store, place.keys, archive).manifest)
    except ArchiveNotFound:
        return None
    except UNREADABLE as error:
        return _unreadable(archive, str(error))


def _unreadable(archive: str, fault: str) -> Backup:
    """A backup of which only its name is known."""
    named = _NAME.fullmatch(archive)
    made_at = ""
    if named:
        with contextlib.suppress(ValueError):
            made_at = datetime.strptime(named["made_at"], "%Y%m%d-%H%M%S").replace(tzinfo=UTC).isoformat()
    name = named["name"] if named else archive
    return Backup(archive, name, "", made_at, Reason.ASKED, "", 0, 0, fault=fault)


# ---------------------------------------------------------------- what is known already


@dataclass
class _Known:
    """What former listings read, each with the stamp of its object. It is ours alone, and is never needed."""

    file: Path
    text: str
    backups: dict[str, tuple[str, Backup]]
    proofs: dict[str, tuple[str, Proof]]

    @classmethod
    def read(cls, settings: ServerSettings) -> _Known:
        store = hashlib.sha256(settings.backups_url.encode()).hexdigest()[:16]
        file = settings.run_dir / f"backups-{store}.json"
        try:
            text = file.read_text(encoding="utf-8")
            facts = json.loads(text)
            if facts["format"] != _FORMAT:
                raise ValueError(facts["format"])
            backups = {name: (stamp, _backup(it)) for name, (stamp, it) in facts["backups"].items()}
            proofs = {name: (stamp, _proof(it)) for name, (stamp, it) in facts["proofs"].items()}
            return cls(file, text, backups, proofs)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return cls(file, "", {}, {})

    @staticmethod
    def keep(known: dict[str, tuple[str, Any]], listed: Mapping[str, Listed]) -> None:
        """Forget what is not there any more, or was written again."""
        for name, (stamp, _it) in list(known.items()):
            if name not in listed or listed[name].stamp != stamp:
                del known[name]

    def write(self) -> None:
        """Atomically: of two writers at once the last one wins. A full disk does not stop a listing."""
        facts = {
            "format": _FORMAT,
            "backups": {name: (stamp, asdict(it)) for name, (stamp, it) in self.backups.items()},
            "proofs": {name: (stamp, asdict(it)) for name, (stamp, it) in self.proofs.items()},
        }
        text = json.dumps(facts)
        if text == self.text:
            return
        with contextlib.suppress(OSError):
            self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.NamedTemporaryFile("w", dir=self.file.parent, delete=False) as written:
                written.write(text)
            Path(written.name).rename(self.file)


def _backup(facts: dict[str, Any]) -> Backup:
    texts = tuple(map(str, facts["uncounted"]))
    return Backup(**{**facts, "reason": Reason(facts["reason"]), "uncounted": texts, "proof": None})


def _proof(facts: dict[str, Any]) -> Proof:
    return Proof(**{**facts, "state": ProofState(facts["state"])})
