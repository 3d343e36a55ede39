"""Any sequence of operations on any server, killed anywhere, ends as if nothing had happened.

What was killed is run again at once, or after any other operations, or never where a later one has done all
that is left of it. The cluster and the files are real; the runtime is one in memory, so that thousands of
steps take seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from tests.support.crashes import Crash, crash_before
from tests.support.fake_odoo import fake_odoo
from tests.support.fake_runtime import FakeRuntime
from tests.support.fake_template import MORE_TABLES, TABLES, make_template
from tests.support.inventory import orphans

from tenantry.engine import Engine
from tenantry.errors import TenantryError
from tenantry.model.catalog import Kind, State
from tenantry.model.instance import InstanceSpec
from tenantry.model.operations import OPERATIONS
from tenantry.model.states import TRANSITIONS
from tenantry.odoo.initialise import OdooCommand, installed_modules
from tenantry.operations.context import Context, relabel
from tenantry.operations.fleet import pool
from tenantry.operations.instance import lifecycle
from tenantry.operations.instance.hostnames import set_hostnames
from tenantry.operations.instance.modules import install_modules
from tenantry.operations.instance.provision import provision
from tenantry.operations.instance.rename import rename
from tenantry.operations.inventory import find_instance
from tenantry.operations.template.clone import discard
from tenantry.postgres import databases, roles

CODE = "fake"
NAMES = ("acme", "beta", "gamma")
HOSTS = ("shop.example.com", "www.example.org")
CHANGES = ("suspend", "reactivate", "stop", "start", "restart")
HOW_IT_ANSWERS = {State.ACTIVE: 200, State.STOPPED: 503, State.SUSPENDED: 503}
MODULE = "crm"


# ---------------------------------------------------------------- what should be


@dataclass(frozen=True)
class Expected:
    """The expected state of an instance. created_as: the name in the order that it was made for."""

    created_as: str
    state: State = State.ACTIVE
    hostnames: frozenset[str] = frozenset()
    renamed_from: str = ""


World = Mapping[str, Expected]
"""The instances of a server, by name."""


class Operation:
    """One operation, as the engine does it and as it should end.

    names, hosts: what it is about.
    """

    names: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()

    def run(self, context: Context) -> object:
        raise NotImplementedError

    def applied(self, world: World) -> World | None:
        """The world after it; None where it must be refused."""
        raise NotImplementedError

    def is_true(self, world: World) -> bool:
        """Whether the world looks as after it."""
        raise NotImplementedError

    def makes_up_for(self, killed: Operation) -> bool:
        """Whether nothing of the killed operation is left once this one is done."""
        return killed == self


@dataclass(frozen=True)
class Create(Operation):
    name: str
    hosts: frozenset[str]

    @property
    def names(self) -> frozenset[str]:
        return frozenset({self.name})

    def run(self, context: Context) -> object:
        spec = InstanceSpec(
            name=self.name,
            email="a@acme.example",
            template=CODE,
            hostnames=tuple(self.hosts),
            reference=f"order {self.name}",
        )
        return provision(context, spec)

    def applied(self, world: World) -> World | None:
        if self.hosts & hosts_of_others(world, self.name):
            return None
        known = world.get(self.name)
        if not known:
            return {**world, self.name: Expected(self.name, hostnames=self.hosts)}
        is_this_creation = known.state is State.ACTIVE and known.created_as == self.name
        return world if is_this_creation else None

    def is_true(self, world: World) -> bool:
        return self.name in world


@dataclass(frozen=True)
class Change(Operation):
    """Another state."""

    name: str
    change: str

    @property
    def names(self) -> frozenset[str]:
        return frozenset({self.name})

    def run(self, context: Context) -> object:
        return lifecycle.operate(context, self.name, self.change)

    def applied(self, world: World) -> World | None:
        known = world.get(self.name)
        state = known.state if known else None
        for action in OPERATIONS[self.change].actions:
            state = TRANSITIONS.get((action, state)) if state else None
        return {**world, self.name: replace(known, state=state)} if known and state else None

    def is_true(self, world: World) -> bool:
        return self.name in world and self.applied(world) == world

    def makes_up_for(self, killed: Operation) -> bool:
        return isinstance(killed, Change) and killed.name == self.name


@dataclass(frozen=True)
class Rename(Operation):
    old: str
    new: str

    @property
    def names(self) -> frozenset[str]:
        return frozenset({self.old, self.new})

    def run(self, context: Context) -> object:
        return rename(context, self.old, self.new)

    def applied(self, world: World) -> World | None:
        known, there = world.get(self.old), world.get(self.new)
        if known and not there and known.state is State.ACTIVE:
            rest = {name: it for name, it in world.items() if name != self.old}
            return {**rest, self.new: replace(known, renamed_from=self.old)}
        is_done = not known and self.is_true(world) and there and there.state is State.ACTIVE
        return world if is_done else None

    def is_true(self, world: World) -> bool:
        return self.new in world and world[self.new].renamed_from == self.old


@dataclass(frozen=True)
class SetHostnames(Operation):
    name: str
    hosts: frozenset[str]

    @property
    def names(self) -> frozenset[str]:
        return frozenset({self.name})

    def run(self, context: Context) -> object:
        return set_hostnames(context, self.name, sorted(self.hosts))

    def applied(self, world: World) -> World | None:
        known = world.get(self.name)
        if not known or self.hosts & hosts_of_others(world, self.name):
            return None
        return {**world, self.name: replace(known, hostnames=self.hosts)}

    def is_true(self, world: World) -> bool:
        return self.name in world and world[self.name].hostnames == self.hosts


@dataclass(frozen=True)
class Install(Operation):
    name: str

    @property
    def names(self) -> frozenset[str]:
        return frozenset({self.name})

    def run(self, context: Context) -> object:
        installed = install_modules(context, self.name, [MODULE])
        with context.as_tenant(self.name) as inside:
            assert MODULE in installed_modules(inside)
        return installed

    def applied(self, world: World) -> World | None:
        return world if self.name in world and world[self.name].state is State.ACTIVE else None

    def is_true(self, world: World) -> bool:
        return self.applied(world) is not None


@dataclass(frozen=True)
class Terminate(Operation):
    name: str

    @property
    def names(self) -> frozenset[str]:
        return frozenset({self.name})

    def run(self, context: Context) -> object:
        return lifecycle.terminate(context, self.name)

    def applied(self, world: World) -> World | None:
        rest = {name: it for name, it in world.items() if name != self.name}
        return rest if self.name in world else None

    def is_true(self, world: World) -> bool:
        return self.name not in world

    def makes_up_for(self, killed: Operation) -> bool:
        return killed.names == self.names


@dataclass(frozen=True)
class FillPool(Operation):
    size: int

    def run(self, context: Context) -> object:
        return pool.fill(context, CODE, self.size)

    def applied(self, world: World) -> World:
        return world

    def is_true(self, world: World) -> bool:
        return True

    def makes_up_for(self, killed: Operation) -> bool:
        return isinstance(killed, FillPool)


def hosts_of_others(world: World, name: str) -> set[str]:
    return {host for other, it in world.items() for host in it.hostnames if other != name}


# ---------------------------------------------------------------- what is


@dataclass
class Server:
    """worlds: how it may be; more than one only while there are killed operations, in their order."""

    context: Context
    runtime: FakeRuntime
    worlds: list[World] = field(default_factory=lambda: [{}])
    killed: list[Operation] = field(default_factory=list)

    def empty(self) -> None:
        with self.context.maintenance() as connection:
            for database in databases.listing(connection, Kind.INSTANCE, Kind.SPARE):
                discard(self.context, connection, database.name)
        self.runtime.known.clear()
        self.worlds, self.killed = [{}], []

    def do(self, operation: Operation, crash: int | None, again: bool) -> None:
        """Do it. Killed, it is done again, or left."""
        is_killed = self._is_killed(operation, crash)
        if is_killed:
            self.killed.append(operation)
            done = [operation.applied(world) for world in self.worlds]
            self._note_worlds([*self.worlds, *(world for world in done if world is not None)])
        if again or not is_killed:
            done = self._is_done(operation)
            self._note(operation, done)
            if is_killed and not done and not self._is_met(operation):
                self._give_up(operation)

    def _is_killed(self, operation: Operation, crash: int | None) -> bool:
        """Whether it was, before that effect; what ended before is done a second time."""
        if crash is None:
            return False
        with suppress(Crash, TenantryError), crash_before(crash):
            operation.run(self.context)
        return True

    def _is_done(self, operation: Operation) -> bool:
        try:
            operation.run(self.context)
        except TenantryError:
            return False
        return True

    def _note(self, operation: Operation, done: bool) -> None:
        """What an operation that ended tells of the worlds that may be."""
        is_met = operation in self.killed or self._is_met(operation)
        after = [(world, operation.applied(world)) for world in self.worlds]
        if done:
            found = [world for _, world in after if world is not None]
            # What was killed may have been done, and refused is what a second time would be.
            found += [world for world, _ in after if is_met and operation.is_true(world)]
            self.killed = [other for other in self.killed if not operation.makes_up_for(other)]
        else:
            found = [before for before, world in after if is_met or world is None]
        assert found, f"{operation} was {'done' if done else 'refused'} in {self.worlds} beside {self.killed}"
        self._note_worlds(found)

    def _is_met(self, operation: Operation) -> bool:
        """Whether another one that was killed is about the same, and may be in its way."""
        others = [other for other in self.killed if other != operation]
        return any(operation.names & other.names or operation.hosts & other.hosts for other in others)

    def _give_up(self, operation: Operation) -> None:
        """Nothing is in its way, so it is rightly refused, or was done before it was killed."""
        self.killed = [other for other in self.killed if other != operation]
        self._note_worlds([world for world in self.worlds if operation.applied(world) is None])

    def _note_worlds(self, found: list[World]) -> None:
        self.worlds = [world for number, world in enumerate(found) if world not in found[:number]]

    def settle(self) -> None:
        """Run what was killed again, until nothing more comes of it; the pool is filled all the time, too."""
        while self.killed:
            before = list(self.killed)
            refused = [operation for operation in before if not self._try_again(operation)]
            if len(refused) == len(before):
                self.killed = []
                world = self.labelled()
                # Nothing is half-made any more.
                assert all(operation.applied(world) is None for operation in refused), f"{refused} in {world}"
        assert self._is_done(FillPool(0))

    def _try_again(self, operation: Operation) -> bool:
        if operation not in self.killed:
            return True
        done = self._is_done(operation)
        self._note(operation, done)
        return done

    def labelled(self) -> World:
        """What the labels say, which is one of the worlds that may be; from now on it is the only one."""
        with self.context.maintenance() as connection:
            found = {it.name: it.label for it in databases.listing(connection, Kind.INSTANCE) if it.label}
        world = {
            name: Expected(
                label.reference.removeprefix("order "),
                label.state,
                frozenset(label.hostnames),
                label.renamed_from,
            )
            for name, label in found.items()
        }
        assert world in self.worlds
        self.worlds = [world]
        return world

    def check(self) -> None:
        """Whether everything is as the labels say, and the labels say one of the worlds that may be."""
        context, expected = self.context, self.labelled()
        with context.maintenance() as connection:
            login = {name: roles.can_log_in(connection, name) for name in expected}
        assert login == {name: it.state is State.ACTIVE for name, it in expected.items()}
        assert orphans(context) == []
        for name in NAMES:
            known = expected.get(name)
            answer = HOW_IT_ANSWERS[known.state] if known else 404
            assert context.route(name).get("/web/login") == answer
            for host in known.hostnames if known else ():
                assert context.route(name, host).get("/web/login") == answer
            if known:
                assert (context.filestores.folder(name) / "ab" / "abcdef").is_file()


def installer(context: Context) -> Callable[[str, OdooCommand], None]:
    """What Odoo would do."""

    def install(name: str, command: OdooCommand) -> None:
        assert MODULE in command.arguments
        with context.as_owner(name, name) as inside:
            inside.execute("INSERT INTO ir_module_module VALUES (%s, 'installed')", [MODULE])

    return install


@pytest.fixture
def servers(cluster_engine: Engine, tmp_path: Path) -> Iterator[list[Server]]:
    home = cluster_engine.settings.home
    other = Engine(cluster_engine.settings.replaced(home=home / "other"), report=print)
    (home / "other").mkdir(mode=0o755, exist_ok=True)
    other.start_postgres()
    found = []
    with ExitStack() as listening:
        for number, engine in enumerate((cluster_engine, other)):
            runtime = FakeRuntime(engine.context.cluster, engine.settings.base_domain, tmp_path / str(number))
            listening.enter_context(runtime.listening())
            context = replace(engine.context, runtime=runtime, odoo=lambda: fake_odoo(tmp_path, MODULE))
            runtime.odoo = installer(context)
            found.append(Server(context, runtime))
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


KILLED_ONCE = (
    Create("beta", frozenset({HOSTS[0]})),
    Change("acme", "suspend"),
    Change("acme", "restart"),
    Rename("acme", "beta"),
    SetHostnames("acme", frozenset(HOSTS)),
    Install("acme"),
    Terminate("acme"),
    FillPool(2),
)
"""Each changes something on a server as `begin` leaves it."""


def begin(server: Server) -> None:
    """An instance, since most operations need one, and a spare."""
    server.empty()
    server.do(FillPool(2), None, False)
    server.do(Create(NAMES[0], frozenset()), None, False)


def count_effects(server: Server, operation: Operation) -> int:
    begin(server)
    with crash_before(None) as happened:
        server.do(operation, None, False)
    return happened.count


class Paths(RuleBasedStateMachine):
    servers: list[Server]

    @initialize()
    def begin(self) -> None:
        for server in self.servers:
            begin(server)

    which, names = st.integers(0, 1), st.sampled_from(NAMES)
    crashes, again = st.none() | st.integers(0, 30), st.booleans()
    hosts = st.frozensets(st.sampled_from(HOSTS))

    @rule(which=which, name=names, hosts=hosts, crash=crashes, again=again)
    def create(self, which: int, name: str, hosts: frozenset[str], crash: int | None, again: bool) -> None:
        self.servers[which].do(Create(name, hosts), crash, again)

    @rule(which=which, name=names, change=st.sampled_from(CHANGES), crash=crashes, again=again)
    def change(self, which: int, name: str, change: str, crash: int | None, again: bool) -> None:
        self.servers[which].do(Change(name, change), crash, again)

    @rule(which=which, old=names, new=names, crash=crashes, again=again)
    def rename(self, which: int, old: str, new: str, crash: int | None, again: bool) -> None:
        self.servers[which].do(Rename(old, new), crash, again)

    @rule(which=which, name=names, hosts=hosts, crash=crashes, again=again)
    def set_hostnames(
        self, which: int, name: str, hosts: frozenset[str], crash: int | None, again: bool
    ) -> None:
        self.servers[which].do(SetHostnames(name, hosts), crash, again)

    @rule(which=which, name=names, crash=crashes, again=again)
    def install(self, which: int, name: str, crash: int | None, again: bool) -> None:
        self.servers[which].do(Install(name), crash, again)

    @rule(which=which, name=names, crash=crashes, again=again)
    def terminate(self, which: int, name: str, crash: int | None, again: bool) -> None:
        self.servers[which].do(Terminate(name), crash, again)

    @rule(which=which, size=st.integers(0, 2), crash=crashes, again=again)
    def fill_pool(self, which: int, size: int, crash: int | None, again: bool) -> None:
        self.servers[which].do(FillPool(size), crash, again)

    @invariant()
    def all_is_as_it_should_be(self) -> None:
        for server in self.servers:
            if not server.killed:
                server.check()

    def teardown(self) -> None:
        for server in self.servers:
            server.settle()
            server.check()


@pytest.mark.parametrize("killed", KILLED_ONCE, ids=lambda operation: type(operation).__name__)
def test_a_kill_before_any_effect_and_a_sweep_or_a_termination_after_it_do_no_harm(
    servers: list[Server], killed: Operation
):
    server = servers[0]
    effects = count_effects(server, killed)
    assert effects, "there is nothing to kill it before"
    for effect in range(effects):
        for following in (FillPool(2), Terminate("acme")):
            begin(server)
            server.do(killed, effect, False)
            server.do(following, None, False)
            server.settle()
            server.check()


def test_killed_operations_reach_the_expected_state_whatever_comes_next(
    servers: list[Server],
):
    here = type("Here", (Paths,), {"servers": servers})
    many = settings(
        max_examples=15,
        stateful_step_count=15,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate,),
    )
    run_state_machine_as_test(here, settings=many)


def test_a_killed_renaming_is_finished_though_its_old_name_is_anothers(servers: list[Server]):
    server = servers[0]
    context, renaming = server.context, Rename("acme", "beta")
    Create("acme", frozenset()).run(context)
    renaming.run(context)
    with context.maintenance() as connection:  # as one that was killed before its last steps left it
        label = find_instance(connection, "beta")
        relabel(context, connection, "beta", label.having(state=State.RENAMING))
    Create("acme", frozenset()).run(context)
    renaming.run(context)
    assert [context.route(name).get("/web/login") for name in ("acme", "beta")] == [200, 200]
    assert orphans(context) == []
