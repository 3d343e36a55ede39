"""Remove backups that need not be kept, and then what no backup needs any more.

Several machines may prune one store, and back up into it at the same time: the store has no locks. So a file
that no manifest names is moved aside first, where loads find it, and is removed a day later. A backup that
began before the move and relied on the file is finished by then, and its manifest brings the file back; one
that began after it does not find the file in the store, and puts it again.

Times are those of the store, whatever the clock here says.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from tenantry.archive.format import (
    ARCHIVE_ID,
    LONGEST_DUMP_S,
    condemned_path,
    dump_path,
    manifest_path,
    proof_path,
)
from tenantry.archive.load import find_archive
from tenantry.archive.parallel import in_parallel
from tenantry.archive.stores import Listed, Store
from tenantry.errors import ArchiveNotFound, BackupsUnreadable
from tenantry.model.backup import Pruned, Retention
from tenantry.model.catalog import Kind
from tenantry.model.keys import Keys
from tenantry.operations.backup.listing import UNREADABLE, backups
from tenantry.operations.context import Context
from tenantry.operations.instance.archives import Place, place, place_of
from tenantry.postgres import databases
from tenantry.settings import ServerSettings

_CLOCK = "clock"
_LARGEST_MOVED_BYTES = 5 * 10**9
"""S3 copies no larger object at once."""


def prune(
    context: Context, retention: Retention, of: Mapping[str, Retention], *, only_tell: bool = False
) -> Pruned:
    """Remove the backups that `retention` does not keep, their manifests first, then what nothing needs.

    of: see `engine.backups.prune`. only_tell: remove nothing, and say which backups would be removed.
    Killed anywhere, it is run again. Raises BackupsUnreadable, StoreFailure, StoreRefused, InvalidStore,
    PostgresUnreachable.
    """
    target = place(context, context.settings.backups_url)
    now = _now(target.store)
    listed = backups(context.settings, context.keys)
    kept = retention.to_keep(listed, now, _identities(context), of)
    # The oldest first: while the final backup is there, the others of a terminated instance are purged, too.
    doomed = tuple(backup.backup for backup in reversed(listed) if backup.backup not in kept)
    if only_tell:
        return Pruned(doomed)
    for backup in doomed:
        _remove(target.store, backup)
    before = now - timedelta(seconds=LONGEST_DUMP_S)
    _remove_remains(target.store, before)
    return _sweep(target, before, Pruned(doomed))


def remove(settings: ServerSettings, keys: Keys, backup: str) -> None:
    """Remove one backup; its files are left for `prune`. Raises ArchiveNotFound, and as `prune`."""
    store = place_of(settings, keys.signing, settings.backups_url).store
    if not (ARCHIVE_ID.fullmatch(backup) and store.find(manifest_path(backup))):
        raise ArchiveNotFound(store.url, backup)
    _remove(store, backup)


def _remove(store: Store, backup: str) -> None:
    """Without its manifest it does not exist, whatever is left of it."""
    for path in (manifest_path(backup), proof_path(backup), dump_path(backup)):
        store.remove(path)


def _now(store: Store) -> datetime:
    store.put(_CLOCK, b"the time of the last pruning")
    written = store.find(_CLOCK)
    assert written
    return written.modified_at


def _identities(context: Context) -> set[str]:
    with context.maintenance() as connection:
        found = databases.listing(connection, Kind.INSTANCE, Kind.FORMER)
    return {it.label.identity_of(it.name) for it in found if it.label}


def _archives(store: Store, folder: str, suffix: str) -> dict[str, Listed]:
    found = store.listing(folder)
    return {it.path.removesuffix(suffix): it for it in found if it.path.endswith(suffix)}


def _remove_remains(store: Store, before: datetime) -> None:
    """Remove dumps and proofs without a manifest, which a killed backup or pruning left."""
    dumps = _archives(store, "dumps", ".pgdump.zst.age")
    proofs = _archives(store, "proofs", ".json")
    there = _archives(store, "manifests", ".json").keys()
    for found, path in ((dumps, dump_path), (proofs, proof_path)):
        for archive, listed in found.items():
            if archive not in there and listed.modified_at < before:
                store.remove(path(archive))
    store.remove_interrupted(before)


# ---------------------------------------------------------------- files


def _sweep(place: Place, before: datetime, done: Pruned) -> Pruned:
    """Remove the files condemned before that time, and condemn others; see the module. Raises as `prune`."""
    store, needed = place.store, _needed(place)
    removed = freed = condemned = 0
    for listed in store.listing("condemned"):
        path = f"files/{listed.path}"
        if _hash_of(listed) in needed and store.find(path) is None:
            store.move(condemned_path(path), path)
        elif listed.modified_at < before:
            store.remove(condemned_path(path))
            removed, freed = removed + 1, freed + listed.size_bytes
    for listed in store.listing("files"):
        is_movable = listed.size_bytes < _LARGEST_MOVED_BYTES
        if is_movable and listed.modified_at < before and _hash_of(listed) not in needed:
            store.move(f"files/{listed.path}", condemned_path(f"files/{listed.path}"))
            condemned += 1
    return Pruned(done.removed, condemned, removed, freed)


def _hash_of(listed: Listed) -> bytes:
    """The hash in a file's name; another one for an object that is no file, so that nothing needs it."""
    name = listed.path.rpartition("/")[2].removesuffix(".age")
    try:
        return bytes.fromhex(name)
    except ValueError:
        return name.encode()


def _needed(place: Place) -> set[bytes]:
    """The hashes of all files of all archives, with whatever keys. Raises BackupsUnreadable."""
    needed, unreadable = set[bytes](), []
    archives = sorted(_archives(place.store, "manifests", ".json"))
    for archive, found in in_parallel(lambda archive: (archive, _hashes(place, archive)), archives):
        if found is None:
            unreadable.append(archive)
        else:
            needed |= found
    if unreadable:
        raise BackupsUnreadable(place.store.url, unreadable)
    return needed


def _hashes(place: Place, archive: str) -> set[bytes] | None:
    """The hashes of an archive's files; none if it was removed meanwhile, None if it cannot be read."""
    try:
        manifest = find_archive(place.store, place.keys, archive).manifest
    except ArchiveNotFound:
        return set()
    except UNREADABLE:
        return None
    return {bytes.fromhex(member.sha256) for member in manifest.files}
