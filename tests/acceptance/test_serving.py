"""Which host serves which tenant, and the answer for all other hosts."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from tests.support.tenants import is_left_alone
from tests.support.waiting import eventually, wait_until

from tenantry.engine import Engine
from tenantry.model import names
from tenantry.model.catalog import Kind, Label, State
from tenantry.model.instance import Creation
from tenantry.operations.context import relabel
from tenantry.postgres import databases, roles


@pytest.fixture(scope="module")
def acme(engine: Engine) -> Iterator[Creation]:
    spec = engine.instances.spec(
        name="acme", email="admin@acme.example", template="tiny", hostnames=["shop.acme.example"]
    )
    yield engine.instances.provision(spec)
    engine.instances.terminate("acme")


def get(engine: Engine, host: str, path: str = "/web/login", **headers: str) -> httpx.Response:
    url = f"http://127.0.0.1:{engine.runtime.port}{path}"
    return httpx.get(url, headers={"Host": host, **headers}, timeout=30)


def test_a_tenant_is_served_at_its_subdomain_and_at_its_extra_host_names(engine: Engine, acme: Creation):
    for host in ("acme.localhost", "ACME.localhost:8069", "acme.localhost.", "shop.acme.example"):
        assert get(engine, host).status_code == 200, host


@pytest.mark.parametrize(
    "host",
    ["beta.localhost", "localhost", "acme.evil.example", "www.acme.localhost", "acme", "127.0.0.1"],
)
def test_an_unknown_host_gets_a_page_with_404(engine: Engine, acme: Creation, host: str):
    engine.keep_provider("", "", "", "")
    answer = get(engine, host)
    assert answer.status_code == 404
    assert "text/html" in answer.headers["content-type"]
    assert "Nothing lives here" in answer.text
    assert "acme" not in answer.text


def test_a_program_gets_json(engine: Engine, acme: Creation):
    answer = get(engine, "beta.localhost", Accept="application/json")
    assert answer.status_code == 404
    assert answer.json()["error_code"] == "INSTANCE_NOT_FOUND"


def test_a_suspended_tenant_gets_a_page_with_503_at_once_and_comes_back(engine: Engine, acme: Creation):
    engine.instances.suspend("acme")
    answer = get(engine, "acme.localhost")
    assert answer.status_code == 503
    assert "suspended" in answer.text
    assert int(answer.headers["retry-after"]) > 0
    assert get(engine, "shop.acme.example", Accept="application/json").status_code == 503
    assert get(engine, "acme.localhost", "/web/static/img/favicon.ico").status_code == 503
    engine.instances.reactivate("acme")
    assert get(engine, "acme.localhost").status_code == 200


@pytest.mark.parametrize(
    "database", ["postgres", "template_tiny", "spare_tiny_1", "template1", "tenantry_base"]
)
def test_no_internal_database_is_served(engine: Engine, acme: Creation, database: str):
    assert get(engine, f"{database}.localhost").status_code == 404


def test_a_spare_is_not_served_under_its_own_name(engine: Engine, acme: Creation):
    engine.pool.fill("tiny", 1)
    with engine.context.maintenance() as connection:
        (spare,) = databases.listing(connection, Kind.SPARE)
    assert get(engine, f"{spare.name}.localhost").status_code == 404


@pytest.mark.parametrize("path", ["/web/database/manager", "/web/database/selector", "/web/database/create"])
def test_the_database_manager_is_closed(engine: Engine, acme: Creation, path: str):
    assert get(engine, "acme.localhost", path).status_code == 404


def test_a_label_that_was_written_by_hand_and_notified_takes_effect_at_once(engine: Engine, acme: Creation):
    with engine.context.maintenance() as connection:
        label = databases.find(connection, "acme").label
        relabel(engine.context, connection, "acme", label.having(hostnames=("other.acme.example",)))
        assert get(engine, "other.acme.example").status_code == 200
        assert get(engine, "shop.acme.example").status_code == 404
        relabel(engine.context, connection, "acme", label)
    assert get(engine, "shop.acme.example").status_code == 200


def test_many_databases_are_distinguished(engine: Engine, acme: Creation):
    """Empty databases are enough: the catalog is read completely and searched for each request."""
    label = Label(Kind.INSTANCE, State.SUSPENDED, "tiny", "1.0.0")
    with engine.context.maintenance() as connection:
        crowd = [f"crowd-{number}" for number in range(40)]
        try:
            for name in crowd:
                databases.create(connection, name, label)
                relabel(engine.context, connection, name, label)
            assert {get(engine, f"{name}.localhost").status_code for name in crowd} == {503}
            assert get(engine, "acme.localhost").status_code == 200
        finally:
            for name in crowd:
                databases.drop(connection, name)


def test_tenants_are_served_again_after_postgres_was_restarted(engine: Engine, acme: Creation):
    assert engine._embedded
    engine._embedded.stop()
    engine.start_postgres()
    wait_until(lambda: get(engine, "acme.localhost").status_code == 200)


def test_scheduled_jobs_run_for_active_tenants_only_and_end_at_once_when_one_is_stopped(
    engine: Engine, acme: Creation
):
    engine.instances.provision(engine.instances.spec(name="beta", email="b@beta.example", template="tiny"))
    try:
        engine.instances.suspend("beta")
        for name in ("acme", "beta"):
            _let_jobs_be_due(engine, name)
        # The spawner looks for due jobs again after a start, whether tenants were asleep or awake before.
        engine.runtime.stop()
        engine.start_tenants()
        wait_until(lambda: _ran_a_job(engine, "acme"))
        assert not _ran_a_job(engine, "beta")
        engine.instances.stop("acme")
        assert is_left_alone(engine, "acme")
        _let_jobs_be_due(engine, "acme")
        assert not eventually(lambda: _ran_a_job(engine, "acme"), within_s=3)
    finally:
        engine.instances.start("acme")
        engine.instances.terminate("beta")


def _let_jobs_be_due(engine: Engine, name: str) -> None:
    with engine.context.cluster.connect(name) as inside:
        inside.execute("UPDATE ir_cron SET nextcall = now() - interval '1 day', lastcall = NULL")


def _ran_a_job(engine: Engine, name: str) -> bool:
    with engine.context.cluster.connect(name) as inside:
        row = inside.execute("SELECT count(*) FROM ir_cron WHERE lastcall IS NOT NULL").fetchone()
    return bool(row and row[0])


def test_the_operators_environment_reaches_no_tenant_and_a_changed_one_restarts_nothing(
    engine: Engine, acme: Creation, monkeypatch: pytest.MonkeyPatch
):
    runs_as = engine.runtime.pid
    monkeypatch.setenv("SECRET_OF_THE_OPERATOR", "hunter2")
    monkeypatch.setenv("LANG", "fr_FR.UTF-8")
    assert "hunter2" not in engine.runtime._config(engine.odoo, engine.context.cluster, 1, 2).to_json()
    engine.start_tenants()
    assert engine.runtime.pid == runs_as


def test_a_template_is_served_while_it_is_edited_only(engine: Engine, acme: Creation):
    editing = engine.templates.edit("tiny")
    host = f"{names.editing_database('tiny')}.localhost"
    assert get(engine, host).status_code == 200
    with engine.context.cluster.connect(names.editing_database("tiny")) as inside:
        inside.execute("UPDATE res_company SET name = 'Edited by the operator'")
    before = next(t for t in engine.templates.all() if t.code == "tiny")
    assert before.state == "editing"
    after = engine.templates.finish_editing("tiny")
    assert after.version > before.version
    assert get(engine, host).status_code == 404
    assert editing.password
    engine.instances.provision(engine.instances.spec(name="gamma", email="g@gamma.example", template="tiny"))
    with engine.context.cluster.connect("gamma") as inside:
        assets = inside.execute("SELECT count(*) FROM ir_attachment WHERE url LIKE '/web/assets/%'")
        assert assets.fetchone() != (0,)
    engine.instances.terminate("gamma")
    with engine.context.maintenance() as connection:
        assert not roles.exists(connection, names.editing_database("tiny"))
