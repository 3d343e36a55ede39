"""A runtime in memory: it knows the labels as of the last call of `follow`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from tenantry.model.activity import Activity
from tenantry.model.catalog import Label, State
from tenantry.odoo.probe import Route
from tenantry.postgres import databases
from tenantry.postgres.cluster import Cluster
from tenantry.runtimes.contract import Capabilities

DOMAIN = "fake.localhost"


@dataclass(frozen=True)
class FakeRoute(Route):
    """Answers as the front would."""

    runtime: FakeRuntime

    def get(self, path: str, timeout_s: float = 30) -> int:
        return self.runtime.answer(self.host)


@dataclass
class FakeRuntime:
    """known: the labels that it follows, by database. renamed: the renamings, in order."""

    cluster: Cluster
    known: dict[str, Label] = field(default_factory=dict)
    renamed: list[tuple[str, str]] = field(default_factory=list)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(longest_host=200, first_pages_at_once=2)

    def follow(self, names: Collection[str]) -> None:
        with self.cluster.connect() as connection:
            for name in names:
                found = databases.find(connection, name)
                if found and found.label:
                    self.known[name] = found.label
                else:
                    self.known.pop(name, None)

    def answer(self, host: str) -> int:
        for name, label in self.known.items():
            if host in (f"{name}.{DOMAIN}", *label.hostnames):
                is_served = label.state is State.ACTIVE or label.published
                return 200 if is_served else 503
        return 404

    def rename(self, old: str, new: str) -> None:
        self.renamed.append((old, new))

    def route(self, name: str, hostname: str = "") -> Route:
        host = hostname or f"{name}.{DOMAIN}"
        return FakeRoute(f"http://{host}", host, ("127.0.0.1", 0), self)

    def is_serving(self, name: str) -> bool:
        return self.answer(f"{name}.{DOMAIN}") == 200

    def activities(self, names: Collection[str] = (), timeout_s: float = 30) -> list[Activity]:
        served = [name for name, label in self.known.items() if label.state is State.ACTIVE]
        return [Activity(name, is_awake=False) for name in served if name in (names or served)]

    def logs(self, name: str, count: int) -> list[str]:
        return []

    def user_of(self, oid: int) -> int | None:
        return None
