"""Backups on a real cluster: what they say is true, nothing stops them, nothing needed is removed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import obstore
import pytest
from tests.support import travelling
from tests.support.killed import run_and_kill
from tests.support.travelling import as_superuser, as_tenant, files_of, make_instance
from typer.testing import CliRunner

from tenantry.archive import stores
from tenantry.archive.encryption import archive_keys
from tenantry.archive.format import Manifest
from tenantry.archive.load import find_archive
from tenantry.archive.stores import open_store
from tenantry.cli.main import app
from tenantry.engine import Engine
from tenantry.errors import (
    ArchiveNotFound,
    BackupsUnreadable,
    FinalBackupFailed,
    InstanceNotFound,
    PostgresUnreachable,
    StoreFailure,
)
from tenantry.model.backup import Backup, Proof, ProofState, Pruned, Reason, Retention
from tenantry.model.catalog import State
from tenantry.operations.backup import listing, take
from tenantry.operations.backup.proofs import put_proof
from tenantry.operations.context import Context
from tenantry.operations.instance import dump as dump_instance
from tenantry.operations.instance import lifecycle
from tenantry.operations.instance.archives import place
from tenantry.operations.instance.contents import count_contents
from tenantry.operations.inventory import find_instance
from tenantry.postgres import databases, roles

_ODOOS_TABLES = """
    CREATE TABLE ir_attachment (id serial, store_fname text);
    INSERT INTO ir_attachment (store_fname) VALUES ('ab/abcdef'), ('ef/empty'), (NULL);
    CREATE TABLE account_move_line (debit numeric, parent_state text);
    INSERT INTO account_move_line VALUES (10.25, 'posted'), (0.50, 'posted'), (7, 'draft'), (0, 'posted');
"""


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def engine(cluster_engine: Engine, store: Path) -> Engine:
    """The engine, with a store of the test's own."""
    return Engine(cluster_engine.settings.replaced(backup_store=str(store), final_backup_days=30))


@pytest.fixture(autouse=True)
def acme(context: Context, fake_template: str) -> Iterator[None]:
    travelling.told_where_the_front_is(context)
    with travelling.swept_clusters(context):
        make_instance(context, fake_template)
        yield


def manifest_of(engine: Engine, backup: Backup) -> Manifest:
    settings = engine.settings
    keys = archive_keys(settings.installation.secrets_dir, engine.keys.signing)
    return find_archive(open_store(settings.backups_url, {}), keys, backup.backup).manifest


def damage_manifest(store: Path, backup: Backup) -> None:
    file = store / "manifests" / f"{backup.backup}.json"
    data = bytearray(file.read_bytes())
    data[-200] ^= 1
    file.write_bytes(bytes(data))


# ---------------------------------------------------------------- taking and listing


def test_a_backup_is_listed_with_its_facts_and_can_be_loaded(engine: Engine, context: Context, store):
    backup = engine.backups.take("acme", reason=Reason.UPGRADE)
    assert engine.backups.all() == engine.backups.all("acme") == [backup]
    assert engine.backups.get(backup.backup) == backup
    assert (backup.name, backup.reason, backup.series, backup.proof) == ("acme", "upgrade", "19.0", None)
    assert (backup.files, backup.fault, backup.uncounted) == (len(travelling.FILES), "", ())
    assert engine.backups.all("beta") == []
    engine.archives.load(str(store), backup.backup, "beta")
    assert files_of(context, "beta") == files_of(context, "acme")


def test_the_newest_is_listed_first_and_a_renamed_instance_is_the_same(engine: Engine, context: Context):
    first, second = engine.backups.take("acme"), engine.backups.take("acme")
    listed = engine.backups.all()
    assert {it.backup for it in listed} == {first.backup, second.backup}
    assert [it.made_at for it in listed] == sorted((it.made_at for it in listed), reverse=True)
    assert first.identity == second.identity != ""


def test_a_manifest_says_how_much_there_is(engine: Engine, context: Context):
    as_tenant(context, _ODOOS_TABLES)
    manifest = manifest_of(engine, engine.backups.take("acme"))
    assert (manifest.rows["public.big"], manifest.rows["public.line"]) == (300, 300)
    assert "public.totals" not in manifest.rows
    assert "public.partners" not in manifest.rows
    assert (manifest.attachments, manifest.posted, manifest.uncounted) == (2, "10.75", {})


def test_what_is_counted_is_what_is_dumped(engine: Engine, context: Context, store, monkeypatch):
    """Rows that come after the count are in neither, although pg_dump starts later."""
    dump = dump_instance.dump_database

    def dump_later(*arguments: object) -> object:
        as_tenant(context, "INSERT INTO big (number) VALUES (1)")
        return dump(*arguments)

    monkeypatch.setattr(dump_instance, "dump_database", dump_later)
    backup = engine.backups.take("acme")
    engine.archives.load(str(store), backup.backup, "beta")
    count = "SELECT count(*) FROM public.big"
    assert as_superuser(engine, count, "acme") == [(301,)]
    assert (
        as_superuser(engine, count, "beta") == [(manifest_of(engine, backup).rows["public.big"],)] == [(300,)]
    )


def test_each_manifest_is_read_once_and_again_when_what_was_kept_is_lost(
    engine: Engine, context: Context, monkeypatch
):
    taken = [engine.backups.take("acme"), engine.backups.take("acme")]
    kept = listing._Known.read(engine.settings).file
    read: list[str] = []
    find = listing.find_archive
    monkeypatch.setattr(listing, "find_archive", lambda *given: read.append(given[2]) or find(*given))
    assert len(engine.backups.all()) == 2
    assert read == []
    for text in ("", "{", '{"format": 1}', '{"format": 1, "backups": {"x": [1]}, "proofs": {}}'):
        read.clear()
        kept.write_text(text)
        assert {it.backup for it in engine.backups.all()} == {it.backup for it in taken}
        assert len(engine.backups.all()) == len(read) == 2
    kept.unlink()
    assert len(engine.backups.all()) == 2
    assert kept.stat().st_mode & 0o077 == 0


def test_a_manifest_that_cannot_be_read_hides_no_other_and_says_why(engine: Engine, store):
    good, bad = engine.backups.take("acme"), engine.backups.take("acme")
    damage_manifest(store, bad)
    found = {it.backup: it for it in engine.backups.all()}
    assert found[good.backup] == good
    assert "damaged" in found[bad.backup].fault
    assert (found[bad.backup].name, found[bad.backup].made_at[:19]) == ("acme", bad.made_at[:19])


def test_backups_are_listed_without_postgres_and_without_the_private_key(
    engine: Engine, context: Context, monkeypatch
):
    backup = engine.backups.take("acme")
    private = context.settings.installation.secrets_dir / "archive.key"
    kept = private.read_text()

    def no_cluster(_engine: Engine) -> Context:
        raise PostgresUnreachable("localhost", "it is down")

    monkeypatch.setattr(Engine, "context", property(no_cluster))
    try:
        private.unlink()
        assert engine.backups.all() == [backup]
        for file in context.settings.run_dir.glob("backups-*.json"):
            file.unlink()
        (unreadable,) = engine.backups.all()
        assert "No key" in unreadable.fault
    finally:
        private.write_text(kept)


def test_the_newest_proof_is_shown_and_one_that_cannot_be_read_counts_as_none(engine: Engine, store):
    one, other = engine.backups.take("acme"), engine.backups.take("acme")
    target = place(engine.context, str(store))
    put_proof(
        target, one.backup, Proof(ProofState.FAILED, "2026-11-30T02:00:00+00:00", 3.5, "a row is missing")
    )
    assert engine.backups.get(one.backup).proof.state is ProofState.FAILED
    good = Proof(ProofState.PROVED, "2026-11-30T03:00:00+00:00", 3.5)
    put_proof(target, one.backup, good)
    assert engine.backups.get(one.backup).proof == good
    assert engine.backups.get(other.backup).proof is None
    (store / f"proofs/{other.backup}.json").write_bytes((store / f"proofs/{one.backup}.json").read_bytes())
    assert engine.backups.get(other.backup).proof.state is ProofState.UNVERIFIABLE


def test_the_command_takes_lists_and_shows(engine: Engine, context: Context):
    def told(*arguments: str) -> object:
        environment = engine.settings.to_environment()
        result = CliRunner(env=environment).invoke(app, ["backup", *arguments])
        assert result.exit_code == 0, result.stderr
        return result.stdout

    made = json.loads(told("now", "acme", "--json"))
    assert made["backup"].startswith("acme-")
    assert [it["backup"] for it in json.loads(told("list", "acme", "--json"))] == [made["backup"]]
    assert "not yet" in told("list")
    assert "asked" in told("show", made["backup"])
    with pytest.raises(ArchiveNotFound):
        engine.backups.get("acme-of-nobody")


def test_a_file_that_came_and_was_put_aside_meanwhile_is_in_the_backup(
    engine: Engine, context: Context, store, monkeypatch
):
    """The dumped database refers to it, and Odoo's garbage collection ran before files were read again."""
    folder, dump = travelling.folder_of(context, "acme"), dump_instance.dump_database

    def come_and_go(*arguments: object) -> object:
        aside = folder / ".aside" / "2026-11-30" / "cd"
        aside.mkdir(parents=True)
        (folder / "cd" / ("d" * 40)).write_bytes(b"only for a moment")
        (folder / "cd" / ("d" * 40)).rename(aside / ("d" * 40))
        return dump(*arguments)

    monkeypatch.setattr(dump_instance, "dump_database", come_and_go)
    backup = engine.backups.take("acme")
    engine.archives.load(str(store), backup.backup, "beta")
    assert set(files_of(context, "beta")) == {*travelling.FILES, "cd/" + "d" * 40}
    monkeypatch.undo()
    assert engine.backups.take("acme").files == len(travelling.FILES)


# ---------------------------------------------------------------- hostile tenants


def test_a_tenants_code_runs_with_its_own_rights_only_and_stops_no_backup(engine: Engine, context: Context):
    as_tenant(
        context,
        _ODOOS_TABLES
        + """
        CREATE TYPE state AS ENUM ('posted', 'draft');
        CREATE FUNCTION look(state, state) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
            RAISE 'asked by % and %', session_user, current_user;
        END $$;
        CREATE OPERATOR = (LEFTARG = state, RIGHTARG = state, FUNCTION = look);
        ALTER TABLE account_move_line ALTER parent_state TYPE state USING parent_state::state;
        ALTER TABLE ir_attachment RENAME store_fname TO elsewhere;
        """,
    )
    backup = engine.backups.take("acme")
    manifest = manifest_of(engine, backup)
    assert (manifest.rows["public.account_move_line"], manifest.attachments, manifest.posted) == (4, None, "")
    assert set(manifest.uncounted) == {"attachments", "posted"}
    assert "asked by acme and acme" in manifest.uncounted["posted"]
    assert any("store_fname" in line for line in backup.uncounted)


def test_what_a_tenant_put_in_the_place_of_odoos_tables_is_not_counted_and_said(
    engine: Engine, context: Context
):
    as_tenant(context, "CREATE VIEW ir_attachment AS SELECT 1 AS id, 'x'::text AS store_fname")
    backup = engine.backups.take("acme")
    manifest = manifest_of(engine, backup)
    assert (manifest.rows, manifest.attachments) == ({}, None)
    assert "not a plain table" in manifest.uncounted["tables"]


def test_a_table_that_cannot_be_counted_hides_no_other(context: Context):
    as_tenant(
        context,
        "ALTER TABLE line ENABLE ROW LEVEL SECURITY; ALTER TABLE line FORCE ROW LEVEL SECURITY;"
        "CREATE POLICY few ON line USING (quantity > 10)",
    )
    with context.as_tenant("acme") as inside:
        found = count_contents(inside)
    assert list(found.uncounted) == ["public.line"]
    assert found.rows["public.big"] == 300
    assert "public.line" not in found.rows


# ---------------------------------------------------------------- pruning

_LONG_AGO = 3 * 24 * 3600


def age(store: Path, pattern: str = "*") -> None:
    """Let what is in the store be older than the longest dump."""
    for file in store.rglob(pattern):
        if file.is_file():
            os.utime(file, (file.stat().st_mtime - _LONG_AGO,) * 2)


def paths(store: Path, folder: str) -> set[str]:
    return {str(file.relative_to(store / folder)) for file in (store / folder).rglob("*") if file.is_file()}


def fewer_files(context: Context) -> None:
    """The next backup needs one file less."""
    (travelling.folder_of(context, "acme") / "ab/abcdef").unlink()


ONE = Retention(daily=1, weekly=0, monthly=0)


def test_a_pruning_removes_backups_and_a_day_later_the_files_that_only_they_needed(
    engine: Engine, context: Context, store
):
    first = engine.backups.take("acme")
    fewer_files(context)
    second = engine.backups.take("acme")
    age(store)
    assert engine.backups.prune(ONE, only_tell=True).removed == (first.backup,)
    assert len(engine.backups.all()) == 2
    pruned = engine.backups.prune(ONE)
    assert (pruned.removed, pruned.condemned, pruned.files) == ((first.backup,), 1, 0)
    assert engine.backups.all() == [second]
    assert len(paths(store, "dumps")) == 1
    assert engine.backups.prune(ONE) == Pruned(())
    age(store)
    assert engine.backups.prune(ONE).files == 1
    assert len(paths(store, "files")) == second.files
    engine.archives.load(str(store), second.backup, "beta")
    assert files_of(context, "beta") == files_of(context, "acme")


def test_files_that_a_running_backup_relies_on_are_kept(engine: Engine, context: Context, store, monkeypatch):
    """It found them in the store, and its manifest, which would say so, is not written yet."""
    first, put = engine.backups.take("acme"), dump_instance.put_manifest
    before = files_of(context, "acme")
    age(store)
    engine.backups.remove(first.backup)
    pruned: list[Pruned] = []

    def prune_first(*arguments: object) -> None:
        pruned.append(engine.backups.prune())
        put(*arguments)

    monkeypatch.setattr(dump_instance, "put_manifest", prune_first)
    second = engine.backups.take("acme")
    assert pruned[0].condemned == len(travelling.FILES)
    engine.archives.load(str(store), second.backup, "beta")
    assert files_of(context, "beta") == before
    age(store)
    assert engine.backups.prune().files == 0
    assert paths(store, "condemned") == set()
    engine.archives.load(str(store), second.backup, "gamma")
    assert files_of(context, "gamma") == before


def test_a_backup_that_begins_after_a_pruning_puts_the_files_again(engine: Engine, context: Context, store):
    engine.backups.remove(engine.backups.take("acme").backup)
    age(store)
    engine.backups.prune()
    assert paths(store, "files") == set()
    backup = engine.backups.take("acme")
    age(store)
    engine.backups.prune()
    assert paths(store, "condemned") == set()
    engine.archives.load(str(store), backup.backup, "beta")
    assert files_of(context, "beta") == files_of(context, "acme")


def test_young_things_are_left_alone(engine: Engine, store):
    (store / "dumps").mkdir(parents=True)
    (store / "dumps/acme-1.pgdump.zst.age").write_text("a backup is writing it")
    (store / "dumps/acme-2.pgdump.zst.age#1").write_text("and another one")
    engine.backups.remove(engine.backups.take("acme").backup)
    assert engine.backups.prune() == Pruned(())
    assert len(paths(store, "dumps")) == 2
    assert len(paths(store, "files")) == len(travelling.FILES)
    age(store)
    engine.backups.prune()
    assert paths(store, "dumps") == paths(store, "files") == set()


def test_a_backup_that_cannot_be_read_stops_the_removal_of_files_but_of_nothing_else(
    engine: Engine, context: Context, store
):
    first, bad = engine.backups.take("acme"), engine.backups.take("acme")
    fewer_files(context)
    last = engine.backups.take("acme")
    damage_manifest(store, bad)
    age(store)
    with pytest.raises(BackupsUnreadable, match=bad.backup):
        engine.backups.prune(ONE)
    assert {it.backup for it in engine.backups.all()} == {bad.backup, last.backup}
    assert first.files == len(paths(store, "files"))
    engine.backups.remove(bad.backup)
    assert engine.backups.prune(ONE).condemned == 1
    with pytest.raises(ArchiveNotFound):
        engine.backups.remove(bad.backup)


def test_what_killed_backups_and_prunings_left_is_removed(engine: Engine, context: Context, store):
    run_and_kill(engine.settings, "backup", "database", "acme")
    assert engine.backups.all() == []
    assert len(paths(store, "dumps")) == 1
    backup = engine.backups.take("acme")
    target = place(engine.context, str(store))
    put_proof(target, backup.backup, Proof(ProofState.PROVED, "2026-11-30T02:00:00+00:00", 3.5))
    (store / "manifests" / f"{backup.backup}.json").unlink()  # a pruning was killed here
    age(store)
    engine.backups.prune()
    assert paths(store, "dumps") == paths(store, "proofs") == paths(store, "files") == set()


def test_a_pruning_that_ends_anywhere_is_finished_by_the_next(
    engine: Engine, context: Context, store, tmp_path, monkeypatch
):
    """It ends before one of its changes, as a killed one does: nothing is undone."""
    engine.backups.take("acme")
    fewer_files(context)
    last = engine.backups.take("acme")
    age(store)
    for number in range(8):
        copy = tmp_path / f"copy-{number}"
        shutil.copytree(store, copy)
        there = Engine(engine.settings.replaced(backup_store=str(copy)))
        with monkeypatch.context() as patched:
            _die_before_change(patched, number)
            with contextlib.suppress(KeyboardInterrupt):
                there.backups.prune(ONE)
        for _ in range(2):
            age(copy)
            there.backups.prune(ONE)
        assert [it.backup for it in there.backups.all()] == [last.backup]
        assert (len(paths(copy, "dumps")), len(paths(copy, "files"))) == (1, last.files)
        assert paths(copy, "condemned") == set()
    engine.archives.load(str(copy), last.backup, "beta")
    assert files_of(context, "beta") == files_of(context, "acme")


def _die_before_change(patched: pytest.MonkeyPatch, number: int) -> None:
    """The change of that number, from 0, does not happen, nor does a later one."""
    happened: list[str] = []

    def dying(name: str) -> Callable[..., object]:
        real = getattr(obstore, name)

        def change(*arguments: object, **keywords: object) -> object:
            if len(happened) == number:
                raise KeyboardInterrupt
            happened.append(name)
            return real(*arguments, **keywords)

        return change

    for name in ("put", "copy", "delete"):
        patched.setattr(obstore, name, dying(name))


def test_two_machines_prune_one_store_at_once(engine: Engine, context: Context, store):
    for _ in range(3):
        engine.backups.take("acme")
    fewer_files(context)
    last = engine.backups.take("acme")
    age(store)
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(engine.backups.prune, ONE) for _ in range(4)]:
            done.result()
    assert engine.backups.all() == [last]
    engine.archives.load(str(store), last.backup, "beta")
    assert files_of(context, "beta") == files_of(context, "acme")


def test_a_store_that_fails_is_an_error_and_removes_nothing(engine: Engine, store, monkeypatch):
    monkeypatch.setattr(stores, "_RETRY", {"max_retries": 0, "retry_timeout": timedelta(seconds=1)})
    backup = engine.backups.take("acme")
    nowhere = Engine(engine.settings.replaced(backup_store="s3://bucket"))
    secrets = engine.settings.installation.secrets_dir / "stores.toml"
    secrets.write_text(
        '["s3://bucket"]\nendpoint = "http://127.0.0.1:9"\naccess_key_id = "a"\nsecret_access_key = "b"\n'
        'region = "x"\n'
    )
    try:
        for call in (nowhere.backups.all, nowhere.backups.prune, lambda: nowhere.backups.take("acme")):
            with pytest.raises(StoreFailure):
                call()
    finally:
        secrets.unlink()
    assert engine.backups.all() == [backup]


# ---------------------------------------------------------------- the final backup


def test_a_terminated_instance_has_a_final_backup_with_everything(engine: Engine, context: Context, store):
    as_tenant(context, "INSERT INTO big (number) VALUES (4711)")
    before = files_of(context, "acme")
    engine.instances.terminate("acme")
    with pytest.raises(InstanceNotFound):
        engine.instances.get("acme")
    (final,) = engine.backups.all("acme")
    assert (final.reason, final.fault) == (Reason.TERMINATE, "")
    engine.archives.load(str(store), final.backup, "acme")
    assert files_of(context, "acme") == before
    assert as_superuser(engine, "SELECT count(*) FROM public.big", "acme") == [(301,)]
    with context.maintenance() as connection:
        assert find_instance(connection, "acme").identity_of("acme") == final.identity


def test_a_write_of_the_last_moment_is_in_the_final_backup(
    engine: Engine, context: Context, store, monkeypatch
):
    """A session that is open yet is ended before the backup begins."""
    owner = context.cluster.as_role("acme", context.role_password("acme"))
    end = lifecycle.databases.end_sessions
    with owner.connect("acme") as session:

        def write_first(*given: object) -> None:
            monkeypatch.setattr(lifecycle.databases, "end_sessions", end)
            session.execute("INSERT INTO big (number) VALUES (1)")
            end(*given)

        monkeypatch.setattr(lifecycle.databases, "end_sessions", write_first)
        engine.instances.terminate("acme")
    (final,) = engine.backups.all()
    assert manifest_of(engine, final).rows["public.big"] == 301


@pytest.mark.parametrize("state", [State.ACTIVE, State.SUSPENDED])
def test_without_a_final_backup_nothing_is_dropped_and_the_instance_is_as_it_was(
    engine: Engine, context: Context, tmp_path, state: State
):
    with context.maintenance() as connection:
        databases.label(connection, "acme", find_instance(connection, "acme").having(state=state))
        if state is State.SUSPENDED:
            roles.disable_login(connection, "acme")
        before = find_instance(connection, "acme")
        (tmp_path / "full").write_text("no folder")
        broken = Engine(engine.settings.replaced(backup_store=str(tmp_path / "full" / "store")))
        with pytest.raises(FinalBackupFailed, match="acme"):
            broken.instances.terminate("acme")
        assert find_instance(connection, "acme") == before
        assert roles.can_log_in(connection, "acme") == (state is State.ACTIVE)
    assert as_superuser(engine, "SELECT count(*) FROM public.big", "acme") == [(300,)]
    broken.instances.terminate("acme", without_backup=True)
    assert engine.instances.names() == []


@pytest.mark.parametrize("step", ["lock", "backup", "database"])
def test_a_termination_that_is_killed_and_repeated_takes_one_backup(engine: Engine, context: Context, step):
    run_and_kill(engine.settings, "terminate with a backup", step, "acme")
    engine.instances.terminate("acme")
    (final,) = engine.backups.all()
    assert final.reason == Reason.TERMINATE
    assert engine.instances.names() == []


def test_a_final_backup_that_was_complete_when_its_termination_died_is_not_taken_again(
    engine: Engine, monkeypatch
):
    def die(*_given: object) -> None:
        raise KeyboardInterrupt

    remember = take.remember
    monkeypatch.setattr(take, "remember", die)
    with pytest.raises(KeyboardInterrupt):
        engine.instances.terminate("acme")
    monkeypatch.setattr(take, "remember", remember)
    before = engine.backups.all()
    engine.instances.terminate("acme")
    assert engine.backups.all() == before
    assert len(before) == 1


def test_what_no_customer_used_and_what_nobody_wants_to_keep_has_no_final_backup(
    engine: Engine, context: Context
):
    with context.maintenance() as connection:
        label = find_instance(connection, "acme")
        databases.label(connection, "acme", label.having(state=State.PROVISIONING))
    engine.instances.terminate("acme")
    assert engine.backups.all() == []
    for number, (days, without) in enumerate([(30, True), (0, False)]):
        name = f"beta-{number}"
        make_instance(context, "fake", name)
        there = Engine(engine.settings.replaced(final_backup_days=days))
        there.instances.terminate(name, without_backup=without)
        assert engine.backups.all() == []


def test_the_backups_of_a_terminated_instance_are_purged_after_their_time(engine: Engine, context: Context):
    first, at_once = engine.backups.take("acme"), Retention(final_days=0)
    engine.instances.terminate("acme")
    assert engine.backups.prune().removed == (first.backup,)  # of the same day
    (final,) = engine.backups.all()
    engine.archives.load(engine.settings.backups_url, final.backup, "acme")
    assert final.backup in {it.backup for it in engine.backups.all()}
    engine.backups.prune(at_once)
    assert engine.backups.all() == [final]
    engine.instances.terminate("acme", without_backup=True)
    assert engine.backups.prune(at_once).removed == (final.backup,)
    assert engine.backups.all() == []
