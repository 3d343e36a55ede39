"""Where a new instance's database and files come from: a template of this cluster, or an archive."""

from __future__ import annotations

from typing import Protocol

from tenantry.operations.steps import Step


class Source(Protocol):
    """Each method may be called again, whatever a killed call has done."""

    @property
    def has_database(self) -> bool:
        """Whether the database is complete: it has the instance's name."""

    @property
    def has_files(self) -> bool: ...

    def prepare(self) -> None:
        """Use what exists already, and prepare for the other steps."""

    def make_database(self) -> None:
        """Make the database; all its objects belong to its own role."""

    def make_files(self) -> None: ...

    def discard(self) -> None:
        """Remove everything that was made, under each name it may have."""


class FromSource(Protocol):
    """An instance whose database and files are being made.

    discard: close its connections and discard what its source made.
    """

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
"""The first steps of every new instance, from a template or from an archive."""
