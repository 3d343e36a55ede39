"""Where a new instance's database and files come from: a template of this cluster, or an archive."""

from __future__ import annotations

from typing import Protocol

from tenantry.operations.steps import Step


class Source(Protocol):
    """Each method may be called again, whatever a killed call has done."""

    @property
    def has_database(self) -> bool:
        """Whether the database is there for good: it has the instance's name."""

    @property
    def has_files(self) -> bool: ...

    def prepare(self) -> None:
        """Take what is there already, and make what the rest needs."""

    def make_database(self) -> None:
        """The database, with all that is in it, as its own role's."""

    def make_files(self) -> None: ...

    def discard(self) -> None:
        """Leave nothing of it, under whichever of its names."""


class FromSource(Protocol):
    """An instance whose database and files are made. discard: its source's, and what is open of it."""

    @property
    def source(self) -> Source: ...

    def discard(self) -> None: ...


def _prepare(subject: FromSource) -> None:
    subject.source.prepare()


def _make_database(subject: FromSource) -> None:
    subject.source.make_database()


def _make_files(subject: FromSource) -> None:
    subject.source.make_files()


def _discard(subject: FromSource) -> None:
    subject.discard()


def _has_database(subject: FromSource) -> bool:
    return subject.source.has_database


def _has_files(subject: FromSource) -> bool:
    return subject.source.has_files


FIRST_STEPS: tuple[Step[FromSource], ...] = (
    Step("prepare", _prepare, is_done=_has_database, undo=_discard),
    Step("database", _make_database, is_done=_has_database),
    Step("files", _make_files, is_done=_has_files),
)
"""What the making of an instance begins with, wherever it comes from."""
