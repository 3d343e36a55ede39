"""A runtime in memory: it knows the labels as of the last call of `follow`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer

from tenantry.model.activity import Activity
from tenantry.model.address import Upstream, subdomain_host
from tenantry.model.catalog import Kind, Label, State
from tenantry.odoo.initialise import OdooCommand
from tenantry.postgres import databases
from tenantry.postgres.cluster import Cluster
from tenantry.runtimes.contract import Capabilities
from tenantry.spawner.following import followed


@dataclass
class FakeRuntime:
    """Served instances answer at a socket while `listening`.

    known: the labels it follows, by database. renamed, commands: what it was told, in order.
    odoo: does what a command is for.
    """

    cluster: Cluster
    base_domain: str
    socket: Path
    known: dict[str, Label] = field(default_factory=dict)
    renamed: list[tuple[str, str]] = field(default_factory=list)
    commands: list[tuple[str, OdooCommand]] = field(default_factory=list)
    odoo: Callable[[str, OdooCommand], None] = lambda _name, _command: None

    port = 80

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(longest_host=200, first_pages_at_once=2)

    def follow(self, names: Collection[str]) -> None:
        with self.cluster.connect() as connection:
            for name in names:
                found = databases.find(connection, name)
                if found and found.label and found.label.kind in (Kind.INSTANCE, Kind.EDIT):
                    self.known[name] = found.label
                else:
                    self.known.pop(name, None)

    def answer(self, host: str) -> int:
        for name, label in self.known.items():
            if host in (subdomain_host(name, self.base_domain), *label.further_hosts):
                is_served = label.state is State.ACTIVE or label.published
                return 200 if is_served else 503
        return 404

    def log(self, name: str) -> Path:
        return self.socket.parent / f"{name}.log"

    def rename(self, old: str, new: str) -> None:
        self.renamed.append((old, new))
        with suppress(FileNotFoundError):
            self.log(old).rename(self.log(new))

    def upstream(self, name: str) -> Upstream:
        return Upstream(socket=str(self.socket))

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Answer as the front would."""
        runtime = self

        class Visit(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(runtime.answer(self.headers["Host"].partition(":")[0]))
                self.end_headers()

            def log_message(self, *_args: object) -> None:
                """Nobody reads it."""

        with ThreadingUnixStreamServer(str(self.socket), Visit) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield
            server.shutdown()

    def is_serving(self, name: str) -> bool:
        return self.answer(subdomain_host(name, self.base_domain)) == 200

    def activities(self, names: Collection[str] = (), timeout_s: float = 30) -> list[Activity]:
        served = [name for name, label in self.known.items() if label.state is State.ACTIVE]
        return [Activity(name, is_awake=False) for name in served if name in (names or served)]

    def logs(self, name: str, count: int) -> list[str]:
        return self.log(name).read_text().splitlines()[-count:] if self.log(name).exists() else []

    def follow_logs(self, name: str, count: int, is_gone: Callable[[], bool]) -> Iterator[str]:
        return followed(self.log(name), count, is_gone)

    def run_odoo(self, name: str, command: OdooCommand) -> Path:
        self.commands.append((name, command))
        self.odoo(name, command)
        return Path(f"/nowhere/{command.title}-{name}.log")

    def user_of(self, oid: int) -> int | None:
        return None

    def hosts_of(self, name: str) -> set[str]:
        return {subdomain_host(name, self.base_domain), *self.known[name].further_hosts}

    def strays(self, hosts: Collection[str], oids: Collection[int]) -> set[str]:
        return {host for name in self.known for host in self.hosts_of(name)} - set(hosts)

    def remove_stray(self, stray: str) -> None:
        for name in [name for name in self.known if stray in self.hosts_of(name)]:
            del self.known[name]
