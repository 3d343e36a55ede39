"""Manifests are read as they were written, by recipients only, or refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.archive.encryption import Keys, archive_keys, decrypt, encrypt, open_sealed, seal
from tenantry.archive.format import FORMAT, NEWER_FIELDS, PART_BYTES, Manifest, Member, Stored, file_path
from tenantry.archive.parallel import in_parallel
from tenantry.archive.stores import open_store, options_for
from tenantry.errors import (
    ArchiveDamaged,
    ArchiveKeyMissing,
    ArchiveNotTrusted,
    ArchiveUnsupported,
    InvalidSetting,
    InvalidStore,
    KeyLost,
)
from tenantry.model import signing
from tenantry.model.secret import Secret, random_key

_HASH = "ab" * 32
MANIFEST = Manifest(
    archive="acme-1",
    name="acme",
    made_at="2026-11-29T21:30:00+00:00",
    host="acme.localhost",
    series="19.0",
    template="blank",
    version="1.0.0",
    postgres=15,
    modules=("base", "web"),
    extensions=("unaccent",),
    label={"seats": 3, "finished": ["sanitize"]},
    dump=Stored(PART_BYTES + 1, _HASH, (_HASH, _HASH)),
    files=(Member("ab/" + "a" * 40, 12, _HASH),),
)


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return archive_keys(tmp_path / "secrets", random_key())


def test_a_manifest_is_read_as_it_was_written():
    assert replace(Manifest.from_json("acme-1", MANIFEST.to_json()), label={}) == replace(MANIFEST, label={})


@given(
    st.binary()
    | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(lambda d: json.dumps(d).encode())
)
def test_what_is_no_manifest_is_refused(data: bytes):
    with pytest.raises(ArchiveDamaged):
        Manifest.from_json("acme-1", data)


@pytest.mark.parametrize("name", sorted({*MANIFEST.__dataclass_fields__, "format"} - NEWER_FIELDS))
def test_a_manifest_that_lacks_anything_is_refused(name: str):
    facts = json.loads(MANIFEST.to_json())
    del facts[name]
    with pytest.raises(ArchiveDamaged):
        Manifest.from_json("acme-1", json.dumps(facts).encode())


def test_an_older_manifest_is_read_and_says_nothing_of_what_it_does_not_know():
    facts = json.loads(replace(MANIFEST, attachments=3, reason="asked").to_json())
    found = Manifest.from_json(
        "acme-1", json.dumps({k: facts[k] for k in facts if k not in NEWER_FIELDS}).encode()
    )
    assert (found.reason, found.attachments, dict(found.rows)) == ("", None, {})


@pytest.mark.parametrize(
    "dump",
    [
        Stored(PART_BYTES, _HASH, (_HASH, _HASH)),
        Stored(2 * PART_BYTES + 1, _HASH, (_HASH, _HASH)),
        Stored(1, "../../x", (_HASH,)),
        Stored(1, _HASH, ("short",)),
    ],
)
def test_sizes_and_hashes_that_cannot_be_are_refused(dump: Stored):
    with pytest.raises(ArchiveDamaged):
        Manifest.from_json("acme-1", replace(MANIFEST, dump=dump).to_json())


def test_a_hash_that_leads_elsewhere_in_the_store_is_refused():
    members = (Member("ab/x", 1, "../../manifests/acme-1.json"),)
    with pytest.raises(ArchiveDamaged):
        Manifest.from_json("acme-1", replace(MANIFEST, files=members).to_json())


def test_a_manifest_of_another_archive_is_refused():
    with pytest.raises(ArchiveDamaged, match="acme-1"):
        Manifest.from_json("acme-2", MANIFEST.to_json())


def test_another_format_says_which():
    facts = {**json.loads(MANIFEST.to_json()), "format": FORMAT + 1}
    with pytest.raises(ArchiveUnsupported, match=f"format {FORMAT + 1}"):
        Manifest.from_json("acme-1", json.dumps(facts).encode())


# ---------------------------------------------------------------- keys


def test_keys_are_made_once_and_nobody_else_can_read_the_private_one(tmp_path: Path):
    signing_key = random_key()
    first = archive_keys(tmp_path, signing_key)
    assert archive_keys(tmp_path, signing_key) == first
    assert (tmp_path / "archive.key").stat().st_mode & 0o077 == 0


def test_keys_of_a_killed_maker_are_completed(tmp_path: Path):
    first = archive_keys(tmp_path, random_key())
    (tmp_path / "archive.recipients").unlink()
    assert archive_keys(tmp_path, random_key()).recipients == first.recipients


def test_a_lost_private_key_is_never_made_anew(tmp_path: Path, keys: Keys):
    (tmp_path / "secrets/archive.key").unlink()
    again = archive_keys(tmp_path / "secrets", random_key())
    assert (again.recipients, again.identities) == (keys.recipients, ())
    with pytest.raises(ArchiveKeyMissing):
        open_sealed(replace(keys, identities=()), "acme-1", seal(keys, b"..."))


def test_an_empty_private_key_is_an_error(tmp_path: Path):
    (tmp_path / "archive.key").write_text("# nothing\n")
    with pytest.raises(KeyLost):
        archive_keys(tmp_path, random_key())


def test_an_invalid_key_is_reported_without_showing_it(tmp_path: Path, keys: Keys):
    (tmp_path / "secrets/archive.recipients").write_text("age1nonsense\n")
    with pytest.raises(InvalidSetting, match="recipients"):
        archive_keys(tmp_path / "secrets", random_key())
    wrong = replace(keys, identities=(Secret("AGE-SECRET-KEY-OF-MINE"),))
    with pytest.raises(InvalidSetting) as raised:
        open_sealed(wrong, "acme-1", seal(keys, b"..."))
    assert "OF-MINE" not in f"{raised.value} {raised.value.remedy} {wrong}"


def test_each_of_several_recipients_can_read(tmp_path: Path, keys: Keys):
    other = archive_keys(tmp_path / "others", random_key())
    both = replace(keys, recipients=tuple(sorted(keys.recipients + other.recipients)))
    sealed = seal(both, b"for both")
    assert open_sealed(keys, "acme-1", sealed).data == b"for both"
    assert open_sealed(other, "acme-1", sealed, trusted=keys.signer).data == b"for both"
    assert file_path(both.key_id, _HASH) != file_path(keys.key_id, _HASH)


def test_only_a_signer_who_is_trusted_is_believed(tmp_path: Path, keys: Keys):
    forger = replace(keys, signing=random_key())
    with pytest.raises(ArchiveNotTrusted):
        open_sealed(keys, "acme-1", seal(forger, b"..."))
    assert open_sealed(keys, "acme-1", seal(forger, b"..."), trusted=forger.signer).is_ours is False
    forged = json.loads(seal(forger, b"...")) | {"signer": keys.signer}
    with pytest.raises(ArchiveDamaged):
        open_sealed(keys, "acme-1", json.dumps(forged).encode())


@given(st.binary())
def test_what_is_no_sealed_manifest_is_refused(data: bytes):
    keys = Keys(("age1",), (), Secret("key"))
    with pytest.raises(ArchiveDamaged):
        open_sealed(keys, "acme-1", data)


def test_what_is_signed_of_an_archive_is_no_statement_for_a_tenant(keys: Keys):
    """A signature for one purpose must not be valid for the other."""
    payload = b"eyJhdWQiOiAiYWNtZSJ9"
    signature = bytes.fromhex(signing.sign_bytes(keys.signing, payload))
    assert signature != signing._private_key(keys.signing).sign(payload)
    assert signing.is_signed(keys.signer, signature.hex(), payload)
    assert not signing.is_signed(keys.signer, signing._private_key(keys.signing).sign(payload).hex(), payload)


# ---------------------------------------------------------------- streams


class Failing:
    """Fails at its last byte."""

    def __init__(self, error: Exception, after_bytes: int) -> None:
        self.error, self.left = error, after_bytes

    def read(self, size: int = -1) -> bytes:
        if not self.left:
            raise self.error
        given = min(size, self.left)
        self.left -= given
        return b"x" * given

    def write(self, data: bytes) -> int:
        self.left -= len(data)
        if self.left <= 0:
            raise self.error
        return len(data)


@pytest.mark.parametrize("size", [0, 1, 100_000])
@pytest.mark.parametrize("error", [OSError(28, "full"), ValueError("odd"), KeyboardInterrupt()])
def test_errors_at_either_end_come_out_as_they_were(tmp_path: Path, keys: Keys, error, size: int):
    source, sink = tmp_path / "plain", tmp_path / "encrypted"
    source.write_bytes(b"x" * size)
    with source.open("rb") as file, pytest.raises(type(error)):
        encrypt(keys, file, Failing(error, size))
    with sink.open("wb") as file, pytest.raises(type(error)):
        encrypt(keys, Failing(error, size), file)
    with source.open("rb") as file, sink.open("wb") as out:
        encrypt(keys, file, out)
    if size:
        with sink.open("rb") as file, pytest.raises(type(error)):
            decrypt(keys, "acme-1", (), file, Failing(error, size))
    with (tmp_path / "again").open("wb") as file, pytest.raises(type(error)):
        decrypt(keys, "acme-1", (), Failing(error, size), file)


def test_parallel_results_come_in_order_with_a_short_queue():
    taken: list[int] = []

    def given() -> object:
        for number in range(1000):
            taken.append(number)
            yield number

    results = in_parallel(lambda number: number * 2, given())
    assert next(results) == 0
    assert len(taken) < 20
    assert list(results) == [2 * number for number in range(1, 1000)]


def test_the_first_error_of_what_is_done_in_parallel_is_raised():
    with pytest.raises(ZeroDivisionError):
        list(in_parallel(lambda number: 1 / number, [1, 0, 2]))


# ---------------------------------------------------------------- stores


def test_options_are_those_of_the_longest_address_that_fits(tmp_path: Path):
    file = tmp_path / "stores.toml"
    file.write_text('["s3://one"]\nregion = "a"\n["s3://one/two"]\nregion = "b"\n')
    assert options_for("s3://one", file) == {"region": "a"}
    assert options_for("s3://one/two/three", file) == {"region": "b"}
    assert options_for("s3://one-more", file) == {}
    assert options_for("s3://one", tmp_path / "nothing") == {}
    file.write_text("x =")
    with pytest.raises(InvalidSetting):
        options_for("s3://one", file)


@pytest.mark.parametrize("url", ["nothing://here", "s3://", "\0"])
def test_an_invalid_store_is_an_error(url: str):
    with pytest.raises(InvalidStore):
        open_store(url, {})
