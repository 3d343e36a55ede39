"""Text is sorted and searched as Odoo expects it, on any cluster, also after an upgrade."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.console import Shell
from tests.support.foreign import write_comment
from tests.support.pages import ROOT, fences

from tenantry.control_plane import doctor
from tenantry.control_plane.doctor import Finding
from tenantry.engine import Engine
from tenantry.model.catalog import Kind, Label, State
from tenantry.postgres import databases
from tenantry.settings import ServerSettings

_PAGE = ROOT / "docs" / "howto" / "given-postgresql.md"
LABEL = Label(Kind.SPARE, State.BUILDING)
_SORTED = "SELECT string_agg(t, ',' ORDER BY t) FROM unnest(ARRAY['a', 'B', '_x', '1', 'A', 'b']) AS t"
_FACTS = "SELECT datlocprovider, datcollversion FROM pg_database WHERE datname = current_database()"
_AS_ICU = (
    "ALTER DATABASE tenantry_base IS_TEMPLATE false",
    "DROP DATABASE tenantry_base",
    "CREATE DATABASE icu TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'und' LOCALE 'C.UTF-8'",
    "ALTER DATABASE template0 IS_TEMPLATE false",
    "DROP DATABASE template0",
    "ALTER DATABASE icu RENAME TO template0",
    "ALTER DATABASE template0 IS_TEMPLATE true ALLOW_CONNECTIONS false",
    # As initdb leaves it.
    "UPDATE pg_database SET datcollversion = NULL WHERE datname = 'template0'",
)


@pytest.fixture(scope="module")
def of_icu(settings: ServerSettings) -> Iterator[Engine]:
    """A cluster as an administrator made it: its default collation is ICU's, and it has no base of ours."""
    home = Path(tempfile.mkdtemp(prefix="tenantry-test-icu-"))
    home.chmod(0o755)
    engine = Engine(settings.replaced(home=home), report=print)
    engine.start_postgres()
    assert engine._embedded
    with engine._embedded._as("postgres").connect() as connection:
        for statement in _AS_ICU:
            connection.execute(statement.encode())
    yield engine
    engine.stop()
    shutil.rmtree(home, ignore_errors=True)


def test_text_is_sorted_by_code_point_whatever_the_cluster_does(of_icu: Engine):
    with of_icu.context.maintenance() as connection:
        databases.create(connection, "sorted", LABEL)
    with of_icu.context.cluster.connect("sorted") as inside:
        assert inside.execute(_SORTED).fetchone() == ("1,A,B,_x,a,b",)
        provider, version = inside.execute(_FACTS).fetchone() or ()
    assert (provider, version) == ("c", None), "a version would stop clones when the system is upgraded"


def test_doctor_reports_wrong_collations_and_a_low_connection_limit(of_icu: Engine):
    def found(subject: str) -> Finding:
        return next(it for it in doctor.examine(of_icu.settings) if it.subject == subject)

    assert found("Collation").ok
    assert found("Connections").ok
    with of_icu.context.maintenance() as connection:
        connection.execute("CREATE DATABASE old TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'und'")
        write_comment(connection, "old", LABEL.to_comment())
        try:
            assert not found("Collation").ok
            assert "old" in found("Collation").detail
        finally:
            databases.drop(connection, "old")


def test_searches_that_ignore_accents_use_an_index(cluster_engine: Engine):
    expect_index_for_searches(cluster_engine)


def expect_index_for_searches(engine: Engine) -> None:
    with engine.context.maintenance() as connection:
        databases.create(connection, "searched", LABEL)
    try:
        with engine.context.cluster.connect("searched") as inside:
            inside.execute("CREATE TABLE partner (name text)")
            inside.execute("CREATE INDEX ON partner USING gin (unaccent(name) gin_trgm_ops)")
            volatile = "SELECT provolatile FROM pg_proc WHERE oid = 'unaccent(text)'::regprocedure"
            assert inside.execute(volatile).fetchone() == ("i",)
            assert inside.execute("SELECT unaccent('Élan')").fetchone() == ("Elan",)
            assert inside.execute(_SORTED).fetchone() == ("1,A,B,_x,a,b",)
    finally:
        with engine.context.maintenance() as connection:
            databases.drop(connection, "searched")


def test_the_documented_commands_harden_a_given_cluster(of_icu: Engine, tmp_path: Path):
    """Run the commands of the documentation as a superuser, with the programs of the same PostgreSQL."""
    assert of_icu._embedded
    superuser, programs = of_icu._embedded._as("postgres"), of_icu._embedded.binaries.folder
    if not (programs / "psql").exists():
        pytest.skip("this PostgreSQL has no psql")
    assert superuser.password
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PGHOST": superuser.host,
        "PGPORT": str(superuser.port),
        "PGUSER": "postgres",
        "PGPASSWORD": superuser.password.reveal(),
    }
    (printed,) = (fence for fence in fences(_PAGE) if "createdb" in fence.text)
    with Shell(tmp_path, environment, {"src/tenantry": str(ROOT / "src/tenantry")}) as shell:
        shell.do(printed)
    expect_index_for_searches(of_icu)


def test_a_base_of_an_older_version_is_replaced(cluster_engine: Engine):
    assert cluster_engine._embedded
    superuser = cluster_engine._embedded._as("postgres")
    oid = "SELECT oid FROM pg_database WHERE datname = 'tenantry_base'"
    with superuser.connect() as connection:
        before = connection.execute(oid).fetchone()
        cluster_engine.start_postgres()
        assert connection.execute(oid).fetchone() == before
        (cluster_engine._embedded.data / "tenantry.ready").write_text("")
        cluster_engine.start_postgres()
        assert connection.execute(oid).fetchone() != before
        databases.create(connection, "again", LABEL)
        databases.drop(connection, "again")
