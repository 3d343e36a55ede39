"""An instance moves between two servers, on real clusters: with everything that it has, or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

import psycopg
import pytest
from tests.support.crashes import Crash, crash_before
from tests.support.fake_runtime import FakeRuntime
from tests.support.inventory import orphans
from tests.support.travelling import (
    as_tenant,
    files_of,
    folder_of,
    make_instance,
    schema_and_rows,
    swept_clusters,
)

from tenantry.engine import Engine
from tenantry.engine.moving import STEPS, confirm, move
from tenantry.errors import (
    Busy,
    InstanceNotFound,
    InvalidTransition,
    MoveDiffers,
    MoveUnsupported,
    NameTaken,
    OtherInstallation,
    OtherMachine,
    PostgresUnreachable,
    ProbeFailed,
    SameServer,
    TenantryError,
)
from tenantry.model.catalog import Kind, Label, State
from tenantry.model.progress import StepEvent, StepStatus
from tenantry.operations.context import relabel
from tenantry.operations.instance import arriving, moves
from tenantry.operations.inventory import find_instance
from tenantry.postgres import databases, roles

SECOND = "beside"
DOMAIN = "beside.localhost"
SESSION = ".sessions/ab/" + "s" * 84


def with_fake_runtime(engine: Engine, folder: Path) -> FakeRuntime:
    runtime = FakeRuntime(engine.context.cluster, engine.settings.base_domain, folder / engine.settings.name)
    vars(engine)["runtime"] = runtime
    return runtime


@pytest.fixture(scope="module")
def servers(
    cluster_engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Engine, Engine]]:
    """The installation's own server and another one, which answer as their labels say."""
    settings = cluster_engine.settings
    file = settings.installation.file
    file.write_text(f"[servers.{SECOND}]\nbase_domain = '{DOMAIN}'\n")
    here = Engine(settings)
    there = Engine(settings.other(SECOND))
    there.start_postgres()
    with ExitStack() as stack:
        for engine in (here, there):
            runtime = with_fake_runtime(engine, tmp_path_factory.mktemp("r"))
            stack.enter_context(runtime.listening())
        yield here, there
    there._embedded.stop()
    file.unlink()
    shutil.rmtree(there.settings.home)


@pytest.fixture
def here(servers: tuple[Engine, Engine], fake_template: str) -> Iterator[Engine]:
    """The server where the instance is, with a session and a host name."""
    here, there = servers
    with swept_clusters(here.context), swept_clusters(there.context):
        begin(here, there)
        yield here


@pytest.fixture
def there(servers: tuple[Engine, Engine]) -> Engine:
    return servers[1]


def begin(here: Engine, there: Engine) -> None:
    make_instance(
        here.context,
        "fake",
        hostnames=("shop.example",),
        seats=7,
        links_since=5,
        limits={"threads": 3},
        copy_of="another",
    )
    here.context.runtime.follow(["acme"])
    session = folder_of(here.context, "acme") / SESSION
    session.parent.mkdir(parents=True)
    session.write_text('{"uid": 2}')


def label_at(engine: Engine, name: str = "acme") -> Label:
    with engine.context.maintenance() as connection:
        return find_instance(connection, name)


def contents(engine: Engine) -> tuple[list[str], dict[str, str]]:
    return schema_and_rows(engine, "acme"), files_of(engine.context, "acme")


def answers(engine: Engine, host: str) -> int:
    return engine.context.runtime.answer(host)


def leftovers(*engines: Engine) -> list[str]:
    found = [left for engine in engines for left in orphans(engine.context)]
    return [*found, *map(str, (engines[0].settings.installation.home / "moves").glob("*"))]


def test_an_instance_moves_with_everything_that_it_has(here: Engine, there: Engine):
    before, label = contents(here), label_at(here)
    moved = move(here, there, "acme")
    assert contents(there) == before
    assert SESSION in before[1]
    now = label_at(there)
    assert now.state is State.ACTIVE
    kept = ("identity", "seats", "links_since", "limits", "hostnames", "reference", "finished", "template")
    kept += ("copy_of",)
    assert {key: getattr(now, key) for key in kept} == {key: getattr(label, key) for key in kept}
    assert [answers(there, host) for host in (f"acme.{DOMAIN}", "acme.localhost", "shop.example")] == [
        200
    ] * 3
    assert (moved.source, moved.target, moved.instance.state) == ("local", SECOND, State.ACTIVE)
    assert moved.pause_s > 0
    assert moved.rows > 600
    assert moved.files == len(before[1])
    left = label_at(here)
    assert (left.state, left.moved_to) == (State.MOVED, SECOND)
    assert contents(here) == before
    assert leftovers(here, there) == []


def test_its_address_in_its_database_is_the_new_one(here: Engine, there: Engine):
    move(here, there, "acme")
    with there.context.as_tenant("acme") as inside:
        query = "SELECT value FROM ir_config_parameter WHERE key = 'web.base.url'"
        assert inside.execute(query).fetchone() == (there.context.address("acme").url,)


def test_it_moves_back_with_what_was_written_meanwhile(here: Engine, there: Engine):
    identity = label_at(here).identity
    move(here, there, "acme")
    as_tenant(there.context, "INSERT INTO res_partner (name) VALUES ('new'); DELETE FROM big WHERE id = 1")
    (folder_of(there.context, "acme") / "ab" / "written").write_bytes(b"there")
    before = contents(there)
    move(there, here, "acme")
    assert contents(here) == before
    assert (label_at(here).state, label_at(there).state) == (State.ACTIVE, State.MOVED)
    assert label_at(here).identity == identity
    assert answers(here, f"acme.{DOMAIN}") == 200
    assert leftovers(here, there) == []


def test_when_it_moves_back_the_zygote_of_its_template_fits_again(here: Engine, there: Engine):
    with here.context.maintenance() as connection:
        relabel(here.context, connection, "acme", label_at(here).having(version="1.0.7"))
    move(here, there, "acme")
    assert label_at(there).version == "", "another server's template of that version is not the same"
    move(there, here, "acme")
    assert label_at(here).version == "1.0.7"


def test_what_changes_while_it_is_copied_comes_along(here: Engine, there: Engine):
    expected: list[object] = []

    def change(event: StepEvent) -> None:
        if (event.step, event.status) == ("files", StepStatus.DONE):
            as_tenant(here.context, "CREATE TABLE late AS SELECT 1 AS id; DELETE FROM line WHERE big < 9")
            (folder_of(here.context, "acme") / "ab" / "late").write_bytes(b"late")
            (folder_of(here.context, "acme") / "ef" / "empty").unlink()
            expected.extend(contents(here))

    move(here, there, "acme", change)
    assert [*contents(there)] == expected
    assert "late" in "".join(schema_and_rows(there, "acme"))


def test_after_the_confirmation_the_data_is_gone_and_it_still_moves_back(here: Engine, there: Engine):
    move(here, there, "acme")
    before = contents(there)
    confirm(here, "acme")
    confirm(here, "acme")
    assert label_at(here).state is State.MOVED
    assert files_of(here.context, "acme") == {}
    assert "from the template" not in "".join(schema_and_rows(here, "acme"))
    assert leftovers(here, there) == []
    move(there, here, "acme")
    assert contents(here) == before
    assert leftovers(here, there) == []


def test_a_finished_move_is_not_done_again(here: Engine, there: Engine):
    first = move(here, there, "acme")
    as_tenant(there.context, "INSERT INTO res_partner (name) VALUES ('new')")
    second = move(here, there, "acme")
    assert second.pause_s == first.pause_s
    assert any("new" in line for line in schema_and_rows(there, "acme"))


@pytest.mark.parametrize("confirmed", [False, True], ids=["kept", "confirmed"])
def test_what_has_moved_is_terminated_where_it_was(here: Engine, there: Engine, confirmed: bool):
    move(here, there, "acme")
    if confirmed:
        confirm(here, "acme")
    here.instances.terminate("acme")
    assert leftovers(here, there) == []
    assert label_at(there).state is State.ACTIVE


def test_nobody_writes_to_an_instance_that_is_held(here: Engine):
    with here.context.as_owner("acme", "acme") as before:
        here.moves.freeze("acme", "a run")
        with pytest.raises(psycopg.Error):
            before.execute("INSERT INTO res_partner (name) VALUES ('late')")
    with pytest.raises(TenantryError):
        as_tenant(here.context, "SELECT 1")
    with pytest.raises(Busy):
        here.moves.thaw("acme", "another run")
    assert label_at(here).state is State.MOVING
    here.moves.thaw("acme", "a run")
    as_tenant(here.context, "SELECT 1")


# ---------------------------------------------------------------- failures


class Stop(Exception):
    """Somebody gave up."""


@pytest.mark.parametrize("step", [step.name for step in STEPS])
def test_a_move_that_fails_before_it_has_arrived_is_undone_and_later_goes_on(
    here: Engine, there: Engine, step: str
):
    before = contents(here)

    def fail(event: StepEvent) -> None:
        if event.step == step and event.status is StepStatus.DONE:
            raise Stop

    with pytest.raises(Stop):
        move(here, there, "acme", fail)
    assert serving(here, there) == 1
    if step in ("switch", "forward", "clean up"):
        assert label_at(there).state is State.ACTIVE
    else:
        assert label_at(here).state is State.ACTIVE
        assert answers(here, "acme.localhost") == 200
        as_tenant(here.context, "SELECT 1")
        assert leftovers(here, there) == []
        with pytest.raises(InstanceNotFound):
            label_at(there)
    move(here, there, "acme")
    assert contents(there) == before
    assert leftovers(here, there) == []


def test_a_move_back_that_fails_leaves_the_old_address_forwarded(here: Engine, there: Engine):
    move(here, there, "acme")
    kept = contents(here)

    def fail(event: StepEvent) -> None:
        if (event.step, event.status) == ("verify", StepStatus.DONE):
            raise Stop

    with pytest.raises(Stop):
        move(there, here, "acme", fail)
    assert (label_at(here).state, label_at(here).moved_to) == (State.MOVED, SECOND)
    assert label_at(there).state is State.ACTIVE
    assert contents(here) == kept
    assert leftovers(here, there) == []


def test_a_copy_that_differs_does_not_arrive(here: Engine, there: Engine, monkeypatch: pytest.MonkeyPatch):
    real = arriving.receive

    def changed(context: object, *arguments: object) -> int:
        files = real(context, *arguments)
        with context.as_locked_role("acme") as inside:
            inside.execute("UPDATE line SET quantity = quantity + 1 WHERE big = 7")
        return files

    monkeypatch.setattr(arriving, "receive", changed)
    with pytest.raises(MoveDiffers) as caught:
        move(here, there, "acme")
    assert caught.value.differences == ("public.line",)
    assert label_at(here).state is State.ACTIVE
    assert leftovers(here, there) == []


def test_a_copy_that_does_not_answer_does_not_arrive(
    here: Engine, there: Engine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(there.context.runtime, "answer", lambda _host: 502)
    monkeypatch.setitem(vars(there), "settings", there.settings.replaced(probe_timeout_s=1))
    with pytest.raises(ProbeFailed):
        move(here, there, "acme")
    assert label_at(here).state is State.ACTIVE
    assert leftovers(here, there) == []


def test_a_server_that_goes_away_leaves_the_instance_where_it_was(
    here: Engine, there: Engine, monkeypatch: pytest.MonkeyPatch
):
    before = contents(here)

    def gone(*_arguments: object) -> None:
        raise PostgresUnreachable("there", "it went away")

    with monkeypatch.context() as patched:
        real = arriving.receive

        def receive(*arguments: object) -> None:
            real(*arguments)
            patched.setattr(arriving, "discard", gone)
            gone()

        patched.setattr(arriving, "receive", receive)
        with pytest.raises(PostgresUnreachable):
            move(here, there, "acme")
    assert label_at(here).state is State.ACTIVE
    assert label_at(there).is_arriving
    assert answers(there, f"acme.{DOMAIN}") == 503
    move(here, there, "acme")
    assert contents(there) == before
    assert leftovers(here, there) == []


def test_a_name_that_is_taken_there_is_refused_before_anything_is_copied(here: Engine, there: Engine):
    with there.context.maintenance() as connection:
        roles.create(connection, "acme")
        databases.create(connection, "acme", Label(Kind.INSTANCE, State.STOPPED, identity="other"))
    seen: list[str] = []
    with pytest.raises(NameTaken):
        move(here, there, "acme", lambda event: seen.append(event.step))
    assert set(seen) == {"check"}
    assert label_at(here).state is State.ACTIVE
    assert label_at(there).identity == "other"


def test_what_cannot_move_is_refused(here: Engine, there: Engine, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(SameServer):
        move(here, here, "acme")
    with pytest.raises(InstanceNotFound):
        move(here, there, "nobody")
    with pytest.raises(InstanceNotFound):
        move(there, here, "acme")
    with monkeypatch.context() as patched:
        patched.setattr(moves, "signer", lambda context: context.settings.name)
        with pytest.raises(OtherInstallation):
            move(here, there, "acme")
    with monkeypatch.context() as patched:
        patched.setattr(moves, "_machine", lambda context: context.settings.name)
        with pytest.raises(OtherMachine, match="another machine"):
            move(here, there, "acme")
    with monkeypatch.context() as patched:
        patched.setitem(vars(there), "settings", there.settings.replaced(odoo_series="18.0"))
        with pytest.raises(MoveUnsupported, match=r"Odoo 19\.0"):
            move(here, there, "acme")
    with here.context.maintenance() as connection:
        relabel(here.context, connection, "acme", label_at(here).having(state=State.STOPPED))
    with pytest.raises(InvalidTransition):
        move(here, there, "acme")
    with pytest.raises(InvalidTransition):
        confirm(here, "acme")
    assert leftovers(here, there) == []


# ---------------------------------------------------------------- killed


def is_killed(effect: int, change: Callable[[], object]) -> bool:
    """Whether the change is killed before its effect of that number, or done without so many."""
    with suppress(Crash), crash_before(effect):
        change()
        return False
    return True


def serving(*engines: Engine) -> int:
    """How many servers serve the instance themselves."""
    return [engine.instances.state("acme") for engine in engines].count(State.ACTIVE)


def test_there_and_back_killed_anywhere_goes_on_and_is_never_served_twice(here: Engine, there: Engine):
    """At every eighth effect there and, between those, back: each is a move, and takes a second."""
    before, effect, goes_on = contents(here), 0, True
    while goes_on:
        goes_on = False
        for source, target in ((here, there), (there, here)):
            goes_on |= is_killed(effect, partial(move, source, target, "acme"))
            assert serving(here, there) <= 1, effect
            move(source, target, "acme")
            assert contents(target) == before, effect
            assert serving(here, there) == 1
            assert leftovers(here, there) == [], effect
            effect += 2
        effect += 4
    assert effect > 30


def test_a_confirmation_that_is_killed_anywhere_goes_on(here: Engine, there: Engine):
    effect = 0
    move(here, there, "acme")
    while is_killed(effect, partial(confirm, here, "acme")):
        confirm(here, "acme")
        assert label_at(here).state is State.MOVED
        assert leftovers(here, there) == [], effect
        move(there, here, "acme")
        move(here, there, "acme")
        effect += 3
    assert effect > 5
