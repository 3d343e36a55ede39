"""The same engine on every supported PostgreSQL, and on a cluster given by its DSN."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from tests.support import travelling
from tests.support.fake_template import make_template
from tests.support.inventory import orphans
from tests.support.postgres_versions import VERSIONS, programs

from tenantry.engine import Engine
from tenantry.errors import InsufficientRights, PostgresUnreachable, RoleNotAdministered
from tenantry.model import names
from tenantry.model.catalog import Kind, Label, State
from tenantry.model.secret import Secret
from tenantry.operations.context import Context
from tenantry.operations.fleet import pool
from tenantry.operations.template.clone import discard
from tenantry.postgres import databases, roles
from tenantry.postgres.binaries import WHEEL_BIN, install_wheel
from tenantry.postgres.strategy import Strategy, fastest
from tenantry.settings import ServerSettings

THE_WHEELS = 16


@contextmanager
def a_cluster_of_version(version: int, settings: ServerSettings) -> Iterator[Engine]:
    """An engine on that version of PostgreSQL, from a package or a wheel."""
    folder = the_wheels(settings) if version == THE_WHEELS else programs(version, settings.installation.cache)
    home = Path(tempfile.mkdtemp(prefix=f"tenantry-test-{version}-"))
    home.chmod(0o755)
    engine = Engine(settings.replaced(home=home, pg_bin=folder), report=print)
    engine.start_postgres()
    yield engine
    engine.stop()
    shutil.rmtree(home, ignore_errors=True)


def the_wheels(settings: ServerSettings) -> Path:
    wheel = settings.installation.cache / f"postgresql-{THE_WHEELS}"
    if not (wheel / WHEEL_BIN).is_dir():
        install_wheel(wheel)
    return wheel / WHEEL_BIN


@pytest.fixture(scope="module", params=sorted([*VERSIONS, THE_WHEELS]))
def versioned(request: pytest.FixtureRequest, settings: ServerSettings) -> Iterator[Engine]:
    with a_cluster_of_version(request.param, settings) as engine:
        with engine.context.maintenance() as connection:
            assert connection.info.server_version // 10000 == request.param
        yield engine


@pytest.fixture(scope="module")
def somebodys(settings: ServerSettings) -> Iterator[Engine]:
    """A cluster that is not ours: open to all by pg_hba, with a role for us that is no superuser."""
    with a_cluster_of_version(18, settings) as owner:
        (owner._embedded.data / "pg_hba.conf").write_text("host all all 127.0.0.1/32 scram-sha-256\n")
        _as_superuser(owner, "SELECT pg_reload_conf()")
        _as_superuser(owner, "GRANT CONNECT ON DATABASE postgres TO PUBLIC")
        _as_superuser(owner, "CREATE ROLE hoster LOGIN CREATEDB CREATEROLE PASSWORD 'it''s mine'")
        _as_superuser(owner, "COMMENT ON ROLE tenantry_dump IS 'tenantry'")
        _as_superuser(owner, "GRANT tenantry_dump TO hoster WITH ADMIN OPTION")
        yield owner


@pytest.fixture(scope="module")
def given(somebodys: Engine) -> Iterator[Engine]:
    """The engine on that cluster, by its DSN."""
    port = somebodys.context.cluster.port
    dsn = Secret(f"host=127.0.0.1 port={port} user=hoster password='it\\'s mine'")
    home = Path(tempfile.mkdtemp(prefix="tenantry-test-dsn-"))
    yield Engine(somebodys.settings.replaced(home=home, pg_dsn=dsn), report=print)
    shutil.rmtree(home, ignore_errors=True)


def _as_superuser(engine: Engine, statement: str) -> None:
    with engine._embedded._as("postgres").connect() as connection:
        connection.execute(statement.encode())


def _claim_two(context: Context) -> None:
    """Everything a creation needs of PostgreSQL: a template, two spares, two names."""
    make_template(context, "fake")
    pool.fill(context, "fake", 2)
    with context.maintenance() as connection:
        for name in ("acme", "beta"):
            label = Label(Kind.INSTANCE, State.ACTIVE, "fake", "")
            spare = pool.claim(context, connection, "fake", name, label)
            assert spare
            context.filestores.rename(spare, name)
            found = databases.find(connection, name)
            databases.label(connection, name, found.label.having(filestore=""))
    assert orphans(context) == []


def _assert_apart(context: Context) -> None:
    acme = context.cluster.as_role("acme", context.role_password("acme"))
    with acme.connect("acme") as inside:
        assert inside.execute("SELECT name FROM partners").fetchone() == ("from the template",)
        inside.execute("CREATE TABLE mine (id int)")
        for statement in (
            'ALTER DATABASE "acme" RENAME TO gamma',
            "CREATE EXTENSION dblink",
            'SET ROLE "beta"',
        ):
            with pytest.raises(psycopg.Error):
                inside.execute(statement.encode())
    with pytest.raises(PostgresUnreachable):
        acme.open("beta")


def _discard_all(context: Context) -> None:
    with context.maintenance() as connection:
        for database in databases.listing(connection):
            discard(context, connection, database.name)
            context.filestores.remove(database.filestore)


def test_every_supported_version_makes_and_separates_tenants(versioned: Engine):
    _claim_two(versioned.context)
    _assert_apart(versioned.context)
    _discard_all(versioned.context)
    assert orphans(versioned.context) == []


def test_an_instance_is_dumped_and_loaded_where_a_role_is_granted_with_options(
    settings: ServerSettings, tmp_path: Path
):
    """Grants have options since version 16; pg_dump of the other versions is not installed."""
    with a_cluster_of_version(THE_WHEELS, settings) as engine:
        travelling.told_where_the_front_is(engine.context)
        make_template(engine.context, "fake")
        travelling.make_instance(engine.context, "fake")
        archive = engine.archives.dump("acme", str(tmp_path))
        engine.archives.load(str(tmp_path), archive.archive, "beta")
        assert travelling.files_of(engine.context, "beta") == travelling.files_of(engine.context, "acme")
        there, here = (travelling.schema_and_rows(engine, name) for name in ("acme", "beta"))
        assert there == here
        _discard_all(engine.context)
        assert orphans(engine.context) == []


def test_the_copy_strategy_fits_the_version_and_is_remembered(versioned: Engine):
    _claim_two(versioned.context)
    with versioned.context.maintenance() as connection:
        version = connection.info.server_version // 10000
        possible = {Strategy.DEFAULT} if version < 15 else {Strategy.WAL_LOG}
        found = fastest(connection)
        assert found in (possible | {Strategy.FILE_CLONE} if version >= 18 else possible)
        assert fastest(connection) is found
        if version >= 18:
            assert roles.note(connection, names.TEMPLATE_OWNER) == found
    _discard_all(versioned.context)


def test_a_given_cluster_needs_no_superuser(given: Engine):
    given.start_postgres()
    _claim_two(given.context)
    _assert_apart(given.context)
    _discard_all(given.context)
    assert orphans(given.context) == []


def test_the_missing_attributes_of_a_role_are_named(somebodys: Engine, given: Engine):
    _as_superuser(somebodys, "ALTER ROLE hoster NOCREATEROLE")
    try:
        with pytest.raises(InsufficientRights, match="CREATEROLE") as refusal:
            given.start_postgres()
        assert "ALTER ROLE" in refusal.value.remedy
    finally:
        _as_superuser(somebodys, "ALTER ROLE hoster CREATEROLE")


def test_a_role_that_another_one_made_is_told_with_its_remedy(somebodys: Engine, given: Engine):
    _as_superuser(somebodys, "COMMENT ON ROLE tenantry_dump IS 'tenantry free'")
    _as_superuser(somebodys, "REVOKE ADMIN OPTION FOR tenantry_dump FROM hoster")
    with pytest.raises(
        RoleNotAdministered, match="'hoster' may not change the role 'tenantry_dump'"
    ) as refusal:
        given.start_postgres()
    _as_superuser(somebodys, refusal.value.remedy.removeprefix("As a superuser: "))
    given.start_postgres()


def test_a_wrong_password_is_reported_without_showing_it(given: Engine):
    dsn = f"host=127.0.0.1 port={given.context.cluster.port} user=hoster password=wrong-secret"
    engine = Engine(given.settings.replaced(pg_dsn=Secret(dsn)))
    with pytest.raises(PostgresUnreachable) as refusal:
        engine.start_postgres()
    assert "wrong-secret" not in f"{refusal.value} {refusal.value.remedy} {engine.settings!r}"
