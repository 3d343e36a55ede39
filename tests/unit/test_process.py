"""Running programs: errors are typed, secrets stay out of sight, children never outlive us."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from tests.support.waiting import wait_until

from tenantry import process
from tenantry.errors import ProgramFailed, ProgramNotFound, ProgramTimeout


def test_a_program_returns_what_it_printed():
    assert process.run(["echo", "hello"]) == "hello\n"


def test_what_a_program_prints_is_added_to_a_log_nobody_else_can_read(tmp_path):
    for word in ("one", "two"):
        process.run(["echo", word], log=tmp_path / "log")
    assert (tmp_path / "log").read_text() == "one\ntwo\n"
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


def test_a_missing_program_is_named():
    with pytest.raises(ProgramNotFound, match="no-such-program"):
        process.run(["no-such-program"])


def test_the_error_of_a_failing_program_has_its_last_lines():
    with pytest.raises(ProgramFailed, match="it went wrong") as failure:
        process.run(["sh", "-c", "echo it went wrong >&2; exit 3"])
    assert failure.value.program_exit_code == 3


def test_a_slow_program_is_killed_with_its_children(tmp_path):
    noted = tmp_path / "pids"
    with pytest.raises(ProgramTimeout):
        process.run(["sh", "-c", f"sleep 600 & echo $$ $! > {noted}; wait"], timeout_s=0.5)
    parent, child = map(int, noted.read_text().split())
    assert not process.is_running(parent, marker="sleep 600")
    assert not process.is_running(child, marker="sleep 600")


def test_libpqs_variables_and_our_settings_do_not_reach_a_program(monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "hunter2")
    monkeypatch.setenv("TENANTRY_PG_DSN", "password=hunter2")
    assert "hunter2" not in process.run(["env"])


def test_a_program_dies_with_its_killed_caller():
    code = "from tenantry import process; process.run(['sleep', '600'])"
    caller = psutil.Popen([sys.executable, "-c", code])
    wait_until(lambda: _sleepers(caller))
    started = _sleepers(caller)
    caller.kill()
    caller.wait()
    _gone, alive = psutil.wait_procs(started, timeout=10)
    assert alive == []


def _sleepers(caller: psutil.Popen) -> list[psutil.Process]:
    """The processes whose program has started: shortly before, they still run another one."""
    return [child for child in caller.children(recursive=True) if child.name() == "sleep"]


def test_a_server_outlives_its_starter_and_is_stopped_by_its_id(tmp_path):
    pid = process.start(["sleep", "60"], log=tmp_path / "log")
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600
    assert process.is_running(pid, marker="sleep")
    assert not process.is_running(pid, marker="another program")
    process.stop(pid)
    assert not process.is_running(pid, marker="sleep")
    process.stop(pid)


def test_a_server_inherits_nothing_that_is_open_here(tmp_path):
    with (tmp_path / "open").open("w") as held:
        os.set_inheritable(held.fileno(), True)
        pid = process.start(["sleep", "60"], log=tmp_path / "log")
        try:
            # Its libraries are open for a moment while it starts.
            expected = {Path("/dev/null"), tmp_path / "log"}
            wait_until(lambda: open_files(pid) == expected, "more is open there")
        finally:
            process.stop(pid)


def open_files(pid: int) -> set[Path]:
    found = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.add(link.readlink())
    return found


def test_a_server_kept_on_one_core_gives_its_own_programs_all_of_them(tmp_path):
    code = (
        "import os, time; from tenantry import process; own = len(os.sched_getaffinity(0)); "
        "its = process.run(['nproc']).strip(); still = len(os.sched_getaffinity(0)); "
        "print(own, its, still, flush=True); time.sleep(60)"
    )
    log = tmp_path / "log"
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    pid = process.start([sys.executable, "-c", code], log=log, environment=environment, on_one_core=True)
    wait_until(lambda: log.read_text().endswith("\n"))
    process.stop(pid)
    cores = len(os.sched_getaffinity(0))
    assert log.read_text().split() == ["1", str(cores), "1"]


# ---------------------------------------------------------------- with a pipe


def shell(script: str) -> list[str]:
    return ["sh", "-c", script]


def test_the_output_of_a_program_is_read_as_it_comes():
    with process.piped(shell("echo one; echo two"), silent_s=10) as program:
        assert b"".join(iter(program.read, b"")) == b"one\ntwo\n"


def test_a_program_that_fails_is_not_at_its_end_by_itself():
    """Its output is incomplete: a reader must not take it for complete."""
    with process.piped(shell("echo one; echo why >&2; exit 3"), silent_s=10) as program:
        assert program.read() == b"one\n"
        with pytest.raises(ProgramFailed, match="why"):
            program.read()


def test_all_input_reaches_a_program(tmp_path: Path):
    given = bytes(range(256)) * 5000
    with process.piped(shell(f"sleep 0.1; cat > {tmp_path / 'file'}"), silent_s=10, reads=True) as program:
        assert program.write(given) == len(given)
        program.finish()
    assert (tmp_path / "file").read_bytes() == given


@pytest.mark.parametrize(("exit_code", "said"), [(0, "before it had read all its input"), (4, "why")])
def test_a_program_that_stops_reading_is_an_error(exit_code: int, said: str):
    script = f"echo why >&2; exit {exit_code}"
    with (
        process.piped(shell(script), silent_s=10, reads=True) as program,
        pytest.raises(ProgramFailed, match=said),
    ):
        program.write(b"x" * 2**20)


@pytest.mark.parametrize("reads", [True, False])
def test_a_program_that_is_silent_for_too_long_is_ended(reads: bool):
    with process.piped(["sleep", "60"], silent_s=0.2, reads=reads) as program, pytest.raises(ProgramTimeout):
        program.write(b"x" * 2**20) if reads else program.read()
    assert program._process.returncode is not None


def test_a_program_ends_with_the_block(tmp_path: Path):
    with process.piped(shell("sleep 60 & wait"), silent_s=10) as program:
        pid = program._process.pid
    assert not psutil.pid_exists(pid)
