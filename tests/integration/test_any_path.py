"""Any sequence of operations on any server, killed anywhere and run again, ends as if nothing had happened.

The cluster and the files are real; the runtime is one in memory, so that thousands of steps take seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from tests.support.crashes import Crash, crash_before
from tests.support.fake_runtime import FakeRuntime
from tests.support.fake_template import MORE_TABLES, TABLES, make_template
from tests.support.inventory import orphans

from tenantry.engine import Engine
from tenantry.errors import TenantryError
from tenantry.model.catalog import Kind, State
from tenantry.model.instance import InstanceSpec
from tenantry.model.operations import OPERATIONS
from tenantry.model.states import TRANSITIONS
from tenantry.operations.context import Context
from tenantry.operations.fleet import pool
from tenantry.operations.instance import lifecycle
from tenantry.operations.instance.hostnames import set_hostnames
from tenantry.operations.instance.provision import provision
from tenantry.operations.instance.rename import rename
from tenantry.operations.template.clone import discard
from tenantry.postgres import databases, roles

CODE = "fake"
NAMES = ("acme", "beta", "gamma")
HOSTS = ("shop.example.com", "www.example.org")
CHANGES = ("suspend", "reactivate", "stop", "start", "restart")
HOW_IT_ANSWERS = {State.ACTIVE: 200, State.STOPPED: 503, State.SUSPENDED: 503}


@dataclass
class Expected:
    """The expected state of an instance."""

    state: State = State.ACTIVE
    hostnames: frozenset[str] = frozenset()
    renamed_from: str = ""


@dataclass
class Server:
    context: Context
    runtime: FakeRuntime
    expected: dict[str, Expected] = field(default_factory=dict)

    def empty(self) -> None:
        with self.context.maintenance() as connection:
            for database in databases.listing(connection, Kind.INSTANCE, Kind.SPARE):
                discard(self.context, connection, database.name)
        self.runtime.known.clear()
        self.expected.clear()


@pytest.fixture
def servers(cluster_engine: Engine, tmp_path: Path) -> Iterator[list[Server]]:
    home = cluster_engine.settings.home
    other = Engine(cluster_engine.settings.replaced(home=home / "other"), report=print)
    (home / "other").mkdir(mode=0o755)
    other.start_postgres()
    found = []
    with ExitStack() as listening:
        for number, engine in enumerate((cluster_engine, other)):
            runtime = FakeRuntime(engine.context.cluster, engine.settings.base_domain, tmp_path / str(number))
            listening.enter_context(runtime.listening())
            found.append(Server(replace(engine.context, runtime=runtime), runtime))
            make_template(found[-1].context, CODE, tables=TABLES + MORE_TABLES)
        yield found
    for server in found:
        server.empty()
        with server.context.maintenance() as connection:
            for database in databases.listing(connection):
                discard(server.context, connection, database.name)
        for name in server.context.filestores.names():
            server.context.filestores.remove(name)
    other.stop()


class Paths(RuleBasedStateMachine):
    servers: list[Server]

    @initialize()
    def begin(self) -> None:
        for server in self.servers:
            server.empty()

    which, names = st.integers(0, 1), st.sampled_from(NAMES)
    crashes = st.none() | st.integers(0, 60)

    @rule(which=which, name=names, hosts=st.frozensets(st.sampled_from(HOSTS)), crash=crashes)
    def create(self, which: int, name: str, hosts: frozenset[str], crash: int | None) -> None:
        server = self.servers[which]
        spec = InstanceSpec(
            name=name,
            email="a@acme.example",
            template=CODE,
            hostnames=tuple(hosts),
            reference=f"order {name}",
        )
        known = server.expected.get(name)
        taken = {host for it in server.expected.values() for host in it.hostnames}
        works = not known and not hosts & taken
        done = self.run(crash, lambda: provision(server.context, spec))
        assert done == works or known, f"{name}: {known}"
        if works:
            server.expected[name] = Expected(hostnames=hosts)

    @rule(which=which, name=names, change=st.sampled_from(CHANGES), crash=crashes)
    def change(self, which: int, name: str, change: str, crash: int | None) -> None:
        server = self.servers[which]
        known = server.expected.get(name)
        state = known.state if known else None
        for action in OPERATIONS[change].actions:
            state = TRANSITIONS.get((action, state)) if state else None
        done = self.run(crash, lambda: lifecycle.operate(server.context, name, change))
        assert done == (state is not None)
        if known and state:
            known.state = state

    @rule(which=which, old=names, new=names, crash=crashes)
    def rename(self, which: int, old: str, new: str, crash: int | None) -> None:
        server = self.servers[which]
        known, there = server.expected.get(old), server.expected.get(new)
        works = known is not None and known.state is State.ACTIVE and there is None
        again = known is None and there is not None and there.renamed_from == old
        done = self.run(crash, lambda: rename(server.context, old, new))
        assert done == works or again
        if known and works:
            del server.expected[old]
            server.expected[new] = replace(known, renamed_from=old)

    @rule(which=which, name=names, hosts=st.frozensets(st.sampled_from(HOSTS)), crash=crashes)
    def set_hostnames(self, which: int, name: str, hosts: frozenset[str], crash: int | None) -> None:
        server = self.servers[which]
        known = server.expected.get(name)
        taken = {host for other, it in server.expected.items() for host in it.hostnames if other != name}
        done = self.run(crash, lambda: set_hostnames(server.context, name, sorted(hosts)))
        assert done == (known is not None and not hosts & taken)
        if known and done:
            known.hostnames = hosts

    @rule(which=which, name=names, crash=crashes)
    def terminate(self, which: int, name: str, crash: int | None) -> None:
        server = self.servers[which]
        done = self.run(crash, lambda: lifecycle.terminate(server.context, name))
        # What was ended before its caller was killed is not there when they ask again.
        assert done == (name in server.expected) or crash is not None
        server.expected.pop(name, None)

    @rule(which=which, size=st.integers(0, 2), crash=crashes)
    def fill_pool(self, which: int, size: int, crash: int | None) -> None:
        server = self.servers[which]
        assert self.run(crash, lambda: pool.fill(server.context, CODE, size))

    def run(self, crash: int | None, operation: Callable[[], object]) -> bool:
        """Run an operation; if it is killed, run it again. Return whether it succeeded."""
        if crash is not None:
            with suppress(Crash, TenantryError), crash_before(crash):
                operation()
        try:
            operation()
        except TenantryError:
            return False
        return True

    @invariant()
    def all_is_as_it_should_be(self) -> None:
        for server in self.servers:
            with server.context.maintenance() as connection:
                found = {it.name: it.label for it in databases.listing(connection, Kind.INSTANCE)}
                login = {name: roles.can_log_in(connection, name) for name in found}
            told = {name: (label.state, frozenset(label.hostnames)) for name, label in found.items()}
            expected = {name: (it.state, it.hostnames) for name, it in server.expected.items()}
            assert told == expected
            assert login == {name: it.state is State.ACTIVE for name, it in server.expected.items()}
            assert orphans(server.context) == []
            for name in NAMES:
                known = server.expected.get(name)
                answer = server.context.route(name).get("/web/login")
                assert answer == (HOW_IT_ANSWERS[known.state] if known else 404)
                for host in known.hostnames if known else ():
                    assert server.context.route(name, host).get("/web/login") == answer
                if known:
                    assert (server.context.filestores.folder(name) / "ab" / "abcdef").is_file()


def test_operations_that_are_killed_and_run_again_reach_the_expected_state(servers: list[Server]):
    here = type("Here", (Paths,), {"servers": servers})
    many = settings(max_examples=15, stateful_step_count=15, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(here, settings=many)
