"""A tenant's administrator, with all the rights Odoo gives them, reaches only their own Odoo."""

from __future__ import annotations

import xmlrpc.client
from collections.abc import Iterator

import httpx
import pytest
from tests.support.odoo_client import OdooClient, OdooError

from tenantry.engine import Engine
from tenantry.errors import Tampered
from tenantry.model.entitlements import UNLIMITED
from tenantry.model.instance import Creation

REFUSED = r"denied|must be|not exist|cannot|permission|superuser|not available"


@pytest.fixture(scope="module")
def beta(engine: Engine) -> Iterator[Creation]:
    yield engine.instances.provision(
        engine.instances.spec(name="beta", email="admin@beta.example", template="tiny")
    )
    engine.instances.terminate("beta")


@pytest.fixture(scope="module")
def acme(engine: Engine, beta: Creation) -> Iterator[OdooClient]:
    creation = engine.instances.provision(
        engine.instances.spec(name="acme", email="admin@acme.example", template="tiny")
    )
    yield OdooClient(engine, creation)
    engine.instances.terminate("acme")


def test_sql_in_a_server_action_runs_as_the_tenants_own_role(acme: OdooClient):
    assert "acme" in acme.sql("SELECT current_user, current_database()")


@pytest.mark.parametrize(
    "statement",
    [
        'DROP DATABASE "beta"',
        'ALTER DATABASE "beta" RENAME TO gamma',
        'ALTER DATABASE "beta" OWNER TO "acme"',
        "COMMENT ON DATABASE \"beta\" IS 'mine'",
        'GRANT CONNECT ON DATABASE "beta" TO "acme"',
        'SET ROLE "beta"',
        'DROP ROLE "beta"',
        "ALTER ROLE \"beta\" PASSWORD 'x'",
        "SELECT datname FROM pg_database",
        "SELECT usename FROM pg_stat_activity",
        "SELECT * FROM pg_stat_get_activity(NULL)",
        "SELECT rolname FROM pg_roles",
        "SELECT * FROM pg_shdescription",
        "SELECT pg_get_userbyid(g) FROM generate_series(16384, 20000) g",
        "SELECT pg_describe_object(1262, g::oid, 0) FROM generate_series(16384, 20000) g",
        "SELECT pg_terminate_backend(pid) FROM pg_locks",
    ],
)
def test_a_tenant_cannot_see_change_or_drop_another_tenant(acme: OdooClient, statement: str):
    with pytest.raises(OdooError, match=REFUSED):
        acme.sql(statement)


def test_another_tenants_sessions_cannot_be_ended_even_by_a_guessed_process_id(
    engine: Engine, acme: OdooClient, beta: Creation
):
    tenant = engine.context.cluster.as_role("beta", engine.context.role_password("beta"))
    with tenant.connect("beta") as session:
        with pytest.raises(OdooError):
            acme.sql(f"SELECT pg_terminate_backend({session.info.backend_pid})")
        assert session.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize(
    "statement",
    [
        'ALTER DATABASE "acme" RENAME TO gamma',
        'ALTER DATABASE "acme" ALLOW_CONNECTIONS false',
        "ALTER DATABASE \"acme\" SET work_mem = '1GB'",
        "COMMENT ON DATABASE \"acme\" IS '{}'",
        'DROP DATABASE "acme"',
        "CREATE DATABASE gamma",
        "CREATE ROLE gamma",
        "CREATE EXTENSION dblink",
        "CREATE EXTENSION plpython3u",
        "CREATE SCHEMA gamma",
        "DROP SCHEMA public CASCADE",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT pg_ls_dir('/')",
        "COPY res_partner FROM '/etc/passwd'",
        "COPY res_partner TO '/tmp/partners'",
        "COPY res_partner TO PROGRAM 'id'",
        "SELECT lo_import('/etc/passwd')",
        "SELECT lo_create(0)",
        "ALTER SYSTEM SET log_statement = 'all'",
        "CREATE FUNCTION run(text) RETURNS int AS '/lib/x86_64-linux-gnu/libc.so.6', 'system' LANGUAGE c",
        "CREATE SERVER out FOREIGN DATA WRAPPER postgres_fdw",
    ],
)
def test_a_tenant_cannot_alter_its_own_database_or_reach_the_machine(acme: OdooClient, statement: str):
    with pytest.raises(OdooError, match=REFUSED):
        acme.sql(statement)
    assert acme.sql("SELECT 1") == "[(1,)]"


def test_reactivating_restores_a_role_password_that_the_tenant_changed(engine: Engine, acme: OdooClient):
    acme.sql("ALTER ROLE \"acme\" PASSWORD 'locked out'")
    engine.instances.reactivate("acme")
    with engine.context.cluster.as_role("acme", engine.context.role_password("acme")).connect(
        "acme"
    ) as inside:
        assert inside.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-Host": "beta.localhost"},
        {"X-Odoo-Database": "beta"},
        {"Forwarded": "host=beta.localhost"},
    ],
)
def test_no_header_leads_to_another_database(acme: OdooClient, headers: dict[str, str]):
    params = {"jsonrpc": "2.0", "method": "call", "params": {}}
    answer = acme.http.post("/web/session/get_session_info", json=params, headers=headers)
    assert answer.json()["result"]["db"] == "acme"


@pytest.mark.parametrize("path", ["/web?db=beta", "/web/login?db=beta", "/odoo?db=beta"])
def test_no_parameter_leads_to_another_database(acme: OdooClient, path: str):
    acme.http.get(path, follow_redirects=False)
    assert acme.post("/web/session/get_session_info")["db"] == "acme"


def test_a_session_of_one_tenant_is_invalid_at_another(acme: OdooClient):
    port = acme.http.base_url.port
    answer = httpx.post(
        f"http://127.0.0.1:{port}/web/session/get_session_info",
        json={"jsonrpc": "2.0", "method": "call", "params": {}},
        headers={"Host": f"beta.localhost:{port}"},
        cookies=dict(acme.http.cookies),
    )
    assert answer.json()["error"]["data"]["name"].endswith("SessionExpiredException")


def test_a_login_cannot_choose_another_database(engine: Engine, acme: OdooClient, beta: Creation):
    with pytest.raises(OdooError):
        acme.post("/web/session/authenticate", db="beta", login=beta.login, password=beta.password.reveal())
    assert acme.post("/web/session/get_session_info")["db"] == "acme"


@pytest.fixture
def rpc_at_acme(acme: OdooClient):
    """XML-RPC endpoints of acme: the address is 127.0.0.1, the Host header is acme's."""

    class Transport(xmlrpc.client.Transport):
        def send_headers(self, connection, headers):
            connection.putheader("X-Unused", "1")
            super().send_headers(connection, headers)

        def send_request(self, host, handler, request_body, debug):
            connection = self.make_connection(host)
            connection.putrequest("POST", handler, skip_host=True)
            connection.putheader("Host", f"acme.localhost:{acme.http.base_url.port}")
            connection.putheader("Content-Type", "text/xml")
            connection.putheader("User-Agent", "test")
            connection.putheader("Connection", "close")
            self.send_content(connection, request_body)
            return connection

    base = f"http://127.0.0.1:{acme.http.base_url.port}/xmlrpc/2"
    return lambda service: xmlrpc.client.ServerProxy(f"{base}/{service}", transport=Transport())


def test_rpc_reaches_the_hosts_own_database_and_no_other(rpc_at_acme, acme: OdooClient, beta: Creation):
    password = beta.password.reveal()
    assert rpc_at_acme("common").version()["server_serie"]
    assert rpc_at_acme("common").authenticate("acme", "nobody", "wrong", {}) is False
    with pytest.raises(xmlrpc.client.Fault):
        rpc_at_acme("common").authenticate("beta", beta.login, password, {})
    with pytest.raises(xmlrpc.client.Fault):
        rpc_at_acme("object").execute_kw("beta", 2, password, "res.users", "search_read", [[]])


@pytest.mark.parametrize(
    ("method", "arguments"),
    [("list", []), ("db_exist", ["beta"]), ("drop", ["admin", "beta"]), ("dump", ["admin", "beta", "zip"])],
)
def test_the_database_service_is_closed(rpc_at_acme, method: str, arguments: list[str]):
    with pytest.raises(xmlrpc.client.Fault):
        getattr(rpc_at_acme("db"), method)(*arguments)


def test_a_tenants_trigger_never_runs_with_the_engines_privileges(engine: Engine, acme: OdooClient) -> None:
    """A trigger runs with the privileges of the writing role, so the engine writes as the tenant."""
    acme.sql("CREATE TABLE caught (who text)")
    acme.sql(
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN INSERT INTO caught VALUES (current_user); RETURN NEW; END'"
    )
    acme.sql(
        "CREATE TRIGGER trap BEFORE INSERT OR UPDATE ON ir_config_parameter"
        " FOR EACH ROW EXECUTE FUNCTION note()"
    )
    engine.instances.entitle("acme", UNLIMITED)
    caught = acme.sql("SELECT DISTINCT who FROM caught")
    acme.sql("DROP TRIGGER trap ON ir_config_parameter")
    assert caught == "[('acme',)]"


def test_the_engine_does_not_read_a_view_that_a_tenant_put_in_place_of_a_table(
    engine: Engine, acme: OdooClient
) -> None:
    """A view could call a function and return any value."""
    acme.sql("CREATE TABLE looked (who text)")
    acme.sql(
        "CREATE FUNCTION peek() RETURNS boolean LANGUAGE plpgsql AS"
        " 'BEGIN INSERT INTO looked VALUES (current_user); RETURN true; END'"
    )
    acme.sql("ALTER TABLE res_users_log RENAME TO res_users_log_kept")
    acme.sql("CREATE VIEW res_users_log AS SELECT * FROM res_users_log_kept WHERE peek()")
    try:
        with pytest.raises(Tampered, match="res_users_log"):
            engine.instances.usage("acme")
    finally:
        acme.sql("DROP VIEW res_users_log")
        acme.sql("ALTER TABLE res_users_log_kept RENAME TO res_users_log")
    assert acme.sql("SELECT DISTINCT who FROM looked") == "[]"
