"""Filestores: one folder of content-addressed files per database; Odoo never changes a file.

So a copy can share its files with the original by hard links, which takes milliseconds and no space. Later
each side adds and deletes files without changing the other. This is only safe if tenants cannot write to the
files: when we are root, and tenants are users of their own. Otherwise files are copied.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import stat
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from tenantry.agreed import ASIDE_FOLDER, SESSIONS_FOLDER, TEMPORARY_FOLDER
from tenantry.errors import FilestoreFailure

_PARTIAL = ".partial"
_MAX_SESSION_BYTES = 2**20
# `checklist` is Odoo's list of files for its next garbage collection, not content. Sessions and temporary
# files belong to a process, not to the content; what is put aside is garbage.
_NOT_CONTENT = shutil.ignore_patterns("checklist", SESSIONS_FOLDER, TEMPORARY_FOLDER, ASIDE_FOLDER)


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
        """All filestores, unfinished copies too."""
        return {entry.name for entry in self.root.iterdir()} if self.root.is_dir() else set()

    def inodes(self) -> dict[str, int]:
        """The number of each folder, by name; a link is no folder of ours."""
        entries = os.scandir(self.root) if self.root.is_dir() else ()
        return {entry.name: entry.inode() for entry in entries if entry.is_dir(follow_symlinks=False)}

    def copy(self, source: str, target: str) -> None:
        """Make `target` with the files of `source`, by hard links if the file system allows it.

        It is made under a temporary name and renamed, so that it is complete when it exists. A source without
        files gives an empty folder. Raises FilestoreFailure, and leaves nothing then.
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
        """The relative paths of its files, in order, as far as Odoo could have made them, see `is_content`.

        Raises FilestoreFailure for a folder that cannot be read.
        """
        return (path for path, is_file in self._entries(name) if is_file and is_content(path))

    def sessions(self, name: str) -> Iterator[str]:
        """The relative paths of its sessions' files, which are no content: they travel only with a move."""
        folder = self.folder(name) / SESSIONS_FOLDER
        if folder.is_symlink():
            return
        for above, _folders, files in os.walk(folder):
            paths = (str(Path(above, file).relative_to(self.folder(name))) for file in sorted(files))
            yield from filter(is_content, paths)

    def put_aside(self, name: str, since: float) -> Iterator[tuple[str, str]]:
        """The files that Odoo's garbage collection put aside since that time, in seconds since 1970.

        Of each its path as an attachment's, and where it is now.
        """
        top = self.folder(name)
        if (top / ASIDE_FOLDER).is_symlink():
            return
        for folder, folders, files in os.walk(top / ASIDE_FOLDER):
            folders.sort()
            for file in sorted(files):
                found = Path(folder, file)
                _aside, _day, *parts = found.relative_to(top).parts
                with contextlib.suppress(OSError):
                    if found.lstat().st_ctime >= since and is_content("/".join(parts)):
                        yield "/".join(parts), str(found.relative_to(top))

    def copy_sessions(self, source: str, target: str) -> None:
        """Replace the sessions of `target` with those of `source`. Raises FilestoreFailure."""
        folder = self.folder(target) / SESSIONS_FOLDER
        try:
            if folder.is_symlink():
                folder.unlink()
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)  # fails if it is still there: nothing is written through a link
            for path in self.sessions(source):
                with self.open_content(source, path) as file:
                    content = file.read(_MAX_SESSION_BYTES) if file else b""
                copy = self.folder(target) / path
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(content)
        except OSError as error:
            raise FilestoreFailure(folder, _reason(error)) from error

    def count_others(self, name: str) -> int:
        """How many other entries it has: links, pipes, names that Odoo does not use."""
        return sum(not (is_file and is_content(path)) for path, is_file in self._entries(name))

    def _entries(self, name: str) -> Iterator[tuple[str, bool]]:
        """The path of each entry that is not a folder, and whether it is a regular file."""
        top = self.folder(name)
        for folder, folders, files in os.walk(top, onerror=_raise_unless_missing):
            ignored = _NOT_CONTENT(folder, [*folders, *files])
            links = [entry for entry in folders if Path(folder, entry).is_symlink()]
            folders[:] = sorted(set(folders) - ignored - set(links))
            for entry in sorted({*files, *links} - ignored):
                with contextlib.suppress(FileNotFoundError):
                    found = Path(folder, entry)
                    yield str(found.relative_to(top)), stat.S_ISREG(found.lstat().st_mode)

    @contextlib.contextmanager
    def open_content(self, name: str, path: str) -> Iterator[BufferedReader | None]:
        """Open a file of the filestore for reading; None when it does not exist any more as a regular file.

        Links are not followed, also if the tenant makes one at this moment, and a pipe does not block. Raises
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

    def make(
        self,
        name: str,
        write: Callable[[Callable[[str], BinaryIO]], None],
        base: str = "",
        keep: Container[str] = (),
    ) -> None:
        """Make a filestore with `write`, which gets a function that opens a new file for a relative path.

        base: a filestore that becomes this one; of its files those in `keep` stay. The filestore replaces an
        existing one, and is complete when it exists. Raises FilestoreFailure and the errors of `write`, and
        leaves nothing then.
        """
        partial = self.folder(name + _PARTIAL)

        def make_file(path: str) -> BinaryIO:
            if not is_content(path):
                raise FilestoreFailure(partial, f"{path!r} is not a file that Odoo could have made")
            (partial / path).parent.mkdir(parents=True, exist_ok=True)
            return (partial / path).open("xb")

        try:
            self.remove(name)
            if base and self.exists(base):
                self.folder(base).rename(partial)
                _remove_files(partial, keep)
            partial.mkdir(parents=True, exist_ok=True)
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
        """Become the owner of its files, so that users with a link to one can read it and not write it.

        Entries that are not files or folders are removed, such as a link to a file outside of the filestore.
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
        """Remove a filestore, or an unfinished copy, if it exists."""
        for folder in (self.folder(name), self.folder(name + _PARTIAL)):
            shutil.rmtree(folder, ignore_errors=True)

    def size_bytes(self, name: str) -> int:
        """The total size of its files; shared files count in full. Links are not followed."""
        total = 0
        for folder, _folders, files in os.walk(self.folder(name)):
            for file in files:
                with contextlib.suppress(OSError):  # a tenant removes one, or closes its folder
                    total += Path(folder, file).lstat().st_size
        return total


def _remove_files(folder: Path, keep: Container[str]) -> None:
    for file in [entry for entry in folder.rglob("*") if entry.is_file()]:
        if str(file.relative_to(folder)) not in keep:
            file.unlink()


def _raise_unless_missing(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise FilestoreFailure(Path(str(error.filename)), _reason(error)) from error


_PATH = re.compile(
    rf"(?:{re.escape(SESSIONS_FOLDER)}/)?"
    r"(?:[0-9A-Za-z_-][0-9A-Za-z_.-]{0,99}/){0,3}[0-9A-Za-z_-][0-9A-Za-z_.-]{0,99}"
)


def is_content(path: str) -> bool:
    """Whether Odoo could have made a file with that path in a filestore: simple names, a few folders deep."""
    return bool(_PATH.fullmatch(path))


def _descend(folder: Path, path: Path) -> int:
    """Open a file below a folder without following links; return its descriptor. Raises OSError."""
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
    """Names that are not copied. Links are among them: they could point to files outside of the filestore."""
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
