"""Which user each tenant's process is, where root starts it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.spawner import identity

oids = st.integers(1, 2**32 - 1)


@pytest.fixture(autouse=True, scope="module")
def started_by_root():
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(identity.os, "geteuid", lambda: 0)
        yield


@given(oids)
def test_each_tenant_has_its_own_user(oid: int):
    user = identity.tenant_user(oid)
    assert user == identity.tenant_user(oid)
    assert user not in (0, identity.tenant_user(oid + 1), *identity.OTHERS)


@given(oids, oids, st.integers(1, identity.RANGES - 1))
def test_tenants_of_two_servers_share_no_user(oid: int, other: int, server: int):
    assert identity.tenant_user(oid) != identity.tenant_user(other, server)


@given(oids, st.integers(0, identity.RANGES - 1))
def test_a_user_is_that_of_one_tenant_on_each_server(oid: int, server: int):
    user = identity.tenant_user(oid, server)
    assert identity.is_tenants(user, oid)
    assert not identity.is_tenants(user, oid + 1)
    assert not any(identity.is_tenants(other, oid) for other in (None, 0, 1000, *identity.OTHERS))


@given(oids)
def test_no_tenant_is_a_user_the_system_gives_out(oid: int):
    """65534 is `nobody`; some programs treat ids from 2^31 on as negative."""
    for user in (identity.tenant_user(oid), identity.tenant_user(oid, identity.RANGES - 1)):
        assert user
        assert 0x7000_0000 <= user < 2**31
        assert user not in identity.OTHERS


def test_without_root_all_processes_run_as_the_same_user(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(identity.os, "geteuid", lambda: 1000)
    assert (identity.tenant_user(7), identity.builder_user(), identity.master_user()) == (None, None, None)
