"""Start, watch and stop an Odoo server process."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tenantry import interrupts, process, sandbox
from tenantry.errors import ProgramFailed, ServerNotStarted
from tenantry.keyfile import write_private
from tenantry.odoo.config import read_option
from tenantry.odoo.finding.installation import OdooInstallation
from tenantry.odoo.view import USER_VARIABLES
from tenantry.sandbox import View

_POLL_S = 0.1

Launch = tuple[OdooInstallation, View | None]
"""The Odoo to run, and its view of the machine, if it runs as a user of its own."""


@dataclass(frozen=True)
class OdooServer:
    """The server that runs with one configuration file.

    on_one_core: see `process.start`.
    """

    config: Path
    log: Path
    on_one_core: bool = False

    @property
    def _pid_file(self) -> Path:
        return self.config.with_suffix(".pid")

    @property
    def pid(self) -> int | None:
        """The running server's process id; None when it does not run."""
        return process.running(self._pid_file, marker=str(self.config))

    @property
    def port(self) -> int:
        """Raises ServerNotStarted when it never ran."""
        port = read_option(self.config, "http_port")
        if port is None:
            raise ServerNotStarted("Odoo", "it was never started; run `tenantry up`", self.log)
        return int(port)

    def ensure_running(
        self,
        configure: Callable[[], Launch],
        marks: Mapping[str, str],
        is_answering: Callable[[], bool],
        timeout_s: float,
    ) -> None:
        """Start it unless it runs, and wait until it answers; stop it if it does not answer.

        configure: writes the configuration, and returns the Odoo to run and its view. marks: the current
        settings, as `[tenantry]` in the configuration has them; a server with other marks is restarted.
        Raises ServerNotStarted.
        """
        with process.file_lock(self.config.with_suffix(".lock")):
            if any(read_option(self.config, name, "tenantry") != value for name, value in marks.items()):
                self.stop()
            if self.pid is None:
                self.start(*configure())
            try:
                self.watch(is_answering, timeout_s)
            except ServerNotStarted:
                self.stop()
                raise

    def start(self, odoo: OdooInstallation, view: View | None = None) -> None:
        """Start it without waiting for an answer. view: the files it sees and its user; None: like our own.

        Raises ServerNotStarted.
        """
        command = odoo.command("-c", str(self.config))
        with interrupts.shielded():
            pid = process.start(
                sandbox.command(view, command) if view else command,
                log=self.log,
                environment={**USER_VARIABLES, **odoo.environment} if view else odoo.environment,
                on_one_core=self.on_one_core,
            )
            try:
                write_private(self._pid_file, str(sandbox.program_id(pid) if view else pid))
            except ProgramFailed as error:
                process.stop(pid)
                raise ServerNotStarted("Odoo", self._last_log_line(), self.log) from error

    def watch(self, is_ready: Callable[[], bool], timeout_s: float) -> None:
        """Wait until `is_ready()` is true. Raises ServerNotStarted if it ended or is too slow."""
        deadline = time.monotonic() + timeout_s
        while not is_ready():
            if self.pid is None:
                raise ServerNotStarted("Odoo", self._last_log_line(), self.log)
            if time.monotonic() > deadline:
                raise ServerNotStarted("Odoo", f"it did not answer within {timeout_s:.0f} s", self.log)
            time.sleep(_POLL_S)

    def _last_log_line(self) -> str:
        return process.last_lines(process.tail(self.log), 1) or "it ended at once"

    def stop(self) -> bool:
        """Stop it if it runs; return whether it ran."""
        pid = self.pid
        if pid is None:
            return False
        process.stop(pid)
        self._pid_file.unlink(missing_ok=True)
        return True
