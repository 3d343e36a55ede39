"""An instance gets another name and so another address."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from tests.support.inventory import orphans
from tests.support.killed import run_and_kill
from tests.support.odoo_client import OdooError
from tests.support.tenants import ask, create, log_in, status, swept, users_allowed

from tenantry.engine import Engine
from tenantry.errors import (
    InstanceNotFound,
    InvalidName,
    InvalidTransition,
    NameTaken,
    ProbeFailed,
)
from tenantry.model.catalog import State
from tenantry.model.entitlements import Entitlements
from tenantry.operations.instance import rename

DOMAIN = "odoo.acme.example"


@pytest.fixture(autouse=True)
def clean(engine: Engine) -> Iterator[None]:
    with swept(engine):
        yield


def test_a_renamed_instance_has_its_new_address_and_all_its_data(engine: Engine):
    limits = Entitlements(users=7, plan="Small")
    creation = create(engine, hostnames=[DOMAIN], entitlements=limits)
    files = {path.name for path in engine.context.filestores.folder("acme").rglob("*") if path.is_file()}
    renamed = engine.instances.rename("acme", "zenith")
    assert renamed.url == engine.context.route("zenith").url
    assert (renamed.state, renamed.hostnames) == (State.ACTIVE, (DOMAIN,))
    assert (status(engine, "zenith"), status(engine, "acme")) == (200, 404)
    assert status(engine, "zenith", DOMAIN) == 200
    kept = {path.name for path in engine.context.filestores.folder("zenith").rglob("*") if path.is_file()}
    assert files <= kept
    assert ask(engine, "zenith", "SELECT value FROM ir_config_parameter WHERE key = 'web.base.url'") == [
        (renamed.url,)
    ]
    assert users_allowed(log_in(engine, creation, "zenith")) == 7
    assert orphans(engine.context) == []


def test_an_older_statement_stays_void_after_a_rename(engine: Engine):
    """A tenant that kept the statement of a larger plan cannot use it under its new name."""
    key = "saas_tenant.entitlements"
    creation = create(engine, entitlements=Entitlements(users=50))
    ((larger,),) = ask(engine, "acme", f"SELECT value FROM ir_config_parameter WHERE key = '{key}'")
    engine.instances.entitle("acme", Entitlements(users=1))
    engine.instances.rename("acme", "zenith")
    with engine.context.cluster.connect("zenith") as inside:
        inside.execute("UPDATE ir_config_parameter SET value = %s WHERE key = %s", [larger, key])
    with pytest.raises(OdooError, match="could not be verified"):
        log_in(engine, creation, "zenith").call("res.users", "create", [{"name": "Two", "login": "two"}])


def test_the_old_name_is_free_after_a_rename(engine: Engine):
    create(engine)
    engine.instances.rename("acme", "zenith")
    again = create(engine)
    engine.instances.prove_login(again)
    with pytest.raises(NameTaken):
        engine.instances.rename("acme", "zenith")
    engine.instances.terminate("acme")
    assert engine.instances.rename("acme", "zenith").name == "zenith"


def test_an_instance_can_be_renamed_back(engine: Engine):
    creation = create(engine)
    engine.instances.rename("acme", "zenith")
    engine.instances.rename("zenith", "acme")
    engine.instances.prove_login(creation)


def test_an_invalid_or_taken_name_is_refused_and_nothing_changes(engine: Engine):
    creation = create(engine)
    create(engine, "beta")
    for new, error in (("www", InvalidName), ("Not A Name", InvalidName), ("beta", NameTaken)):
        with pytest.raises(error):
            engine.instances.rename("acme", new)
    engine.instances.prove_login(creation)


def test_only_active_instances_can_be_renamed(engine: Engine):
    create(engine)
    engine.instances.stop("acme")
    with pytest.raises(InvalidTransition):
        engine.instances.rename("acme", "zenith")
    with pytest.raises(InstanceNotFound):
        engine.instances.rename("nobody", "zenith")


def test_a_base_url_that_the_customer_chose_is_kept(engine: Engine):
    create(engine)
    ask(
        engine,
        "acme",
        f"UPDATE ir_config_parameter SET value = 'https://{DOMAIN}' WHERE key = 'web.base.url' RETURNING 1",
    )
    engine.instances.rename("acme", "zenith")
    assert ask(engine, "zenith", "SELECT value FROM ir_config_parameter WHERE key = 'web.base.url'") == [
        (f"https://{DOMAIN}",)
    ]


@pytest.mark.parametrize("step", [step.name for step in rename.STEPS])
def test_a_rename_killed_after_any_step_is_finished_by_the_next_run(engine: Engine, step: str):
    creation = create(engine, entitlements=Entitlements(users=3))
    run_and_kill(engine.settings, "rename", step, "acme", "zenith")
    assert engine.instances.rename("acme", "zenith").state is State.ACTIVE
    assert (status(engine, "zenith"), status(engine, "acme")) == (200, 404)
    assert users_allowed(log_in(engine, creation, "zenith")) == 3
    assert orphans(engine.context) == []


@pytest.mark.parametrize("step", [step.name for step in rename.STEPS])
def test_a_rename_that_fails_at_any_step_leaves_the_instance_unchanged(
    engine: Engine, step: str, monkeypatch
):
    creation = create(engine, entitlements=Entitlements(users=3))

    steps = [replace(it, run=_failing(it.run)) if it.name == step else it for it in rename.STEPS]
    monkeypatch.setattr(rename, "STEPS", steps)
    with pytest.raises(ProbeFailed):
        engine.instances.rename("acme", "zenith")
    assert (status(engine, "zenith"), status(engine, "acme")) == (404, 200)
    assert users_allowed(log_in(engine, creation)) == 3
    assert orphans(engine.context) == []


def _failing(run: Callable[..., None]) -> Callable[..., None]:
    """A step that does its work and then fails."""

    def fail(subject: rename.Renaming) -> None:
        run(subject)
        raise ProbeFailed("http://zenith.localhost", 200, "500", 1)

    return fail


@pytest.mark.parametrize("step", ["state", "names", "filestore"])
def test_an_instance_can_be_terminated_after_its_rename_was_killed(engine: Engine, step: str):
    create(engine)
    run_and_kill(engine.settings, "rename", step, "acme", "zenith")
    (instance,) = engine.instances.all()
    engine.instances.terminate(instance.name)
    assert orphans(engine.context) == []


def test_a_tenants_trigger_runs_with_the_tenants_privileges_only_during_a_rename(engine: Engine):
    create(engine)
    trap = """
        CREATE TABLE caught (who text);
        GRANT ALL ON caught TO PUBLIC;
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN INSERT INTO caught VALUES (current_user); RETURN NEW; END';
        CREATE TRIGGER trap BEFORE INSERT OR UPDATE ON ir_config_parameter
            FOR EACH ROW EXECUTE FUNCTION note();
    """
    with engine.context.as_tenant("acme") as inside:
        inside.execute(trap.encode())
    engine.instances.rename("acme", "zenith")
    assert {who for (who,) in ask(engine, "zenith", "SELECT who FROM caught")} == {"zenith"}
