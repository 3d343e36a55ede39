"""Filestores are copied whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

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


def test_a_link_left_in_a_filestore_is_not_followed_into_a_copy(filestores: Filestores, tmp_path: Path):
    of_others = tmp_path / "of-others"
    of_others.mkdir()
    (of_others / "file").write_text("a secret")
    (filestores.folder("template") / "ab" / "link").symlink_to(of_others / "file")
    (filestores.folder("template") / "folder").symlink_to(of_others)
    for may_link in (True, False):
        replace(filestores, may_link=may_link).copy("template", f"acme-{may_link}")
        copy = filestores.folder(f"acme-{may_link}")
        assert {path.relative_to(copy).as_posix() for path in copy.rglob("*")} == {"ab", "ab/abc"}


@pytest.mark.parametrize("own", ["checklist", ".sessions", ".tmp", ".aside"])
def test_what_is_a_process_own_is_not_copied(filestores: Filestores, own: str):
    (filestores.folder("template") / own / "ab").mkdir(parents=True, exist_ok=True)
    (filestores.folder("template") / own / "ab" / "secret").write_text("of the template's administrator")
    filestores.copy("template", "acme")
    assert {path.name for path in filestores.folder("acme").rglob("*")} == {"ab", "abc"}


def test_a_sealed_filestore_has_plain_files_that_nobody_else_can_write(
    filestores: Filestores, tmp_path: Path
):
    folder = filestores.folder("template") / "ab"
    (folder / "abc").chmod(0o666)
    (tmp_path / "of-others").write_text("a secret")
    (folder / "link").symlink_to(tmp_path / "of-others")
    os.mkfifo(folder / "pipe")
    filestores.seal("template")
    assert {path.name for path in folder.iterdir()} == {"abc"}
    facts = (folder / "abc").stat()
    assert (facts.st_mode & 0o777, facts.st_uid) == (0o644, os.geteuid())
    assert (tmp_path / "of-others").read_text() == "a secret"


def test_removing_takes_what_was_half_copied_too(filestores: Filestores):
    (filestores.folder("acme.partial") / "junk").mkdir(parents=True)
    filestores.remove("acme")
    assert filestores.names() == {"template"}


# ---------------------------------------------------------------- read and made by others


@pytest.fixture
def acme(filestores: Filestores) -> Path:
    folder = filestores.folder("acme")
    (folder / "ab").mkdir(parents=True)
    (folder / "ab" / "file").write_text("content")
    return folder


def read(filestores: Filestores, path: str) -> bytes | None:
    with filestores.open_content("acme", path) as file:
        return file.read() if file else None


def test_only_plain_files_of_plain_names_are_content(filestores: Filestores, acme: Path):
    (acme / "ab" / "link").symlink_to("/etc/passwd")
    (acme / "li").symlink_to("/etc")
    os.mkfifo(acme / "ab" / "pipe")
    (acme / "ab" / "new\nline").write_text("?")
    (acme / "checklist").mkdir()
    (acme / "checklist" / "x").write_text("of Odoo's own")
    assert list(filestores.content("acme")) == ["ab/file"]
    assert filestores.count_others("acme") == 4


def test_what_became_a_link_since_it_was_listed_is_not_read(filestores: Filestores, acme: Path, tmp_path):
    (tmp_path / "file").write_text("another's")
    assert read(filestores, "ab/file") == b"content"
    (acme / "ab" / "file").unlink()
    (acme / "ab" / "file").symlink_to(tmp_path / "file")
    assert read(filestores, "ab/file") is None
    (acme / "ab" / "file").unlink()
    (acme / "ab").rmdir()
    (acme / "ab").symlink_to(tmp_path)
    assert read(filestores, "ab/file") is None


def test_what_became_a_pipe_or_is_gone_is_not_waited_for(filestores: Filestores, acme: Path):
    (acme / "ab" / "file").unlink()
    assert read(filestores, "ab/file") is None
    os.mkfifo(acme / "ab" / "file")
    assert read(filestores, "ab/file") is None


def test_a_filestore_that_others_make_is_there_whole_or_not_at_all(filestores: Filestores, acme: Path):
    def write(make_file, *, fail: bool) -> None:
        with make_file("cd/file") as file:
            file.write(b"new")
        if fail:
            raise OSError(28, "No space left on device")

    with pytest.raises(FilestoreFailure, match="No space left on device"):
        filestores.make("beta", lambda make_file: write(make_file, fail=True))
    assert filestores.names() == {"template", "acme"}
    filestores.make("beta", lambda make_file: write(make_file, fail=False))
    assert (filestores.folder("beta") / "cd/file").read_bytes() == b"new"


@pytest.mark.parametrize(
    "path", ["../x", "/x", "a/../../x", "", ".", "a/.", "a//b", "a" * 200, "a/b/c/d/e", "é"]
)
def test_nothing_is_made_outside_of_a_filestore(filestores: Filestores, path: str):
    with pytest.raises(FilestoreFailure):
        filestores.make("beta", lambda make_file: make_file(path).close())
    assert filestores.names() == {"template"}


# ---------------------------------------------------------------- moves


def test_sessions_are_read_apart_from_the_content(filestores: Filestores):
    session = filestores.folder("acme") / ".sessions" / "ab" / "abcd"
    session.parent.mkdir(parents=True)
    session.write_text("{}")
    (filestores.folder("acme") / "ab").mkdir()
    (filestores.folder("acme") / "ab" / "abcdef").write_text("a file")
    assert list(filestores.content("acme")) == ["ab/abcdef"]
    assert list(filestores.sessions("acme")) == [".sessions/ab/abcd"]
    assert list(filestores.sessions("nobody")) == []


def test_what_was_put_aside_is_found_under_its_former_path(filestores: Filestores, tmp_path: Path):
    kept = filestores.folder("acme") / ".aside" / "2026-11-30" / "ab"
    kept.mkdir(parents=True)
    (kept / "abcdef").write_text("garbage")
    (kept / "..").joinpath("..hidden").write_text("of the tenant")
    since = (kept / "abcdef").stat().st_ctime
    assert list(filestores.put_aside("acme", since)) == [("ab/abcdef", ".aside/2026-11-30/ab/abcdef")]
    assert list(filestores.put_aside("acme", since + 1)) == []
    assert list(filestores.content("acme")) == list(filestores.put_aside("nobody", 0)) == []
    assert filestores.count_others("acme") == 0
    (filestores.folder("beta")).mkdir()
    (filestores.folder("beta") / ".aside").symlink_to(filestores.folder("acme") / ".aside")
    assert list(filestores.put_aside("beta", 0)) == []


def test_a_link_in_place_of_the_sessions_leads_nowhere(filestores: Filestores, tmp_path: Path):
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "secret").write_text("another's")
    filestores.folder("acme").mkdir(parents=True)
    (filestores.folder("acme") / ".sessions").symlink_to(tmp_path / "others")
    assert list(filestores.sessions("acme")) == []


def test_a_filestore_is_made_of_what_is_kept_of_another_one(filestores: Filestores):
    def write(open_file: Callable[[str], BinaryIO]) -> None:
        with open_file("ab/new") as file:
            file.write(b"new")

    for name in ("kept", "removed"):
        (filestores.folder("staged") / "ab").mkdir(parents=True, exist_ok=True)
        (filestores.folder("staged") / "ab" / name).write_text(name)
    filestores.make("acme", write, base="staged", keep={"ab/kept"})
    assert list(filestores.content("acme")) == ["ab/kept", "ab/new"]
    assert filestores.names() == {"acme", "template"}
