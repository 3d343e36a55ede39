"""A cluster is one server's, whatever another one calls it; and how it is handed over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tenantry.control_plane.doctor import examine
from tenantry.control_plane.master import Master
from tenantry.engine import Engine
from tenantry.errors import ClusterTaken
from tenantry.keyfile import write_private
from tenantry.model.names import MASTER_DATABASE, SPAWNER_ROLE, SUPERUSER
from tenantry.model.recipe import Recipe
from tenantry.model.secret import Secret
from tenantry.postgres import databases, ownership, roles
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


def of_the_same_installation(engine: Engine) -> Engine:
    """Its own server, told of the cluster by its address."""
    return of_another_installation(engine, engine.settings.home)


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
        connection.execute("COMMENT ON ROLE tenantry_dump IS 'tenantry free'")


def as_an_older_version_left_it(engine: Engine) -> None:
    """No mark, and a role with a password."""
    with engine.context.maintenance() as connection:
        connection.execute("COMMENT ON ROLE tenantry_dump IS 'tenantry'")
        roles.create(connection, SPAWNER_ROLE, engine.context.role_password(SPAWNER_ROLE))
        databases.ensure_connect(connection, "postgres", SPAWNER_ROLE)


@pytest.fixture
def of_an_older_version(owner: Engine) -> Iterator[Engine]:
    as_an_older_version_left_it(owner)
    yield owner
    with owner.context.maintenance() as connection:
        roles.drop_owned(connection, SPAWNER_ROLE)
        roles.drop(connection, SPAWNER_ROLE)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_second_server_is_refused_and_changes_nothing(owner: Engine, spelling: str):
    second = second_server(owner, spelling)
    before = noted(owner)
    for start in (second.start_postgres, second.start_tenants, second.tenants_command, second.is_up):
        with pytest.raises(ClusterTaken, match="'local' of this installation") as refusal:
            start()
    assert "COMMENT ON ROLE tenantry_dump IS 'tenantry free'" in refusal.value.remedy
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


WORK = {
    "list instances": lambda engine: engine.instances.all(),
    "terminate an instance": lambda engine: engine.instances.terminate("acme"),
    "fill a pool": lambda engine: engine.pool.fill("fake"),
    "build a template": lambda engine: engine.templates.build(Recipe("fake", "Fake", ("web",))),
    "drop a template": lambda engine: engine.templates.drop("fake"),
    "reset the master's password": lambda engine: engine.master.reset_admin_password(),
}


@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
def test_nothing_is_done_on_the_cluster_of_another(
    owner: Engine, tmp_path: Path, work: Callable[[Engine], object]
):
    stranger = of_another_installation(owner, tmp_path)
    before = noted(owner)
    for _ in range(2):
        with pytest.raises(ClusterTaken, match="'local' of another installation"):
            work(stranger)
    assert noted(owner) == before


def test_servers_that_were_started_there_are_stopped_all_the_same(owner: Engine, tmp_path: Path):
    assert of_another_installation(owner, tmp_path).stop() == []


def test_what_an_engine_was_refused_it_may_do_once_the_cluster_is_handed_over(owner: Engine, tmp_path: Path):
    heir = of_another_installation(owner, tmp_path)
    with pytest.raises(ClusterTaken):
        heir.instances.all()
    hand_over(owner)
    heir.start_postgres()
    assert heir.instances.all() == []


def test_whose_it_is_is_asked_once_by_an_engine_that_did_not_start_it(
    owner: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    hand_over(owner)
    given = of_another_installation(owner, tmp_path)
    given.start_postgres()
    asked = []
    monkeypatch.setattr(ownership, "require", lambda *facts: asked.append(facts) or True)
    for engine in (given, of_another_installation(owner, tmp_path)):
        engine.pool.status()
        engine.instances.all()
    assert len(asked) == 1


def test_a_cluster_of_an_older_version_is_refused_to_whom_its_roles_have_other_passwords(
    of_an_older_version: Engine, tmp_path: Path
):
    stranger = of_another_installation(of_an_older_version, tmp_path)
    before = noted(of_an_older_version)
    for work in (stranger.up, stranger.start_postgres, stranger.instances.all, stranger.is_up):
        with pytest.raises(ClusterTaken, match="belongs to another installation"):
            work()
    assert noted(of_an_older_version) == before
    hand_over(of_an_older_version)
    stranger.start_postgres()


def test_a_cluster_of_an_older_version_serves_its_own_server_before_and_after_it_started(
    of_an_older_version: Engine,
):
    given = of_the_same_installation(of_an_older_version)
    assert given.instances.all() == []
    given.start_postgres()
    assert given.instances.all() == []


def test_a_cluster_of_an_older_version_with_the_master_is_the_own_servers_only(of_an_older_version: Engine):
    second = second_server(of_an_older_version)
    with of_an_older_version.context.maintenance() as connection:
        connection.execute(f"CREATE DATABASE {MASTER_DATABASE}".encode())
        try:
            with pytest.raises(ClusterTaken, match="'local' of this installation"):
                second.start_postgres()
            of_the_same_installation(of_an_older_version).start_postgres()
        finally:
            connection.execute(f"DROP DATABASE {MASTER_DATABASE}".encode())


def test_the_own_servers_cluster_is_claimed_for_the_master_whoever_starts_it(
    owner: Engine, monkeypatch: pytest.MonkeyPatch
):
    second = second_server(owner)
    own = of_the_same_installation(owner)
    claimed: list[str] = []
    monkeypatch.setattr(Engine, "_claimed_cluster", lambda self: claimed.append(self.settings.name))
    monkeypatch.setattr(Master, "start", lambda *_: None)
    second._own_server = own
    second.start_master()
    assert claimed == ["local"]


def test_the_embedded_cluster_is_not_asked_whose_it_is(owner: Engine, tmp_path: Path):
    hand_over(owner)
    of_another_installation(owner, tmp_path).start_postgres()
    assert owner.is_up() is False
    assert {it.subject: it for it in examine(owner.settings)}["Cluster"].ok


def test_a_cluster_that_is_handed_over_is_the_first_one_s_that_starts(owner: Engine, tmp_path: Path):
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
