"""The tenant's module in a real Odoo: limits, login links, support; seen through its own web API."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.odoo_client import OdooClient, OdooError

from tenantry.engine import Engine
from tenantry.model.entitlements import Entitlements
from tenantry.model.instance import Creation

UPGRADE = "https://provider.example/plans"


@pytest.fixture(scope="module")
def acme(engine: Engine) -> Iterator[Creation]:
    spec = engine.spec(
        name="acme", email="admin@acme.example", template="tiny", entitlements=Entitlements(users=2)
    )
    yield engine.provision(spec)
    engine.terminate("acme")


@pytest.fixture(scope="module")
def client(engine: Engine, acme: Creation) -> OdooClient:
    return OdooClient(engine, acme)


def test_a_user_over_the_limit_is_refused_with_the_numbers(client: OdooClient, engine: Engine):
    first = client.call("res.users", "create", [{"name": "Two", "login": "two"}])
    with pytest.raises(OdooError, match="includes 2 internal users, and 2 are active"):
        client.call("res.users", "create", [{"name": "Three", "login": "three"}])
    engine.entitle("acme", Entitlements(users=3, upgrade_url=UPGRADE))
    client.call("res.users", "create", [{"name": "Three", "login": "three"}])
    with pytest.raises(OdooError, match=UPGRADE):
        client.call("res.users", "create", [{"name": "Four", "login": "four"}])
    print(engine.usage("acme"), first)
    print(client.session.get("saas_banners"))
