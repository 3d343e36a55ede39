"""Run a command of Odoo's on one instance, in a container of its own."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.errors import APIError, NotFound
from requests.exceptions import ConnectionError as Lost
from requests.exceptions import Timeout

from tenantry.errors import InitialisationFailed, InitialisationTimeout
from tenantry.keyfile import write_private
from tenantry.odoo.config import Options, write_config
from tenantry.odoo.initialise import OdooCommand
from tenantry.process import last_lines
from tenantry.spawner.container_engine import MARK, confined
from tenantry.spawner.docker_client import connect

_CONFIG, _SCRIPT, DATA_FOLDER = "/run/tenantry.conf", "/run/tenantry.py", "/var/lib/odoo"
_TASKS, _MEMORY_BYTES = 256, 3 * 2**30


@dataclass(frozen=True)
class DockerCommand:
    """A command's container.

    options: Odoo's, with the role's password; they are written to the file `config`, for the user alone, and
    the command's script beside it.
    files: the instance's filestore. folders: what it can read besides, by the path in the container.
    log: gets its output.
    """

    engine: str
    certificates: str
    image: str
    mark: str
    name: str
    user: int
    options: Options
    config: Path
    files: Path
    folders: Mapping[str, str]
    log: Path
    timeout_s: float

    def run(self, command: OdooCommand) -> None:
        """Run it to its end. A container that a killed call left is removed first.

        Raises InitialisationTimeout, InitialisationFailed.
        """
        with (
            contextlib.closing(connect(self.engine, self.certificates)) as api,
            self.log.open("wb") as log,
        ):
            place = f"{self.name}-{command.title}-{self.mark}"
            _remove(api, place)
            write_config(self.config, self.options, owner=self.user)
            write_private(self._script, command.script, self.user)
            try:
                code = self._run(api, place, command, log)
            finally:
                self.config.unlink()
                self._script.unlink()
                _remove(api, place)
        if code:
            reason = f"it ended with {code}: {last_lines(self.log.read_text(errors='replace'))}"
            raise InitialisationFailed(self.name, reason, self.log)

    @property
    def _script(self) -> Path:
        return self.config.with_suffix(".py")

    def _run(self, api: Any, place: str, command: OdooCommand, log: Any) -> int:
        head, *rest = command.arguments
        readable = {**self.folders, _CONFIG: str(self.config), _SCRIPT: str(self._script)}
        writable = {f"{DATA_FOLDER}/filestore/{self.name}": str(self.files)}
        made = api.create_container(
            self.image,
            entrypoint=["sh", "-c", f'exec odoo "$@" < {_SCRIPT}', "odoo"],
            command=[head, "-c", _CONFIG, "-d", self.name, *rest],
            name=place,
            user=f"{self.user}:{self.user}",
            working_dir="/tmp",
            environment={"HOME": "/tmp", "PYTHONDONTWRITEBYTECODE": "1"},
            labels={MARK: self.mark},
            host_config=confined(
                api, readable, writable, network="none", memory_bytes=_MEMORY_BYTES, tasks=_TASKS
            ),
        )
        api.start(made)
        deadline = time.monotonic() + self.timeout_s
        try:
            ended = api.wait(made, timeout=self.timeout_s)
        except (Timeout, Lost) as error:
            if time.monotonic() < deadline:
                raise
            raise InitialisationTimeout(self.name, self.timeout_s, self.log) from error
        finally:
            for part in api.logs(made, stream=True, follow=False):
                log.write(part)
        return int(ended["StatusCode"])


def _remove(api: Any, place: str) -> None:
    with contextlib.suppress(NotFound, APIError):
        api.remove_container(place, force=True, v=True)
