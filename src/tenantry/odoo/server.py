"""An Odoo server process of ours: started, watched, stopped."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tenantry import process
from tenantry.errors import ServerNotStarted
from tenantry.odoo.installation import OdooInstallation

_POLL_S = 0.1


@dataclass(frozen=True)
class OdooServer:
    """The server that runs with one configuration file."""

    config: Path
    log: Path

    @property
    def _pid_file(self) -> Path:
        return self.config.with_suffix(".pid")

    @property
    def pid(self) -> int | None:
        """The running server's process id; None when it does not run."""
        try:
            pid = int(self._pid_file.read_text())
        except (FileNotFoundError, ValueError):
            return None
        return pid if process.is_running(pid, marker=str(self.config)) else None

    def start(self, odoo: OdooInstallation) -> None:
        """Start it; the caller waits until it answers."""
        command = odoo.command("-c", str(self.config))
        pid = process.start(command, log=self.log, environment=odoo.environment)
        self._pid_file.write_text(str(pid))

    def watch(self, is_ready: Callable[[], bool], timeout_s: float) -> None:
        """Wait until `is_ready()` is true. Raises ServerNotStarted when it died or is too slow."""
        deadline = time.monotonic() + timeout_s
        while not is_ready():
            if self.pid is None:
                said = process.last_lines(process.tail(self.log), 1)
                raise ServerNotStarted("Odoo", said or "it ended at once", self.log)
            if time.monotonic() > deadline:
                raise ServerNotStarted("Odoo", f"it did not answer within {timeout_s:.0f} s", self.log)
            time.sleep(_POLL_S)

    def stop(self) -> bool:
        """Stop it if it runs; tell whether it did."""
        pid = self.pid
        if pid is None:
            return False
        process.stop(pid)
        self._pid_file.unlink(missing_ok=True)
        return True
