"""Filestores are copied whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tenantry.errors import FilestoreFailure
from tenantry.odoo.filestore import Filestores


@pytest.fixture
def filestores(tmp_path: Path) -> Filestores:
    found = Filestores(tmp_path / "filestore", may_link=True)
    (found.folder("template") / "ab").mkdir(parents=True)
    (found.folder("template") / "ab" / "abc").write_text("content")
    (found.folder("template") / "checklist" / "ab").mkdir(parents=True)
    return found


def test_a_copy_shares_its_files_with_the_original_and_takes_no_space(filestores: Filestores):
    filestores.copy("template", "acme")
    original, copy = (filestores.folder(name) / "ab" / "abc" for name in ("template", "acme"))
    assert copy.read_text() == "content"
    assert copy.samefile(original)
    assert not (filestores.folder("acme") / "checklist").exists()


def test_what_one_side_deletes_the_other_keeps(filestores: Filestores):
    filestores.copy("template", "acme")
    (filestores.folder("template") / "ab" / "abc").unlink()
    assert (filestores.folder("acme") / "ab" / "abc").read_text() == "content"


def test_without_hard_links_files_are_copied(filestores: Filestores, monkeypatch):
    def refuse(*_arguments: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    filestores.copy("template", "acme")
    original, copy = (filestores.folder(name) / "ab" / "abc" for name in ("template", "acme"))
    assert copy.read_text() == "content"
    assert not copy.samefile(original)


def test_a_template_without_files_gives_an_empty_filestore(filestores: Filestores):
    filestores.copy("nothing", "acme")
    assert filestores.exists("acme")


def test_a_failed_copy_says_why_and_leaves_nothing(filestores: Filestores):
    filestores.copy("template", "acme")
    with pytest.raises(FilestoreFailure, match=r"not empty|exists"):
        filestores.copy("template", "acme")
    assert filestores.names() == {"template", "acme"}


def test_what_a_killed_copy_left_is_replaced(filestores: Filestores):
    (filestores.folder("acme.partial") / "junk").mkdir(parents=True)
    filestores.copy("template", "acme")
    assert filestores.names() == {"template", "acme"}


def test_removing_twice_is_fine(filestores: Filestores):
    filestores.copy("template", "acme")
    filestores.remove("acme")
    filestores.remove("acme")
    assert filestores.names() == {"template"}
