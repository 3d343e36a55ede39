"""Run other programs. No other file starts processes."""

from __future__ import annotations

import atexit
import fcntl
import logging
import os
import pwd
import random
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

from tenantry import interrupts
from tenantry.errors import ProgramFailed, ProgramNotFound, ProgramTimeout
from tenantry.keyfile import append_private

_logger = logging.getLogger(__name__)

# libpq and Python read these variables by themselves, and our own settings may contain a password.
_SCRUBBED = ("PG", "PYTHON", "VIRTUAL_ENV", "ODOO_RC", "TENANTRY_")
_CORES = "TENANTRY_CORES"
"""For a server that is kept on one core: the cores that the programs it starts may use."""


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without the variables that a child must not inherit, plus `extra`."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(_SCRUBBED)}
    return {**kept, **(extra or {})}


def run(
    arguments: Sequence[object],
    *,
    timeout_s: float = 60,
    environment: Mapping[str, str] | None = None,
    stdin: str | None = None,
    log: Path | None = None,
    user: str | None = None,
    cwd: Path | None = None,
) -> str:
    """Run a program to its end and return its stdout.

    With `log`, both streams are appended to that file instead, and "" is returned.
    `user` needs root. Pass secrets by `environment` or `stdin`, never in `arguments`.
    After the timeout the program is killed with its children. When the caller is killed, the program is
    killed, too, unless it runs as another user.

    Raises ProgramNotFound, ProgramTimeout, ProgramFailed (with the last lines of stderr).
    """
    program = Path(str(arguments[0])).name
    with _spawn(arguments, environment, log, user, cwd, reads=stdin is not None) as process:
        try:
            stdout, stderr = process.communicate(stdin, timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            raise ProgramTimeout(program, timeout_s) from error
        finally:
            if process.poll() is None:
                stop(process.pid, timeout_s=5)
    if process.returncode:
        said = tail(log) if log else (stderr or stdout)
        raise ProgramFailed(program, process.returncode, last_lines(said))
    return stdout or ""


def _spawn(
    arguments: Sequence[object],
    environment: Mapping[str, str] | None,
    log: Path | None,
    user: str | None,
    cwd: Path | None,
    *,
    reads: bool,
) -> subprocess.Popen[str]:
    command = [str(argument) for argument in arguments]
    wrapped = command if user else ["setpriv", "--pdeathsig", "KILL", "--", *command]
    for program in (command[0], wrapped[0]):
        if not shutil.which(program):
            raise ProgramNotFound(program)
    sink = append_private(log) if log else None
    try:
        with interrupts.shielded(), _on_cores(_all_cores()):
            return subprocess.Popen(
                wrapped,
                stdin=subprocess.PIPE if reads else subprocess.DEVNULL,
                stdout=sink or subprocess.PIPE,
                stderr=sink or subprocess.PIPE,
                text=True,
                env=clean_environment(environment),
                user=user,
                group=_group_of(user),
                extra_groups=[] if user else None,
                cwd=cwd or ("/" if user else None),
                start_new_session=True,
            )
    finally:
        if sink:
            sink.close()


@dataclass
class Piped:
    """A program with a pipe, read or written piece by piece.

    silent_s: how long it may neither read nor write.
    """

    program: str
    silent_s: float
    _process: subprocess.Popen[bytes]
    _stderr: IO[bytes]

    def read(self, size: int = -1) -> bytes:
        """The next bytes of stdout; b"" when the program has ended without an error.

        Raises ProgramTimeout, ProgramFailed.
        """
        assert self._process.stdout
        self._wait_for(self._process.stdout, select.POLLIN)
        data = os.read(self._process.stdout.fileno(), size if size > 0 else 2**16)
        if not data:
            self.finish()
        return data

    def write(self, data: bytes) -> int:
        """Write all bytes to its stdin. Raises ProgramTimeout, and ProgramFailed if the program has ended."""
        assert self._process.stdin
        left = memoryview(data)
        while left:
            self._wait_for(self._process.stdin, select.POLLOUT)
            try:
                left = left[os.write(self._process.stdin.fileno(), left) :]
            except BrokenPipeError:
                self.finish()
                raise ProgramFailed(self.program, 0, "it ended before it had read all its input") from None
        return len(data)

    def finish(self) -> None:
        """Close its stdin and wait for its end. Raises ProgramTimeout, ProgramFailed."""
        if self._process.stdin and not self._process.stdin.closed:
            self._process.stdin.close()
        try:
            exit_code = self._process.wait(self.silent_s)
        except subprocess.TimeoutExpired as error:
            raise ProgramTimeout(self.program, self.silent_s) from error
        if exit_code:
            raise ProgramFailed(self.program, exit_code, last_lines(self._tail()))

    def _wait_for(self, pipe: IO[bytes], event: int) -> None:
        poll = select.poll()
        poll.register(pipe, event)
        if not poll.poll(self.silent_s * 1000):
            raise ProgramTimeout(self.program, self.silent_s)

    def _tail(self) -> str:
        size = self._stderr.seek(0, os.SEEK_END)
        self._stderr.seek(max(0, size - 4000))
        return self._stderr.read().decode(errors="replace")


@contextmanager
def piped(
    arguments: Sequence[object],
    *,
    environment: Mapping[str, str] | None = None,
    silent_s: float,
    reads: bool = False,
    source: IO[bytes] | None = None,
    output: IO[bytes] | None = None,
) -> Iterator[Piped]:
    """Run a program with a pipe: to its stdin if it `reads`, else from its stdout. It ends with the block.

    source: a file for the stdin of a program that does not. output: one for the stdout of a program that
    reads. As with `run`, pass secrets by files; the program is killed with its caller.

    Raises ProgramNotFound.
    """
    command = [str(argument) for argument in arguments]
    for needed in (command[0], "setpriv"):
        if not shutil.which(needed):
            raise ProgramNotFound(needed)
    with tempfile.TemporaryFile() as stderr:
        with _on_cores(_all_cores()):
            process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *command],
                stdin=subprocess.PIPE if reads else source or subprocess.DEVNULL,
                stdout=(output or stderr) if reads else subprocess.PIPE,
                stderr=stderr,
                env=clean_environment(environment),
                start_new_session=True,
                bufsize=0,
            )
        try:
            if process.stdin:
                os.set_blocking(process.stdin.fileno(), False)
            yield Piped(Path(command[0]).name, silent_s, process, stderr)
        finally:
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    pipe.close()
            stop(process.pid, timeout_s=5)
            process.wait()


def start(
    arguments: Sequence[object],
    *,
    log: Path,
    environment: Mapping[str, str] | None = None,
    on_one_core: bool = False,
) -> int:
    """Start a server that outlives this process; return its process id.

    It has its own session and none of our pipes, so nobody who reads from our pipes waits for it.
    on_one_core: keep all its threads on one core; the programs that it starts by `run` may use all cores.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    cores = _all_cores()
    known = {_CORES: ",".join(map(str, cores))} if on_one_core else {}
    chosen = [random.choice(cores)] if on_one_core else cores
    with interrupts.shielded(), append_private(log) as sink, _on_cores(chosen):
        process = subprocess.Popen(
            [str(argument) for argument in arguments],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            env=clean_environment({**(environment or {}), **known}),
            start_new_session=True,
        )
    # Kept, so that ended ones are reaped, and Python does not warn about running ones at our exit.
    _started[:] = [one for one in [*_started, process] if one.poll() is None]
    _wait_for_command_line(process.pid)
    _logger.info("started %s as process %d", Path(str(arguments[0])).name, process.pid)
    return process.pid


_started: list[subprocess.Popen[bytes]] = []


@atexit.register
def _disown_started() -> None:
    """Prevent Python's warning about child processes that still run: these outlive us on purpose."""
    for process in _started:
        process.returncode = 0


def _all_cores() -> list[int]:
    """The cores that our programs may use: those of _CORES, else this process's."""
    given = os.environ.get(_CORES)
    return [int(core) for core in given.split(",")] if given else sorted(os.sched_getaffinity(0))


@contextmanager
def _on_cores(cores: Sequence[int]) -> Iterator[None]:
    """Start programs in the block on these cores. The current thread runs on them meanwhile."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _wait_for_command_line(pid: int) -> None:
    """Wait until the process has a command line, which is empty shortly after exec: `is_running` needs it."""
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).cmdline():
                return
        except psutil.NoSuchProcess:
            return
        time.sleep(0.001)


def stop(pid: int, *, timeout_s: float = 20) -> None:
    """Terminate a process; after the timeout kill it and its children. An ended process is ignored."""
    try:
        parent = psutil.Process(pid)
        family = [parent, *parent.children(recursive=True)]
        parent.terminate()
    except psutil.NoSuchProcess:
        return
    _, alive = psutil.wait_procs(family, timeout=timeout_s)
    for process in alive:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(alive, timeout=5)


def is_running(pid: int, *, marker: str) -> bool:
    """Whether process `pid` lives and has `marker` in its command line (ids are reused)."""
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and marker in " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def running(file: Path, *, marker: str) -> int | None:
    """The process id in a file, if such a process runs; see `is_running`."""
    try:
        pid = int(file.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return pid if is_running(pid, marker=marker) else None


@contextmanager
def file_lock(file: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file; other processes wait. It is released when the process is killed."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def tail(file: Path, size_bytes: int = 4000) -> str:
    """The end of a text file; "" when it does not exist."""
    try:
        with file.open("rb") as stream:
            stream.seek(max(0, file.stat().st_size - size_bytes))
            return stream.read().decode(errors="replace")
    except FileNotFoundError:
        return ""


def last_lines(text: str, count: int = 3) -> str:
    """The last lines that are not empty, joined into one."""
    return " | ".join([line.strip() for line in text.splitlines() if line.strip()][-count:])


def _group_of(user: str | None) -> int | None:
    return None if user is None else pwd.getpwnam(user).pw_gid
