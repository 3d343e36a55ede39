"""A backup becomes an instance's data, and the former data again, on a real cluster: all of it or nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.support.crashes import Crash, crash_before
from tests.support.fake_runtime import FakeRuntime
from tests.support.inventory import orphans
from tests.support.travelling import (
    as_superuser,
    as_tenant,
    files_of,
    folder_of,
    make_instance,
    schema_and_rows,
    swept_clusters,
)
from typer.testing import CliRunner

from tenantry.cli.main import app
from tenantry.engine import Engine
from tenantry.errors import (
    ArchiveDamaged,
    ArchiveNotFound,
    BackupOfAnother,
    Busy,
    DataKept,
    FilestoreFailure,
    InstanceNotFound,
    InvalidInput,
    InvalidTransition,
    NoRoomToRestore,
    NothingKept,
    ProbeFailed,
    RestoreDiffers,
)
from tenantry.model import names
from tenantry.model.catalog import Label, State
from tenantry.model.progress import StepEvent, StepStatus
from tenantry.operations.backup import put_back as putting_back
from tenantry.operations.backup import restore as restoring
from tenantry.operations.context import relabel
from tenantry.operations.instance import kept
from tenantry.operations.inventory import find_instance
from tenantry.operations.steps import Step
from tenantry.postgres import databases, locks, roles

SESSION = ".sessions/ab/" + "s" * 84
LABEL = {"hostnames": ("shop.example",), "seats": 7, "links_since": 5}
LIVE = "INSERT INTO res_partner (name) VALUES ('after the backup')"


@pytest.fixture(scope="module")
def served(cluster_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A server that answers as the labels say."""
    folder = tmp_path_factory.mktemp("r")
    found = Engine(cluster_engine.settings.replaced(backup_store=str(folder / "store")))
    runtime = FakeRuntime(found.context.cluster, found.settings.base_domain, folder / "socket")
    vars(found)["runtime"] = runtime
    with runtime.listening():
        yield found


@pytest.fixture
def engine(served: Engine, fake_template: str) -> Iterator[Engine]:
    with swept_clusters(served.context):
        make_instance(served.context, fake_template, **LABEL)
        served.context.runtime.follow(["acme"])
        session = folder_of(served.context, "acme") / SESSION
        session.parent.mkdir(parents=True)
        session.write_text("{}")
        yield served
    shutil.rmtree(served.settings.backup_store, ignore_errors=True)


@pytest.fixture
def store(engine: Engine) -> Path:
    return Path(engine.settings.backup_store)


@pytest.fixture
def before() -> list[object]:
    """What the instance had when it was backed up, and what it had when that was restored."""
    return []


@pytest.fixture
def backup(engine: Engine, before: list[object]) -> str:
    """One that the instance was changed after."""
    made = engine.backups.take("acme").backup
    before.append(contents(engine))
    as_tenant(engine.context, f"{LIVE}; DELETE FROM big WHERE id < 50")
    folder = folder_of(engine.context, "acme")
    (folder / "ab" / "abcdef").unlink()
    (folder / "ab" / "new").write_text("it came after the backup")
    before.append(contents(engine))
    return made


def contents(engine: Engine, name: str = "acme") -> tuple[list[str], dict[str, str]]:
    """Its rows and its files, without sessions."""
    files = files_of(engine.context, name)
    return schema_and_rows(engine, name), {path: it for path, it in files.items() if path != SESSION}


def label_of(engine: Engine, name: str = "acme") -> Label:
    with engine.context.maintenance() as connection:
        return find_instance(connection, name)


def answers(engine: Engine, host: str = "acme.localhost") -> int:
    return engine.context.runtime.answer(host)


def can_log_in(engine: Engine, role: str) -> bool:
    with engine.context.maintenance() as connection:
        return roles.can_log_in(connection, role)


def set_state(engine: Engine, state: State) -> None:
    with engine.context.maintenance() as connection:
        relabel(engine.context, connection, "acme", find_instance(connection, "acme").having(state=state))
        roles.disable_login(connection, "acme")


# ---------------------------------------------------------------- restored


def test_a_restored_instance_has_the_rows_and_files_of_its_backup(engine: Engine, backup, before):
    made = engine.backups.restore(backup, "acme")
    assert made.state is State.ACTIVE
    assert contents(engine) == before[0]
    assert [answers(engine, host) for host in ("acme.localhost", "shop.example")] == [200, 200]
    assert orphans(engine.context) == []


def test_what_is_the_instances_own_stays(engine: Engine, backup):
    before = label_of(engine)
    with engine.context.maintenance() as connection:
        changed = before.having(seats=9, limits={"threads": 2}, entitled_since=77, reference="order 9")
        relabel(engine.context, connection, "acme", changed)
    engine.backups.restore(backup, "acme")
    now = label_of(engine)
    own = ("identity", "hostnames", "seats", "limits", "entitled_since", "reference", "finished", "template")
    assert {key: getattr(now, key) for key in own} == {key: getattr(changed, key) for key in own}
    assert now.restored_from == backup
    assert now.links_since > 5
    assert can_log_in(engine, "acme")


def test_who_is_logged_in_stays_so(engine: Engine, backup):
    (folder_of(engine.context, "acme") / SESSION).write_text('{"uid": 2}')
    engine.backups.restore(backup, "acme")
    assert (folder_of(engine.context, "acme") / SESSION).read_text() == '{"uid": 2}'
    (folder_of(engine.context, "acme") / SESSION).unlink()
    engine.backups.put_back("acme")
    assert not (folder_of(engine.context, "acme") / SESSION).exists()


def test_sessions_are_not_written_through_a_link(engine: Engine, backup, tmp_path):
    engine.backups.restore(backup, "acme")
    sessions = engine.context.filestores.folder(names.kept_database("acme")) / ".sessions"
    (sessions / SESSION.removeprefix(".sessions/")).unlink()
    (sessions / "ab").rmdir()
    sessions.rmdir()
    sessions.symlink_to(tmp_path)
    engine.backups.put_back("acme")
    assert list(tmp_path.glob("ab")) == []
    assert (folder_of(engine.context, "acme") / SESSION).is_file()


def test_it_is_served_until_the_copy_is_there_and_held_only_for_the_renames(engine: Engine, backup):
    seen: dict[str, tuple[State, int]] = {}

    def look(event: StepEvent) -> None:
        if event.status is StepStatus.DONE:
            seen[event.step] = (label_of(engine).state, answers(engine))

    engine.backups.restore(backup, "acme", look)
    assert [step for step, (state, _status) in seen.items() if state is not State.ACTIVE] == [
        *("hold", "sessions", "swap", "filestore")
    ]
    assert seen["plan"] == seen["probe"] == (State.ACTIVE, 200)


@pytest.mark.parametrize("state", [State.STOPPED, State.SUSPENDED])
def test_one_that_is_not_served_stays_so(engine: Engine, backup, before, state: State):
    set_state(engine, state)
    assert engine.backups.restore(backup, "acme").state is state
    assert contents(engine) == before[0]
    assert (answers(engine), can_log_in(engine, "acme")) == (503, False)
    assert engine.backups.put_back("acme").state is state
    assert contents(engine) == before[1]


def test_the_plan_in_force_comes_into_the_restored_data(engine: Engine):
    """A statement that was signed earlier is void, since the label says since when they hold."""
    columns = ("create_uid int", "create_date timestamp", "write_uid int", "write_date timestamp")
    as_tenant(
        engine.context,
        f"ALTER TABLE ir_config_parameter ADD UNIQUE (key), {', '.join(f'ADD {it}' for it in columns)};"
        "INSERT INTO ir_config_parameter VALUES ('saas_tenant.entitlements', 'the larger plan')",
    )
    backup = engine.backups.take("acme").backup
    query = "UPDATE ir_config_parameter SET value = '{}' WHERE key = 'saas_tenant.entitlements'"
    as_tenant(engine.context, query.format("the smaller plan"))
    engine.backups.restore(backup, "acme")
    read = "SELECT value FROM ir_config_parameter WHERE key = 'saas_tenant.entitlements'"
    assert as_superuser(engine, read, "acme") == [("the smaller plan",)]
    as_tenant(engine.context, query.format("a third one"))
    engine.backups.put_back("acme")
    assert as_superuser(engine, read, "acme") == [("a third one",)]


def test_a_backup_of_an_older_address_gets_the_present_one(engine: Engine, backup):
    engine.backups.restore(backup, "acme")
    found = as_superuser(engine, "SELECT value FROM ir_config_parameter WHERE key = 'web.base.url'", "acme")
    assert found == [(engine.context.address("acme").url,)]


def test_a_name_that_is_free_becomes_a_stopped_instance(engine: Engine, backup, before):
    assert engine.backups.restore(backup, "beta").state is State.STOPPED
    rows, files = contents(engine, "beta")
    assert (rows, files) == before[0]


def test_the_command_asks_for_the_name_before_it_replaces_anything(engine: Engine, backup, before):
    environment = engine.settings.to_environment()
    result = CliRunner(env=environment).invoke(app, ["backup", "restore", backup, "acme"], input="beta\n")
    assert result.exit_code == InvalidInput.exit_code
    assert contents(engine) == before[1]


# ---------------------------------------------------------------- what is kept


def test_the_former_data_is_kept_out_of_reach(engine: Engine, backup):
    engine.backups.restore(backup, "acme")
    kept_name = names.kept_database("acme")
    assert [it.name for it in engine.instances.all()] == ["acme"]
    assert not can_log_in(engine, kept_name)
    assert answers(engine, f"{kept_name}.localhost") == 404
    assert engine.instances.find_by_reference("acme").name == "acme"
    engine.pool.fill("fake", 0)
    engine.backups.put_back("acme")
    assert "after the backup" in "".join(schema_and_rows(engine, "acme"))


def test_the_former_data_is_put_back_and_forth(engine: Engine, backup, before):
    engine.backups.restore(backup, "acme")
    for data in (before[1], before[0], before[1]):
        assert engine.backups.put_back("acme").state is State.ACTIVE
        assert contents(engine) == data
        assert (answers(engine), can_log_in(engine, names.kept_database("acme"))) == (200, False)
        assert orphans(engine.context) == []
    assert label_of(engine).restored_from == ""


def test_what_changed_of_the_instance_meanwhile_stays_when_it_is_put_back(engine: Engine, backup):
    engine.backups.restore(backup, "acme")
    engine.instances.set_limits("acme", {"threads": 3})
    engine.backups.put_back("acme")
    assert label_of(engine).limits == {"threads": 3}


def test_after_the_confirmation_nothing_is_kept(engine: Engine, backup, before):
    engine.backups.restore(backup, "acme")
    engine.backups.confirm("acme")
    engine.backups.confirm("acme")
    with pytest.raises(NothingKept):
        engine.backups.put_back("acme")
    assert contents(engine) == before[0]
    assert orphans(engine.context) == []
    assert list(engine.context.filestores.root.glob("*kept*")) == []


def test_terminating_it_removes_what_is_kept(engine: Engine, backup):
    engine.backups.restore(backup, "acme")
    engine.instances.terminate("acme")
    with engine.context.maintenance() as connection:
        assert databases.find(connection, names.kept_database("acme")) is None
    assert orphans(engine.context) == []


def test_it_is_not_renamed_while_data_is_kept(engine: Engine, backup):
    engine.backups.restore(backup, "acme")
    with pytest.raises(DataKept):
        engine.instances.rename("acme", "beta")
    engine.backups.confirm("acme")
    assert engine.instances.rename("acme", "beta").name == "beta"


def test_what_is_kept_is_removed_after_some_days(engine: Engine, backup, before):
    engine.backups.restore(backup, "acme")
    (kept_data,) = engine.backups.kept()
    assert (kept_data.name, kept_data.backup) == ("acme", "")
    days = datetime.fromisoformat(kept_data.until) - datetime.fromisoformat(kept_data.since)
    assert days.days == engine.settings.kept_days
    assert engine.backups.sweep().removed == ()
    with engine.context.maintenance() as connection:
        found = kept.find_kept(connection, "acme")
        earlier = found.label.kept_at - days.total_seconds() - 1
        databases.label(connection, found.name, found.label.having(kept_at=earlier))
    assert engine.backups.sweep().removed == ("acme",)
    assert engine.backups.kept() == []
    assert contents(engine) == before[0]
    assert orphans(engine.context) == []


def test_what_is_kept_until_the_confirmation_is_not_swept(engine: Engine, backup, monkeypatch):
    monkeypatch.setitem(vars(engine), "settings", engine.settings.replaced(kept_days=0))
    engine.backups.restore(backup, "acme")
    assert engine.backups.sweep().removed == ()
    assert [it.until for it in engine.backups.kept()] == [""]


# ---------------------------------------------------------------- refused, or failed


def test_what_cannot_be_restored_is_refused(engine: Engine, backup, before, monkeypatch):
    with pytest.raises(ArchiveNotFound):
        engine.backups.restore("acme-1", "acme")
    with pytest.raises(InstanceNotFound):
        engine.backups.put_back("nobody")
    with pytest.raises(NothingKept):
        engine.backups.put_back("acme")
    with engine.context.maintenance() as connection, locks.exclusive(connection, "instance acme"):
        for call in (
            partial(engine.backups.restore, backup, "acme"),
            partial(engine.backups.put_back, "acme"),
        ):
            with pytest.raises(Busy):
                call()
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: type("Usage", (), {"free": 1000}))
    with pytest.raises(NoRoomToRestore):
        engine.backups.restore(backup, "acme")
    monkeypatch.undo()
    set_state(engine, State.MOVING)
    with pytest.raises(InvalidTransition):
        engine.backups.restore(backup, "acme")
    set_state(engine, State.STOPPED)
    assert contents(engine) == before[1]
    assert orphans(engine.context) == []


def test_another_instances_data_does_not_come_in(engine: Engine, backup):
    make_instance(engine.context, "fake", "beta")
    engine.context.runtime.follow(["beta"])
    with pytest.raises(BackupOfAnother, match=r"acme.*beta"):
        engine.backups.restore(backup, "beta")


def test_a_second_restore_does_not_replace_what_is_kept(engine: Engine, backup, before):
    second = engine.backups.take("acme").backup
    engine.backups.restore(backup, "acme")
    as_tenant(engine.context, LIVE)
    written = contents(engine)
    assert engine.backups.restore(backup, "acme").state is State.ACTIVE
    assert contents(engine) == written
    with pytest.raises(DataKept):
        engine.backups.restore(second, "acme")
    engine.backups.confirm("acme")
    engine.backups.restore(backup, "acme")
    assert contents(engine) == before[0]


def untouched(engine: Engine, before: list[object]) -> None:
    """The instance is as it was before, and nothing else is there."""
    assert contents(engine) == before[1]
    assert (label_of(engine).state, answers(engine), can_log_in(engine, "acme")) == (State.ACTIVE, 200, True)
    assert (label_of(engine).swap, label_of(engine).restored_from) == ("", "")
    assert orphans(engine.context) == []
    with engine.context.maintenance() as connection:
        assert kept.find_kept(connection, "acme") is None


def test_a_damaged_backup_changes_nothing(engine: Engine, store, backup, before):
    for damaged in ("files/*/*/*", "dumps/*"):
        file = max(store.glob(damaged), key=lambda it: it.stat().st_size)
        whole = file.read_bytes()
        file.write_bytes(whole[:-1])
        with pytest.raises(ArchiveDamaged):
            engine.backups.restore(backup, "acme")
        file.write_bytes(whole)
        untouched(engine, before)


def test_a_copy_that_lacks_a_row_is_not_used(engine: Engine, backup, before, monkeypatch):
    get_files = restoring.FromBackup.make_files

    def lose_a_row(copy: restoring.FromBackup) -> None:
        get_files(copy)
        as_superuser(engine, "DELETE FROM line WHERE big = 7", copy.temporary_name)

    monkeypatch.setattr(restoring.FromBackup, "make_files", lose_a_row)
    with pytest.raises(RestoreDiffers, match="line"):
        engine.backups.restore(backup, "acme")
    untouched(engine, before)


def fail(*_arguments: object) -> None:
    raise FilestoreFailure(Path("/"), "No space left on device")


def failing(steps: Sequence[Step[Any]], name: str) -> tuple[Step[Any], ...]:
    return tuple(replace(step, run=fail) if step.name == name else step for step in steps)


def test_a_restore_that_fails_at_any_step_changes_nothing(engine: Engine, backup, before):
    for step in restoring.STEPS:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(restoring, "STEPS", failing(restoring.STEPS, step.name))
            with pytest.raises(FilestoreFailure):
                engine.backups.restore(backup, "acme")
        untouched(engine, before)


def test_restored_data_that_is_not_served_is_given_up(engine: Engine, backup, before, monkeypatch):
    answer, runtime = FakeRuntime.answer, engine.context.runtime

    def is_broken(_runtime: FakeRuntime, host: str) -> int:
        return 500 if runtime.known["acme"].restored_from else answer(runtime, host)

    monkeypatch.setattr(FakeRuntime, "answer", is_broken)
    monkeypatch.setitem(vars(engine), "settings", engine.settings.replaced(probe_timeout_s=0))
    with pytest.raises(ProbeFailed):
        engine.backups.restore(backup, "acme")
    untouched(engine, before)


def test_putting_back_that_fails_at_any_step_changes_nothing(engine: Engine, backup, before):
    engine.backups.restore(backup, "acme")
    for step in kept.EXCHANGE:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(putting_back, "EXCHANGE", failing(kept.EXCHANGE, step.name))
            with pytest.raises(FilestoreFailure):
                engine.backups.put_back("acme")
        assert contents(engine) == before[0], step.name
        assert (label_of(engine).state, answers(engine)) == (State.ACTIVE, 200)
    engine.backups.put_back("acme")
    assert contents(engine) == before[1]
    assert orphans(engine.context) == []


# ---------------------------------------------------------------- killed


def is_killed(effect: int, change: Callable[[], object]) -> bool:
    """Whether the change is killed before its effect of that number, or done without so many."""
    with suppress(Crash), crash_before(effect):
        change()
        return False
    return True


def test_a_restore_that_is_killed_anywhere_goes_on(engine: Engine, backup, before):
    """At every ninth effect, and putting back, too: each takes a second or two."""
    effect, goes_on = 0, True
    while goes_on:
        goes_on = is_killed(effect, partial(engine.backups.restore, backup, "acme"))
        assert label_of(engine).state in (State.ACTIVE, State.RESTORING)
        engine.backups.restore(backup, "acme")
        assert contents(engine) == before[0], effect
        assert answers(engine) == 200
        assert orphans(engine.context) == [], effect
        goes_on |= is_killed(effect, partial(engine.backups.put_back, "acme"))
        # The killed one may have been finished, as far as it goes, before this one begins.
        if contents_are(engine, before[0]):
            engine.backups.put_back("acme")
        assert contents(engine) == before[1], effect
        assert answers(engine) == 200
        assert orphans(engine.context) == [], effect
        engine.backups.confirm("acme")
        effect += 9
    assert effect > 60


def contents_are(engine: Engine, data: object) -> bool:
    """Finish what a killed run left by the operation that comes next, whatever that is, and look."""
    engine.instances.restart("acme")
    return contents(engine) == data


def test_putting_back_that_is_killed_anywhere_is_run_again_and_done_once(engine: Engine, backup, before):
    engine.backups.restore(backup, "acme")
    data, effect = [before[1], before[0]], 0
    while is_killed(effect, partial(engine.backups.put_back, "acme")):
        engine.backups.put_back("acme")
        assert contents(engine) == data[effect // 3 % 2], effect
        assert answers(engine) == 200
        assert orphans(engine.context) == [], effect
        effect += 3
    assert effect > 20


def test_a_confirmation_that_is_killed_anywhere_goes_on(engine: Engine, backup, before):
    effect = 0
    while True:
        engine.backups.restore(backup, "acme")
        was_killed = is_killed(effect, partial(engine.backups.confirm, "acme"))
        engine.backups.confirm("acme")
        assert orphans(engine.context) == [], effect
        if not was_killed:
            break
        effect += 2
    assert contents(engine) == before[0]
    assert effect > 4


def test_a_termination_after_a_killed_restore_leaves_nothing(engine: Engine, fake_template):
    backup = engine.backups.take("acme").backup
    with crash_before(None) as happened:
        engine.backups.restore(backup, "acme")
    engine.backups.confirm("acme")
    for effect in range(happened.count // 2, happened.count, 7):
        backup = engine.backups.take("acme").backup
        assert is_killed(effect, partial(engine.backups.restore, backup, "acme"))
        engine.instances.terminate("acme")
        assert orphans(engine.context) == [], effect
        make_instance(engine.context, fake_template, **LABEL)
        engine.context.runtime.follow(["acme"])
