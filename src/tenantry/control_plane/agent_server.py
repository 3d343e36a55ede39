"""The agent's process, which has the engine's rights and answers one user."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tenantry import interrupts, process
from tenantry.errors import ServerNotStarted
from tenantry.keyfile import write_private
from tenantry.settings import ServerSettings
from tenantry.spawner.control import socket_address

_START_TIMEOUT_S = 60
_POLL_S = 0.02


@dataclass(frozen=True)
class AgentServer:
    """The agent of one installation. user: the id of the user that may connect, besides our own."""

    settings: ServerSettings
    user: int

    @property
    def log_file(self) -> Path:
        return self.settings.log_dir / "agent.log"

    @property
    def pid(self) -> int | None:
        """The running agent's process id; None when it does not run."""
        return process.running(self._pid_file, marker=str(self._socket))

    def folder(self) -> Path:
        """Make the folder of its socket: the user may enter it, but not create files there."""
        folder = self._socket.parent
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o710)
        os.chown(folder, os.geteuid(), self.user)
        return folder

    def start(self) -> None:
        """Start it, unless it runs with these settings; wait until it listens. Raises ServerNotStarted."""
        with process.file_lock(self._pid_file.with_suffix(".lock")):
            if self._settings_file.exists() and self._settings_file.read_text() != self._settings_digest:
                self.stop()
            if self.pid is None:
                self.folder()
                command = [sys.executable, "-m", "tenantry.agent", str(self._socket), str(self.user)]
                write_private(self._settings_file, self._settings_digest)
                environment = self.settings.to_environment()
                with interrupts.shielded():
                    pid = process.start(command, log=self.log_file, environment=environment)
                    write_private(self._pid_file, str(pid))
            self._wait()

    @property
    def _settings_digest(self) -> str:
        """A digest of the settings of this server and of the installation's others."""
        file = self.settings.installation.file
        settings = [self.settings.to_environment(), file.read_text(encoding="utf-8") if file.exists() else ""]
        return hashlib.sha256(json.dumps(settings).encode()).hexdigest()

    @property
    def _settings_file(self) -> Path:
        return self._pid_file.with_suffix(".told")

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self._is_listening():
            if self.pid is None or time.monotonic() > deadline:
                output = process.last_lines(process.tail(self.log_file), 1)
                self.stop()
                raise ServerNotStarted("The agent", output or "it ended at once", self.log_file)
            time.sleep(_POLL_S)

    def stop(self) -> bool:
        """Stop it and its callers' operations; return whether it ran."""
        pid = self.pid
        if pid is None:
            return False
        process.stop(pid)
        self._pid_file.unlink(missing_ok=True)
        return True

    def _is_listening(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client, contextlib.suppress(OSError):
            client.settimeout(1)
            with socket_address(self._socket) as address, contextlib.suppress(TimeoutError):
                client.connect(address)  # a timeout means that other callers are waiting: it listens
            return True
        return False

    @property
    def _socket(self) -> Path:
        return self.settings.installation.agent_socket

    @property
    def _pid_file(self) -> Path:
        return self.settings.run_dir / "agent.pid"
