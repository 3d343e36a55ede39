"""The first program of Odoo's container on Railway, with a real Odoo and PostgreSQL, without a container."""

from __future__ import annotations

import getpass
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest
from psycopg import sql
from tests.support.waiting import wait_until

from tenantry.engine import Engine
from tenantry.errors import LoginRefused
from tenantry.model.address import Address, Upstream
from tenantry.model.instance import InstanceSpec
from tenantry.model.names import SUPERUSER
from tenantry.model.recipe import Recipe
from tenantry.model.secret import Secret
from tenantry.odoo.probe import LOGIN_PATH, Route
from tenantry.odoo.rpc import OdooSession
from tenantry.operations.railway.services import odoo_variables, wishes_of
from tenantry.ports import free_port
from tenantry.postgres.cluster import Connection

DATABASE, ROLE = "railway-shop", "railway_shop"
PASSWORD, NEW_PASSWORD = Secret("first-$'\"-password"), Secret("another-password")
RECIPE = Recipe(code="tiny", name="Tiny", modules=("web",))
SPEC = InstanceSpec(
    name=DATABASE,
    email="boss@acme.example",
    company='Café ${{postgres.POSTGRES_PASSWORD}} "Zoé"',
    admin_name="Zoé O'Hara",
    language="fr_FR",
    country="FR",
)


@pytest.fixture
def database(cluster_engine: Engine) -> Iterator[dict[str, str]]:
    """An empty database and its role, as PostgreSQL's image makes them, in libpq's variables."""
    password = cluster_engine.keys.role_password(SUPERUSER)
    cluster = cluster_engine.context.cluster
    role, name = sql.Identifier(ROLE), sql.Identifier(DATABASE)
    with cluster.as_role(SUPERUSER, password).connect() as connection, _let_in_everywhere(connection):
        connection.execute(sql.SQL("CREATE ROLE {} SUPERUSER LOGIN PASSWORD 'secret'").format(role))
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0").format(name, role))
        yield {"PGHOST": cluster.host, "PGPORT": str(cluster.port), "PGUSER": ROLE, "PGPASSWORD": "secret"}
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
        connection.execute(sql.SQL("DROP ROLE {}").format(role))


@contextmanager
def _let_in_everywhere(connection: Connection) -> Iterator[None]:
    """Odoo looks into the database `postgres`, too, which a tenant's role of ours may not."""
    row = connection.execute("SHOW hba_file").fetchone()
    assert row
    file = Path(row[0])
    rules = file.read_text()
    try:
        file.write_text(f'host all "{ROLE}" 127.0.0.1/32 scram-sha-256\n{rules}')
        connection.execute("SELECT pg_reload_conf()")
        yield
    finally:
        file.write_text(rules)
        connection.execute("SELECT pg_reload_conf()")


class Container:
    """What Railway runs: the service's variables and its start command, on this machine."""

    def __init__(self, engine: Engine, database: dict[str, str], folder: Path) -> None:
        self.log, self._odoo, self._folder = folder / "log", engine.odoo, folder
        self.port = free_port()
        (folder / "data").mkdir()
        program = folder / "bin" / "odoo"
        program.parent.mkdir()
        command = " ".join(f"'{part}'" for part in self._odoo.command())
        program.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        program.chmod(0o755)
        (folder / "odoo.conf").write_text("[options]\nhttp_interface = 127.0.0.1\n")
        self._database, self._process = database, None

    def start(self) -> None:
        here = {"data_dir": str(self._folder / "data"), "port": self.port, "user": getpass.getuser()}
        wishes = wishes_of(SPEC, RECIPE, self._odoo.series, PASSWORD, f"http://127.0.0.1:{self.port}")
        variables = {
            **odoo_variables({**wishes, **here}),
            **self._database,
            **self._odoo.environment,
            "PATH": f"{self._folder / 'bin'}:{os.environ['PATH']}",
            "ODOO_RC": str(self._folder / "odoo.conf"),
        }
        command = [str(self._odoo.python), "-c", "import os; exec(os.environ['TENANTRY_START'])"]
        with self.log.open("ab") as log:
            self._process = self._popen(command, {**os.environ, **variables}, log)
        wait_until(self._answers_or_ended)
        assert self._process.poll() is None, self.log.read_text()[-4000:]

    def _popen(
        self, command: list[str], environment: dict[str, str], log: IO[bytes]
    ) -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)

    def _answers_or_ended(self) -> bool:
        assert self._process
        try:
            return self._process.poll() is not None or self.route.get(LOGIN_PATH, timeout_s=60) == 200
        except OSError:
            return False

    @property
    def route(self) -> Route:
        return Route(Address("http", "127.0.0.1", self.port), Upstream("127.0.0.1", self.port))

    def log_in(self, password: Secret) -> OdooSession:
        return OdooSession(self.route, DATABASE, SPEC.email, password)

    def variables_of_odoo(self) -> str:
        assert self._process
        return Path(f"/proc/{self._process.pid}/environ").read_text(errors="replace")

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(60)


@pytest.fixture
def container(cluster_engine: Engine, database: dict[str, str], tmp_path: Path) -> Iterator[Container]:
    container = Container(cluster_engine, database, tmp_path)
    yield container
    container.stop()


def test_the_first_start_makes_the_customers_odoo_and_the_next_one_leaves_it_alone(container: Container):
    container.start()
    session = container.log_in(PASSWORD)
    user = session.session_info["uid"]
    (company,) = session.call("res.company", "search_read", [], ["name", "country_code", "currency_id"])
    assert (company["name"], company["country_code"]) == (SPEC.company, "FR")
    assert company["currency_id"][1] == "EUR"
    (boss,) = session.call("res.users", "read", [user], ["name", "lang", "tz", "login"])
    assert (boss["name"], boss["lang"], boss["tz"]) == (SPEC.admin_name, "fr_FR", "Europe/Paris")
    assert session.call("res.users", "has_group", [user], "base.group_system")
    assert "TENANTRY_WISHES" not in container.variables_of_odoo()
    assert PASSWORD.reveal() not in container.log.read_text()

    session.call("res.users", "write", [user], {"password": NEW_PASSWORD.reveal()})
    container.stop()
    began = len(container.log.read_text())
    container.start()
    assert "Preparing the database" not in container.log.read_text()[began:]
    container.log_in(NEW_PASSWORD)
    with pytest.raises(LoginRefused):
        container.log_in(PASSWORD)
