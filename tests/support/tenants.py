"""Instances of the Tiny template, for tests of operations on instances."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from tenantry.engine import Engine
from tenantry.model.instance import Creation
from tests.support.inventory import orphans
from tests.support.odoo_client import OdooError, WebClient
from tests.support.waiting import eventually

_AT_ONCE = 4


@contextmanager
def swept(engine: Engine) -> Iterator[None]:
    """Terminate the instances of a test, and check that nothing is left behind."""
    yield
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(engine.instances.terminate, [instance.name for instance in engine.instances.all()]))
    assert orphans(engine.context) == []


def create(engine: Engine, name: str = "acme", **wishes: object) -> Creation:
    return engine.instances.provision(
        engine.instances.spec(name=name, email=f"admin@{name}.example", template="tiny", **wishes)
    )


def status(engine: Engine, name: str, hostname: str = "") -> int:
    """Of the login page at its address, or at that host name."""
    return engine.context.route(name, hostname).get("/web/login")


def ask(engine: Engine, name: str, query: str) -> list[tuple]:
    with engine.context.cluster.connect(name) as inside:
        return inside.execute(query.encode()).fetchall()


def is_left_alone(engine: Engine, name: str = "acme") -> bool:
    """Whether its database has no sessions, after running work has had time to end."""
    query = """
        SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'
    """
    with engine.context.maintenance() as connection:
        return eventually(lambda: connection.execute(query, [name]).fetchone() == (0,))


def log_in(engine: Engine, creation: Creation, name: str = "acme") -> WebClient:
    """The customer's administrator, at the instance's present name."""
    return WebClient(engine.context.route(name), name, creation.login, creation.password)


def users_allowed(customer: WebClient) -> int:
    """The limit as the tenant reads it in the signed statement; 0: unlimited."""
    for number in range(2, 20):
        try:
            customer.call("res.users", "create", [{"name": str(number), "login": f"user{number}"}])
        except OdooError:
            return number - 1
    return 0
