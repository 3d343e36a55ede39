"""What operations ask of whatever runs instances: the tenant server of this machine, or another kind."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tenantry.model.activity import Activity
from tenantry.model.address import Upstream
from tenantry.odoo.finding.installation import OdooInstallation
from tenantry.odoo.initialise import OdooCommand
from tenantry.postgres.cluster import Cluster


@dataclass(frozen=True)
class Capabilities:
    """longest_host: how many characters a host name may have.

    first_pages_at_once: how many new instances may be asked for their first page at once.
    """

    longest_host: int
    first_pages_at_once: int


class Runtime(Protocol):
    """What shall run, who is led there and what it may use stands in the labels: a runtime makes it so.

    Every method may be called again, whatever a killed call has done.
    """

    @property
    def capabilities(self) -> Capabilities: ...

    def follow(self, names: Collection[str]) -> None:
        """Make it so for these databases, whose labels changed, or which are gone.

        When this returns, who is not to be served has no process and no way to get one, and who is to be is
        led to. Where the runtime does not run now, it will be so when it does.
        """

    def rename(self, old: str, new: str) -> None:
        """Keep what is the instance's, its log, under its new name; its database gets that name next."""

    @property
    def port(self) -> int:
        """Where visitors connect, unless a proxy stands before it. Raises ServerNotStarted."""

    def upstream(self, name: str) -> Upstream:
        """Where an edge or a probe sends an instance's requests, at whichever of its host names.

        Raises ServerNotStarted.
        """

    def is_serving(self, name: str) -> bool:
        """Whether it answers at its subdomain. One that sleeps is well, and is not woken."""

    def activities(self, names: Collection[str] = (), timeout_s: float = 30) -> list[Activity]:
        """What these instances are doing, or every one that is served; it wakes none.

        Raises ServerNotStarted.
        """

    def logs(self, name: str, count: int) -> list[str]:
        """The last lines that its processes wrote."""

    def run_odoo(self, name: str, command: OdooCommand) -> Path:
        """Run an Odoo command on an instance, whose role may log in; return the file of what it said.

        As the instance itself: as its role and its user, seeing no files but its own and the code. It is
        served meanwhile. Raises InitialisationTimeout, InitialisationFailed.
        """

    def user_of(self, oid: int) -> int | None:
        """The user id of its process, whose the folders of its files are; None for our own.

        oid: its database's.
        """


class ServerRuntime(Runtime, Protocol):
    """What the engine and the doctor ask besides: of the program that runs a server's instances."""

    @property
    def pid(self) -> int | None:
        """Its process id; None when it does not run."""

    def start(self, odoo: OdooInstallation, cluster: Cluster, report: Callable[[str], None]) -> None:
        """Start it unless it runs as it should, and wait until it answers. Raises ServerNotStarted."""

    def prepare(self, odoo: OdooInstallation, cluster: Cluster) -> list[str]:
        """The command that runs it in the foreground. Raises ServerNotStarted when it runs already."""

    def stop(self) -> bool:
        """Stop it and every instance's process, if it runs; tell whether it did."""

    def is_answering(self) -> bool: ...

    def protections(self) -> dict[str, str]:
        """What separates instances, by name; each with why it is missing, or "". Raises ServerNotStarted."""
