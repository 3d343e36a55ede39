"""Instances without Odoo for dumps and loads, and comparisons of them."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tenantry import process
from tenantry.engine import Engine
from tenantry.model.catalog import Kind, Label, State
from tenantry.operations.context import Context
from tenantry.operations.fleet import pool
from tenantry.operations.instance.provision import PREPARED
from tenantry.operations.template.clone import discard
from tenantry.postgres import databases
from tenantry.postgres.programs import CONNECT, service
from tenantry.spawner.config import Config

CONTENTS = """
    CREATE TABLE ir_config_parameter (key text, value text);
    INSERT INTO ir_config_parameter VALUES ('web.base.url', 'http://acme.localhost:8069'), ('plan', 'small');
    INSERT INTO ir_module_module VALUES ('base', 'uninstalled');
    CREATE TABLE big (id serial PRIMARY KEY, blob bytea, number numeric, stamp timestamptz, words text[]);
    INSERT INTO big (blob, number, stamp, words)
         SELECT decode(repeat(md5(i::text), 200), 'hex'), i / 7.0, '2026-01-02 03:04:05+00',
                ARRAY['é', i::text]
           FROM generate_series(1, 300) AS i;
    SELECT setval('big_id_seq', 4711);
    COMMENT ON TABLE big IS 'it''s big';
    CREATE INDEX ON big (number);
    CREATE TABLE line (big int NOT NULL REFERENCES big ON DELETE CASCADE, quantity int CHECK (quantity > 0));
    INSERT INTO line SELECT id, id FROM big;
    CREATE MATERIALIZED VIEW totals AS SELECT sum(quantity) FROM line;
"""
FILES = {"ab/abcdef": b"a file", "cd/" + "c" * 40: bytes(range(256)) * 1000, "ef/empty": b""}


def told_where_the_front_is(context: Context) -> None:
    """Write the configuration that a first start of the tenant server writes: it has the addresses."""
    file = context.runtime.config_file
    file.parent.mkdir(parents=True, exist_ok=True)
    nothing = {"zygote_environment": {}, "options": {}, "zygote": (), "readable": (), "address": {}}
    texts = (
        "base_domain",
        "catalog_user",
        "catalog_password",
        "instances_key",
        "public_key",
        "home",
        "hosts",
    )
    texts += ("filestores", "logs", "run")
    given = {**dict.fromkeys(texts, ""), **nothing, "front_port": context.settings.http_port}
    file.write_text(Config(**given).to_json())


def make_instance(context: Context, code: str, name: str = "acme", **label: object) -> None:
    """An active instance of a template, with contents and files, that never was served."""
    pool.fill(context, code, 1)
    facts = Label(Kind.INSTANCE, State.ACTIVE, code, "", reference=name, finished=PREPARED).having(**label)
    with context.maintenance() as connection:
        assert pool.claim(context, connection, code, name, facts)
        made = databases.find(connection, name)
        assert made
    as_tenant(context, CONTENTS, name)
    for path, content in FILES.items():
        file = context.filestores.folder(made.filestore) / path
        file.parent.mkdir(exist_ok=True)
        file.unlink(missing_ok=True)
        file.write_bytes(content)


def as_tenant(context: Context, statements: str, name: str = "acme") -> None:
    with context.cluster.as_role(name, context.role_password(name)).connect(name) as inside:
        inside.execute(statements.encode())


def as_superuser(engine: Engine, statements: str, name: str) -> list[tuple]:
    assert engine._embedded
    with engine._embedded._as("postgres").connect(name) as inside:
        found = inside.execute(statements.encode())
        return found.fetchall() if found.description else []


def folder_of(context: Context, name: str) -> Path:
    with context.maintenance() as connection:
        found = databases.find(connection, name)
    assert found
    return context.filestores.folder(found.filestore)


def files_of(context: Context, name: str) -> dict[str, str]:
    """Each file's hash, by its path."""
    folder = folder_of(context, name)
    plain = [file for file in folder.rglob("*") if file.is_file() and not file.is_symlink()]
    return {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in plain}


def content_of(engine: Engine, name: str = "acme") -> dict[str, str]:
    """The same, without Odoo's list of files for its next garbage collection."""
    found = files_of(engine.context, name)
    return {path: digest for path, digest in found.items() if not path.startswith("checklist/")}


def schema_and_rows(engine: Engine, name: str) -> list[str]:
    """All contents of a database, as a superuser's pg_dump writes them, without owners."""
    assert engine._embedded
    superuser = engine._embedded._as("postgres")
    program = engine._embedded.binaries.program("pg_dump")
    with tempfile.TemporaryDirectory() as folder, service(superuser, name, Path(folder)) as environment:
        command = [program, CONNECT, "--no-owner", "--no-privileges", "--exclude-table=ir_config_parameter"]
        text = process.run(command, environment=environment)
    return [line for line in text.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))]


@contextmanager
def swept_clusters(context: Context) -> Iterator[None]:
    """Remove the instances of a test afterwards, also if their creation failed."""
    try:
        yield
    finally:
        with context.maintenance() as connection:
            for database in databases.listing(connection, *(set(Kind) - {Kind.MASTER, Kind.TEMPLATE})):
                discard(context, connection, database.name)
                context.filestores.remove(database.filestore)
