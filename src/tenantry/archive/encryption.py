"""Encrypt archives for recipients (age), and sign their manifests (Ed25519).

A dump needs only the recipients, which are public keys; loading needs a private key. age does not show who
encrypted something, so manifests are signed, too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pyrage
from pyrage.x25519 import Identity, Recipient

from tenantry.errors import (
    ArchiveDamaged,
    ArchiveKeyMissing,
    ArchiveNotTrusted,
    InvalidSetting,
    KeyLost,
)
from tenantry.keyfile import make_private
from tenantry.model import signing
from tenantry.model.secret import Secret

_PRIVATE, _PUBLIC = "archive.key", "archive.recipients"


class Source(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class Sink(Protocol):
    def write(self, data: bytes, /) -> int: ...


@dataclass(frozen=True)
class Keys:
    """recipients: public keys to encrypt for. identities: private keys to decrypt with; may be empty.

    signing: the installation's signing key, which signs its archives.
    """

    recipients: tuple[str, ...]
    identities: tuple[Secret, ...]
    signing: Secret

    @property
    def key_id(self) -> str:
        return hashlib.sha256(" ".join(self.recipients).encode()).hexdigest()[:16]

    @property
    def signer(self) -> str:
        return signing.public_key(self.signing)


def archive_keys(folder: Path, signing_key: Secret) -> Keys:
    """Read the keys in the installation's folder of secrets; create them first if there are none.

    The private key may be stored elsewhere: then this installation can dump, but not load.
    Raises InvalidSetting, KeyLost.
    """
    private, public = folder / _PRIVATE, folder / _PUBLIC
    if not public.exists():
        # Two processes at once use the first one's key. What a killed process left is completed.
        make_private(private, str(Identity.generate()))
        made = _lines(private)
        if not made:
            raise KeyLost(private)
        make_private(public, "\n".join(str(_identity(line).to_public()) for line in made[:1]))
    recipients = tuple(sorted(_lines(public)))
    for line in recipients:
        _recipient(line)
    return Keys(recipients, tuple(map(Secret, _lines(private))), signing_key)


def _lines(file: Path) -> list[str]:
    """Read the format of age's own key files: a key in each line, and comments."""
    try:
        lines = [line.strip() for line in file.read_text(encoding="ascii").splitlines()]
    except FileNotFoundError:
        return []
    return [line for line in lines if line and not line.startswith("#")]


def _identity(line: str) -> Identity:
    try:
        return Identity.from_str(line)
    except pyrage.IdentityError as error:
        raise InvalidSetting(f"secrets/{_PRIVATE}", "***", "private keys of age, a line each") from error


def _recipient(line: str) -> Recipient:
    try:
        return Recipient.from_str(line)
    except pyrage.RecipientError as error:
        raise InvalidSetting(f"secrets/{_PUBLIC}", line, "public keys of age, a line each") from error


# ---------------------------------------------------------------- streams


@dataclass
class _ErrorRecorder:
    """Records the errors of a source or a sink: age passes on only their texts."""

    read: Callable[[int], bytes] = lambda size: b""
    write: Callable[[bytes], int] = len
    failed: list[BaseException] = field(default_factory=list)

    @classmethod
    def source(cls, source: Source) -> _ErrorRecorder:
        recorder = cls()
        recorder.read = recorder._recording(source.read)
        return recorder

    @classmethod
    def sink(cls, sink: Sink) -> _ErrorRecorder:
        recorder = cls()
        recorder.write = recorder._recording(sink.write)
        return recorder

    def _recording(self, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def call(argument: Any) -> Any:
            try:
                return function(argument)
            except BaseException as error:
                self.failed.append(error)
                raise

        return call


def encrypt(keys: Keys, source: Source, sink: Sink) -> None:
    """Encrypt a source, in constant memory. Raises what the source and the sink raise."""
    recipients = [_recipient(line) for line in keys.recipients]
    with _recorded(source, sink) as ends:
        pyrage.encrypt_io(*ends, recipients)  # type: ignore[arg-type]


def decrypt(keys: Keys, archive: str, recipients: Sequence[str], source: Source, sink: Sink) -> None:
    """Decrypt a source, in constant memory. recipients: of the archive.

    Raises ArchiveKeyMissing, ArchiveDamaged, and what the source and the sink raise.
    """
    identities = _identities(keys, archive, recipients)
    try:
        with _recorded(source, sink) as ends:
            pyrage.decrypt_io(*ends, identities)  # type: ignore[arg-type]
    except _Undecryptable as error:
        raise _decryption_error(archive, recipients, error) from error


class _Undecryptable(Exception):
    """age's error for bytes that it cannot decrypt."""


@contextmanager
def _recorded(source: Source, sink: Sink) -> Iterator[tuple[_ErrorRecorder, _ErrorRecorder]]:
    """Raise the errors of the source and the sink themselves; age even hides an error of the last write."""
    ends = _ErrorRecorder.source(source), _ErrorRecorder.sink(sink)
    try:
        yield ends
    except (pyrage.DecryptError, pyrage.EncryptError, OSError) as error:
        _raise_first(ends)
        raise _Undecryptable(error) from error
    _raise_first(ends)


def _raise_first(ends: Sequence[_ErrorRecorder]) -> None:
    for end in ends:
        if end.failed:
            raise end.failed[0]


def _identities(keys: Keys, archive: str, recipients: Sequence[str]) -> list[Identity]:
    if not keys.identities:
        raise ArchiveKeyMissing(archive, recipients)
    return [_identity(secret.reveal()) for secret in keys.identities]


def _decryption_error(archive: str, recipients: Sequence[str], error: Exception) -> Exception:
    if "No matching keys" in str(error):
        return ArchiveKeyMissing(archive, recipients)
    return ArchiveDamaged(archive, f"it cannot be decrypted ({error})")


# ---------------------------------------------------------------- manifests


def seal(keys: Keys, data: bytes) -> bytes:
    """Encrypt a manifest and sign the result; return a JSON object with recipients, signer and signature."""
    recipients = [_recipient(line) for line in keys.recipients]
    sealed = pyrage.encrypt(data, recipients, armored=True).decode("ascii")
    signature = signing.sign_bytes(keys.signing, sealed.encode())
    facts = {"recipients": keys.recipients, "signer": keys.signer, "signature": signature, "sealed": sealed}
    return json.dumps({"tenantry": "archive", **facts}, indent=1).encode()


@dataclass(frozen=True)
class Opened:
    """The decrypted data, its recipients, and whether this installation signed it."""

    data: bytes
    recipients: tuple[str, ...]
    is_ours: bool


def open_sealed(keys: Keys, archive: str, data: bytes, trusted: str = "") -> Opened:
    """Verify and decrypt the result of `seal`. trusted: the public key of another trusted installation.

    Raises ArchiveDamaged, ArchiveNotTrusted, ArchiveKeyMissing.
    """
    try:
        facts = json.loads(data)
        signer, signature, sealed = (str(facts[name]) for name in ("signer", "signature", "sealed"))
        recipients = tuple(map(str, facts["recipients"]))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ArchiveDamaged(archive, f"its manifest cannot be read ({error})") from error
    if not signing.is_signed(signer, signature, sealed.encode()):
        raise ArchiveDamaged(archive, "the signature of its manifest is wrong")
    if signer not in (keys.signer, trusted):
        raise ArchiveNotTrusted(archive, signer)
    try:
        opened = pyrage.decrypt(sealed.encode(), _identities(keys, archive, recipients))
    except pyrage.DecryptError as error:
        raise _decryption_error(archive, recipients, error) from error
    return Opened(opened, recipients, signer == keys.signer)
