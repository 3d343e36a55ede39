"""A log is followed: its last lines, and then each new one, whatever becomes of the file."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.support.waiting import wait_until

from tenantry.spawner import following, logfiles


@dataclass
class Reader:
    """Follows a log in a thread of its own."""

    log: Path
    count: int
    seen: list[str] = field(default_factory=list)
    is_gone: bool = False

    def run(self) -> None:
        for line in following.followed(self.log, self.count, lambda: self.is_gone):
            self.seen.append(line)

    def sees(self, *lines: str) -> bool:
        wait_until(lambda: len(self.seen) >= len(lines), f"it saw only {self.seen}")
        return self.seen == list(lines)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / "acme.log"
    file.write_text("one\ntwo\nthree\n")
    return file


@pytest.fixture
def reader(log: Path) -> Iterator[Callable[..., Reader]]:
    started = []

    def start(count: int = 10) -> Reader:
        reader = Reader(log, count)
        thread = threading.Thread(target=reader.run)
        thread.start()
        started.append((reader, thread))
        return reader

    yield start
    for found, thread in started:
        found.is_gone = True
        for file in log.parent.iterdir():
            file.unlink()
        thread.join(20)
        assert not thread.is_alive()


def write(log: Path, text: str) -> None:
    with log.open("a") as stream:
        stream.write(text)


def test_it_begins_with_the_last_lines_and_goes_on_with_new_ones(reader, log: Path):
    found = reader(2)
    assert found.sees("two", "three")
    write(log, "fo")
    write(log, "ur\nfive\n")
    assert found.sees("two", "three", "four", "five")


def test_lines_that_were_written_before_a_rotation_are_not_lost(
    reader, log: Path, monkeypatch: pytest.MonkeyPatch
):
    looked = threading.Event()
    monkeypatch.setattr(following, "sleep", lambda _s: looked.wait(20))
    found = reader(1)
    assert found.sees("three")
    write(log, "before it\n")
    logfiles.rotate([log], most_bytes=5)
    write(log, "after\n")
    looked.set()
    assert found.sees("three", "before it", "after")


def test_it_follows_a_log_that_gets_another_name_and_its_rotation(reader, log: Path):
    found = reader(1)
    assert found.sees("three")
    renamed = log.rename(log.with_name("zenith.log"))
    write(renamed, "as zenith\n")
    assert found.sees("three", "as zenith")
    logfiles.rotate([renamed], most_bytes=5)
    write(renamed, "anew\n")
    assert found.sees("three", "as zenith", "anew")


def test_a_log_that_is_not_there_yet_is_waited_for(reader, log: Path):
    log.unlink()
    found = reader(5)
    write(log, "born\n")
    assert found.sees("born")


def test_a_line_that_never_ends_does_not_fill_our_memory(reader, log: Path):
    found = reader(1)
    assert found.sees("three")
    write(log, "x" * 3 * 2**16)
    wait_until(lambda: len(found.seen) > 1)
    assert set(found.seen[1]) == {"x"}
