"""The front of a tenant server: what it is told, where, and the command that runs it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tenantry import sandbox
from tenantry.edge import caddy
from tenantry.edge.pages import read_provider, write_pages, write_provider
from tenantry.model.provider import Provider
from tenantry.settings import ServerSettings
from tenantry.spawner import identity


@dataclass(frozen=True)
class Front:
    """Caddy, which leads each host to its tenant's socket."""

    settings: ServerSettings

    @property
    def hosts(self) -> Path:
        """The folder of all tenants' sockets, which no tenant sees."""
        return self.settings.home / "hosts"

    @property
    def folder(self) -> Path:
        """What it is told: its configuration and its pages."""
        return self.settings.run_dir / "front"

    @property
    def _provider_file(self) -> Path:
        return self.settings.home / "provider.json"

    def keep_provider(self, provider: Provider) -> None:
        """Show the provider on the pages from now on. Raises OSError."""
        write_provider(self._provider_file, provider)
        if self.folder.exists():
            write_pages(self.folder / "pages", provider)

    def write(self, port: int) -> None:
        """Write down what it is told."""
        write_pages(self.folder / "pages", read_provider(self._provider_file))
        (self.folder / "Caddyfile").write_text(self.configuration(port))

    def configuration(self, port: int) -> str:
        return caddy.caddyfile(
            interface=self.settings.http_interface,
            port=port,
            hosts=PurePosixPath(self._seen[self.hosts]),
            pages=PurePosixPath(self._seen[self.folder]) / "pages",
            protocol=self.settings.protocol,
        )

    @property
    def longest_host(self) -> int:
        """How many characters a host name may have."""
        return caddy.longest_host(PurePosixPath(self._seen[self.hosts]))

    @property
    def _seen(self) -> dict[Path, Path]:
        """The paths of its folders in its own view: short ones, for a socket's holds 107 bytes."""
        if sandbox.available():  # says why it is not
            return {self.hosts: self.hosts, self.folder: self.folder}
        return {self.hosts: Path("/h"), self.folder: Path("/f")}

    def command(self) -> list[str]:
        """Where root starts it, it is a user of its own that may listen at any port, and nothing else."""
        seen, program = self._seen, caddy.caddy_program()
        for folder in seen:
            folder.mkdir(parents=True, exist_ok=True)
        view = sandbox.View(
            readable=(program, *(folder for folder, place in seen.items() if place == folder)),
            writable=(),
            user=identity.FRONT if identity.is_root() else None,
            capabilities=("net_bind_service",),
            binds={place: folder for folder, place in seen.items() if place != folder},
        )
        config = seen[self.folder] / "Caddyfile"
        arguments = [program, "run", "--config", config, "--adapter", "caddyfile"]
        return sandbox.command(view, arguments, ends_with_caller=True)

    @property
    def variables(self) -> dict[str, str]:
        """It needs a tenth of what the tenants do: it is not to take every core.

        With as many threads as cores they wake one another for nothing: 6 % fewer answers of busy tenants.
        """
        cores = max(1, (os.cpu_count() or 1) // 2)
        return {"HOME": "/tmp", "XDG_DATA_HOME": "/tmp", "GOMAXPROCS": str(cores), "GOGC": "200"}
