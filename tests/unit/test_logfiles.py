"""Logs do not grow for ever."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tenantry.spawner import logfiles


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / "server.log"
    file.write_text("a line\n" * 100)
    return file


def test_a_large_log_is_copied_and_truncated_while_its_writer_continues(log: Path):
    with log.open("a") as writer:
        logfiles.rotate([log], most_bytes=50)
        writer.write("the next line\n")
    assert log.read_text() == "the next line\n"
    assert logfiles.rotated(log).read_text() == "a line\n" * 100


def test_small_and_missing_logs_are_ignored(log: Path):
    logfiles.rotate([log, log.with_name("gone.log")], most_bytes=5000)
    assert log.read_text() == "a line\n" * 100
    assert not logfiles.rotated(log).exists()


def test_a_log_that_cannot_be_copied_is_truncated_all_the_same(log: Path):
    logfiles.rotated(log).mkdir()
    logfiles.rotate([log], most_bytes=50)
    assert log.read_text() == ""


def test_links_to_files_of_other_users_are_not_followed(log: Path):
    victim = log.with_name("victim")
    victim.write_text("precious " * 100)
    link = log.with_name("link.log")
    link.symlink_to(victim)
    logfiles.rotated(log).symlink_to(victim)
    twin = log.with_name("twin.log")
    twin.hardlink_to(victim)
    logfiles.rotate([log, link, twin], most_bytes=50)
    assert victim.read_text() == "precious " * 100
    assert log.read_text() == ""
    assert not logfiles.rotated(log).is_symlink()


def test_of_a_log_that_its_tenant_made_huge_only_the_end_is_kept(log: Path):
    os.truncate(log, 2**42)
    with log.open("a") as writer:
        writer.write("the end\n")
    logfiles.rotate([log])
    assert log.stat().st_size == 0
    assert logfiles.rotated(log).stat().st_size < 2**26
    with logfiles.rotated(log).open("rb") as copy:
        copy.seek(-8, os.SEEK_END)
        assert copy.read() == b"the end\n"
