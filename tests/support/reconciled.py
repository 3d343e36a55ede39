"""A server in memory, for the reconciler: databases, roles, folders, routes and locks, and who owns them.

Operations are generators that pause after each effect, with their locks held; closing one is a kill. What
they have finished is in `owned`: this is the truth that the reconciler has to find out.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from tenantry.errors import Busy
from tenantry.model import names
from tenantry.model.catalog import Database, Kind, Label, State
from tenantry.model.difference import Difference, Facts, What, subjects_of
from tests.support.crashes import Crash

Place = tuple[What, str]
CUSTOMERS, COPY, THEIRS = "customer's", "copy", "theirs"
"""What is in a database or folder. A copy can be made again."""


@dataclass
class Thing:
    """number: no other thing has it. touched_at: when an operation last had to do with it."""

    number: int
    content: str
    touched_at: float


@dataclass
class World:
    """See above. owned: the places of finished things, each with its owner's name. unrecorded: the
    instances whose records were deleted.

    dies_after: how many effects the reconciler has before it is killed.
    """

    now: float = 1_800_000_000.0
    things: dict[Place, Thing] = field(default_factory=dict)
    labels: dict[str, Database] = field(default_factory=dict)
    folders_of_others: set[str] = field(default_factory=set)
    routes: set[str] = field(default_factory=set)
    held: dict[str, int] = field(default_factory=dict)
    owned: dict[Place, str] = field(default_factory=dict)
    records: dict[str, str] = field(default_factory=dict)
    unrecorded: set[str] = field(default_factory=set)
    dies_after: int | None = None
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    # ------------------------------------------------------------ for operations

    def has(self, what: What, name: str) -> bool:
        return (what, name) in self.things

    def is_free(self, name: str) -> bool:
        return not any(self.has(what, name) for what in (What.DATABASE, What.ROLE, What.FOLDER))

    def add(self, what: What, name: str, content: str = COPY) -> None:
        self.things[what, name] = Thing(next(self.numbers), content, self.now)

    def add_database(self, name: str, label: Label | None, content: str = COPY, **facts: bool) -> None:
        self.add(What.DATABASE, name, content)
        self.labels[name] = Database(name, label, **facts)

    def take(self, what: What, name: str) -> None:
        self.things.pop((what, name), None)
        if what is What.DATABASE:
            self.labels.pop(name, None)

    def move(self, what: What, old: str, new: str) -> None:
        if (what, old) in self.things:
            assert (what, new) not in self.things, f"{what} {new} is there"
            self.things[what, new] = self.things.pop((what, old))
            if what is What.DATABASE:
                self.labels[new] = replace(self.labels.pop(old), name=new)

    def write(self, name: str, label: Label) -> None:
        self.labels[name] = Database(name, label)

    def label(self, name: str) -> Label:
        label = self.labels[name].label
        assert label
        return label

    def discard(self, name: str) -> None:
        for what in (What.DATABASE, What.ROLE, What.FOLDER):
            self.take(what, name)
            self.disown((what, name))
        self.take(What.FOLDER, f"{name}.partial")

    def own(self, owner: str, *places: Place) -> None:
        self.owned.update(dict.fromkeys(places, owner))

    def disown(self, *places: Place) -> None:
        for place in places:
            self.owned.pop(place, None)

    def disown_all_of(self, owner: str) -> None:
        self.disown(*[place for place, whose in self.owned.items() if whose == owner])

    def touch(self, *named: str) -> None:
        """An operation had to do with everything of these names until now."""
        for (_what, name), thing in self.things.items():
            if name.removesuffix(".partial") in named:
                thing.touched_at = self.now

    @contextmanager
    def holding(self, *subjects: str) -> Iterator[None]:
        for subject in subjects:
            self.held[subject] = self.held.get(subject, 0) + 1
        try:
            yield
        finally:
            for subject in subjects:
                self.held[subject] -= 1
                if not self.held[subject]:
                    del self.held[subject]

    # ------------------------------------------------------------ for the reconciler, see `Server`

    def server(self, records: dict[str, str] | None) -> ServerInMemory:
        return ServerInMemory(self, records)


@dataclass
class ServerInMemory:
    """See `operations.fleet.reconciler.Server`. records: as its caller knows them."""

    world: World
    records: dict[str, str] | None

    def _effect(self) -> None:
        if self.world.dies_after is not None:
            if not self.world.dies_after:
                raise Crash
            self.world.dies_after -= 1

    def facts(self) -> Facts:
        world = self.world

        def numbers(what: What) -> dict[str, int]:
            return {name: thing.number for (kind, name), thing in world.things.items() if kind is what}

        named = {it.label.filestore for it in world.labels.values() if it.label}
        return Facts(
            databases=dict(world.labels),
            oids=numbers(What.DATABASE),
            roles=numbers(What.ROLE),
            folders=numbers(What.FOLDER),
            claimed=frozenset(named | world.folders_of_others) - {""},
            routes=frozenset(world.routes - world.labels.keys()),
            held=frozenset(world.held),
            records=self.records,
        )

    @contextmanager
    def locked(self, difference: Difference) -> Iterator[None]:
        if busy := self.world.held.keys() & set(subjects_of(difference)):
            raise Busy(min(busy))
        yield

    def block(self, name: str, label: Label) -> None:
        self._effect()
        self.world.write(name, label)
        self.world.routes.discard(name)

    def close(self, name: str) -> None:
        self._effect()

    def rename(self, old: str, new: str, label: Label) -> None:
        self._effect()
        self.world.move(What.DATABASE, old, new)
        self.world.move(What.ROLE, old, new)
        self.world.write(new, label)

    def forget(self, name: str) -> None:
        self._effect()
        if name not in self.world.labels:
            self.world.routes.discard(name)

    def name_files(self, name: str) -> None:
        self._effect()
        label = self.world.label(name)
        if label.filestore:
            self.world.move(What.FOLDER, label.filestore, name)
        self._effect()
        self.world.write(name, label.having(filestore=""))

    def drop_database(self, name: str) -> None:
        self._effect()
        if name in self.world.labels:
            self.world.labels[name] = replace(self.world.labels[name], is_whole=False)
        self._effect()
        self.world.take(What.DATABASE, name)

    def drop_role(self, name: str) -> None:
        self._effect()
        self.world.take(What.ROLE, name)

    def rename_role(self, old: str, new: str) -> None:
        self._effect()
        self.world.move(What.ROLE, old, new)

    def rename_folder(self, old: str, new: str) -> None:
        self._effect()
        self.world.move(What.FOLDER, old, new)

    def remove_folder(self, name: str) -> None:
        for folder in (name, f"{name}.partial"):
            self._effect()
            self.world.take(What.FOLDER, folder)

    def disconnect(self, route: str) -> None:
        self._effect()
        self.world.routes.discard(route)


# ---------------------------------------------------------------- operations

Steps = Iterator[None]


@dataclass
class Running:
    """An operation under way. named: the names of everything that it has to do with."""

    steps: Steps
    named: tuple[str, ...]


def _copy(world: World, code: str, made: str) -> Steps:
    """Make a spare."""
    world.discard(made)
    yield
    world.add_database(made, None, is_being_made=True)
    yield
    world.write(made, Label(Kind.SPARE, State.BUILDING, code, "1"))
    yield
    world.add(What.ROLE, made)
    yield
    world.add(What.FOLDER, f"{made}.partial")
    yield
    world.move(What.FOLDER, f"{made}.partial", made)
    yield
    world.write(made, Label(Kind.SPARE, State.READY, code, "1"))


def _name(world: World, made: str, name: str, label: Label) -> Steps:
    """Turn a spare into an instance, and serve it."""
    world.unrecorded.discard(name)
    world.move(What.DATABASE, made, name)
    world.move(What.ROLE, made, name)
    world.write(name, label.having(filestore=made))
    world.disown((What.DATABASE, made), (What.ROLE, made))
    world.things[What.DATABASE, name].content = CUSTOMERS
    world.things[What.FOLDER, made].content = CUSTOMERS
    world.own(name, (What.DATABASE, name), (What.ROLE, name), (What.FOLDER, made))
    yield
    world.disown((What.FOLDER, made))
    world.move(What.FOLDER, made, name)
    world.own(name, (What.FOLDER, name))
    yield
    world.write(name, label)
    yield
    world.write(name, label.having(state=State.ACTIVE))
    world.routes.add(name)


def _new(code: str, reference: str) -> Label:
    return Label(Kind.INSTANCE, State.PROVISIONING, code, "1", reference=reference)


def fill(world: World, code: str, made: str) -> Steps:
    with world.holding(f"database {made}"):
        yield from _copy(world, code, made)
        world.own(made, *((what, made) for what in (What.DATABASE, What.ROLE, What.FOLDER)))


def create(world: World, code: str, name: str, reference: str) -> Steps:
    """reference: "" on the command line."""
    made = names.cloning_database(name)
    with world.holding(f"instance {name}", f"database {made}"):
        if reference:
            world.records[reference] = name
        yield from _copy(world, code, made)
        yield from _name(world, made, name, _new(code, reference))


def claim(world: World, code: str, spare: str, name: str, reference: str) -> Steps:
    with world.holding(f"instance {name}", f"database {spare}"):
        world.records[reference] = name
        yield from _name(world, spare, name, _new(code, reference))


def load(world: World, name: str) -> Steps:
    """An archive, on the command line."""
    made = names.loading_database(name)
    with world.holding(f"instance {name}", f"database {made}"):
        yield from _copy(world, "", made)
        label = Label(Kind.INSTANCE, State.STOPPED, reference=f"archive {name}")
        yield from _name(world, made, name, label)


def terminate(world: World, name: str, *, tells: bool) -> Steps:
    """tells: the back office's record goes, too; else the event is missed."""
    label = world.label(name)
    with world.holding(f"instance {name}"):
        world.write(name, label.having(state=State.TERMINATING))
        world.routes.discard(name)
        yield
        world.disown_all_of(name)
        world.take(What.FOLDER, label.filestore)
        yield
        world.labels[name] = replace(world.labels[name], is_whole=False)
        world.things[What.DATABASE, name].content = COPY
        yield
        world.take(What.DATABASE, name)
        yield
        world.take(What.FOLDER, name)
        yield
        world.take(What.ROLE, name)
        if tells:
            world.records.pop(label.reference, None)


def rename(world: World, old: str, new: str) -> Steps:
    label = world.label(old)
    with world.holding(f"instance {old}", f"instance {new}"):
        world.write(old, label.having(state=State.RENAMING))
        world.routes.discard(old)
        yield
        world.move(What.DATABASE, old, new)
        world.move(What.ROLE, old, new)
        folder = label.filestore or old
        world.write(new, label.having(state=State.RENAMING, filestore=folder, renamed_from=old))
        world.disown((What.DATABASE, old), (What.ROLE, old))
        world.own(new, (What.DATABASE, new), (What.ROLE, new), (What.FOLDER, folder))
        yield
        world.disown((What.FOLDER, folder))
        world.move(What.FOLDER, folder, new)
        world.own(new, (What.FOLDER, new))
        yield
        world.write(new, label.having(renamed_from=old, filestore=""))
        world.routes.add(new)
        if label.reference in world.records:
            world.records[label.reference] = new


def move_away(world: World, name: str) -> Steps:
    """The instance leaves, and later its data is removed, which has a former's name meanwhile."""
    label, former, made = world.label(name), names.former_database(name), names.loading_database(name)
    with world.holding(f"instance {name}"):
        moved = label.having(state=State.MOVED, moved_to="beside")
        world.write(name, moved)
        world.records.pop(label.reference, None)
        yield
        with world.holding(f"database {made}"):
            world.discard(made)
            world.add_database(made, Label(Kind.SPARE, State.BUILDING))
            world.add(What.ROLE, made)
            yield
            for what in (What.DATABASE, What.ROLE):
                world.move(what, name, former)
                world.move(what, made, name)
            folder = label.filestore or name
            world.write(former, moved.having(kind=Kind.FORMER, filestore=folder))
            world.write(name, moved.having(confirmed=True, filestore=made))
            world.own(name, (What.DATABASE, former), (What.ROLE, former), (What.FOLDER, folder))
            yield
            world.discard(former)
            world.disown((What.FOLDER, folder))
            world.take(What.FOLDER, folder)
            yield
            world.add(What.FOLDER, name)
            world.write(name, moved.having(confirmed=True))
            world.own(name, (What.FOLDER, name))


def restore(world: World, name: str) -> Steps:
    """Other data takes the place of the instance's, whose folder has no label for a moment."""
    label, aside = world.label(name), f"aside_{name}"
    with world.holding(f"instance {name}"):
        world.write(name, label.having(state=State.MOVING))
        world.routes.discard(name)
        yield
        world.disown((What.FOLDER, name))
        world.move(What.FOLDER, name, aside)
        world.own(name, (What.FOLDER, aside))
        yield
        world.add(What.FOLDER, name, CUSTOMERS)
        world.own(name, (What.FOLDER, name))
        yield
        world.disown((What.FOLDER, aside))
        world.take(What.FOLDER, aside)
        yield
        world.write(name, label)
        world.routes.add(name)


def stage(world: World, name: str) -> Steps:
    """The files of an instance that moves here. Between this and the next part no lock is held."""
    folder = names.staging_folder(name)
    with world.holding(f"instance {name}"):
        world.take(What.FOLDER, folder)
        world.add(What.FOLDER, f"{folder}.partial")
        yield
        world.move(What.FOLDER, f"{folder}.partial", folder)


def build(world: World, code: str, version: str) -> Steps:
    template, building, retired = (
        names.template_database(code),
        names.building_database(code),
        names.retired_database(code),
    )
    files = names.template_filestore(code, version)
    label = Label(Kind.TEMPLATE, State.BUILDING, code, version)
    with world.holding(f"build of {code}"):
        if building in world.labels and world.label(building).finished:
            label = world.label(building)
            files = names.template_filestore(code, label.version)
        else:
            world.discard(building)
            world.add_database(building, label)
            yield
            world.add(What.FOLDER, building)
            yield
            label = label.having(finished=("install",))
            world.write(building, label)
            world.own(code, (What.DATABASE, building), (What.FOLDER, building))
            yield
        with world.holding(f"template {code}"):
            if world.has(What.FOLDER, building):
                world.disown((What.FOLDER, building))
                world.take(What.FOLDER, files)
                world.move(What.FOLDER, building, files)
                world.own(code, (What.FOLDER, files))
                yield
            world.take(What.DATABASE, retired)
            before = world.labels.get(template)
            if before:
                world.disown((What.FOLDER, before.filestore))
            world.move(What.DATABASE, template, retired)
            world.move(What.DATABASE, building, template)
            world.write(template, label.having(state=State.READY, filestore=files))
            world.disown((What.DATABASE, building))
            world.own(code, (What.DATABASE, template), (What.FOLDER, files))
        yield
        world.take(What.DATABASE, retired)
        yield
        for what, name in list(world.things):
            if what is What.FOLDER and name.startswith(names.template_filestore(code, "")) and name != files:
                world.take(what, name)
