"""Who can read an archive (age), and who made it (Ed25519).

To dump needs the recipients only, which are public; to load needs a private key. age does not say who
encrypted something, so manifests are signed as well.
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
    """recipients: for whom is encrypted. identities: what can be read with, secret; none where none are kept.

    signing: the installation's signing key, by which its archives are known.
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
    """Read the keys in the installation's folder of secrets, making them first if there are none.

    The private one may be kept elsewhere: then this installation can dump, and not load.
    Raises InvalidSetting, KeyLost.
    """
    private, public = folder / _PRIVATE, folder / _PUBLIC
    if not public.exists():
        # Two at once agree on the first one's; a killed one's is completed.
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
    """As age's own key files have it: a key in each line, and comments."""
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
class _Watched:
    """What reads or writes for age, which tells of errors in there by their text alone."""

    read: Callable[[int], bytes] = lambda size: b""
    write: Callable[[bytes], int] = len
    failed: list[BaseException] = field(default_factory=list)

    @classmethod
    def source(cls, source: Source) -> _Watched:
        watched = cls()
        watched.read = watched._watching(source.read)
        return watched

    @classmethod
    def sink(cls, sink: Sink) -> _Watched:
        watched = cls()
        watched.write = watched._watching(sink.write)
        return watched

    def _watching(self, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def call(argument: Any) -> Any:
            try:
                return function(argument)
            except BaseException as error:
                self.failed.append(error)
                raise

        return call


def encrypt(keys: Keys, source: Source, sink: Sink) -> None:
    """Encrypt all of it, in constant memory. Raises what reading and writing raises."""
    recipients = [_recipient(line) for line in keys.recipients]
    with _ends(source, sink) as ends:
        pyrage.encrypt_io(*ends, recipients)  # type: ignore[arg-type]


def decrypt(keys: Keys, archive: str, recipients: Sequence[str], source: Source, sink: Sink) -> None:
    """Decrypt all of it, in constant memory. recipients: for whom the archive was made.

    Raises ArchiveKeyMissing, ArchiveDamaged, what reading and writing raises.
    """
    identities = _identities(keys, archive, recipients)
    try:
        with _ends(source, sink) as ends:
            pyrage.decrypt_io(*ends, identities)  # type: ignore[arg-type]
    except _Undecryptable as error:
        raise _told(archive, recipients, error) from error


class _Undecryptable(Exception):
    """What age says of bytes that it cannot decrypt."""


@contextmanager
def _ends(source: Source, sink: Sink) -> Iterator[tuple[_Watched, _Watched]]:
    """What the ends raise goes before what age makes of it: of the last write's error it tells nothing."""
    ends = _Watched.source(source), _Watched.sink(sink)
    try:
        yield ends
    except (pyrage.DecryptError, pyrage.EncryptError, OSError) as error:
        _raise_first(ends)
        raise _Undecryptable(error) from error
    _raise_first(ends)


def _raise_first(ends: Sequence[_Watched]) -> None:
    for end in ends:
        if end.failed:
            raise end.failed[0]


def _identities(keys: Keys, archive: str, recipients: Sequence[str]) -> list[Identity]:
    if not keys.identities:
        raise ArchiveKeyMissing(archive, recipients)
    return [_identity(secret.reveal()) for secret in keys.identities]


def _told(archive: str, recipients: Sequence[str], error: Exception) -> Exception:
    if "No matching keys" in str(error):
        return ArchiveKeyMissing(archive, recipients)
    return ArchiveDamaged(archive, f"it cannot be decrypted ({error})")


# ---------------------------------------------------------------- manifests


def seal(keys: Keys, data: bytes) -> bytes:
    """Encrypt a manifest and sign what comes out: a JSON object that says for whom and by whom."""
    recipients = [_recipient(line) for line in keys.recipients]
    sealed = pyrage.encrypt(data, recipients, armored=True).decode("ascii")
    signature = signing.sign_bytes(keys.signing, sealed.encode())
    facts = {"recipients": keys.recipients, "signer": keys.signer, "signature": signature, "sealed": sealed}
    return json.dumps({"tenantry": "archive", **facts}, indent=1).encode()


@dataclass(frozen=True)
class Opened:
    """What was sealed, for whom, and whether it was this installation that did."""

    data: bytes
    recipients: tuple[str, ...]
    is_ours: bool


def open_sealed(keys: Keys, archive: str, data: bytes, trusted: str = "") -> Opened:
    """Open what `seal` made. trusted: the public key of another installation whose archives may be loaded.

    Raises ArchiveDamaged, ArchiveNotTrusted, ArchiveKeyMissing.
    """
    try:
        facts = json.loads(data)
        signer, signature, sealed = (str(facts[name]) for name in ("signer", "signature", "sealed"))
        recipients = tuple(map(str, facts["recipients"]))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ArchiveDamaged(archive, f"its manifest cannot be read ({error})") from error
    if not signing.is_signed(signer, signature, sealed.encode()):
        raise ArchiveDamaged(archive, "its manifest is not what was signed")
    if signer not in (keys.signer, trusted):
        raise ArchiveNotTrusted(archive, signer)
    try:
        opened = pyrage.decrypt(sealed.encode(), _identities(keys, archive, recipients))
    except pyrage.DecryptError as error:
        raise _told(archive, recipients, error) from error
    return Opened(opened, recipients, signer == keys.signer)
