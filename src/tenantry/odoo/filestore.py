"""Filestores: one folder of content-addressed files per database, never rewritten by Odoo.

So a copy can share its files with the original by hard links: it takes milliseconds and no
space, and what either side deletes or adds is its own. Only where the files' owner is nobody who could
write them: as root, whose tenants are users of their own. Elsewhere files are copied.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from tenantry.agreed import SESSIONS_FOLDER, TEMPORARY_FOLDER
from tenantry.errors import FilestoreFailure

_PARTIAL = ".partial"
# Odoo's list of files to look at when it next collects garbage: not content.
# Sessions and temporary files of a process are its own, too.
_NOT_CONTENT = shutil.ignore_patterns("checklist", SESSIONS_FOLDER, TEMPORARY_FOLDER)


@dataclass(frozen=True)
class Filestores:
    """The filestores under one root, by name; a name is a single path component."""

    root: Path
    may_link: bool = field(default_factory=lambda: os.geteuid() == 0)

    def folder(self, name: str) -> Path:
        return self.root / name

    def exists(self, name: str) -> bool:
        return self.folder(name).is_dir()

    def names(self) -> set[str]:
        """All there are, half-copied ones included."""
        return {entry.name for entry in self.root.iterdir()} if self.root.is_dir() else set()

    def copy(self, source: str, target: str) -> None:
        """Make `target` with the files of `source`, by hard link where the file system allows.

        Done under another name and renamed: it is there whole or not at all. A source without
        files gives an empty folder. Raises FilestoreFailure, leaving nothing.
        """
        partial = self.folder(target + _PARTIAL)
        try:
            shutil.rmtree(partial, ignore_errors=True)
            if self.exists(source):
                shutil.copytree(
                    self.folder(source),
                    partial,
                    copy_function=_link_or_copy if self.may_link else shutil.copy2,
                    ignore=_ignored,
                )
            else:
                partial.mkdir(parents=True)
            partial.rename(self.folder(target))
        except (OSError, shutil.Error) as error:
            shutil.rmtree(partial, ignore_errors=True)
            raise FilestoreFailure(self.folder(target), _reason(error)) from error

    def content(self, name: str) -> Iterator[str]:
        """The paths of its files within it, in order: those that Odoo could have made, see `is_content`.

        Raises FilestoreFailure for a folder that cannot be read.
        """
        return (path for path, is_file in self._entries(name) if is_file and is_content(path))

    def count_others(self, name: str) -> int:
        """How many entries are there besides: links, pipes, names that Odoo does not give."""
        return sum(not (is_file and is_content(path)) for path, is_file in self._entries(name))

    def _entries(self, name: str) -> Iterator[tuple[str, bool]]:
        """The path of each but folders, and whether it is a plain file."""
        top = self.folder(name)
        for folder, folders, files in os.walk(top, onerror=_tell_unless_gone):
            ignored = _NOT_CONTENT(folder, [*folders, *files])
            links = [entry for entry in folders if Path(folder, entry).is_symlink()]
            folders[:] = sorted(set(folders) - ignored - set(links))
            for entry in sorted({*files, *links} - ignored):
                with contextlib.suppress(FileNotFoundError):
                    found = Path(folder, entry)
                    yield str(found.relative_to(top)), stat.S_ISREG(found.lstat().st_mode)

    @contextlib.contextmanager
    def open_content(self, name: str, path: str) -> Iterator[BufferedReader | None]:
        """One of them, to be read; None when it is gone, or no plain file any more.

        No link is followed, whatever its owner puts there meanwhile, and no pipe waited for. Raises
        FilestoreFailure.
        """
        try:
            descriptor = _descend(self.folder(name), Path(path))
        except (FileNotFoundError, NotADirectoryError):
            yield None
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO):
                yield None
            else:
                raise FilestoreFailure(self.folder(name) / path, _reason(error)) from error
        else:
            with os.fdopen(descriptor, "rb") as file:
                yield file if stat.S_ISREG(os.fstat(descriptor).st_mode) else None

    def make(self, name: str, write: Callable[[Callable[[str], BinaryIO]], None]) -> None:
        """Make a filestore by a function that is given how to make the file of a path within it.

        It is there whole or not at all, in the place of what was there. Raises FilestoreFailure, and what the
        function raises, leaving nothing.
        """
        partial = self.folder(name + _PARTIAL)

        def make_file(path: str) -> BinaryIO:
            if not is_content(path):
                raise FilestoreFailure(partial, f"{path!r} is no file that Odoo could have made")
            (partial / path).parent.mkdir(parents=True, exist_ok=True)
            return (partial / path).open("xb")

        try:
            self.remove(name)
            partial.mkdir(parents=True)
            write(make_file)
            partial.rename(self.folder(name))
        except BaseException as error:
            shutil.rmtree(partial, ignore_errors=True)
            if isinstance(error, OSError):
                raise FilestoreFailure(self.folder(name), _reason(error)) from error
            raise

    def rename(self, old: str, new: str) -> None:
        """Raises FilestoreFailure."""
        try:
            self.folder(old).rename(self.folder(new))
        except OSError as error:
            raise FilestoreFailure(self.folder(new), _reason(error)) from error

    def seal(self, name: str) -> None:
        """Make its files ours: everybody who gets a link to one reads it, and nobody writes it.

        What is no file and no folder, such as a link somebody left to a file of others, goes.
        """
        if not self.exists(name):
            return
        for _path, folders, files, descriptor in os.fwalk(self.folder(name)):
            for entry in (*folders, *files):
                kind = os.lstat(entry, dir_fd=descriptor).st_mode
                if stat.S_ISREG(kind):
                    os.chown(entry, os.geteuid(), os.getegid(), dir_fd=descriptor, follow_symlinks=False)
                    os.chmod(entry, 0o644, dir_fd=descriptor)
                elif not stat.S_ISDIR(kind):
                    os.unlink(entry, dir_fd=descriptor)

    def remove(self, name: str) -> None:
        """Remove a filestore, whole or half copied. A missing one is fine."""
        for folder in (self.folder(name), self.folder(name + _PARTIAL)):
            shutil.rmtree(folder, ignore_errors=True)

    def size_bytes(self, name: str) -> int:
        """What its files add up to; shared ones count in full. Links are not followed."""
        total = 0
        for folder, _folders, files in os.walk(self.folder(name)):
            for file in files:
                with contextlib.suppress(OSError):  # a tenant removes one, or closes its folder
                    total += Path(folder, file).lstat().st_size
        return total


def _tell_unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise FilestoreFailure(Path(str(error.filename)), _reason(error)) from error


_PATH = re.compile(r"(?:[0-9A-Za-z_-][0-9A-Za-z_.-]{0,99}/){0,3}[0-9A-Za-z_-][0-9A-Za-z_.-]{0,99}")


def is_content(path: str) -> bool:
    """Whether Odoo could have made a file of that path in a filestore: plain names, a few folders deep."""
    return bool(_PATH.fullmatch(path))


def _descend(folder: Path, path: Path) -> int:
    """Open a file below a folder without following a link on the way; its descriptor. Raises OSError."""
    inside = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in path.parts[:-1]:
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=inside)
            os.close(inside)
            inside = below
        return os.open(path.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=inside)
    finally:
        os.close(inside)


def _ignored(folder: str, names: list[str]) -> set[str]:
    """A link is never followed: whoever left it might mean a file of others."""
    links = {name for name in names if Path(folder, name).is_symlink()}
    return links | _NOT_CONTENT(folder, names)


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, one without links, or too many links to one file
        shutil.copy2(source, target)


def _reason(error: OSError | shutil.Error) -> str:
    if isinstance(error, shutil.Error) and error.args and isinstance(error.args[0], list):
        return str(error.args[0][0][2])
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
