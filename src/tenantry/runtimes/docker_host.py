"""The Docker engine that a server's settings name, and its image: the way there, and what they are."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.types import Mount
from docker.utils import parse_repository_tag
from requests.exceptions import RequestException

from tenantry import process
from tenantry.errors import ContainerEngineFailure, ImageOfOtherSeries
from tenantry.keyfile import is_private, private_folder
from tenantry.settings import ServerSettings
from tenantry.spawner.docker_client import AUTHORITY, CERTIFICATE, KEY, connect

_CHECK_TIMEOUT_S = 5


@dataclass(frozen=True)
class DockerHost:
    """Every method raises ContainerEngineFailure if the engine does not do what is asked."""

    settings: ServerSettings

    @property
    def address(self) -> str:
        return self.settings.docker_host or "unix:///var/run/docker.sock"

    @property
    def image(self) -> str:
        return self.settings.image or f"odoo:{self.settings.odoo_series}"

    @property
    def certificates(self) -> str:
        """The folder of the engine's certificates; "" for a UNIX socket."""
        if self.address.startswith("unix:"):
            return ""
        folder = self.settings.docker_certs
        if folder is None:
            raise self.failure("an engine at a network address needs certificates (TENANTRY_DOCKER_CERTS)")
        for name in (AUTHORITY, CERTIFICATE, KEY):
            if not (folder / name).is_file():
                raise self.failure(f"there is no file {folder / name}")
        if not is_private(folder / KEY):
            raise self.failure(f"others can read {folder / KEY}: run chmod go= on it")
        return str(folder)

    def failure(self, reason: str) -> ContainerEngineFailure:
        return ContainerEngineFailure(self.address, self.image, reason)

    @contextlib.contextmanager
    def opened(self, timeout_s: int = 30) -> Iterator[Any]:
        """The engine's client, for a block. What the engine refuses in the block is raised as its failure."""
        socket = Path(self.address.removeprefix("unix://"))
        if self.address.startswith("unix:") and not socket.is_socket():
            raise self.failure(f"there is no socket {socket}")
        try:
            with contextlib.closing(connect(self.address, self.certificates, timeout_s)) as engine:
                yield engine
        except (DockerException, RequestException) as error:
            raise self.failure(str(error)) from error

    def image_id(self) -> str:
        """The image's id; the engine fetches the image if it does not have it."""
        with self.opened() as engine:
            try:
                return str(engine.inspect_image(self.image)["Id"])
            except ImageNotFound:
                pass
            repository, tag = parse_repository_tag(self.image)
            for _progress in engine.pull(repository, tag=tag or "latest", stream=True):
                pass  # an error among it shows in that the image is not there then
            return str(engine.inspect_image(self.image)["Id"])

    def require_here(self, mark: str) -> None:
        """Have the engine look for a folder that only this machine has: containers get sockets in such ones.

        mark: of the server.
        """
        image, name, run = self.image_id(), f"tenantry-here-{mark}", self.settings.run_dir
        private_folder(run)
        with (
            process.file_lock(run / "docker-engine.lock"),
            self.opened() as engine,
            tempfile.TemporaryDirectory(dir=run) as folder,
        ):
            mounts = [Mount("/here", folder, type="bind")]
            with contextlib.suppress(NotFound):  # a call that was killed left it
                engine.remove_container(name, v=True)
            try:
                made = engine.create_container(
                    image, name=name, host_config=engine.create_host_config(mounts=mounts)
                )
            except APIError as error:
                if "does not exist" not in str(error):
                    raise
                raise self.failure("it is not on this machine, whose sockets its containers need") from error
            engine.remove_container(made, v=True)

    # ------------------------------------------------------------ what they are

    def version(self) -> str:
        with self.opened(_CHECK_TIMEOUT_S) as engine:
            return f"Docker {engine.version()['Version']}"

    def checked_image(self) -> str:
        """The image's name. Raises ImageOfOtherSeries if it says that its Odoo is of another one."""
        with self.opened(_CHECK_TIMEOUT_S) as engine:
            variables = engine.inspect_image(self.image)["Config"].get("Env") or ()
        there = dict(line.partition("=")[::2] for line in variables).get("ODOO_VERSION", "")
        if there and not there.startswith(self.settings.odoo_series):
            raise ImageOfOtherSeries(self.image, there, self.settings.odoo_series)
        return self.image

    def folder(self) -> Path:
        """Where it keeps containers and images."""
        with self.opened(_CHECK_TIMEOUT_S) as engine:
            return Path(engine.info()["DockerRootDir"])
