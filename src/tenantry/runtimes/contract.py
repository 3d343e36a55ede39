"""The interface between operations and a runtime: the tenant server of this machine, or another kind."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tenantry.model.activity import Activity
from tenantry.model.address import Upstream
from tenantry.model.server import Capacity, Check
from tenantry.odoo.finding.installation import OdooInstallation
from tenantry.odoo.initialise import OdooCommand
from tenantry.postgres.cluster import Cluster
from tenantry.relay.asking import Counted


@dataclass(frozen=True)
class Capabilities:
    """longest_host: how many characters a host name may have.

    first_pages_at_once: how many new instances may be probed for their first page at the same time.
    """

    longest_host: int
    first_pages_at_once: int


class Runtime(Protocol):
    """Runs instances as their labels say: which ones are served, at which hosts, with which limits.

    Every method may be called again after a call that was killed.
    """

    @property
    def capabilities(self) -> Capabilities: ...

    def follow(self, names: Collection[str]) -> None:
        """Apply the labels of these databases, which changed, or which were dropped.

        When this returns, instances that must not be served have no process and cannot get one, and visitors
        reach the others. If the runtime is not running, it applies the labels when it starts.
        """

    def rename(self, old: str, new: str) -> None:
        """Rename the instance's log, before its database is renamed."""

    @property
    def port(self) -> int:
        """The port that visitors connect to, if there is no proxy in front of it. Raises ServerNotStarted."""

    def upstream(self, name: str) -> Upstream:
        """Where an edge or a probe sends an instance's requests, for all of its host names.

        Raises ServerNotStarted.
        """

    def is_serving(self, name: str) -> bool:
        """Whether it answers at its subdomain. A sleeping instance counts as serving, and is not woken."""

    def activities(self, names: Collection[str] = (), timeout_s: float = 30) -> list[Activity]:
        """What these instances are doing, or all served ones if no names are given; it wakes none.

        Raises ServerNotStarted.
        """

    def logs(self, name: str, count: int) -> list[str]:
        """The last `count` lines that its processes wrote."""

    def follow_logs(self, name: str, count: int, is_gone: Callable[[], bool]) -> Iterator[str]:
        """The same, and each line as soon as it is written, until the instance is terminated.

        is_gone: says whether it is, while it has no log.
        """

    def run_odoo(self, name: str, command: OdooCommand) -> Path:
        """Run an Odoo command on an instance whose role can log in; return the file with its output.

        It runs as the instance's role and user, and sees only its own files and the code. The instance is
        served meanwhile. Raises InitialisationTimeout, InitialisationFailed.
        """

    def user_of(self, oid: int) -> int | None:
        """The user id of an instance's process, which owns the folders of its files; None: our own user id.

        oid: the oid of its database.
        """

    def strays(self, hosts: Collection[str], oids: Collection[int]) -> set[str]:
        """What it has for no instance: hosts, containers, networks. Raises ContainerEngineFailure.

        hosts: of all instances. oids: of all databases.
        """

    def remove_stray(self, stray: str) -> None:
        """Remove one of them."""


class Front(Protocol):
    """The program of the edge that leads each host to its instance, as a runtime that runs it needs it."""

    @property
    def hosts(self) -> Path:
        """The folder of all instances' sockets, named after their hosts."""

    @property
    def longest_host(self) -> int:
        """How many characters a host name may have."""

    @property
    def variables(self) -> dict[str, str]:
        """Its environment, besides the one that all programs get."""

    def configuration(self, port: int) -> str:
        """Its configuration, to see whether it has changed."""

    def write(self, port: int) -> None:
        """Write its configuration where it reads it."""

    def command(self) -> list[str]: ...


class ServerRuntime(Runtime, Protocol):
    """What the engine and the doctor ask besides: of the program that runs a server's instances."""

    @property
    def pid(self) -> int | None:
        """Its process id; None when it does not run."""

    def start(self, odoo: OdooInstallation, cluster: Cluster, report: Callable[[str], None]) -> None:
        """Start it unless it runs as it should, and wait until it answers. Raises ServerNotStarted."""

    def prepare(self, odoo: OdooInstallation, cluster: Cluster, report: Callable[[str], None]) -> list[str]:
        """The command that runs it in the foreground. Raises ServerNotStarted when it runs already."""

    def follow_mail_server(self) -> None:
        """The operator's mail server was set or forgotten: let instances use it from their next waking on.

        Raises ServerNotStarted.
        """

    def counted_mails(self, timeout_s: float) -> list[Counted]:
        """What the mail relay counted; empty when the operator has set no mail server.

        Raises ServerNotStarted, after `timeout_s` at the latest.
        """

    def stop(self) -> bool:
        """Stop it and every instance's process, if it runs; tell whether it did."""

    def is_answering(self) -> bool: ...

    def protections(self) -> dict[str, str]:
        """What separates instances, by name; each with why it is missing, or "". Raises ServerNotStarted."""

    def checks(self) -> list[Check]:
        """What it needs to run instances besides the tenant server, such as an engine for containers."""

    def capacity(self) -> Capacity:
        """What there is for its instances, and how much of it is used."""
