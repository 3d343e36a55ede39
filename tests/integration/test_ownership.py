"""A cluster is one server's, whatever another one calls it; and how it is handed over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tenantry.control_plane.doctor import examine
from tenantry.engine import Engine
from tenantry.errors import ClusterTaken
from tenantry.keyfile import write_private
from tenantry.model.names import SPAWNER_ROLE, SUPERUSER
from tenantry.model.secret import Secret
from tenantry.postgres import roles
from tenantry.settings import ServerSettings

SPELLINGS = (
    "host=127.0.0.1 port={port} user={user} password={password}",
    "host=localhost port={port} user={user} password={password} dbname=whatever",
    "postgresql://{user}:{password}@127.0.0.1:{port}/?connect_timeout=5",
)


@pytest.fixture
def owner(cluster_engine: Engine) -> Iterator[Engine]:
    """The server whose cluster it is; what a test noted otherwise is put right."""
    cluster_engine.start_postgres()
    yield cluster_engine
    cluster_engine.start_postgres()


def dsn_of(engine: Engine, spelling: str = SPELLINGS[0]) -> Secret:
    cluster = engine.context.cluster
    assert cluster.password
    password = cluster.password.reveal()
    return Secret(spelling.format(port=cluster.port, user=cluster.user, password=password))


def of_another_installation(engine: Engine, home: Path, spelling: str = SPELLINGS[0]) -> Engine:
    return Engine(engine.settings.replaced(home=home, pg_dsn=dsn_of(engine, spelling)))


def second_server(engine: Engine, spelling: str = SPELLINGS[0]) -> Engine:
    given = {"pg_dsn": dsn_of(engine, spelling)}
    return Engine(ServerSettings.of(given, installation=engine.settings.installation, name="second"))


def noted(engine: Engine) -> list[tuple[object, ...]]:
    """All roles with their passwords, all databases, and what is noted at them."""
    query = b"""
        SELECT rolname::text, rolpassword, shobj_description(oid, 'pg_authid') FROM pg_authid
         UNION ALL SELECT datname::text, datacl::text, shobj_description(oid, 'pg_database') FROM pg_database
         ORDER BY 1, 2
    """
    with engine._embedded._as(SUPERUSER).connect() as connection:
        return connection.execute(query).fetchall()


def hand_over(engine: Engine) -> None:
    """As the error and the page say."""
    with engine.context.maintenance() as connection:
        connection.execute("COMMENT ON ROLE tenantry_dump IS 'tenantry'")


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_second_server_is_refused_and_changes_nothing(owner: Engine, spelling: str):
    second = second_server(owner, spelling)
    before = noted(owner)
    for start in (second.start_postgres, second.start_tenants, second.tenants_command, second.is_up):
        with pytest.raises(ClusterTaken, match="'local' of this installation") as refusal:
            start()
    assert "COMMENT ON ROLE tenantry_dump IS 'tenantry'" in refusal.value.remedy
    assert noted(owner) == before


def test_another_installation_is_refused_and_sets_no_password(owner: Engine, tmp_path: Path):
    with owner.context.maintenance() as connection:
        roles.create(connection, "acme", owner.context.role_password("acme"))
        roles.create(connection, SPAWNER_ROLE, owner.context.role_password(SPAWNER_ROLE))
    other = of_another_installation(owner, tmp_path)
    try:
        before = noted(owner)
        for start in (other.up, other.start_postgres, other.start_tenants, other.start_master):
            with pytest.raises(ClusterTaken, match="'local' of another installation"):
                start()
        assert noted(owner) == before
    finally:
        with owner.context.maintenance() as connection:
            roles.drop(connection, "acme")
            roles.drop(connection, SPAWNER_ROLE)


def test_a_cluster_of_an_older_version_is_the_first_one_s_that_starts(owner: Engine, tmp_path: Path):
    hand_over(owner)
    first = of_another_installation(owner, tmp_path / "first")
    first.start_postgres()
    first.start_postgres()
    with pytest.raises(ClusterTaken, match="another installation"):
        of_another_installation(owner, tmp_path / "second").start_postgres()


def test_a_home_that_was_moved_or_restored_still_has_its_cluster(owner: Engine, tmp_path: Path):
    hand_over(owner)
    before = of_another_installation(owner, tmp_path / "before")
    before.start_postgres()
    (tmp_path / "before").rename(tmp_path / "after")
    of_another_installation(owner, tmp_path / "after").start_postgres()


def test_a_cluster_in_the_server_s_own_folder_is_its_own_whoever_was_there(owner: Engine, tmp_path: Path):
    hand_over(owner)
    stranger = of_another_installation(owner, tmp_path)
    stranger.start_postgres()
    owner.start_postgres()
    with pytest.raises(ClusterTaken):
        stranger.start_postgres()


def test_doctor_tells_whose_it_is_before_anything_was_started_and_of_the_other_servers(
    owner: Engine, tmp_path: Path
):
    never_started = of_another_installation(owner, tmp_path)
    (found,) = (it for it in examine(never_started.settings) if it.subject == "Cluster")
    assert not found.ok
    assert "belongs to the server 'local' of another installation" in found.detail
    assert (found.needed, "COMMENT ON ROLE" in found.remedy) == (True, True)

    file = owner.settings.installation.file
    write_private(file, f'[servers.second]\npg_dsn = "{dsn_of(owner).reveal()}"\n')
    try:
        told = {it.subject: it for it in examine(owner.settings)}
    finally:
        file.unlink()
    assert told["Cluster"].ok
    assert "belongs to the server 'local' of this installation" in told["Server second"].detail
