"""Dumping an instance and loading it again, on a real cluster: equal, whole or not at all, and safe."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
import zstandard
from pyrage.x25519 import Identity
from tests.support import travelling
from tests.support.inventory import orphans
from tests.support.killed import run_and_kill
from tests.support.travelling import as_superuser, as_tenant, files_of, folder_of, make_instance
from typer.testing import CliRunner

from tenantry.archive import dump as dumping
from tenantry.archive.encryption import archive_keys, encrypt, open_sealed, seal
from tenantry.archive.format import FORMAT, PART_BYTES, Archive, Manifest, manifest_path
from tenantry.cli.main import app
from tenantry.engine import Engine
from tenantry.errors import (
    ArchiveDamaged,
    ArchiveKeyMissing,
    ArchiveNotFound,
    ArchiveNotTrusted,
    ArchiveUnsupported,
    Busy,
    DumpFailed,
    FilestoreFailure,
    InstanceNotFound,
    InvalidStore,
    InvalidTransition,
    NameTaken,
    PostgresUnreachable,
    RestoreFailed,
    StoreFailure,
    TenantryError,
)
from tenantry.model import names
from tenantry.model.catalog import State
from tenantry.model.secret import random_key
from tenantry.operations.context import Context
from tenantry.operations.instance import dump as dump_instance
from tenantry.operations.instance import load as load_instance
from tenantry.operations.inventory import find_instance
from tenantry.postgres import databases, locks, roles


@pytest.fixture(autouse=True)
def acme(context: Context, fake_template: str) -> Iterator[None]:
    travelling.told_where_the_front_is(context)
    with travelling.swept_clusters(context):
        make_instance(context, fake_template)
        yield


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def archive(cluster_engine: Engine, store: Path) -> Archive:
    return cluster_engine.archives.dump("acme", str(store))


def objects(store: Path) -> list[str]:
    return sorted(str(file.relative_to(store)) for file in store.rglob("*") if file.is_file())


def the_only(store: Path, pattern: str) -> Path:
    (found,) = store.glob(pattern)
    return found


# ---------------------------------------------------------------- there and back


def test_what_is_loaded_is_what_was_dumped(cluster_engine: Engine, context: Context, store, archive):
    made = cluster_engine.archives.load(str(store), archive.archive, "beta")
    assert made.state is State.STOPPED
    assert travelling.schema_and_rows(cluster_engine, "beta") == travelling.schema_and_rows(
        cluster_engine, "acme"
    )
    assert files_of(context, "beta") == files_of(context, "acme")
    assert "ef/empty" in files_of(context, "beta")
    assert orphans(context) == []


def test_the_new_role_owns_all_objects_and_cannot_log_in(
    cluster_engine: Engine, context: Context, store, archive
):
    cluster_engine.archives.load(str(store), archive.archive, "beta")
    owners = (
        "SELECT DISTINCT relowner::regrole::text FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    )
    found = {owner for (owner,) in as_superuser(cluster_engine, owners, "beta")}
    assert found - {"postgres"} == {"beta"}  # what belongs to an extension is the superuser's everywhere
    with context.maintenance() as connection:
        assert not roles.can_log_in(connection, "beta")
        assert not roles.exists(connection, names.loading_database("beta"))


def test_a_loaded_instance_is_limited_and_hardened_like_any_other(
    cluster_engine: Engine, context: Context, store, archive
):
    cluster_engine.archives.load(str(store), archive.archive, "beta")
    rights = """
        SELECT has_table_privilege('beta', 'pg_catalog.pg_roles', 'SELECT'),
               has_schema_privilege('beta', 'public', 'CREATE'),
               has_database_privilege('acme', 'beta', 'CONNECT'),
               (SELECT rolconnlimit FROM pg_roles WHERE rolname = 'beta')
    """
    assert as_superuser(cluster_engine, rights, "beta") == [(False, True, False, roles.MAX_CONNECTIONS)]


def test_a_loaded_instance_has_a_new_address_and_keeps_its_other_settings(
    cluster_engine: Engine, context: Context, store, archive
):
    cluster_engine.archives.load(str(store), archive.archive, "beta")
    found = dict(as_superuser(cluster_engine, "SELECT key, value FROM ir_config_parameter", "beta"))
    assert found == {"web.base.url": context.address("beta").url, "plan": "small"}


def test_a_copy_gets_a_new_identity_and_a_restored_instance_keeps_its_own(
    cluster_engine: Engine, context: Context, store, archive
):
    """Statements that were signed for the original are void in a copy."""
    with context.maintenance() as connection:
        original = find_instance(connection, "acme")
        cluster_engine.archives.load(str(store), archive.archive, "beta")
        assert find_instance(connection, "beta").identity_of("beta") != original.identity_of("acme")
        for name in ("acme", "beta"):
            databases.drop(connection, name)
            roles.drop(connection, name)
            context.filestores.remove(name)
        context.filestores.remove(original.filestore)
        cluster_engine.archives.load(str(store), archive.archive, "acme")
        label = find_instance(connection, "acme")
    assert label.identity_of("acme") == original.identity_of("acme")
    assert label.finished == original.finished


def test_files_that_are_in_the_store_already_are_not_uploaded_again(cluster_engine: Engine, store, archive):
    before = {name: (store / name).stat().st_mtime_ns for name in objects(store)}
    cluster_engine.archives.dump("acme", str(store))
    after = {name: (store / name).stat().st_mtime_ns for name in objects(store)}
    assert {name: after[name] for name in before} == before
    new = set(after) - set(before)
    assert sorted(name.partition("/")[0] for name in new) == ["dumps", "manifests"]


def test_a_truncated_file_in_the_store_is_uploaded_again(cluster_engine: Engine, context, store, archive):
    largest = max((store / name for name in objects(store) if name.startswith("files/")), key=os.path.getsize)
    largest.write_bytes(largest.read_bytes()[:1000])
    again = cluster_engine.archives.dump("acme", str(store))
    cluster_engine.archives.load(str(store), again.archive, "beta")
    assert files_of(context, "beta") == files_of(context, "acme")


def test_a_database_of_many_parts_is_dumped_and_loaded(cluster_engine: Engine, context: Context, store):
    as_tenant(
        context,
        "INSERT INTO big (blob) SELECT gen_random_uuid()::text::bytea FROM generate_series(1, 400000)",
    )
    archive = cluster_engine.archives.dump("acme", str(store))
    assert the_only(store, "dumps/*").stat().st_size > PART_BYTES
    cluster_engine.archives.load(str(store), archive.archive, "beta")
    count = "SELECT count(*), md5(string_agg(blob::text, '' ORDER BY id)) FROM big"
    assert as_superuser(cluster_engine, count, "beta") == as_superuser(cluster_engine, count, "acme")


@pytest.mark.parametrize("state", [State.STOPPED, State.SUSPENDED])
def test_a_stopped_instance_can_be_dumped(cluster_engine: Engine, context: Context, store, state: State):
    with context.maintenance() as connection:
        databases.label(connection, "acme", find_instance(connection, "acme").having(state=state))
        roles.disable_login(connection, "acme")
    archive = cluster_engine.archives.dump("acme", str(store))
    cluster_engine.archives.load(str(store), archive.archive, "beta")
    assert files_of(context, "beta") == files_of(context, "acme")


def test_archives_are_listed(cluster_engine: Engine, store, archive):
    second = cluster_engine.archives.dump("acme", str(store))
    assert cluster_engine.archives.all(str(store)) == sorted([archive.archive, second.archive])


def test_an_archive_of_a_trusted_installation_is_loaded(cluster_engine: Engine, context: Context, store):
    elsewhere = replace(context, keys=replace(context.keys, signing=random_key()))
    signer = archive_keys(context.settings.installation.secrets_dir, elsewhere.keys.signing).signer
    archive = dump_instance.dump_instance(elsewhere, "acme", str(store))
    with pytest.raises(ArchiveNotTrusted, match=signer):
        cluster_engine.archives.load(str(store), archive.archive, "beta")
    cluster_engine.archives.load(str(store), archive.archive, "beta", trusted=signer)
    with context.maintenance() as connection:
        assert find_instance(connection, "beta").version == ""


def test_the_command_dumps_lists_and_loads(cluster_engine: Engine, context: Context, store):
    def told(*arguments: str) -> object:
        environment = context.settings.to_environment()
        result = CliRunner(env=environment).invoke(app, ["archive", *arguments, "--json"])
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)

    archive = told("dump", "acme", str(store))
    assert archive["skipped"] == 0
    assert told("list", str(store)) == [archive["archive"]]
    assert told("load", str(store), archive["archive"], "beta")["state"] == "stopped"
    assert told("key") == {"key": cluster_engine.archives.signer()}
    assert files_of(context, "beta") == files_of(context, "acme")


# ---------------------------------------------------------------- refused


def test_what_cannot_be_dumped_is_refused(cluster_engine: Engine, context: Context, store):
    with pytest.raises(InstanceNotFound):
        cluster_engine.archives.dump("nobody", str(store))
    with pytest.raises(InvalidStore):
        cluster_engine.archives.dump("acme", "nothing://of-the-kind")
    with context.maintenance() as connection:
        with locks.exclusive(connection, "instance acme"), pytest.raises(Busy):
            cluster_engine.archives.dump("acme", str(store))
        databases.label(connection, "acme", find_instance(connection, "acme").having(state=State.TERMINATING))
    with pytest.raises(InvalidTransition):
        cluster_engine.archives.dump("acme", str(store))
    assert objects(store) == []


def test_a_taken_name_is_refused_and_its_instance_stays_unchanged(
    cluster_engine: Engine, context: Context, store, archive
):
    with pytest.raises(NameTaken):
        cluster_engine.archives.load(str(store), archive.archive, "acme")
    assert files_of(context, "acme")
    with pytest.raises(ArchiveNotFound):
        cluster_engine.archives.load(str(store), "../manifests/x", "beta")


def _flip(file: Path, at: int = -100) -> None:
    data = bytearray(file.read_bytes())
    data[at] ^= 1
    file.write_bytes(bytes(data))


def _truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def _files(store: Path) -> list[Path]:
    return sorted(store.glob("files/*/*/*"), key=lambda file: file.stat().st_size)


def _swap(one: Path, other: Path) -> None:
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def _change_manifest(store: Path, **changes: object) -> None:
    """Change the manifest as another version of this program would, which has the keys."""
    file = the_only(store, "manifests/*")
    secrets = Path(os.environ["TENANTRY_TEST_SECRETS"])
    signing = (secrets / "signing.key").read_text().strip()
    keys = archive_keys(secrets, type(random_key())(signing))
    opened = json.loads(open_sealed(keys, file.stem, file.read_bytes()).data)
    file.write_bytes(seal(keys, json.dumps(opened | changes).encode()))


def _envelope(store: Path, **changes: object) -> None:
    file = the_only(store, "manifests/*")
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


CORRUPTIONS: dict[str, tuple[Callable[[Path], object], type[TenantryError]]] = {
    "a flipped byte at the dump's end": (lambda s: _flip(the_only(s, "dumps/*")), ArchiveDamaged),
    "a flipped byte at its beginning": (lambda s: _flip(the_only(s, "dumps/*"), 5), ArchiveDamaged),
    "a dump cut short": (lambda s: _truncate(the_only(s, "dumps/*")), ArchiveDamaged),
    "an empty dump": (lambda s: the_only(s, "dumps/*").write_bytes(b""), ArchiveDamaged),
    "no dump": (lambda s: the_only(s, "dumps/*").unlink(), ArchiveDamaged),
    "another object as dump": (lambda s: shutil.copy(_files(s)[-1], the_only(s, "dumps/*")), ArchiveDamaged),
    "no manifest": (lambda s: the_only(s, "manifests/*").unlink(), ArchiveNotFound),
    "a manifest cut short": (lambda s: _truncate(the_only(s, "manifests/*")), ArchiveDamaged),
    "a flipped byte in it": (lambda s: _flip(the_only(s, "manifests/*"), -200), ArchiveDamaged),
    "a manifest of another signer": (lambda s: _envelope(s, signer="00" * 32), ArchiveDamaged),
    "a signature that is none": (lambda s: _envelope(s, signature="zz"), ArchiveDamaged),
    "a manifest of another archive": (lambda s: _change_manifest(s, archive="acme-1"), ArchiveDamaged),
    "a newer format": (lambda s: _change_manifest(s, format=FORMAT + 1), ArchiveUnsupported),
    "a newer PostgreSQL": (lambda s: _change_manifest(s, postgres=99), ArchiveUnsupported),
    "another series of Odoo": (lambda s: _change_manifest(s, series="18.0"), ArchiveUnsupported),
    "a file missing": (lambda s: _files(s)[-1].unlink(), ArchiveDamaged),
    "a flipped byte in a file": (lambda s: _flip(_files(s)[-1]), ArchiveDamaged),
    "a file cut short": (lambda s: _truncate(_files(s)[-1]), ArchiveDamaged),
    "two files swapped": (lambda s: _swap(*_files(s)[-2:]), ArchiveDamaged),
}


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_each_corruption_is_refused_and_leaves_nothing(
    cluster_engine: Engine, context: Context, store, archive, corruption: str, monkeypatch
):
    monkeypatch.setenv("TENANTRY_TEST_SECRETS", str(context.settings.installation.secrets_dir))
    spoil, expected = CORRUPTIONS[corruption]
    spoil(store)
    with pytest.raises(expected) as raised:
        cluster_engine.archives.load(str(store), archive.archive, "beta")
    assert raised.value.remedy
    with context.maintenance() as connection:
        assert databases.find(connection, "beta") is None
    assert orphans(context) == []


def test_nothing_of_a_forged_dump_is_used(
    cluster_engine: Engine, context: Context, store, archive, monkeypatch
):
    """Anybody with the public key can encrypt a dump, but pg_restore must not get a byte of a forged one."""
    given: list[bytes] = []
    monkeypatch.setattr("tenantry.process.Piped.write", lambda _self, data: given.append(data) or len(data))
    keys = archive_keys(context.settings.installation.secrets_dir, random_key())
    with the_only(store, "dumps/*").open("wb") as forged:
        encrypt(keys, io.BytesIO(zstandard.compress(b"PGDMP")), forged)
    with pytest.raises(ArchiveDamaged):
        cluster_engine.archives.load(str(store), archive.archive, "beta")
    assert given == []


def test_a_private_key_that_is_kept_elsewhere_is_reported_as_missing(
    cluster_engine: Engine, context: Context, store, archive
):
    private = context.settings.installation.secrets_dir / "archive.key"
    kept = private.read_text()
    try:
        private.unlink()
        again = cluster_engine.archives.dump("acme", str(store))
        for text in (None, str(Identity.generate())):
            if text:
                private.write_text(text)
            with pytest.raises(ArchiveKeyMissing) as raised:
                cluster_engine.archives.load(str(store), again.archive, "beta")
            assert str(Identity.from_str(kept).to_public()) in raised.value.remedy
        private.write_text(f"# two of them\n{Identity.generate()}\n{kept}\n")
        cluster_engine.archives.load(str(store), again.archive, "beta")
    finally:
        private.write_text(kept)


# ---------------------------------------------------------------- run again


def test_what_was_loaded_is_not_loaded_again(cluster_engine: Engine, context: Context, store, archive):
    cluster_engine.archives.load(str(store), archive.archive, "beta")
    as_superuser(cluster_engine, "UPDATE ir_config_parameter SET value = 'large' WHERE key = 'plan'", "beta")
    assert cluster_engine.archives.load(str(store), archive.archive, "beta").name == "beta"
    query = "SELECT value FROM ir_config_parameter WHERE key = 'plan'"
    assert as_superuser(cluster_engine, query, "beta") == [("large",)]


@pytest.mark.parametrize("step", [step.name for step in dump_instance.STEPS[:-1]])
def test_a_dump_killed_after_any_step_leaves_no_archive_and_is_made_again(
    cluster_engine: Engine, context: Context, store, step: str
):
    run_and_kill(context.settings, "dump", step, "acme", str(store))
    assert cluster_engine.archives.all(str(store)) == []
    archive = cluster_engine.archives.dump("acme", str(store))
    cluster_engine.archives.load(str(store), archive.archive, "beta")
    assert files_of(context, "beta") == files_of(context, "acme")
    with context.maintenance() as connection:
        query = "SELECT count(*) FROM pg_auth_members JOIN pg_roles ON oid = member WHERE rolname = %s"
        assert connection.execute(query, [names.DUMP_ROLE]).fetchone() == (0,)


@pytest.mark.parametrize("step", [step.name for step in load_instance.STEPS])
def test_a_load_killed_after_any_step_is_finished_by_the_next(
    cluster_engine: Engine, context: Context, store, archive, step: str
):
    run_and_kill(context.settings, "load", step, str(store), archive.archive, "beta")
    made = cluster_engine.archives.load(str(store), archive.archive, "beta")
    assert made.state is State.STOPPED
    assert files_of(context, "beta") == files_of(context, "acme")
    assert travelling.schema_and_rows(cluster_engine, "beta") == travelling.schema_and_rows(
        cluster_engine, "acme"
    )
    assert orphans(context) == []


def test_what_a_killed_load_left_is_swept_by_the_next_fill_of_its_templates_pool(
    cluster_engine: Engine, context: Context, fake_template: str, store, archive
):
    run_and_kill(context.settings, "load", "files", str(store), archive.archive, "beta")
    assert orphans(context) != []
    cluster_engine.pool.fill(fake_template, 0)
    assert orphans(context) == []


def test_a_failed_dump_leaves_only_file_objects(cluster_engine: Engine, context, store, monkeypatch):
    def refuse(*_arguments: object) -> None:
        raise StoreFailure(str(store), "it is full")

    monkeypatch.setattr(dump_instance, "put_manifest", refuse)
    with pytest.raises(StoreFailure):
        cluster_engine.archives.dump("acme", str(store))
    assert {name.partition("/")[0] for name in objects(store)} == {"files"}


@pytest.mark.parametrize("step", ["database", "files", "name", "filestore"])
def test_a_load_that_fails_leaves_nothing(
    cluster_engine: Engine, context: Context, store, archive, step: str, monkeypatch
):
    def fail(*_arguments: object) -> None:
        raise FilestoreFailure(Path("/"), "No space left on device")

    steps = [replace(it, run=fail) if it.name == step else it for it in load_instance.STEPS]
    monkeypatch.setattr(load_instance, "STEPS", tuple(steps))
    with pytest.raises(FilestoreFailure):
        cluster_engine.archives.load(str(store), archive.archive, "beta")
    with context.maintenance() as connection:
        assert databases.find(connection, "beta") is None
    assert orphans(context) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_store_is_an_error_and_no_archive_exists(cluster_engine: Engine, context: Context, tmp_path):
    random = "INSERT INTO big (blob) SELECT gen_random_uuid()::text::bytea FROM generate_series(1, 100000)"
    as_tenant(context, random)
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small], check=True)
    try:
        with pytest.raises(StoreFailure, match=r"[Nn]o space left"):
            cluster_engine.archives.dump("acme", str(small))
        assert cluster_engine.archives.all(str(small)) == []
        assert {name.partition("/")[0] for name in objects(small)} == {"files"}
    finally:
        subprocess.run(["umount", small], check=True)


def test_databases_of_an_older_base_are_prepared_at_the_next_start(
    cluster_engine: Engine, context: Context, fake_template: str, store
):
    template = names.template_database(fake_template)
    as_superuser(cluster_engine, "REVOKE SELECT ON pg_catalog.pg_roles FROM tenantry_dump", "acme")
    with pytest.raises(DumpFailed, match="permission denied"):
        cluster_engine.archives.dump("acme", str(store))
    assert cluster_engine._embedded
    (cluster_engine._embedded.data / "tenantry.ready").write_text("of an older version")
    cluster_engine.start_postgres()
    cluster_engine.archives.dump("acme", str(store))
    with pytest.raises(PostgresUnreachable):
        context.cluster.open(template)


# ---------------------------------------------------------------- while it is used


def test_files_that_are_created_or_deleted_meanwhile_cause_no_failure(
    cluster_engine: Engine, context: Context, store, monkeypatch
):
    folder, put = folder_of(context, "acme"), dump_instance.dump_database

    def change(*arguments: object, **keywords: object) -> object:
        (folder / "cd" / ("d" * 40)).write_bytes(b"it came while the database was dumped")
        (folder / "ab/abcdef").unlink()
        return put(*arguments, **keywords)

    monkeypatch.setattr(dump_instance, "dump_database", change)
    archive = cluster_engine.archives.dump("acme", str(store))
    cluster_engine.archives.load(str(store), archive.archive, "beta")
    assert set(files_of(context, "beta")) == {*travelling.FILES, "cd/" + "d" * 40}


def test_a_file_that_changes_between_two_reads_is_never_stored_under_its_first_hash(
    cluster_engine: Engine, context: Context, store, monkeypatch
):
    """Other archives find files by their hash, so a tenant could replace their files."""
    folder, measured = folder_of(context, "acme"), dumping._measured

    def and_change(file: object) -> tuple[int, str]:
        found = measured(file)
        with (folder / "ab/abcdef").open("r+") as changed:  # never empty: files are read in parallel
            changed.write(os.urandom(8).hex())
        return found

    monkeypatch.setattr(dumping, "_measured", and_change)
    with pytest.raises(FilestoreFailure, match="changed while it was read"):
        cluster_engine.archives.dump("acme", str(store))
    monkeypatch.undo()
    archive = cluster_engine.archives.dump("acme", str(store))
    cluster_engine.archives.load(str(store), archive.archive, "beta")
    assert files_of(context, "beta") == files_of(context, "acme")


# ---------------------------------------------------------------- hostile tenants

_SPY = """
    CREATE TABLE seen (who text, logged_in text, super text);
    CREATE FUNCTION look() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO public.seen VALUES (current_user, session_user, current_setting('is_superuser'));
        BEGIN EXECUTE 'CREATE ROLE owned SUPERUSER LOGIN'; EXCEPTION WHEN OTHERS THEN NULL; END;
        BEGIN EXECUTE 'RESET ROLE; CREATE TABLE public.escaped ()'; EXCEPTION WHEN OTHERS THEN NULL; END;
    END $$;
    CREATE FUNCTION spy(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN
        PERFORM public.look();
        RETURN $1;
    END $$;
    CREATE FUNCTION spy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM public.look();
        RETURN NEW;
    END $$;
    CREATE INDEX planted ON res_partner (spy(name));
    CREATE TRIGGER planted BEFORE INSERT ON big FOR EACH ROW EXECUTE FUNCTION spy();
    CREATE VIEW pg_class AS SELECT spy(name) FROM res_partner;
    CREATE VIEW pg_roles AS SELECT spy(name) AS rolname FROM res_partner;
    CREATE TABLE "x; DROP TABLE res_partner; --\n\\! touch /tmp/owned" (id int);
    ALTER TABLE big ENABLE ROW LEVEL SECURITY;
    ALTER ROLE acme SET search_path = public, pg_catalog;
    ALTER ROLE acme SET statement_timeout = 1;
    TRUNCATE seen;
"""


def test_a_tenants_code_runs_with_the_tenants_privileges_only(
    cluster_engine: Engine, context: Context, store
):
    as_tenant(context, _SPY.replace("\\n", "\n"))
    archive = cluster_engine.archives.dump("acme", str(store))
    assert as_superuser(cluster_engine, "SELECT * FROM public.seen", "acme") == []
    cluster_engine.archives.load(str(store), archive.archive, "beta")
    seen = as_superuser(cluster_engine, "SELECT DISTINCT * FROM public.seen", "beta")
    role = names.loading_database("beta")
    assert seen == [(role, role, "off")]
    with context.maintenance() as connection:
        assert not roles.exists(connection, "owned")
    assert as_superuser(cluster_engine, "SELECT count(*) FROM public.big", "beta") == [(300,)]


def test_pg_dumps_role_reaches_no_other_tenants_database_and_has_no_privileges_afterwards(
    cluster_engine: Engine, context: Context, store, archive
):
    rights = """
        SELECT has_database_privilege(%(role)s, 'acme', 'CONNECT'), rolsuper, rolcreatedb, rolcreaterole
          FROM pg_roles WHERE rolname = %(role)s
    """
    with context.maintenance() as connection:
        found = connection.execute(rights, {"role": names.DUMP_ROLE}).fetchone()
        assert not roles.can_log_in(connection, names.DUMP_ROLE)
    assert found == (False, False, False, False)


def test_queries_before_a_dump_run_no_code_of_the_tenant_as_pg_dumps_role(
    cluster_engine: Engine, context: Context, store
):
    """A column of a type of its own brings functions of its own along."""
    as_tenant(
        context,
        """
        CREATE TABLE seen (logged_in text);
        CREATE TYPE kind AS ENUM ('base');
        CREATE FUNCTION length(kind) RETURNS int LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO public.seen VALUES (session_user);
            RETURN 1;
        END $$;
        ALTER TABLE ir_module_module ALTER name TYPE kind USING 'base';
        UPDATE ir_module_module SET state = 'installed';
        """,
    )
    cluster_engine.archives.dump("acme", str(store))
    seen = as_superuser(cluster_engine, "SELECT DISTINCT logged_in FROM public.seen", "acme")
    assert seen in ([], [("acme",)])


def test_a_session_that_a_killed_dump_left_is_ended(
    cluster_engine: Engine, context: Context, store, monkeypatch
):
    left, dump = [], dump_instance.dump_database

    def leave_one(*arguments: object, **keywords: object) -> object:
        with context.maintenance() as connection:
            roles.enable_login(connection, names.DUMP_ROLE, password := random_key())
        left.append(context.cluster.as_role(names.DUMP_ROLE, password).open("acme"))
        return dump(*arguments, **keywords)

    monkeypatch.setattr(dump_instance, "dump_database", leave_one)
    with pytest.raises(DumpFailed):  # its own password is another one by now
        cluster_engine.archives.dump("acme", str(store))
    with left[0] as session, pytest.raises(psycopg.OperationalError):
        session.execute("SELECT 1")


def test_a_table_of_another_role_is_reported(cluster_engine: Engine, context: Context, store):
    as_superuser(cluster_engine, "CREATE TABLE public.foreign_one (id int)", "acme")
    with pytest.raises(DumpFailed, match="foreign_one"):
        cluster_engine.archives.dump("acme", str(store))
    assert cluster_engine.archives.all(str(store)) == []
    assert {name.partition("/")[0] for name in objects(store)} == {"files"}


def test_a_table_that_the_tenant_locks_is_not_waited_for(
    cluster_engine: Engine, context: Context, store, monkeypatch
):
    monkeypatch.setattr(dumping, "LOCK_WAIT", "--lock-wait-timeout=1s")
    owner = context.cluster.as_role("acme", context.role_password("acme"))
    with owner.connect("acme") as tenant, tenant.transaction():
        tenant.execute("LOCK TABLE big IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(DumpFailed, match="LOCK TABLE"):
            cluster_engine.archives.dump("acme", str(store))


def test_a_dump_that_cannot_be_restored_is_an_error_and_leaves_nothing(
    cluster_engine: Engine, context: Context, store
):
    """A function in an index may do as it likes, and fail where it is not at home."""
    as_tenant(
        context,
        """
        CREATE FUNCTION picky(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN
            IF current_database() <> 'acme' THEN RAISE 'not at home'; END IF;
            RETURN $1;
        END $$;
        CREATE INDEX planted ON res_partner (picky(name));
        """,
    )
    archive = cluster_engine.archives.dump("acme", str(store))
    with pytest.raises(RestoreFailed, match="not at home"):
        cluster_engine.archives.load(str(store), archive.archive, "beta")
    assert orphans(context) == []


def test_links_pipes_and_strange_names_are_left_out_and_counted(
    cluster_engine: Engine, context: Context, store, tmp_path
):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("not a tenant's")
    folder = folder_of(context, "acme")
    os.mkfifo(folder / "ab" / "pipe")
    (folder / "ab" / "link").symlink_to(secret / "key")
    (folder / "li").symlink_to(secret)
    (folder / "ab" / "new\nline").write_text("?")
    (folder / "ab" / "..hidden").write_text("?")
    (Path(os.fsdecode(bytes(folder) + b"/ab/\xff"))).write_text("?")
    (folder / "checklist").mkdir()
    (folder / "checklist" / "x").write_text("a list of Odoo's own")
    done: list[Archive] = []
    thread = threading.Thread(target=lambda: done.append(cluster_engine.archives.dump("acme", str(store))))
    thread.start()
    thread.join(60)
    assert done, "it waits for the pipe"
    assert done[0].skipped == 6
    cluster_engine.archives.load(str(store), done[0].archive, "beta")
    assert set(files_of(context, "beta")) == set(travelling.FILES)


@pytest.mark.parametrize("path", ["../../escaped", "/tmp/escaped", "ab/../../x", "ab/.", ""])
def test_no_path_of_a_manifest_leads_out_of_the_filestore(
    cluster_engine: Engine, context: Context, store, archive, path: str, monkeypatch
):
    monkeypatch.setenv("TENANTRY_TEST_SECRETS", str(context.settings.installation.secrets_dir))
    some = {"path": path, "size_bytes": 0, "sha256": _files(store)[0].stem}
    _change_manifest(store, files=[some])
    with pytest.raises(FilestoreFailure):
        cluster_engine.archives.load(str(store), archive.archive, "beta")
    assert orphans(context) == []


# ---------------------------------------------------------------- secrets


def test_no_password_is_visible_in_arguments_or_environment(
    cluster_engine: Engine, context: Context, store, tmp_path
):
    assert cluster_engine._embedded
    real, seen = cluster_engine._embedded.binaries.folder, tmp_path / "seen"
    programs = tmp_path / "bin"
    programs.mkdir()
    for program in ("pg_dump", "pg_restore"):
        script = f'#!/bin/sh\n(echo "$@"; env; ls -l $PGSERVICEFILE) >> {seen}\nexec {real / program} "$@"\n'
        (programs / program).write_text(script)
        (programs / program).chmod(0o755)
    watched = replace(context, settings=context.settings.replaced(pg_bin=programs))
    archive = dump_instance.dump_instance(watched, "acme", str(store))
    load_instance.load_instance(watched, str(store), archive.archive, "beta")
    text = seen.read_text()
    assert "PGSERVICEFILE" in text
    assert "-rw-------" in text
    for secret in (
        context.role_password(names.DUMP_ROLE),
        context.role_password("acme"),
        context.keys.signing,
    ):
        assert secret.reveal() not in text
    assert not list(context.settings.run_dir.glob("service-*"))


def test_what_is_stored_cannot_be_read_without_the_key(store, archive):
    stored = b"".join((store / name).read_bytes() for name in objects(store))
    for text in (b"from the template", b"res_partner", b"PGDMP", b"a file"):
        assert text not in stored


def test_a_manifest_lists_its_contents(cluster_engine: Engine, context: Context, store, archive):
    keys = archive_keys(context.settings.installation.secrets_dir, context.keys.signing)
    data = (store / manifest_path(archive.archive)).read_bytes()
    manifest = Manifest.from_json(archive.archive, open_sealed(keys, archive.archive, data).data)
    assert (manifest.name, manifest.series, manifest.template) == ("acme", "19.0", "fake")
    assert manifest.dump.size_bytes == the_only(store, "dumps/*").stat().st_size
    assert {member.path for member in manifest.files} == set(travelling.FILES)
    assert manifest.host == "acme.localhost"
