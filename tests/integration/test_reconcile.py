"""What nobody owns is found and put into quarantine; what somebody owns, or is making, stays as it is."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from psycopg import sql
from tests.support.crashes import Crash, crash_before
from tests.support.fake_runtime import FakeRuntime
from tests.support.foreign import foreign_database, foreign_role
from tests.support.inventory import orphans
from tests.support.killed import interrupt_drop
from tests.support.travelling import as_tenant, files_of, make_instance
from typer.testing import CliRunner

from tenantry.cli.main import app
from tenantry.engine import Engine
from tenantry.errors import Busy, InstanceNotFound, NameTaken
from tenantry.model import names
from tenantry.model.catalog import Kind, Label, State
from tenantry.model.difference import KEPT_DAYS, Proposal, Reconciliation, What
from tenantry.model.reconcile import LONGEST_OPERATION_S
from tenantry.operations.context import Context
from tenantry.operations.fleet import pool
from tenantry.operations.fleet.reconcile import give_back, reconcile
from tenantry.operations.instance.lifecycle import operate
from tenantry.operations.inventory import find_instance
from tenantry.operations.template.clone import discard
from tenantry.postgres import databases, locks, roles
from tenantry.postgres.cluster import Connection

NOW = datetime(2026, 11, 30, 3, 0, tzinfo=UTC).timestamp()
LATER, MUCH_LATER = NOW + LONGEST_OPERATION_S, NOW + (KEPT_DAYS + 1) * 86400
ACME, BETA, LOST = (f"0000000{number}-0000-4000-8000-000000000000" for number in (1, 2, 3))
RECORDS = {ACME: "acme", BETA: "beta"}
IN_QUARANTINE = "lost_261130_"
PARTS = ("database", "role", "folder")


@pytest.fixture
def server(cluster_engine: Engine, fake_template: str, tmp_path: Path) -> Iterator[Context]:
    """A server on which `acme` and a spare are."""
    context = cluster_engine.context
    runtime = FakeRuntime(context.cluster, context.settings.base_domain, tmp_path / "socket")
    found = replace(context, runtime=runtime)
    with runtime.listening():
        make_instance(found, fake_template, "acme", reference=ACME)
        as_tenant(found, "UPDATE ir_config_parameter SET value = 'kept' WHERE key = 'plan'")
        named(found, "acme")
        pool.fill(found, fake_template, 1)
        runtime.follow(["acme"])
        yield found
    with context.maintenance() as connection:
        for name in databases.names(connection):
            database = databases.find(connection, name)
            if database and database.is_ours and name != names.MASTER_DATABASE:
                discard(context, connection, name)
        for role in roles.ours(connection) - names.INFRASTRUCTURE_ROLES:
            roles.drop(connection, role)
    for folder in context.filestores.names():
        context.filestores.remove(folder)
    (context.settings.home / "reconcile.json").unlink(missing_ok=True)


def named(context: Context, name: str) -> None:
    """Give the folder of files the instance's name."""
    with context.maintenance() as connection:
        label = find_instance(connection, name)
        if label.filestore:
            context.filestores.rename(label.filestore, name)
            databases.label(connection, name, label.having(filestore=""))


def lone_instance(context: Context, name: str, reference: str = LOST) -> None:
    """An instance without Odoo or tables, in a moment."""
    with context.maintenance() as connection:
        label = Label(Kind.INSTANCE, State.ACTIVE, "fake", "1.0.0", reference=reference, identity=name)
        databases.create(connection, name, label)
        roles.create(connection, name, context.role_password(name))
    folder_with_a_file(context, name)
    context.runtime.follow([name])


def half_made(connection: Connection, name: str) -> None:
    databases.create(connection, name, Label(Kind.SPARE, State.BUILDING, "fake", "1.0.0"))
    roles.create(connection, name)


def folder_with_a_file(context: Context, name: str) -> None:
    folder = context.filestores.folder(name)
    folder.mkdir(parents=True)
    (folder / "abcdef").write_text(f"of {name}")


def being_made(connection: Connection, name: str) -> None:
    roles.create(connection, names.MAKER_ROLE)
    maker = sql.Identifier(names.MAKER_ROLE)
    connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), maker))


def told(found: Reconciliation) -> dict[tuple[str, str], str]:
    return {(it.what, it.name): it.proposal for it in found.differences}


def there(context: Context) -> set[str]:
    """Everything, in words."""
    with context.maintenance() as connection:
        return {
            *(f"database {name}" for name in databases.names(connection)),
            *(f"role {name}" for name in roles.ours(connection)),
            *(f"folder {name}" for name in context.filestores.names()),
            *(
                f"route {name}"
                for name, label in context.runtime.known.items()
                if label.kind is Kind.INSTANCE
            ),
        }


def test_orphans_of_each_sort_are_told_and_put_away_and_everything_else_is_untouched(
    server: Context, cluster_engine: Engine
):
    before, files = there(server), files_of(server, "acme")
    lone_instance(server, "beta", reference=BETA)
    lone_instance(server, "gamma", reference="")
    owned = there(server)
    with ExitStack() as stack:
        connection = stack.enter_context(server.maintenance())
        other = stack.enter_context(server.maintenance())
        stack.enter_context(foreign_database(connection, "clone_theirs"))
        stack.enter_context(foreign_database(connection, "proof_acme", '{"tenantry": 1, "kind": "proof"}'))
        stack.enter_context(foreign_role(connection, "spare_theirs"))
        for name in ("clone_theirs", "proof_acme"):
            folder_with_a_file(server, name)
        roles.create(connection, "proof_acme")
        half_made(connection, "load_zeta")  # it is being loaded at this moment
        stack.enter_context(locks.exclusive(other, "instance zeta"))
        untouched = there(server)

        being_made(connection, "load_eta")
        half_made(connection, "clone_theta")
        for name in ("clone_theta", "ghost", "acme.partial", "stage_acme", "template_fake@0.9.0"):
            folder_with_a_file(server, name)
        roles.create(connection, "gone")
        half_made(connection, "iota")
        interrupt_drop(cluster_engine, "iota")
        lone_instance(server, "stray")
        server.runtime.known["nobody"] = Label(Kind.INSTANCE, State.ACTIVE, "", "")
        orphaned = {
            (What.DATABASE, "load_eta"): Proposal.DISCARD,
            (What.DATABASE, "clone_theta"): Proposal.DISCARD,
            (What.DATABASE, "iota"): Proposal.DROP,
            (What.DATABASE, "stray"): Proposal.QUARANTINE,
            (What.ROLE, "gone"): Proposal.QUARANTINE,
            (What.FOLDER, "ghost"): Proposal.QUARANTINE,
            (What.FOLDER, "acme.partial"): Proposal.DISCARD,
            (What.FOLDER, "stage_acme"): Proposal.DISCARD,
            (What.FOLDER, "template_fake@0.9.0"): Proposal.QUARANTINE,
            (What.ROUTE, "nobody.localhost"): Proposal.DISCONNECT,
        }
        known_by_nobody = {(What.DATABASE, "gamma"): Proposal.LOOK}

        young = told(reconcile(server, RECORDS, apply=True, now=NOW))
        assert young == dict.fromkeys({**orphaned, **known_by_nobody}, Proposal.WAIT)
        assert told(reconcile(server, RECORDS, now=LATER)) == {**orphaned, **known_by_nobody}
        done = reconcile(server, RECORDS, apply=True, now=LATER)
        assert {(it.what, it.name) for it in done.differences if it.outcome == "done"} == {
            *orphaned,
            (What.ROLE, "iota"),
        }
        kept = {"ghost", "stray", "gone", "template_fake@0.9.0", "iota"}
        assert {it.name for it in done.quarantined} == {f"{IN_QUARANTINE}{name}" for name in kept}
        lost = {it for it in there(server) if IN_QUARANTINE in it}
        assert there(server) - lost == untouched

        second = reconcile(server, RECORDS, apply=True, now=LATER)
        assert told(second) == known_by_nobody
        assert not any(it.outcome for it in second.differences)
        assert there(server) - lost == untouched
    assert before <= owned
    assert files_of(server, "acme") == files


def test_a_settled_server_has_no_differences_and_what_is_seen_is_private(server: Context):
    assert reconcile(server, {ACME: "acme"}, now=NOW) == Reconciliation()
    folder_with_a_file(server, "ghost")
    reconcile(server, now=NOW)
    file = server.settings.home / "reconcile.json"
    assert "folder ghost" in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_file_that_is_damaged_makes_everything_young_again(server: Context):
    folder_with_a_file(server, "ghost")
    reconcile(server, now=NOW)
    (server.settings.home / "reconcile.json").write_text('["nonsense"')
    assert told(reconcile(server, apply=True, now=LATER)) == {(What.FOLDER, "ghost"): Proposal.WAIT}
    assert server.filestores.exists("ghost")


def test_a_later_thing_of_the_same_name_is_young(server: Context):
    with server.maintenance() as connection:
        half_made(connection, "clone_zeta")
        reconcile(server, now=NOW)
        discard(server, connection, "clone_zeta")
        half_made(connection, "clone_zeta")
        assert told(reconcile(server, apply=True, now=LATER)) == {
            (What.DATABASE, "clone_zeta"): Proposal.WAIT
        }


def test_nothing_is_changed_without_being_asked(server: Context):
    lone_instance(server, "beta", reference=BETA)
    lone_instance(server, "stray")
    before = there(server)
    for now in (NOW, LATER):
        reconcile(server, RECORDS, now=now)
    assert there(server) == before


def test_an_instance_in_quarantine_is_not_served_and_comes_back_whole(server: Context):
    records = {BETA: "beta"}
    lone_instance(server, "beta", reference=BETA)
    files = files_of(server, "acme")
    for now in (NOW, LATER):
        reconcile(server, records, apply=True, now=now)
    lost = f"{IN_QUARANTINE}acme"
    assert server.runtime.answer("acme.localhost") == 404
    with server.maintenance() as connection:
        assert not roles.can_log_in(connection, lost)
        assert databases.find(connection, "acme") is None
    assert (server.filestores.exists(lost), server.filestores.exists("acme")) == (True, False)

    back = give_back(server, lost)
    assert (back.name, back.state) == ("acme", State.STOPPED)
    operate(server, "acme", "start")
    assert files_of(server, "acme") == files
    with server.as_tenant("acme") as inside:
        query = "SELECT value FROM ir_config_parameter WHERE key = 'plan'"
        assert inside.execute(query).fetchone() == ("kept",)
    assert orphans(server) == []
    assert reconcile(server, {**records, ACME: "acme"}, now=LATER) == Reconciliation()


def test_what_is_given_back_needs_its_name(server: Context):
    with pytest.raises(InstanceNotFound):
        give_back(server, "acme")
    lone_instance(server, "stray")
    for now in (NOW, LATER):
        reconcile(server, {ACME: "acme"}, apply=True, now=now)
    lone_instance(server, "stray", reference=BETA)
    with pytest.raises(NameTaken):
        give_back(server, f"{IN_QUARANTINE}stray")


def test_records_that_know_almost_nothing_are_not_believed(server: Context):
    lone_instance(server, "beta", reference=BETA)
    for now in (NOW, LATER, LATER + LONGEST_OPERATION_S):
        found = reconcile(server, {}, apply=True, now=now)
    assert told(found) == {(What.DATABASE, name): Proposal.LOOK for name in ("acme", "beta")}


def test_records_are_compared_in_both_directions(server: Context):
    records = {ACME: "acme-2", LOST: "stray"}
    for now in (NOW, LATER):
        found = reconcile(server, records, apply=True, now=now)
    assert {(it.what, it.name): it.reason for it in found.differences} == {
        (What.RECORD, "acme-2"): "its instance is called acme",
        (What.RECORD, "stray"): "its instance is not there",
    }


def test_the_quarantine_is_emptied_after_its_time_and_only_when_asked(server: Context):
    folder_with_a_file(server, "ghost")
    lone_instance(server, "stray")
    for now in (NOW, LATER):
        reconcile(server, {ACME: "acme"}, apply=True, now=now)
    before = there(server)
    reconcile(server, {ACME: "acme"}, apply=True, remove=True, now=LATER)
    asked = reconcile(server, {ACME: "acme"}, apply=True, now=MUCH_LATER)
    assert set(told(asked).values()) == {Proposal.REMOVE}
    assert there(server) == before
    reconcile(server, {ACME: "acme"}, remove=True, now=MUCH_LATER)
    assert not [it for it in there(server) if "lost_" in it]


def test_two_at_once_do_not_work_on_the_same(server: Context):
    with (
        server.maintenance() as other,
        locks.exclusive(other, "what nobody owns"),
        pytest.raises(Busy, match="what nobody owns"),
    ):
        reconcile(server)


def test_a_parts_lock_that_is_taken_after_the_look_keeps_it(server: Context, monkeypatch: pytest.MonkeyPatch):
    """The view was stale: by now somebody works on it."""
    with server.maintenance() as other:
        half_made(other, "clone_zeta")
        reconcile(server, now=NOW)
        monkeypatch.setattr("tenantry.postgres.locks.held", lambda _connection, _subjects: set())
        with locks.exclusive(other, "instance zeta"):
            found = reconcile(server, apply=True, now=LATER)
        assert [it.outcome for it in found.differences] == [str(Busy("instance zeta"))]
        assert databases.find(other, "clone_zeta")


def test_a_pool_that_is_filled_leaves_the_files_of_what_is_half_in_quarantine(server: Context):
    """It was a spare, and its files still have the spare's name."""
    spare, lost = names.new_spare_database("fake"), f"{IN_QUARANTINE}stray"
    folder_with_a_file(server, spare)
    with server.maintenance() as connection:
        label = Label(Kind.LOST, State.STOPPED, renamed_from="stray", filestore=spare)
        databases.create(connection, lost, label)
    pool.fill(server, "fake", 2)
    assert server.filestores.exists(spare)
    (done,) = reconcile(server, apply=True, now=NOW).differences
    assert (done.name, done.proposal, done.outcome) == (lost, Proposal.FINISH, "done")
    assert (server.filestores.exists(spare), server.filestores.exists(lost)) == (False, True)


def test_the_command_tells_programs_and_people(server: Context, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TENANTRY_HOME", str(server.settings.home))
    runner = CliRunner()
    empty = runner.invoke(app, ["reconcile"])
    assert (empty.exit_code, "Everything has an owner." in empty.output) == (0, True)
    folder_with_a_file(server, "ghost")
    found = json.loads(runner.invoke(app, ["reconcile", "--apply", "--json"]).stdout)
    (difference,) = found["differences"]
    facts = {key: difference[key] for key in ("what", "name", "proposal", "outcome")}
    assert facts == {"what": "folder", "name": "ghost", "proposal": "wait", "outcome": ""}
    assert "it has no database" in runner.invoke(app, ["reconcile"]).output
    missing = runner.invoke(app, ["reconcile", "--give-back", "lost_261130_acme"])
    assert missing.exit_code == InstanceNotFound.exit_code


def test_killed_before_each_effect_and_run_again_it_converges(server: Context):
    before = there(server)
    lost = {f"{what} {IN_QUARANTINE}stray" for what in PARTS}
    effect = 0
    while not is_reconciled_before(server, effect):
        assert there(server) == before | lost, f"killed before effect {effect}"
        put_right(server, f"{IN_QUARANTINE}stray")
        effect += 1
    assert effect > 10


def is_reconciled_before(server: Context, effect: int) -> bool:
    """Plant, and reconcile until killed before that effect; whether it has so few. Then run it again."""
    lone_instance(server, "stray")
    with server.maintenance() as connection:
        half_made(connection, "clone_zeta")
    folder_with_a_file(server, "clone_zeta")
    records = {ACME: "acme"}
    reconcile(server, records, now=NOW)
    is_done = False
    with crash_before(effect), suppress(Crash):
        reconcile(server, records, apply=True, now=LATER)
        is_done = True
    reconcile(server, records, apply=True, now=LATER)
    return is_done


def put_right(server: Context, lost: str) -> None:
    with server.maintenance() as connection:
        discard(server, connection, lost)
    server.runtime.follow([lost])
