"""The reconciler against every history of a server: operations, kills, stale views and missed events.

A Hypothesis state machine over a server in memory. TENANTRY_SEED chooses other histories than the usual ones.
"""

from __future__ import annotations

import contextlib
import copy
import os
import uuid
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from tests.support import reconciled
from tests.support.crashes import Crash
from tests.support.reconciled import CUSTOMERS, THEIRS, Place, Running, Steps, World

from tenantry.model import names, reconcile
from tenantry.model.catalog import Database, Label, State
from tenantry.model.difference import APPLIED, KEPT_DAYS, Difference, Proposal, Reconciliation, What, lost_on
from tenantry.operations.fleet.reconciler import Reconciler

SEED = int(os.environ.get("TENANTRY_SEED", "16"))
STEPS, HISTORIES = 50, 220
NAMES, CODES = ("acme", "beta", "gamma"), ("blank", "shop")
SPARES = ("spare_blank_1", "spare_shop_2")
HOUR = 3600
PARTS = (What.DATABASE, What.ROLE, What.FOLDER)
EFFECTS = st.sampled_from([1, 2, 3, 4, 5, 7, 9, *[100] * 6])
"""How many effects an operation has before it pauses; most have fewer than 100."""
A_NAME, A_CODE, A_SPARE = st.sampled_from(NAMES), st.sampled_from(CODES), st.sampled_from(SPARES)


class Server(RuleBasedStateMachine):
    """A server to which everything happens that can."""

    @initialize()
    def begin(self) -> None:
        self.world = World()
        self.running: list[Running] = []
        self.seen: dict[str, float] = {}
        self.stale: tuple[float, dict[str, str]] = (self.world.now, {})
        self.versions = 0
        for code in CODES:
            self.build(code, effects=100)

    # ------------------------------------------------------------ operations

    @rule(name=A_NAME, code=A_CODE, is_recorded=st.booleans(), effects=EFFECTS)
    def create(self, name: str, code: str, is_recorded: bool, effects: int) -> None:
        if self.world.is_free(name):
            steps = reconciled.create(self.world, code, name, self.reference() if is_recorded else "")
            self.start(steps, effects, name, names.cloning_database(name))

    @rule(code=A_CODE, spare=A_SPARE, effects=EFFECTS)
    def fill(self, code: str, spare: str, effects: int) -> None:
        if self.world.is_free(spare):
            self.start(reconciled.fill(self.world, code, spare), effects, spare)

    @rule(name=A_NAME, spare=A_SPARE, effects=EFFECTS)
    def claim(self, name: str, spare: str, effects: int) -> None:
        found = self.world.labels.get(spare)
        if self.world.is_free(name) and found and found.label and (What.DATABASE, spare) in self.world.owned:
            steps = reconciled.claim(self.world, found.label.template, spare, name, self.reference())
            self.start(steps, effects, name, spare)

    @rule(name=A_NAME, effects=EFFECTS)
    def load(self, name: str, effects: int) -> None:
        if self.world.is_free(name):
            self.start(reconciled.load(self.world, name), effects, name, names.loading_database(name))

    @rule(name=A_NAME, tells=st.booleans(), effects=EFFECTS)
    def terminate(self, name: str, tells: bool, effects: int) -> None:
        if self.instance(name):
            folder = self.world.labels[name].filestore
            self.start(reconciled.terminate(self.world, name, tells=tells), effects, name, folder)

    @rule(old=A_NAME, new=A_NAME, effects=EFFECTS)
    def rename(self, old: str, new: str, effects: int) -> None:
        if self.is_whole(old) and self.world.is_free(new) and old not in self.world.unrecorded:
            self.start(reconciled.rename(self.world, old, new), effects, old, new)

    @rule(name=A_NAME, effects=EFFECTS)
    def move_away(self, name: str, effects: int) -> None:
        former = names.former_database(name)
        if self.is_whole(name) and self.world.is_free(former):
            made = names.loading_database(name)
            self.start(reconciled.move_away(self.world, name), effects, name, former, made)

    @rule(name=A_NAME, effects=EFFECTS)
    def restore(self, name: str, effects: int) -> None:
        if self.is_whole(name) and not self.world.has(What.FOLDER, f"aside_{name}"):
            self.start(reconciled.restore(self.world, name), effects, name, f"aside_{name}")

    @rule(name=A_NAME, effects=EFFECTS)
    def stage(self, name: str, effects: int) -> None:
        self.start(reconciled.stage(self.world, name), effects, names.staging_folder(name))

    @rule(code=A_CODE, effects=EFFECTS)
    def build(self, code: str, effects: int) -> None:
        self.versions += 1
        template = names.template_database(code)
        ours = [name for _what, name in self.world.things if name.startswith(template)]
        new = (names.template_filestore(code, str(self.versions)), *names.databases_of_template(code))
        self.start(reconciled.build(self.world, code, str(self.versions)), effects, *ours, *new)

    def reference(self) -> str:
        return str(uuid.UUID(int=next(self.world.numbers)))

    def instance(self, name: str) -> Label | None:
        """The label of an instance that is owned."""
        found = self.world.labels.get(name)
        is_owned = self.world.owned.get((What.DATABASE, name)) == name
        return found.label if found and is_owned and found.is_whole else None

    def is_whole(self, name: str) -> bool:
        """Whether it is active, with all its parts."""
        label = self.instance(name)
        has_parts = all(self.world.has(what, name) for what in PARTS)
        return bool(label and label.state is State.ACTIVE and not label.filestore and has_parts)

    def start(self, steps: Steps, effects: int, *named: str) -> None:
        if self.named_now.isdisjoint(named):
            self.running.append(Running(steps, named))
            self.go_on(len(self.running) - 1, effects)

    @rule(which=st.integers(0, 3), effects=st.integers(1, 12))
    def go_on(self, which: int, effects: int) -> None:
        if which >= len(self.running):
            return
        operation = self.running[which]
        for _effect in range(effects):
            if next(operation.steps, "done") == "done":
                self.running.remove(operation)
                break
        self.world.touch(*operation.named)

    @rule(which=st.integers(0, 3))
    def kill(self, which: int) -> None:
        if which < len(self.running):
            operation = self.running.pop(which)
            operation.steps.close()
            self.world.touch(*operation.named)

    @property
    def named_now(self) -> set[str]:
        return {name for operation in self.running for name in operation.named}

    # ------------------------------------------------------------ events

    @rule(hours=st.sampled_from([1, 5, 13, 13, 31 * 24]))
    def time_passes(self, hours: int) -> None:
        self.world.now += hours * HOUR

    @rule(name=st.sampled_from([*NAMES, "load_acme", *SPARES, "accounts"]))
    def another_program_makes_a_database(self, name: str) -> None:
        if self.world.is_free(name) and name not in self.named_now:
            self.world.add_database(name, None, THEIRS)
            self.world.add(What.FOLDER, name, THEIRS)
            self.world.own("theirs", (What.DATABASE, name), (What.FOLDER, name))

    @rule(name=st.sampled_from(["proof_acme", "kept_beta"]))
    def a_later_version_makes_a_database(self, name: str) -> None:
        if self.world.is_free(name):
            self.world.add_database(name, None, THEIRS)
            self.world.add(What.ROLE, name, THEIRS)
            self.world.add(What.FOLDER, f"{name}_files", THEIRS)
            self.world.folders_of_others.add(f"{name}_files")
            places = [(What.DATABASE, name), (What.ROLE, name), (What.FOLDER, f"{name}_files")]
            self.world.own(name, *places)

    @rule(name=A_NAME)
    def a_database_is_dropped_by_hand(self, name: str) -> None:
        found = self.world.labels.get(name)
        if found and found.label and name not in self.named_now:
            self.world.take(What.DATABASE, name)
            self.world.disown_all_of(name)
            self.world.touch(name, found.filestore)

    @rule(name=A_NAME)
    def a_record_is_deleted(self, name: str) -> None:
        found = self.world.labels.get(name)
        is_there = found and found.label and name not in self.named_now
        if is_there and self.world.records.pop(found.label.reference, None):
            self.world.unrecorded.add(name)

    @rule(name=A_NAME)
    def a_route_is_left(self, name: str) -> None:
        if name not in self.named_now:
            self.world.routes.add(name)

    @rule()
    def records_are_read(self) -> None:
        """They may be used later."""
        self.stale = self.world.now, dict(self.world.records)

    # ------------------------------------------------------------ reconciling

    @rule(
        view=st.sampled_from(["fresh", "fresh", "stale", "unknown"]),
        does_apply=st.booleans(),
        does_remove=st.booleans(),
        dies_after=st.none() | st.integers(0, 12),
    )
    def is_reconciled(self, view: str, does_apply: bool, does_remove: bool, dies_after: int | None) -> None:
        read_at, records = self.stale
        is_usable = self.world.now - read_at < reconcile.LONGEST_OPERATION_S
        known = {"fresh": dict(self.world.records), "unknown": None}.get(view, records)
        if view == "stale" and not is_usable:
            return
        proposals = (APPLIED if does_apply else frozenset()) | ({Proposal.REMOVE} if does_remove else set())
        promised = [it for it in self.reconcile(known).differences if it.proposal in proposals]
        with contextlib.suppress(Crash), self.dying_after(dies_after):
            self.reconcile(known, proposals)
        again = self.reconcile(known, proposals)
        failed = {it.name for it in again.differences if it.outcome not in ("", "done")}
        left = [it for it in promised if self.is_left(it) and it.name not in failed]
        assert not left, "what was begun is not finished by running it again"

    @contextlib.contextmanager
    def dying_after(self, effects: int | None) -> Iterator[None]:
        self.world.dies_after = effects
        try:
            yield
        finally:
            self.world.dies_after = None

    @rule()
    def two_nights_pass(self) -> None:
        for _night in range(2):
            self.world.now += 13 * HOUR
            self.reconcile(dict(self.world.records), APPLIED)

    @rule()
    def the_back_office_has_lost_its_records(self) -> None:
        for _night in range(2):
            self.world.now += 13 * HOUR
            self.reconcile({}, APPLIED)

    def is_left(self, promised: Difference) -> bool:
        if promised.what is What.ROUTE:
            return promised.name in self.world.routes
        if promised.proposal is Proposal.FINISH:
            return bool(self.world.labels[promised.name].label.filestore)
        parts = PARTS if promised.proposal is not Proposal.DROP else (What.DATABASE,)
        return any(self.world.has(what, promised.name) for what in parts)

    def reconcile(
        self, records: dict[str, str] | None, proposals: frozenset[Proposal] = frozenset()
    ) -> Reconciliation:
        """One run, after which everything that is owned must be as it was."""
        before = copy.deepcopy((self.world.things, self.world.labels))
        try:
            server = self.world.server(records)
            run = Reconciler(server, self.seen, self.seen_now, self.world.now, proposals)
            result = run.run()
            named = {(it.what, it.name) for it in result.differences if it.what in PARTS}
            assert not {name for _what, name in named} & self.named_now, "what is under way is no difference"
        finally:
            self.check_against(*before)
        return result

    def seen_now(self, seen: dict[str, float]) -> None:
        self.seen = dict(seen)

    def check_against(self, things: dict[Place, reconciled.Thing], labels: dict[str, Database]) -> None:
        world = self.world
        for place, thing in things.items():
            what, name = place
            is_same = place in world.things and world.things[place].number == thing.number
            if is_same and (what is not What.DATABASE or labels[name] == world.labels[name]):
                continue
            owner = world.owned.get(place)
            assert owner is None or owner in world.unrecorded, f"{what} {name} is owned by {owner}"
            assert name.removesuffix(".partial") not in self.named_now, f"{what} {name} is being worked on"
            is_old = world.now - thing.touched_at >= reconcile.LONGEST_OPERATION_S
            assert is_old or name.startswith("lost_"), f"{what} {name} is young"
            if owner and not is_same:
                world.disown(place)
            self.check_that_it_is_kept(name, thing)

    def check_that_it_is_kept(self, name: str, thing: reconciled.Thing) -> None:
        """What is a customer's is never deleted, except from a quarantine that was long enough."""
        there = {it.number for it in self.world.things.values()}
        if thing.content == CUSTOMERS and thing.number not in there:
            day = lost_on(name)
            assert day, f"{name} is deleted"
            lost_for = reconcile.day_of(self.world.now) - day
            assert lost_for.days >= KEPT_DAYS, f"{name} was lost on {day}"

    def teardown(self) -> None:
        """All operations end, and some nights pass: then everything has an owner, or is told."""
        while self.running:
            self.kill(0)
        self.two_nights_pass()
        last = self.reconcile(dict(self.world.records), APPLIED)
        assert not [it for it in last.differences if it.outcome], "another run does nothing"
        told = {it.name for it in (*last.differences, *last.quarantined)}
        told |= {self.world.labels[name].filestore for name in told if name in self.world.labels}
        lost = [
            f"{what} {name}"
            for what, name in self.world.things
            if (what, name) not in self.world.owned and told.isdisjoint(_names_that_tell_of(name))
        ]
        assert not lost, "it has no owner and is not told"
        assert not self.world.routes - self.world.labels.keys(), "it leads to nothing"


def _names_that_tell_of(name: str) -> set[str]:
    """Its own; or its instance's, whose operation has to be finished. What is in quarantine is told, too."""
    return {name, name.removesuffix(".partial").partition("_")[2]}


def run(histories: int) -> None:
    seed(SEED)(Server)
    run_state_machine_as_test(
        Server,
        settings=settings(
            max_examples=histories,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_whatever_happens_what_is_owned_stays_and_the_rest_is_told(capsys: pytest.CaptureFixture[str]):
    with capsys.disabled():
        print(f"\nreconciler: {HISTORIES} histories of up to {STEPS} steps, TENANTRY_SEED={SEED}")
    run(HISTORIES)


MUTANTS = {
    "is_ours": lambda _database: True,
    "is_under_way": lambda _facts, _difference: False,
    "is_young": lambda _since, _now: False,
    "is_claimed": lambda _facts, _folder: False,
    "is_of_template": lambda _facts, _folder: False,
    "is_needed": lambda _facts, _difference: False,
    "has_database": lambda _facts, _role: False,
    "has_record": lambda facts, label: label.reference in (facts.records or {}),
    "is_back_offices": lambda _label: True,
    "are_believable": lambda _facts: True,
    "is_kept_long_enough": lambda _day, _now: True,
}


@pytest.fixture
def without(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(reconcile, request.param, MUTANTS[request.param])
    return request.param


@pytest.mark.parametrize("without", MUTANTS, indirect=True)
def test_without_one_of_its_guards_it_is_caught(without: str):
    with pytest.raises(AssertionError):
        run(HISTORIES)
