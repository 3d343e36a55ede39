"""Backups of other systems, on a real cluster: loaded whole or not at all, and harmless whatever they say."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support import travelling
from tests.support.inventory import orphans
from tests.support.killed import run_and_kill
from tests.support.travelling import as_superuser, as_tenant, files_of, make_instance

from tenantry import process
from tenantry.engine import Engine
from tenantry.errors import (
    ExportFailed,
    InvalidTransition,
    ModuleNotFound,
    NameTaken,
    TenantryError,
    UploadRefused,
    UploadUnsupported,
)
from tenantry.model.catalog import State
from tenantry.operations.context import Context
from tenantry.operations.instance import export as export_instance
from tenantry.operations.instance import upload as load_upload
from tenantry.postgres import roles
from tenantry.postgres.programs import CONNECT, service

MODULES = """
    ALTER TABLE ir_module_module ADD latest_version text;
    UPDATE ir_module_module SET state = 'installed', latest_version = '19.0.1.3' WHERE name = 'base';
    INSERT INTO ir_module_module VALUES ('saas_tenant', 'installed', '19.0.1.0.0');
"""


@pytest.fixture(autouse=True)
def acme(context: Context, fake_template: str) -> Iterator[None]:
    travelling.told_where_the_front_is(context)
    with travelling.swept_clusters(context):
        make_instance(context, fake_template)
        as_tenant(context, MODULES)
        yield


@pytest.fixture
def dump(cluster_engine: Engine, tmp_path: Path) -> Callable[..., Path]:
    """Dumps acme by pg_dump as its owner elsewhere would: with owners and privileges."""

    def dumped(*options: str) -> Path:
        assert cluster_engine._embedded
        superuser, file = cluster_engine._embedded._as("postgres"), tmp_path / "acme.dump"
        program = cluster_engine._embedded.binaries.program("pg_dump")
        with service(superuser, "acme", tmp_path) as environment:
            process.run([program, CONNECT, f"--file={file}", *options], environment=environment)
        return file

    return dumped


def zipped(file: Path, members: dict[str, bytes | Path]) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content.read_bytes() if isinstance(content, Path) else content)
    return file


@pytest.mark.parametrize(
    "options", [(), ("--format=custom",), ("--inserts",), ("--column-inserts", "--quote-all-identifiers")]
)
def test_what_is_loaded_is_what_was_dumped(cluster_engine: Engine, context: Context, dump, options):
    made = cluster_engine.archives.load_upload(dump(*options), "beta")
    assert made.state is State.STOPPED
    assert travelling.schema_and_rows(cluster_engine, "beta") == travelling.schema_and_rows(
        cluster_engine, "acme"
    )
    owners = (
        "SELECT DISTINCT relowner::regrole::text FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    )
    assert {owner for (owner,) in as_superuser(cluster_engine, owners, "beta")} - {"postgres"} == {"beta"}
    address = "SELECT value FROM ir_config_parameter WHERE key = 'web.base.url'"
    assert as_superuser(cluster_engine, address, "beta") == [(context.address("beta").url,)]
    with context.maintenance() as connection:
        assert not roles.can_log_in(connection, "beta")
    assert orphans(context) == []


def test_an_export_is_odoos_backup_and_can_be_loaded(
    cluster_engine: Engine, context: Context, tmp_path: Path
):
    file = cluster_engine.archives.export("acme", tmp_path / "acme.zip")
    assert file.stat().st_mode & 0o077 == 0
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        assert {"dump.sql", "manifest.json", "filestore/ab/abcdef"} <= set(archive.namelist())
    cluster_engine.archives.load_upload(file, "beta")
    assert travelling.schema_and_rows(cluster_engine, "beta") == travelling.schema_and_rows(
        cluster_engine, "acme"
    )
    assert files_of(context, "beta") == files_of(context, "acme")
    with pytest.raises(ExportFailed, match="exists"):
        cluster_engine.archives.export("acme", file)


def test_the_same_upload_again_changes_nothing(cluster_engine: Engine, dump):
    file = dump()
    cluster_engine.archives.load_upload(file, "beta")
    oid = "SELECT oid FROM pg_database WHERE datname = 'beta'"
    before = as_superuser(cluster_engine, oid, "beta")
    cluster_engine.archives.load_upload(file, "beta")
    assert as_superuser(cluster_engine, oid, "beta") == before
    file.write_bytes(file.read_bytes() + b"-- another one\n")
    with pytest.raises(NameTaken):
        cluster_engine.archives.load_upload(file, "beta")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ("UPDATE ir_module_module SET latest_version = '16.0.1.3' WHERE name = 'base'", UploadUnsupported),
        ("INSERT INTO ir_module_module VALUES ('their_own', 'installed', '19.0.1.0.0')", ModuleNotFound),
    ],
)
@pytest.mark.parametrize("options", [(), ("--inserts",)])
def test_what_this_server_cannot_run_is_refused(
    cluster_engine: Engine, context: Context, dump, options, change, error
):
    """Before anything is made, or, where the rows of a dump are statements, when it was loaded."""
    as_tenant(context, change)
    with pytest.raises(error):
        cluster_engine.archives.load_upload(dump(*options), "beta")
    assert cluster_engine.instances.taken(["beta"]) == set()
    assert orphans(context) == []


# ---------------------------------------------------------------- hostile files


@pytest.mark.parametrize(
    "statement",
    [
        "\\! touch {witness}",
        "COPY res_partner FROM PROGRAM 'touch {witness}';",
        "COPY res_partner TO '{witness}';",
        "CREATE FUNCTION f() RETURNS int LANGUAGE c AS '/lib/x86_64-linux-gnu/libc.so.6', 'system';",
        "CREATE FUNCTION f() RETURNS int LANGUAGE plpython3u AS 'x';",
        "CREATE TABLE t AS SELECT pg_read_file('/etc/passwd');",
        "CREATE TABLE t AS SELECT lo_export(1, '{witness}');",
        "ALTER TABLE res_partner OWNER TO postgres; GRANT ALL ON DATABASE acme TO public; \\connect acme",
        "CREATE EXTENSION dblink; CREATE TABLE t AS SELECT dblink_connect('dbname=acme');",
        "CREATE TABLE t AS SELECT * FROM pg_authid;",
        "INSERT INTO pg_catalog.pg_class DEFAULT VALUES;",
        "CREATE VIEW pg_catalog.v AS SELECT 1;",
        "CREATE TABLE t (); COMMENT ON ROLE postgres IS 'mine';",
        "COPY res_partner FROM stdin;\n1\tx\tone too many\n\\.",
    ],
)
def test_a_hostile_dump_has_no_effect(
    cluster_engine: Engine, context: Context, dump, tmp_path: Path, statement: str
):
    witness, file = tmp_path / "witness", dump()
    file.write_text(file.read_text() + "\n" + statement.format(witness=witness) + "\n")
    with pytest.raises(UploadRefused):
        cluster_engine.archives.load_upload(file, "beta")
    assert not witness.exists()
    assert cluster_engine.instances.taken(["beta"]) == set()
    assert orphans(context) == []


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"filestore/ab/abcdef": b"x"}, "no dump.sql"),
        ({"dump.sql": b"SELECT 1;" * 10**6}, "times larger"),
        ({"dump.sql": b"", "filestore/ab/bomb": bytes(2**22)}, "times larger"),
        ({"dump.sql": b"DROP TABLE x;"}, "DROP TABLE"),
    ],
)
def test_a_hostile_zip_is_refused(cluster_engine: Engine, tmp_path: Path, members, reason: str):
    with pytest.raises(UploadRefused, match=reason):
        cluster_engine.archives.load_upload(zipped(tmp_path / "it.zip", members), "beta")


def test_files_outside_of_the_filestore_are_left_out(
    cluster_engine: Engine, context: Context, dump, tmp_path: Path
):
    members = {
        "dump.sql": dump(),
        "filestore/ab/abcdef": b"a file",
        "filestore/../../evil": b"x",
        "/filestore/ab/evil": b"x",
        "filestore/checklist/ab/..evil": b"x",
        "readme.txt": b"x",
    }
    cluster_engine.archives.load_upload(zipped(tmp_path / "it.zip", members), "beta")
    assert list(files_of(context, "beta")) == ["ab/abcdef"]


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: b"PGDMP" + data[:50]])
def test_a_damaged_file_is_refused(cluster_engine: Engine, context: Context, dump, damage):
    file = dump("--format=custom")
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(UploadRefused):
        cluster_engine.archives.load_upload(file, "beta")
    assert orphans(context) == []


def test_a_missing_file_is_refused(cluster_engine: Engine, tmp_path: Path):
    with pytest.raises(UploadRefused, match="No such file"):
        cluster_engine.archives.load_upload(tmp_path / "missing.zip", "beta")


# ---------------------------------------------------------------- killed


@pytest.mark.parametrize("step", [step.name for step in load_upload.STEPS])
def test_a_killed_load_is_finished_by_the_next_run(cluster_engine: Engine, context: Context, dump, step: str):
    file = dump()
    run_and_kill(context.settings, "import", step, str(file), "beta")
    cluster_engine.archives.load_upload(file, "beta")
    assert travelling.schema_and_rows(cluster_engine, "beta") == travelling.schema_and_rows(
        cluster_engine, "acme"
    )
    assert orphans(context) == []


def test_a_killed_export_leaves_no_file_of_that_name(
    cluster_engine: Engine, context: Context, tmp_path: Path
):
    run_and_kill(context.settings, "export", "new files", "acme", str(tmp_path / "acme.zip"))
    assert not (tmp_path / "acme.zip").exists()
    cluster_engine.archives.export("acme", tmp_path / "acme.zip")


@pytest.mark.parametrize("step", [step.name for step in export_instance.STEPS])
def test_a_failed_export_leaves_no_file(
    cluster_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
):
    def fail(_subject: object) -> None:
        raise InvalidTransition("acme", State.ACTIVE, "x")

    steps = [replace(it, run=fail) if it.name == step else it for it in export_instance.STEPS]
    monkeypatch.setattr(export_instance, "STEPS", steps)
    with pytest.raises(TenantryError):
        cluster_engine.archives.export("acme", tmp_path / "acme.zip")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("step", ["database", "files", "name", "filestore", "modules"])
def test_a_load_that_fails_leaves_nothing(
    cluster_engine: Engine, context: Context, dump, monkeypatch: pytest.MonkeyPatch, step: str
):
    def fail(_subject: object) -> None:
        raise InvalidTransition("beta", State.STOPPED, "x")

    steps = [replace(it, run=fail) if it.name == step else it for it in load_upload.STEPS]
    monkeypatch.setattr(load_upload, "STEPS", steps)
    with pytest.raises(InvalidTransition):
        cluster_engine.archives.load_upload(dump(), "beta")
    assert cluster_engine.instances.taken(["beta"]) == set()
    assert orphans(context) == []
