"""Backups on a real cluster: what they say is true, nothing stops them, nothing needed is removed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support import travelling
from tests.support.killed import run_and_kill
from tests.support.travelling import as_superuser, as_tenant, files_of, make_instance
from typer.testing import CliRunner

from tenantry.archive.encryption import archive_keys
from tenantry.archive.format import Manifest
from tenantry.archive.load import find_archive
from tenantry.archive.stores import open_store
from tenantry.cli.main import app
from tenantry.engine import Engine
from tenantry.errors import ArchiveNotFound, PostgresUnreachable
from tenantry.model.backup import Backup, Proof, ProofState, Reason
from tenantry.operations.backup import listing
from tenantry.operations.backup.proofs import put_proof
from tenantry.operations.context import Context
from tenantry.operations.instance import dump as dump_instance
from tenantry.operations.instance.archives import place
from tenantry.operations.instance.contents import count_contents

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
    return Engine(cluster_engine.settings.replaced(backup_store=str(store)))


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
    kept = next(iter(context.settings.run_dir.glob("backups-*.json")))
    read: list[str] = []
    find = listing.find_archive
    monkeypatch.setattr(listing, "find_archive", lambda *given: read.append(given[2]) or find(*given))
    assert len(engine.backups.all()) == 2
    assert read == []
    for text in ("", "{", '{"format": 1}', '{"format": 1, "backups": {"x": [1]}, "proofs": {}}'):
        read.clear()
        kept.write_text(text)
        assert {it.backup for it in engine.backups.all()} == {it.backup for it in taken}
        assert len(read) == 2
    kept.unlink()
    assert len(engine.backups.all()) == 2
    assert kept.stat().st_mode & 0o077 == 0


def test_a_manifest_that_cannot_be_read_hides_no_other_and_says_why(engine: Engine, store):
    good, bad = engine.backups.take("acme"), engine.backups.take("acme")
    damage_manifest(store, bad)
    found = {it.backup: it for it in engine.backups.all()}
    assert found[good.backup] == good
    assert "damaged" in found[bad.backup].fault
    assert (found[bad.backup].name, found[bad.backup].made_at) == ("acme", bad.made_at)


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


@pytest.mark.parametrize("step", [step.name for step in dump_instance.STEPS[:-1]])
def test_a_killed_backup_is_none_and_is_taken_again(engine: Engine, step: str):
    run_and_kill(engine.settings, "backup", step, "acme")
    assert engine.backups.all() == []
    backup = engine.backups.take("acme")
    assert engine.backups.all() == [backup]


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
        "CREATE POLICY some ON line USING (quantity > 10)",
    )
    with context.as_tenant("acme") as inside:
        found = count_contents(inside)
    assert list(found.uncounted) == ["public.line"]
    assert found.rows["public.big"] == 300
    assert "public.line" not in found.rows
