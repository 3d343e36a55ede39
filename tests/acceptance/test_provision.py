"""Creating, changing and terminating instances with a real Odoo."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, nullcontext, suppress
from datetime import UTC, datetime

import pytest
from tests.support.foreign import foreign_database
from tests.support.inventory import orphans
from tests.support.killed import interrupt_drop, run_and_kill
from tests.support.tenants import ask, create, swept

from tenantry.engine import Engine
from tenantry.errors import (
    Busy,
    InstanceNotFound,
    InvalidTransition,
    InvalidValue,
    NameTaken,
    NotYet,
    PostgresUnreachable,
    ProbeFailed,
    TemplateNotFound,
    TenantryError,
)
from tenantry.model.catalog import State
from tenantry.model.instance import Creation, InstanceSpec
from tenantry.model.progress import ignore
from tenantry.operations.context import Context
from tenantry.operations.instance import lifecycle, provision
from tenantry.operations.steps import Operation, Step
from tenantry.postgres import databases, locks, roles

_COMPANY = """
    SELECT country.code, currency.name FROM res_company AS company
      JOIN res_partner AS partner ON partner.id = company.partner_id
      JOIN res_country AS country ON country.id = partner.country_id
      JOIN res_currency AS currency ON currency.id = company.currency_id AND currency.active
"""
_ADMIN = """
    SELECT partner.name, partner.tz, partner.lang FROM res_users AS admin
      JOIN res_partner AS partner ON partner.id = admin.partner_id
     WHERE admin.login = 'admin@acme.example'
"""


@pytest.fixture(autouse=True)
def clean(engine: Engine) -> Iterator[None]:
    with swept(engine):
        yield


def test_a_customer_gets_a_running_odoo_and_can_log_in(engine: Engine):
    engine.pool.fill("tiny", 1)
    creation = create(engine, company="Acme & Sons")
    assert creation.spare
    assert creation.instance.state is State.ACTIVE
    assert creation.instance.url.startswith("http://acme.localhost:")
    assert engine.instances.prove_login(creation) > 0
    assert ask(engine, "acme", "SELECT name FROM res_company") == [("Acme & Sons",)]


def test_a_creation_without_a_spare_clones_the_template(engine: Engine):
    creation = create(engine)
    assert not creation.spare
    engine.instances.prove_login(creation)


def test_the_customers_language_country_and_time_zone_are_set(engine: Engine):
    create(engine, country="BE", timezone="Europe/London", language="en_US", admin_name="Léa Dupont")
    assert ask(engine, "acme", _COMPANY) == [("BE", "EUR")]
    assert ask(engine, "acme", _ADMIN) == [("Léa Dupont", "Europe/London", "en_US")]


def test_without_a_time_zone_and_a_name_they_follow_from_the_country_and_the_mailbox(engine: Engine):
    create(engine, country="VN")
    assert ask(engine, "acme", _COMPANY) == [("VN", "VND")]
    assert ask(engine, "acme", _ADMIN) == [("Admin", "Asia/Ho_Chi_Minh", "en_US")]


def test_two_instances_share_no_identity_or_secret(engine: Engine):
    secrets = []
    for name in ("acme", "beta"):
        create(engine, name)
        query = "SELECT key, value FROM ir_config_parameter WHERE key IN ('database.uuid', 'database.secret')"
        secrets += [value for _key, value in ask(engine, name, query)]
    assert len(set(secrets)) == 4


def test_all_scheduled_jobs_of_an_instance_start_at_a_moment_of_its_own(engine: Engine):
    before = datetime.now(UTC).replace(microsecond=0, tzinfo=None)
    create(engine)
    overdue = f"SELECT count(*) FROM ir_cron WHERE active AND nextcall < '{before}'"
    assert ask(engine, "acme", overdue) == [(0,)]
    create(engine, "beta")
    moments = "SELECT DISTINCT nextcall FROM ir_cron WHERE active"
    (acme,), (beta,) = ask(engine, "acme", moments), ask(engine, "beta", moments)
    assert acme != beta


@pytest.mark.parametrize(
    ("wishes", "error"),
    [
        ({"template": "nothing"}, TemplateNotFound),
        ({"language": "xx_XX"}, InvalidValue),
        ({"country": "XX"}, InvalidValue),
        ({"timezone": "Mars/Olympus"}, InvalidValue),
    ],
)
def test_an_impossible_specification_is_refused_and_leaves_nothing(engine: Engine, wishes, error):
    with pytest.raises(error) as refusal:
        engine.instances.provision(
            engine.instances.spec(**{"name": "acme", "email": "a@acme.example", "template": "tiny", **wishes})
        )
    assert refusal.value.remedy
    assert engine.instances.all() == []


@pytest.mark.parametrize("hostname", ["beta.localhost", "edit--tiny.localhost", "localhost"])
def test_an_extra_host_name_cannot_be_another_instances_address(engine: Engine, hostname: str):
    with pytest.raises(InvalidValue):
        engine.instances.provision(
            engine.instances.spec(name="acme", email="a@acme.example", template="tiny", hostnames=[hostname])
        )


def test_an_extra_host_name_has_one_owner(engine: Engine):
    for name, error in (("acme", None), ("beta", NameTaken)):
        spec = engine.instances.spec(
            name=name, email="a@a.example", template="tiny", hostnames=["shop.example.com"]
        )
        with pytest.raises(error) if error else nullcontext():
            engine.instances.provision(spec)


def test_no_other_user_of_the_template_can_log_in(engine: Engine):
    create(engine)
    with_password = "SELECT login FROM res_users WHERE password IS NOT NULL"
    assert ask(engine, "acme", with_password) == [("admin@acme.example",)]


def test_a_killed_creation_that_is_repeated_with_other_values_gets_the_last_values(engine: Engine):
    run_and_kill(engine.settings, "provision", "admin", "acme", "tiny")
    spec = engine.instances.spec(
        name="acme", email="new@acme.example", template="tiny", hostnames=["shop.example.com"]
    )
    engine.instances.prove_login(engine.instances.provision(spec))
    assert engine.instances.get("acme").hostnames == ("shop.example.com",)
    assert engine.instances.get("acme").login == "new@acme.example"


@pytest.mark.parametrize("step", ["database", "admin", "activate"])
def test_a_killed_creation_that_is_abandoned_leaves_nothing(engine: Engine, step: str):
    run_and_kill(engine.settings, "provision", step, "acme", "tiny", "order 1")
    assert engine.instances.abandon("acme", "order 1")
    assert engine.instances.all() == []
    assert orphans(engine.context) == []
    assert not engine.instances.abandon("acme", "order 1")


def test_abandoning_a_creation_leaves_another_instance_with_its_name_alone(engine: Engine):
    create(engine, reference="order 1")
    assert not engine.instances.abandon("acme", "order 2")
    assert not engine.instances.abandon("acme", "")
    assert engine.instances.get("acme").state is State.ACTIVE


def test_an_instance_is_not_terminated_in_place_of_another_with_its_name(engine: Engine):
    create(engine, reference="order 1")
    with pytest.raises(InstanceNotFound):
        engine.instances.terminate("acme", reference="order 2")
    assert engine.instances.is_serving("acme")
    engine.instances.terminate("acme", reference="order 1")
    assert engine.instances.all() == []


@pytest.mark.parametrize("name", ["tenantry_spawner", "tenantry_template", "postgres", "template_tiny"])
def test_only_instances_can_be_terminated(engine: Engine, name: str):
    with pytest.raises(InstanceNotFound):
        engine.instances.terminate(name)
    assert engine.runtime.is_answering()


def test_existing_files_are_not_taken_over(engine: Engine):
    folder = engine.context.filestores.folder("acme")
    folder.mkdir(parents=True)
    with pytest.raises(NameTaken):
        create(engine)
    folder.rmdir()


def test_a_taken_name_is_refused_with_free_ones(engine: Engine):
    create(engine)
    with pytest.raises(NameTaken) as refusal:
        create(engine)
    assert refusal.value.alternatives[0] == "acme-2"
    assert engine.instances.get("acme").state is State.ACTIVE


def test_creations_succeed_while_the_pool_is_filled_repeatedly(engine: Engine):
    """A clone of a running creation looks like an abandoned one, which a sweep would remove."""
    is_over = threading.Event()

    def refill() -> None:
        while not is_over.is_set():
            engine.pool.fill("tiny", 1)

    refilling = threading.Thread(target=refill)
    refilling.start()
    names = [f"beside-{number}" for number in range(20)]
    try:
        with ThreadPoolExecutor(4) as pool:
            made = list(pool.map(lambda name: create(engine, name).instance.state, names))
    finally:
        is_over.set()
        refilling.join()
    assert made == [State.ACTIVE] * len(names)


def test_an_instance_whose_drop_was_interrupted_is_listed_and_can_be_terminated(engine: Engine):
    create(engine)
    interrupt_drop(engine, "acme")
    assert [(found.name, found.size_bytes) for found in engine.instances.all()] == [("acme", 0)]
    engine.instances.terminate("acme")
    assert engine.instances.all() == []


@pytest.mark.parametrize("fails_in", ["the step", "what its caller does next"])
def test_a_failed_creation_is_undone_once(engine: Engine, fails_in: str):
    """The same holds for Ctrl-C."""
    undone: list[str] = []

    def interrupted(subject: provision.Provisioning) -> None:
        raise KeyboardInterrupt(subject.name)

    def create_step_by_step() -> None:
        run = interrupted if fails_in == "the step" else lambda _subject: None
        steps = (Step("prepare", run, undo=lambda subject: undone.append(subject.name)),)
        spec = engine.instances.spec(name="acme", email="a@acme.example", template="tiny")
        with provision.provisioning(engine.context, spec) as session:
            session.operation = Operation("provision", "acme", steps, ignore)
            session.clone()
            interrupted(session.subject)

    with pytest.raises(KeyboardInterrupt):
        create_step_by_step()
    assert undone == ["acme"]


def test_a_database_that_is_not_ours_is_never_touched(engine: Engine):
    with engine.context.maintenance() as connection, foreign_database(connection, "acme"):
        with pytest.raises(NameTaken):
            create(engine)
        with pytest.raises(InstanceNotFound):
            engine.instances.terminate("acme")
        assert engine.instances.taken(["acme", "beta"]) == {"acme"}
    assert engine.instances.taken(["acme", "beta"]) == frozenset()


def test_one_of_two_simultaneous_creations_with_one_name_succeeds(engine: Engine):
    engine.pool.fill("tiny", 2)
    outcomes: list[object] = []

    def attempt() -> None:
        try:
            outcomes.append(create(engine))
        except (Busy, NameTaken) as error:
            outcomes.append(error)

    threads = [threading.Thread(target=attempt) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = [outcome for outcome in outcomes if isinstance(outcome, Creation)]
    assert len(won) == 1, outcomes
    assert len(outcomes) == 4
    engine.instances.prove_login(won[0])


@pytest.mark.parametrize("step", [step.name for step in provision.STEPS])
def test_a_creation_killed_after_any_step_is_finished_by_the_next_run(engine: Engine, step: str):
    run_and_kill(engine.settings, "provision", step, "acme", "tiny")
    if step == provision.STEPS[-1].name:
        with pytest.raises(NameTaken):
            create(engine)
    else:
        engine.instances.prove_login(create(engine))
    assert engine.instances.get("acme").state is State.ACTIVE
    assert orphans(engine.context) == []


def test_a_creation_from_a_spare_is_finished_after_a_kill_at_each_step(engine: Engine):
    engine.pool.fill("tiny", 1)
    for step in provision.STEPS[:-1]:
        run_and_kill(engine.settings, "provision", step.name, "acme", "tiny")
    engine.instances.prove_login(create(engine))
    assert orphans(engine.context) == []


def test_an_unanswered_probe_fails_the_creation_and_leaves_nothing(engine: Engine, monkeypatch):
    def refuse(*_arguments: object, **_keywords: object) -> None:
        raise ProbeFailed("http://acme.localhost", 200, "500", 1)

    monkeypatch.setattr(Context, "expect", refuse)
    with pytest.raises(ProbeFailed):
        create(engine)
    assert engine.instances.all() == []
    assert orphans(engine.context) == []


def test_stopping_postgres_during_a_creation_is_a_clear_error_and_the_next_run_finishes(engine: Engine):
    def stop_postgres(event) -> None:
        if event.step == "customize" and event.status == "done":
            assert engine._embedded
            engine._embedded.stop()

    spec = engine.instances.spec(name="acme", email="a@acme.example", template="tiny")
    with pytest.raises(PostgresUnreachable) as refusal:
        engine.instances.provision(spec, stop_postgres)
    assert refusal.value.retryable
    engine.start_postgres()
    engine.instances.prove_login(engine.instances.provision(spec))


def test_suspending_closes_the_address_and_reactivating_opens_it(engine: Engine):
    creation = create(engine)
    route = engine.context.route("acme")
    assert engine.instances.suspend("acme").state is State.SUSPENDED
    assert route.get("/web/login") == 503
    assert engine.instances.reactivate("acme").state is State.ACTIVE
    assert route.get("/web/login") == 200
    engine.instances.prove_login(creation)


@pytest.mark.parametrize(("block", "unblock"), [("suspend", "reactivate"), ("stop", "start")])
def test_a_suspended_or_stopped_tenant_cannot_log_in_to_postgresql(engine: Engine, block: str, unblock: str):
    """This includes a tenant that learnt the password of its role, for instance from its own process."""
    create(engine)
    tenant = engine.context.cluster.as_role("acme", engine.context.role_password("acme"))
    getattr(engine.instances, block)("acme")
    with pytest.raises(PostgresUnreachable, match="not permitted to log in"):
        tenant.open("acme")
    getattr(engine.instances, unblock)("acme")
    tenant.open("acme").close()


@pytest.mark.parametrize(
    ("operation", "step", "state"),
    [("suspend", step.name, State.SUSPENDED) for step in lifecycle.SUSPEND]
    + [("reactivate", step.name, State.ACTIVE) for step in lifecycle.REACTIVATE],
)
def test_a_change_of_state_killed_after_any_step_is_finished_by_the_next_run(
    engine: Engine, operation: str, step: str, state: State
):
    create(engine)
    if operation == "reactivate":
        engine.instances.suspend("acme")
    run_and_kill(engine.settings, operation, step, "acme")
    assert getattr(engine.instances, operation)("acme").state is state


def test_terminating_leaves_no_database_role_or_file(engine: Engine):
    create(engine)
    engine.instances.terminate("acme")
    with engine.context.maintenance() as connection:
        assert databases.find(connection, "acme") is None
        assert not roles.exists(connection, "acme")
    assert not engine.context.filestores.exists("acme")
    assert engine.context.route("acme").get("/web/login") == 404


@pytest.mark.parametrize("step", [step.name for step in lifecycle.TERMINATE])
def test_a_termination_killed_after_any_step_is_finished_by_the_next_run_and_the_name_is_free(
    engine: Engine, step: str
):
    create(engine)
    run_and_kill(engine.settings, "terminate", step, "acme")
    with suppress(InstanceNotFound):
        engine.instances.terminate("acme")
    assert engine.instances.all() == []
    assert orphans(engine.context) == []
    engine.instances.prove_login(create(engine))


def test_a_missing_instance_cannot_be_changed(engine: Engine):
    for action in (
        engine.instances.get,
        engine.instances.suspend,
        engine.instances.reactivate,
        engine.instances.terminate,
    ):
        with pytest.raises(InstanceNotFound):
            action("nobody")


def test_an_unfinished_instance_cannot_be_suspended(engine: Engine):
    run_and_kill(engine.settings, "provision", "sanitize", "acme", "tiny")
    with pytest.raises(InvalidTransition):
        engine.instances.suspend("acme")
    engine.instances.terminate("acme")


def create_impatiently(context: Context, spec: InstanceSpec) -> None:
    with provision.provisioning(context, spec, patience_s=0.1) as session:
        session.clone()
        session.sanitize()
        session.customize()
        session.create_admin()
        session.publish()


@pytest.mark.parametrize("line", ["cloning", "first page"])
def test_a_creation_that_waits_for_a_slot_releases_its_thread_and_continues_later(engine: Engine, line: str):
    context, spec = (
        engine.context,
        engine.instances.spec(name="acme", email="admin@acme.example", template="tiny"),
    )
    places = max(context.clones_at_once, context.runtime.capabilities.first_pages_at_once)
    with ExitStack() as held:
        for _place in range(places):
            connection = held.enter_context(context.maintenance())
            held.enter_context(locks.slot(connection, line, places, wait_s=1))
        with pytest.raises(NotYet):
            create_impatiently(context, spec)
        kept = [(found.name, found.state) for found in engine.instances.all()]
        assert kept == ([] if line == "cloning" else [("acme", State.PROVISIONING)])
    with context.maintenance() as connection:
        before = databases.oid(connection, "acme") if kept else None
        assert engine.instances.prove_login(engine.instances.provision(spec)) > 0
        assert before in (None, databases.oid(connection, "acme"))


def test_fifty_creations_at_once_all_succeed(engine: Engine):
    engine.pool.fill("tiny", 10)
    created: list[object] = []

    def attempt(number: int) -> None:
        try:
            created.append(create(engine, f"many-{number:02d}").instance.state)
        except TenantryError as error:
            created.append(error)

    threads = [threading.Thread(target=attempt, args=[number]) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert created == [State.ACTIVE] * 50
