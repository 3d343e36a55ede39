"""The previous server, measured in the same run: one threaded Odoo for all tenants, from git's history.

`old_run.py` runs in a process of its own, with the code of that commit. It builds its template at the same
time as ours, and makes each measurement just before or after ours, because the machine's speed changes by
half within minutes.
"""

from __future__ import annotations

import json
import os
import sys
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.figures import OLD, Figure, MeasurementFailed
from bench.installation import Installation
from tenantry import process
from tenantry.errors import TenantryError

COMMIT = "2baf03c"
"""The last one with the threaded server."""
_REPOSITORY = Path(__file__).resolve().parents[1]
_MOST_S = 600
_ENDS_WITHIN_S = 60
_POLL_S = 0.2


@dataclass
class OldServer:
    """Its process, if the history has it."""

    installation: Installation
    pid: int | None = None

    @property
    def folder(self) -> Path:
        return self.installation.home / "old"

    @property
    def _log(self) -> Path:
        return self.folder / "run.log"

    def begin(self) -> None:
        """Start the old server in the background, with its template; do nothing without git's history."""
        self.folder.mkdir()
        self.folder.chmod(0o755)
        try:
            self._check_out()
        except TenantryError:
            self.installation.report(f"the history has no {COMMIT}: the server before is not measured")
            return
        code = os.pathsep.join([str(self.folder / "code" / "src"), str(_REPOSITORY)])
        environment = {**self.installation.engine.settings.to_environment(), "PYTHONPATH": code}
        command = [sys.executable, "-uP", "-m", "bench.old_run", self.installation.plan.name, self.folder]
        self.pid = process.start(command, log=self._log, environment=environment)
        self.installation.closing.callback(process.stop, self.pid)

    def _check_out(self) -> None:
        archive = self.folder / "code.tar"
        process.run(["git", "-C", _REPOSITORY, "archive", f"--output={archive}", COMMIT, "src", "addons"])
        with tarfile.open(archive) as content:
            content.extractall(self.folder / "code", filter="data")

    def measure(self, name: str) -> list[Figure]:
        """Run one measurement, see `old_run.py`, and return its result. Raises MeasurementFailed."""
        if self.pid is None:
            return []
        results = self.folder / f"{name}.json"
        results.unlink(missing_ok=True)
        (self.folder / f"{name}.go").touch()
        deadline = time.monotonic() + _MOST_S
        while not results.exists():
            if not process.is_running(self.pid, marker="bench.old_run"):
                raise MeasurementFailed(process.last_lines(process.tail(self._log), 1) or "it ended")
            if time.monotonic() > deadline:
                raise MeasurementFailed("the server before takes too long")
            time.sleep(_POLL_S)
        return [_figure(**data) for data in json.loads(results.read_text())]

    def end(self) -> None:
        """Prevent its scheduled jobs from running during other measurements."""
        if self.pid is not None:
            process.stop(self.pid, timeout_s=_ENDS_WITHIN_S)
            self.pid = None


def _figure(code: str, title: str, samples: list[float], **others: str) -> Figure:
    return Figure(OLD + code, f"The server before: {title}", samples=tuple(samples), **others)
