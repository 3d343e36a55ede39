"""The installed `tenantry` on a machine that has nothing but a login to a master."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

Run = subprocess.CompletedProcess[str]

_COMMAND = str(Path(sys.executable).with_name("tenantry"))
_SILENCE_S = 60
_KEPT = ("PATH", "PYTHONPATH", "LANG", "TENANTRY_CACHE")


@dataclass(frozen=True)
class RemoteCli:
    """A user with a home folder of their own; `home` is empty at first."""

    home: Path
    url: str

    def __call__(self, *arguments: str, stdin: str = "", **more: str) -> Run:
        return subprocess.run(
            [_COMMAND, *arguments],
            **self._surroundings(more),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Run it beside the test."""
        return subprocess.Popen(
            [_COMMAND, *arguments],
            **self._surroundings({}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # In the background of a shell it would be born deaf to Ctrl-C.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
        )

    def type(self, prompt: str, answer: str, *arguments: str) -> str:
        """Run it in a terminal and type the answer when it prompts; return the terminal's text."""
        surroundings = self._surroundings({})
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(surroundings["cwd"])
            os.execve(_COMMAND, [_COMMAND, *arguments], surroundings["env"])
        shown = ""
        while part := _read(terminal):
            if prompt not in shown and prompt in shown + part:
                os.write(terminal, f"{answer}\n".encode())
            shown += part
        os.close(terminal)
        os.waitpid(pid, 0)
        return shown

    def login(self, key: str) -> Run:
        return self("login", self.url, "--key-stdin", stdin=f"{key}\n")

    @property
    def login_file(self) -> Path:
        return self.home / ".config" / "tenantry" / "login.json"

    def _surroundings(self, more: dict[str, str]) -> dict:
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        return {
            "cwd": self.home,
            "env": {**kept, "HOME": str(self.home), "COLUMNS": "200", **more},
        }


def _read(terminal: int) -> str:
    """The next output; "" at the end, or after a long silence."""
    try:
        ready, _, _ = select.select([terminal], [], [], _SILENCE_S)
        return os.read(terminal, 4096).decode() if ready else ""
    except OSError:
        return ""


def command_lines() -> str:
    """What all users of this machine can read about the processes that this one started."""
    lines = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it has ended
            lines.append(" ".join(process.cmdline()))
    return "\n".join(lines)
