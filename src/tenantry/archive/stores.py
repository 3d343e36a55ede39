"""Stores of archives: a folder, or any other store that `obstore` supports.

All errors of obstore are turned into ours here. Not every store supports conditional writes, so we do not use
them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import obstore
from obstore.exceptions import (
    BaseError,
    NotSupportedError,
    PermissionDeniedError,
    UnauthenticatedError,
    UnknownConfigurationKeyError,
)
from obstore.store import LocalStore, from_url

from tenantry.archive.format import PART_BYTES, Stored
from tenantry.errors import InvalidSetting, InvalidStore, StoreFailure, StoreRefused

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ObjectStore, RetryConfig

_CLIENT = {"timeout": "300s", "connect_timeout": "10s"}
_RETRY: RetryConfig = {"max_retries": 5, "retry_timeout": timedelta(minutes=3)}
_S3_CHECKSUM = {"checksum_algorithm": "SHA256"}
"""The server verifies the checksum of uploads."""
_LARGEST_PARTS = 9_000
"""An S3 object has at most 10000 parts."""
_AT_ONCE = 2
_BEYOND_THE_END = re.compile(r"InvalidRange|416 (Range|Requested)")
"""In the error for a range that an object does not have. Other errors are no sign of a damaged object."""
_REFUSED = re.compile(r"status code: 40[13]\b")
"""obstore has an error of its own for this, but not in listings."""
_INTERRUPTED = re.compile(r"#\d+$")
"""obstore's names of unfinished files in a folder; it does not list them."""


@dataclass(frozen=True)
class Listed:
    """An object in a folder. path: within the folder. stamp: another one after it was written again."""

    path: str
    size_bytes: int
    modified_at: datetime
    stamp: str

    @classmethod
    def of(cls, path: str, meta: ObjectMeta) -> Listed:
        # Not every store has ETags; the time has another precision in a listing of S3 than elsewhere.
        size, modified = int(meta["size"]), meta["last_modified"]
        return cls(path, size, modified, f"{size} {meta['e_tag'] or modified.isoformat()}")


@dataclass(frozen=True)
class Store:
    """A store. url: as it was given; it contains no secret."""

    url: str
    objects: ObjectStore

    def size(self, path: str) -> int | None:
        """The size of an object in bytes; None when there is none. Raises StoreFailure, StoreRefused."""
        found = self.find(path)
        return found.size_bytes if found else None

    def find(self, path: str) -> Listed | None:
        """An object as in a listing; None when there is none. Raises StoreFailure, StoreRefused."""
        with _translated(self.url):
            try:
                return Listed.of(path, obstore.head(self.objects, path))
            except FileNotFoundError:
                return None

    def put(self, path: str, data: bytes) -> None:
        """Write a small object, atomically. Raises StoreFailure, StoreRefused."""
        with _translated(self.url):
            obstore.put(self.objects, path, data, use_multipart=False)
        self._check_size(path, len(data))

    def get(self, path: str) -> bytes | None:
        """Read a small object; None when it does not exist. Raises StoreFailure, StoreRefused."""
        with _translated(self.url):
            try:
                return bytes(obstore.get(self.objects, path).bytes())
            except FileNotFoundError:
                return None

    def get_range(self, path: str, start: int, length: int) -> bytes | None:
        """A range of an object, shorter at its end; None when the object or the range does not exist."""
        with _translated(self.url):
            try:
                return bytes(obstore.get_range(self.objects, path, start=start, length=length))
            except FileNotFoundError:
                return None
            except BaseError as error:
                if _BEYOND_THE_END.search(str(error)):
                    return None
                raise

    def names(self, folder: str) -> Iterator[str]:
        """The names of the objects in a folder. Raises StoreFailure, StoreRefused."""
        return (found.path for found in self.listing(folder))

    def listing(self, folder: str) -> Iterator[Listed]:
        """The objects in a folder and below it. Raises StoreFailure, StoreRefused."""
        with _translated(self.url):
            for batch in obstore.list(self.objects, prefix=folder):
                for found in batch:
                    yield Listed.of(str(found["path"]).removeprefix(f"{folder}/"), found)

    def remove(self, path: str) -> None:
        """Delete an object, if it exists. Raises StoreFailure, StoreRefused."""
        with _translated(self.url):
            try:
                obstore.delete(self.objects, path)
            except FileNotFoundError:
                return

    def move(self, path: str, to: str) -> None:
        """Move an object, if it exists; then it counts as modified now. Killed, it may be at both places.

        Raises StoreFailure, StoreRefused.
        """
        with _translated(self.url), contextlib.suppress(FileNotFoundError):
            if isinstance(self.objects, LocalStore):
                os.utime(Path(str(self.objects.prefix)) / path)
            obstore.copy(self.objects, path, to)
        self.remove(path)

    def remove_interrupted(self, before: datetime) -> None:
        """Remove what writers left in a folder that were killed before that time. Raises StoreFailure.

        Other stores do it by a rule of theirs, see docs/howto/archives.md.
        """
        if isinstance(self.objects, LocalStore):
            with _translated(self.url):
                for file in Path(str(self.objects.prefix)).rglob("*#*"):
                    with contextlib.suppress(FileNotFoundError):
                        is_left = _INTERRUPTED.search(file.name) and file.is_file()
                        if is_left and file.stat().st_mtime < before.timestamp():
                            file.unlink()

    def writer(self, path: str, expected_bytes: int) -> Writer:
        """Write an object piece by piece. expected_bytes: its estimated size, for the size of parts."""
        return Writer(self, path, max(PART_BYTES, expected_bytes // _LARGEST_PARTS))

    def _check_size(self, path: str, size_bytes: int) -> None:
        """Check the size of a written object: some stores, or proxies, silently keep only a part."""
        found = self.size(path)
        if found != size_bytes:
            raise StoreFailure(self.url, f"{path} has {found} bytes of {size_bytes}")


class Writer:
    """Writes an object in a `with` block: it exists at the end of the block, but not after an error."""

    def __init__(self, store: Store, path: str, buffer_bytes: int) -> None:
        self._store, self._path, self._buffer_bytes = store, path, buffer_bytes
        self._part, self._parts = bytearray(), list[str]()
        self._whole, self._size = hashlib.sha256(), 0

    def __enter__(self) -> Writer:
        store = self._store
        with _translated(store.url):
            self._file = obstore.open_writer(
                store.objects, self._path, buffer_size=self._buffer_bytes, max_concurrency=_AT_ONCE
            )
            self._file.__enter__()
        return self

    def write(self, data: bytes) -> int:
        """Raises StoreFailure, StoreRefused."""
        self._part += data
        while len(self._part) >= PART_BYTES:
            self._send(bytes(self._part[:PART_BYTES]))
            del self._part[:PART_BYTES]
        return len(data)

    def _send(self, part: bytes) -> None:
        self._whole.update(part)
        self._parts.append(hashlib.sha256(part).hexdigest())
        self._size += len(part)
        with _translated(self._store.url):
            self._file.write(part)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._finish()
        else:
            self._abort(kind, error, trace)

    def _finish(self) -> None:
        try:
            if self._part:
                self._send(bytes(self._part))
        except BaseException as error:
            self._abort(type(error), error, None)
            raise
        with _translated(self._store.url):
            self._file.close()
        self._store._check_size(self._path, self._size)

    def _abort(self, *failed: Any) -> None:
        """Discard the parts. An error of this is ignored in favour of the original error."""
        try:
            self._file.__exit__(*failed)
        except (BaseError, OSError):
            return

    @property
    def stored(self) -> Stored:
        return Stored(self._size, self._whole.hexdigest(), tuple(self._parts))


def open_store(url: str, options: Mapping[str, str]) -> Store:
    """Open a store by a folder or an address. options: obstore's, such as `endpoint`.

    Raises InvalidStore, InvalidSetting.
    """
    scheme, separator, _ = url.partition("://")
    try:
        if not separator or scheme == "file":
            folder = Path(url.removeprefix("file://")).expanduser().absolute()
            return Store(url, LocalStore(folder, mkdir=True))
        config = {**(_S3_CHECKSUM if scheme in ("s3", "s3a") else {}), **options}
        is_plain = config.get("endpoint", "").startswith("http://")
        client = {**_CLIENT, **({"allow_http": "true"} if is_plain else {})}
        return Store(url, _from_url(url, config, client))
    except UnknownConfigurationKeyError as error:
        raise InvalidSetting("secrets/stores.toml", _first_line(error), "options of obstore's") from error
    except (BaseError, ValueError, OSError) as error:
        raise InvalidStore(url, _first_line(error)) from error


def _from_url(url: str, config: Mapping[str, str], client: Mapping[str, str]) -> ObjectStore:
    return from_url(url, config=config, client_options=client, retry_config=_RETRY)  # type: ignore[call-overload, no-any-return]


def options_for(url: str, file: Path) -> dict[str, str]:
    """The options of a store in the file: of the table whose name is the longest prefix of its address.

    Raises InvalidSetting.
    """
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidSetting(str(file), str(error), "valid TOML") from error
    fitting = [name for name in tables if url == name or url.startswith(f"{name.rstrip('/')}/")]
    found = tables[max(fitting, key=len)] if fitting else {}
    if not isinstance(found, dict):
        raise InvalidSetting(f"{max(fitting, key=len)} in {file}", "***", "a table of options")
    return {str(key): str(value) for key, value in found.items()}


@contextmanager
def _translated(url: str) -> Iterator[None]:
    try:
        yield
    except (PermissionDeniedError, UnauthenticatedError, PermissionError) as error:
        raise StoreRefused(url, _first_line(error)) from error
    except FileNotFoundError:
        raise
    except (BaseError, OSError, NotSupportedError) as error:
        typed = StoreRefused if _REFUSED.search(str(error)) else StoreFailure
        raise typed(url, _first_line(error)) from error


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].strip().rstrip(".") if lines else type(error).__name__
