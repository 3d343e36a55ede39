"""Planted corruptions of a backup: each is found when it is proved, and no backup without one is blamed."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from pyrage.x25519 import Identity
from tests.support.backed_up import PICTURES, backed_up, stored_name, without_odoo
from tests.support.inventory import orphans
from tests.support.travelling import as_tenant, folder_of

from tenantry.archive.encryption import encrypt, open_sealed, seal
from tenantry.archive.format import FORMAT, dump_path, file_path, manifest_path, proof_path
from tenantry.engine import Engine
from tenantry.errors import (
    ArchiveDamaged,
    ArchiveKeyMissing,
    ArchiveNotFound,
    ArchiveNotTrusted,
    ArchiveUnsupported,
    BackupNotWhole,
    TenantryError,
)
from tenantry.model.backup import ProofState
from tenantry.model.secret import random_key
from tenantry.operations.backup import prove
from tenantry.operations.context import Context
from tenantry.operations.instance.archives import Place, place

FAILED, UNVERIFIABLE = ProofState.FAILED, ProofState.UNVERIFIABLE


@dataclass(frozen=True)
class Prepared:
    """A store with two backups of acme. kept: a copy of it. backup: the one that is spoilt; other: the other.

    engine: with that store.
    """

    engine: Engine
    kept: Path
    backup: str
    other: str

    @property
    def store(self) -> Path:
        return Path(self.engine.settings.backups_url)

    @property
    def context(self) -> Context:
        return self.engine.context

    @property
    def place(self) -> Place:
        return place(self.context, str(self.store))

    def restore_store(self) -> None:
        shutil.rmtree(self.store, ignore_errors=True)
        shutil.copytree(self.kept, self.store)

    # ------------------------------------------------------------ its objects

    @property
    def manifest(self) -> Path:
        return self.store / manifest_path(self.backup)

    @property
    def dump(self) -> Path:
        return self.store / dump_path(self.backup)

    def file_of(self, content: bytes) -> Path:
        (member,) = [it for it in self.facts()["files"] if it["path"] == stored_name(content)]
        return self.store / file_path(self.place.keys.key_id, member["sha256"])

    @property
    def file(self) -> Path:
        return self.file_of(PICTURES[1])

    def facts(self) -> dict:
        return json.loads(open_sealed(self.place.keys, self.backup, self.manifest.read_bytes()).data)

    def change(self, **changes: object) -> None:
        """Change the manifest as somebody would who has all keys."""
        facts = json.dumps(self.facts() | changes).encode()
        self.manifest.write_bytes(seal(self.place.keys, facts))

    def envelope(self, **changes: object) -> None:
        """Change what is around the encrypted manifest."""
        self.manifest.write_text(json.dumps(json.loads(self.manifest.read_text()) | changes))


@pytest.fixture(scope="module")
def prepared(cluster_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    folder = tmp_path_factory.mktemp("backups")
    engine = Engine(cluster_engine.settings.replaced(backup_store=str(folder / "store")))
    with backed_up(engine.context):
        backup = engine.backups.take("acme").backup
        as_tenant(engine.context, "INSERT INTO res_partner (name) VALUES ('a later one')")
        other = engine.backups.take("acme").backup
        (folder / "store").rename(folder / "kept")
        yield Prepared(engine, folder / "kept", backup, other)


@pytest.fixture
def stored(prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> Prepared:
    """The same, with both backups as they were made."""
    prepared.restore_store()
    without_odoo(monkeypatch)
    return prepared


# ---------------------------------------------------------------- what is done to the store


def flip(file: Path, at: float) -> None:
    """Flip a bit. at: 0.0 the first byte, 1.0 the last."""
    data = bytearray(file.read_bytes())
    data[round(at * (len(data) - 1))] ^= 1
    file.write_bytes(bytes(data))


def cut(file: Path, share: float) -> None:
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * share)])


def swap(one: Path, other: Path) -> None:
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def swap_paths(it: Prepared) -> None:
    """Two attachments change places in the list of files."""
    first, second = map(stored_name, PICTURES)
    places = {first: second, second: first}
    files = [{**file, "path": places.get(file["path"], file["path"])} for file in it.facts()["files"]]
    it.change(files=files)


def forget_a_file(it: Prepared) -> None:
    it.change(files=[file for file in it.facts()["files"] if file["path"] != stored_name(PICTURES[0])])


def forge_file(it: Prepared, keys: object = None) -> None:
    """Anybody who knows the public key can encrypt a file."""
    with it.file.open("wb") as file:
        encrypt(keys or it.place.keys, io.BytesIO(PICTURES[1][::-1]), file)


def encrypt_for_another(it: Prepared) -> None:
    another = replace(it.place.keys, recipients=(str(Identity.generate().to_public()),))
    forge_file(it, another)


def sign_by_another(it: Prepared) -> None:
    another = replace(it.place.keys, signing=random_key())
    it.manifest.write_bytes(seal(another, json.dumps(it.facts()).encode()))


def rows(it: Prepared, table: str, more: int) -> None:
    counted = it.facts()["rows"]
    it.change(rows={**counted, table: counted[table] + more})


Corruption = tuple[Callable[[Prepared], object], type[TenantryError], ProofState]

IN_THE_STORE: dict[str, Corruption] = {
    "the first byte of the dump": (lambda it: flip(it.dump, 0), ArchiveDamaged, FAILED),
    "a byte in the middle of the dump": (lambda it: flip(it.dump, 0.5), ArchiveDamaged, FAILED),
    "the last byte of the dump": (lambda it: flip(it.dump, 1), ArchiveDamaged, FAILED),
    "a dump cut short": (lambda it: cut(it.dump, 0.9), ArchiveDamaged, FAILED),
    "an emptied dump": (lambda it: cut(it.dump, 0), ArchiveDamaged, FAILED),
    "no dump": (lambda it: it.dump.unlink(), ArchiveDamaged, FAILED),
    "dumps of two backups swapped": (
        lambda it: swap(it.dump, it.store / dump_path(it.other)),
        ArchiveDamaged,
        FAILED,
    ),
    "a file in place of the dump": (lambda it: shutil.copy(it.file, it.dump), ArchiveDamaged, FAILED),
    "an emptied manifest": (lambda it: cut(it.manifest, 0), ArchiveDamaged, FAILED),
    "a manifest cut short": (lambda it: cut(it.manifest, 0.99), ArchiveDamaged, FAILED),
    "a byte in the middle of the manifest": (lambda it: flip(it.manifest, 0.5), ArchiveDamaged, FAILED),
    "a manifest with another signer": (lambda it: it.envelope(signer="00" * 32), ArchiveDamaged, FAILED),
    "a manifest without a signature": (lambda it: it.envelope(signature=""), ArchiveDamaged, FAILED),
    "manifests of two backups swapped": (
        lambda it: swap(it.manifest, it.store / manifest_path(it.other)),
        ArchiveDamaged,
        FAILED,
    ),
    "a manifest that somebody else signed": (sign_by_another, ArchiveNotTrusted, FAILED),
    "a format that we do not know": (
        lambda it: it.change(format=FORMAT + 1),
        ArchiveUnsupported,
        UNVERIFIABLE,
    ),
    "no such file": (lambda it: it.file.unlink(), ArchiveDamaged, FAILED),
    "the first byte of a file": (lambda it: flip(it.file, 0), ArchiveDamaged, FAILED),
    "the last byte of a file": (lambda it: flip(it.file, 1), ArchiveDamaged, FAILED),
    "a file cut short": (lambda it: cut(it.file, 0.5), ArchiveDamaged, FAILED),
    "an emptied file": (lambda it: cut(it.file, 0), ArchiveDamaged, FAILED),
    "two files swapped": (lambda it: swap(it.file, it.file_of(PICTURES[0])), ArchiveDamaged, FAILED),
    "a file that somebody else encrypted": (forge_file, ArchiveDamaged, FAILED),
    "a file for another key": (encrypt_for_another, ArchiveKeyMissing, FAILED),
    "a table with fewer rows than counted": (
        lambda it: rows(it, "public.res_partner", 1),
        BackupNotWhole,
        FAILED,
    ),
    "a table with more rows than counted": (lambda it: rows(it, "public.big", -1), BackupNotWhole, FAILED),
    "a table that was not counted": (
        lambda it: it.change(rows={k: n for k, n in it.facts()["rows"].items() if k != "public.line"}),
        BackupNotWhole,
        FAILED,
    ),
    "other posted items": (lambda it: it.change(posted="100.16"), BackupNotWhole, FAILED),
    "an attachment that is not in the list": (forget_a_file, BackupNotWhole, FAILED),
    "two attachments in each other's place": (swap_paths, BackupNotWhole, FAILED),
}
"""What was done, the error that finds it, and what the proof then says."""


def attachment(it: Prepared) -> Path:
    return folder_of(it.context, "acme") / stored_name(PICTURES[0])


IN_THE_INSTANCE: dict[str, Callable[[Path], object]] = {
    "an attachment that was deleted before": lambda file: file.unlink(),
    "an attachment that was altered before": lambda file: file.write_bytes(PICTURES[0][::-1]),
}


def test_there_are_thirty_two() -> None:
    assert len(IN_THE_STORE) + len(IN_THE_INSTANCE) == 32


@pytest.fixture
def errors(monkeypatch: pytest.MonkeyPatch) -> list[TenantryError]:
    """The typed errors that proofs found."""
    seen, state_of = [], prove.state_of

    def noting(error: TenantryError, **facts: bool) -> ProofState:
        seen.append(error)
        return state_of(error, **facts)

    monkeypatch.setattr(prove, "state_of", noting)
    return seen


@pytest.mark.parametrize("corruption", IN_THE_STORE)
def test_a_corruption_of_the_store_is_found(stored: Prepared, errors: list, corruption: str):
    spoil, expected, state = IN_THE_STORE[corruption]
    spoil(stored)
    proof = stored.engine.backups.prove(stored.backup)
    assert (proof.state, [type(error) for error in errors]) == (state, [expected]), proof.detail
    assert proof.detail == str(errors[0])
    assert orphans(stored.context) == []
    if state is FAILED:
        assert {it.backup: it.proof for it in stored.engine.backups.all()}[stored.backup] == proof


@pytest.mark.parametrize("corruption", IN_THE_INSTANCE)
def test_what_the_instance_lacks_is_found(stored: Prepared, errors: list, corruption: str):
    file, content = attachment(stored), attachment(stored).read_bytes()
    IN_THE_INSTANCE[corruption](file)
    try:
        backup = stored.engine.backups.take("acme").backup
    finally:
        file.unlink(missing_ok=True)
        file.write_bytes(content)
    proof = stored.engine.backups.prove(backup)
    assert (proof.state, [type(error) for error in errors]) == (FAILED, [BackupNotWhole]), proof.detail
    assert stored_name(PICTURES[0]) in proof.detail
    assert orphans(stored.context) == []


@pytest.mark.parametrize("which", ["backup", "other"])
def test_no_backup_is_blamed_without_a_corruption(stored: Prepared, errors: list, which: str):
    proof = stored.engine.backups.prove(getattr(stored, which))
    assert (proof.state, proof.detail, errors) == (ProofState.PROVED, "", [])
    assert proof.restore_s > 0
    assert orphans(stored.context) == []


def test_a_corruption_of_one_backup_is_none_of_another_with_the_same_files(stored: Prepared):
    flip(stored.dump, 0.5)
    assert stored.engine.backups.prove(stored.backup).state is FAILED
    assert stored.engine.backups.prove(stored.other).state is ProofState.PROVED


def test_a_backup_whose_manifest_was_removed_is_none(stored: Prepared):
    stored.manifest.unlink()
    with pytest.raises(ArchiveNotFound):
        stored.engine.backups.prove(stored.backup)
    assert not (stored.store / proof_path(stored.backup)).exists()


def test_without_the_key_nothing_can_be_verified_and_with_it_again(stored: Prepared):
    private = stored.engine.settings.installation.secrets_dir / "archive.key"
    kept = private.read_text()
    try:
        private.write_text(str(Identity.generate()))
        assert stored.engine.backups.prove(stored.backup).state is UNVERIFIABLE
    finally:
        private.write_text(kept)
    assert stored.engine.backups.prove(stored.backup).state is ProofState.PROVED


# ---------------------------------------------------------------- proofs that are none


def forged(it: Prepared, proof: Path) -> None:
    """As somebody writes it who can write to the store and knows the public key."""
    keys = replace(it.place.keys, signing=random_key())
    facts = {
        "archive": it.backup,
        "state": "proved",
        "proved_at": "2026-01-01T00:00:00+00:00",
        "restore_s": 1.0,
    }
    proof.write_bytes(seal(keys, json.dumps(facts).encode()))


FALSE_PROOFS: dict[str, Callable[[Prepared, Path], object]] = {
    "a forged one": forged,
    "that of another backup": lambda it, proof: shutil.copy(it.store / proof_path(it.other), proof),
    "a manifest": lambda it, proof: shutil.copy(it.manifest, proof),
    "one cut short": lambda it, proof: (shutil.copy(it.store / proof_path(it.other), proof), cut(proof, 0.5)),
    "nothing but text": lambda it, proof: proof.write_text('{"state": "proved"}'),
}


@pytest.mark.parametrize("kind", FALSE_PROOFS)
def test_a_false_proof_proves_nothing(stored: Prepared, kind: str):
    stored.engine.backups.prove(stored.other)
    FALSE_PROOFS[kind](stored, stored.store / proof_path(stored.backup))
    listed = {it.backup: it.proof for it in stored.engine.backups.all()}
    assert listed[stored.other].state is ProofState.PROVED
    assert listed[stored.backup].state is UNVERIFIABLE
    assert stored.engine.backups.prove(stored.backup).state is ProofState.PROVED
