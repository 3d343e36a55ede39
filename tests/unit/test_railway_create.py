"""An instance on Railway is made, found again after a kill, and deleted: against a stand-in with its API."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.support.railway import TOKEN, Railway, running
from tests.support.railway_server import SERVER, creating_process, installation
from tests.support.waiting import wait_until

from tenantry.engine import Engine
from tenantry.engine.railway import RailwayEngine
from tenantry.errors import (
    Busy,
    InstanceNotFound,
    InvalidSetting,
    InvalidValue,
    NameTaken,
    NotOnRailway,
    NotYet,
    ProbeFailed,
    RailwayDeploymentFailed,
    RailwayQuotaExceeded,
    RailwayRefused,
    RailwayTokenMissing,
    RailwayTokenRefused,
    RailwayUnreachable,
    RailwayWorkspaceUnknown,
    RecipeNotFound,
    TenantryError,
)
from tenantry.model.abilities import can
from tenantry.model.catalog import Label, State
from tenantry.model.instance import Creation, InstanceSpec
from tenantry.model.operations import OPERATIONS
from tenantry.model.progress import StepEvent, StepStatus
from tenantry.model.recipe import Recipe
from tenantry.model.secret import Secret
from tenantry.model.server import Check, Health
from tenantry.operations.railway import create, services, terminate
from tenantry.railway import client
from tenantry.railway.account import Account
from tenantry.settings import RAILWAY, ServerSettings

NAME, EMAIL = "acme", "boss@acme.example"
MUTATIONS = [
    "projectCreate",
    *("serviceCreate", "serviceCreate"),
    *("volumeCreate", "volumeCreate"),
    "serviceDomainCreate",
    *("variableCollectionUpsert", "variableCollectionUpsert"),
    *("serviceInstanceUpdate", "serviceInstanceUpdate"),
    *("serviceInstanceDeployV2", "serviceInstanceDeployV2"),
    "projectUpdate",
]
"""Of one creation, in their order."""


@pytest.fixture
def railway() -> Iterator[Railway]:
    with running() as started:
        yield started


@pytest.fixture
def engine(tmp_path: Path, railway: Railway) -> RailwayEngine:
    return installation(tmp_path, railway)


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in ((client, "_FIRST_PAUSE_S"), (create, "_FIRST_LOOK_S"), (terminate, "_PAUSE_S")):
        monkeypatch.setattr(module, name, 0.001)


def spec(engine: RailwayEngine, name: str = NAME, reference: str = "order-1", **more: object) -> InstanceSpec:
    return engine.instances.spec(name=name, email=EMAIL, reference=reference, **more)


def create_it(engine: RailwayEngine, name: str = NAME, **more: object) -> Creation:
    return engine.instances.provision(spec(engine, name, **more))


def label_of(railway: Railway, name: str = NAME) -> Label:
    label = Label.from_comment(railway.only(name).description)
    assert label
    return label


# ---------------------------------------------------------------- what is made


def test_a_creation_makes_a_project_that_answers_at_the_address_it_tells(
    engine: RailwayEngine, railway: Railway
):
    creation = create_it(engine, company="Acme Corp", language="fr_FR")
    postgres, odoo = (railway.only(NAME).named(name)[0] for name in ("postgres", NAME))
    assert creation.instance.url == f"http://{odoo.domain}"
    assert create.first_page(f"{creation.instance.url}/web/login") == "200"
    assert label_of(railway).state is State.ACTIVE
    assert railway.mutations == MUTATIONS
    assert [name for name, _took_s in creation.steps] == [step.name for step in create.STEPS]
    assert postgres.source == {"image": "postgres:17"}
    assert odoo.source == {"image": "odoo:19.0"}
    assert odoo.settings["healthcheckPath"] == "/web/login"
    wishes = services.wishes_in(odoo.variables)
    assert (wishes["login"], wishes["password"]) == (EMAIL, creation.password.reveal())
    assert (wishes["company"], wishes["language"]) == ("Acme Corp", "fr_FR")
    assert wishes["url"] == creation.instance.url
    assert "contacts" in wishes["modules"]


def test_the_image_is_the_operators_own_or_that_of_the_series(tmp_path: Path, railway: Railway):
    engine = installation(tmp_path, railway, image="registry.example/odoo:18@sha256:1", odoo_series="18.0")
    create_it(engine)
    odoo = railway.only(NAME).named(NAME)[0]
    assert odoo.source == {"image": "registry.example/odoo:18@sha256:1"}
    assert services.wishes_in(odoo.variables)["options"] == ["--without-demo=all"]


def test_the_plans_limits_become_railways(engine: RailwayEngine, railway: Railway):
    create_it(engine, limits={"memory_mb": 2048, "cpus": 1.5, "idle_s": 60})
    limits = railway.only(NAME).named(NAME)[0].limits
    assert (limits["memoryGB"], limits["vCPUs"]) == (2, 1.5)


def test_a_customers_text_cannot_refer_to_railways_variables(engine: RailwayEngine, railway: Railway):
    create_it(engine, company="${{postgres.POSTGRES_PASSWORD}}")
    variables = railway.only(NAME).named(NAME)[0].variables
    referring = {name for name, value in variables.items() if "${{" in value}
    assert referring == {"PGHOST", "PGPASSWORD"}


@pytest.mark.parametrize("language", ["--config=/etc/passwd", "fr_FR,de_DE", "français"])
def test_a_language_is_a_code(engine: RailwayEngine, railway: Railway, language: str):
    with pytest.raises(InvalidValue, match="language"):
        create_it(engine, language=language)
    assert railway.asked == {}


def test_a_template_is_a_recipe(engine: RailwayEngine, railway: Railway):
    with pytest.raises(RecipeNotFound):
        create_it(engine, template="unknown")
    create_it(engine, template="restaurant")
    wishes = services.wishes_in(railway.only(NAME).named(NAME)[0].variables)
    assert "pos_restaurant" in wishes["modules"]


def test_the_passwords_are_in_the_variables_only(engine: RailwayEngine, railway: Railway):
    creation = create_it(engine)
    assert creation.password.reveal() not in railway.only(NAME).description
    assert EMAIL not in railway.only(NAME).description


def test_steps_are_told_one_after_the_other(engine: RailwayEngine):
    told: list[StepEvent] = []
    engine.instances.provision(spec(engine), told.append)
    assert [it.step for it in told if it.status is StepStatus.DONE] == [step.name for step in create.STEPS]


def test_a_creation_can_be_made_part_by_part(engine: RailwayEngine, railway: Railway):
    with engine.instances.provisioning(spec(engine)) as session:
        session.clone()
        session.sanitize()
        session.customize()
        session.create_admin()
        creation = session.publish()
    assert creation.instance.state is State.ACTIVE
    assert railway.mutations == MUTATIONS


def test_an_error_of_the_caller_between_two_parts_leaves_nothing(engine: RailwayEngine, railway: Railway):
    with pytest.raises(ZeroDivisionError):
        fail_after_the_first_part(engine)
    assert "serviceDomainCreate" in railway.mutations
    assert railway.names == []


def fail_after_the_first_part(engine: RailwayEngine) -> None:
    with engine.instances.provisioning(spec(engine)) as session:
        session.clone()
        raise ZeroDivisionError


# ---------------------------------------------------------------- interrupted


@pytest.mark.parametrize("mutations", range(1, len(MUTATIONS) + 1))
def test_a_creation_that_was_killed_after_any_change_is_finished_by_the_next_run(
    engine: RailwayEngine, railway: Railway, mutations: int
):
    with creating_process(engine) as process:
        railway.kill_after(mutations, process.pid)
        _out, told = process.communicate("go\n", timeout=120)
    assert process.returncode == -signal.SIGKILL, told
    assert railway.mutations == MUTATIONS[:mutations]
    before = password_in(railway)
    creation = create_it(engine)
    project = railway.only(NAME)
    assert sorted(service.name for service in project.services.values()) == [NAME, "postgres"]
    assert all(service.deployments == 1 for service in project.services.values())
    assert create.first_page(f"{creation.instance.url}/web/login") == "200"
    assert creation.password.reveal() == password_in(railway) == (before or creation.password.reveal())
    assert [instance.name for instance in engine.instances.all()] == [NAME]


def password_in(railway: Railway) -> str:
    odoo = [it for project in railway.state.values() for it in project.named(NAME)]
    return str(services.wishes_in(odoo[0].variables).get("password", "")) if odoo else ""


@pytest.mark.parametrize("mutation", sorted(set(MUTATIONS)))
def test_a_change_whose_answer_is_lost_is_made_once(engine: RailwayEngine, railway: Railway, mutation: str):
    railway.lost[mutation] = 1
    create_it(engine)
    project = railway.only(NAME)
    assert sorted(service.name for service in project.services.values()) == [NAME, "postgres"]
    assert [len(service.mounts) for service in project.services.values()] == [1, 1]
    assert [service.deployments for service in project.services.values()] == [1, 1]


@pytest.mark.parametrize("mutation", sorted(set(MUTATIONS)))
def test_a_change_that_railway_did_not_get_is_asked_for_again(
    engine: RailwayEngine, railway: Railway, mutation: str
):
    railway.unavailable[mutation] = 1
    assert create_it(engine).instance.state is State.ACTIVE
    assert railway.mutations == MUTATIONS


def test_a_creation_that_is_repeated_with_its_reference_gives_the_same_instance(
    engine: RailwayEngine, railway: Railway
):
    first = create_it(engine)
    changes = list(railway.mutations)
    again = create_it(engine)
    assert (again.instance.url, again.password) == (first.instance.url, first.password)
    assert railway.mutations == changes


def test_a_job_waits_for_a_long_deployment_without_holding_its_thread(
    engine: RailwayEngine, railway: Railway
):
    railway.phases = ["INITIALIZING"]
    with pytest.raises(NotYet, match="its deployment"):
        in_parts(engine, patience_s=0)
    project = railway.only(NAME)
    for service in project.services.values():
        service.phases = ["SUCCESS"]
    in_parts(engine, patience_s=0)
    assert label_of(railway).state is State.ACTIVE
    assert railway.mutations == MUTATIONS


def in_parts(engine: RailwayEngine, patience_s: float) -> Creation:
    with create.provisioning(engine.hosting, spec(engine), patience_s=patience_s) as session:
        return session.all_parts()


# ---------------------------------------------------------------- refused and failed


def test_two_creations_of_one_name_at_once_make_one_instance(engine: RailwayEngine, railway: Railway):
    inside, go_on = threading.Event(), threading.Event()

    def hold(name: str) -> None:
        if name == "serviceCreate":
            inside.set()
            go_on.wait(120)

    railway.before = hold
    made: list[Creation] = []
    first = threading.Thread(target=lambda: made.append(create_it(engine)))
    first.start()
    wait_until(inside.is_set)
    with pytest.raises(Busy):
        create_it(engine, reference="order-2")
    go_on.set()
    first.join()
    assert [creation.instance.name for creation in made] == [NAME]
    assert railway.names == [NAME]


def test_of_two_installations_that_take_a_name_at_once_the_first_one_gets_it(
    engine: RailwayEngine, railway: Railway, tmp_path: Path
):
    (tmp_path / "other").mkdir()
    other = installation(tmp_path / "other", railway)
    made: list[Creation] = []

    def overtake(name: str) -> None:
        if name == "projectCreate" and not made:
            railway.before = lambda _name: None
            made.append(create_it(other))

    railway.before = overtake
    with pytest.raises(NameTaken):
        create_it(engine)
    assert railway.names == [NAME]
    assert [instance.name for instance in other.instances.all()] == [NAME]
    assert engine.instances.all() == []


def test_a_name_of_somebody_elses_project_is_taken_and_that_project_stays_as_it_is(
    engine: RailwayEngine, railway: Railway
):
    theirs = railway.add_foreign_project(NAME)
    with pytest.raises(NameTaken) as refusal:
        create_it(engine)
    assert "acme-2" in refusal.value.remedy
    with pytest.raises(InstanceNotFound):
        engine.instances.terminate(NAME)
    assert railway.mutations == []
    assert railway.state == {theirs.id: theirs}


def test_an_instance_that_another_installation_made_is_not_ours(
    engine: RailwayEngine, railway: Railway, tmp_path: Path
):
    (tmp_path / "other").mkdir()
    create_it(installation(tmp_path / "other", railway))
    assert engine.instances.all() == []
    assert engine.instances.taken([NAME, "zenith"]) == {NAME}
    with pytest.raises(InstanceNotFound):
        engine.instances.terminate(NAME)
    with pytest.raises(NameTaken):
        create_it(engine)
    assert railway.names == [NAME]


def test_of_another_installation_nothing_is_continued(
    engine: RailwayEngine, railway: Railway, tmp_path: Path
):
    (tmp_path / "other").mkdir()
    other = installation(tmp_path / "other", railway)
    railway.phases = ["INITIALIZING"]
    with pytest.raises(NotYet):
        in_parts(other, patience_s=0)
    before = list(railway.mutations)
    with pytest.raises(NameTaken):
        create_it(engine)
    assert railway.mutations == before


@pytest.mark.parametrize("mutation", sorted(set(MUTATIONS) - {"projectUpdate"}))
def test_a_creation_that_railway_refuses_anywhere_leaves_nothing(
    engine: RailwayEngine, railway: Railway, mutation: str
):
    railway.refusals[mutation] = "Free plan resource provision limit exceeded. Please upgrade!"
    with pytest.raises(RailwayQuotaExceeded, match=mutation) as refusal:
        create_it(engine)
    assert "resource provision limit" in str(refusal.value)
    assert railway.names == []


def test_an_unknown_refusal_is_told_as_railway_words_it(engine: RailwayEngine, railway: Railway):
    railway.refusals["volumeCreate"] = "Region is not available"
    with pytest.raises(RailwayRefused, match="volumeCreate: Region is not available"):
        create_it(engine)
    assert railway.names == []


def test_a_deployment_that_crashes_is_told_with_its_log_and_its_project_is_deleted(
    engine: RailwayEngine, railway: Railway
):
    railway.crashes[NAME] = ["starting", "python3: not found"]
    with pytest.raises(RailwayDeploymentFailed, match=r"acme .* CRASHED: starting \| python3: not found"):
        create_it(engine)
    assert railway.names == []


def test_one_that_is_deployed_and_does_not_answer_is_never_active(tmp_path: Path, railway: Railway):
    engine = installation(tmp_path, railway, probe_timeout_s="0")

    def unplug(name: str) -> None:
        if name == "serviceInstanceDeployV2":
            railway.only(NAME).named("postgres")[0].mounts.clear()

    railway.before = unplug
    with pytest.raises(ProbeFailed, match="503"):
        create_it(engine)
    assert railway.names == []


def test_a_failure_after_the_customer_uses_it_deletes_nothing(engine: RailwayEngine, railway: Railway):
    create_it(engine)
    with pytest.raises(ZeroDivisionError):
        fail_after_the_first_part(engine)
    assert label_of(railway).state is State.ACTIVE


def test_what_there_is_stays_while_railway_takes_no_more_requests(engine: RailwayEngine, railway: Railway):
    def slow_down(name: str) -> None:
        if name == "volumeCreate":
            railway.busy = [3600]

    railway.before = slow_down
    with pytest.raises(NotYet, match="takes no more requests") as waiting:
        create_it(engine)
    assert waiting.value.after_s == 3600
    railway.before = lambda _name: None
    create_it(engine)
    assert railway.mutations == MUTATIONS


# ---------------------------------------------------------------- the token


@pytest.mark.parametrize("wrong", ["wrong-token-9876543210", "x"])
def test_a_wrong_token_is_told_without_being_shown(tmp_path: Path, railway: Railway, wrong: str):
    engine = installation(tmp_path, railway, token=wrong)
    with pytest.raises(RailwayTokenRefused) as refusal:
        create_it(engine)
    assert f"tenantry server token {SERVER}" in refusal.value.remedy
    assert wrong not in str(refusal.value) or wrong == "x"
    assert railway.mutations == []


def test_a_token_that_expires_in_the_middle_leaves_what_there_is_for_the_next_run(
    engine: RailwayEngine, railway: Railway
):
    def expire(name: str) -> None:
        if name == "volumeCreate":
            railway.token = "another"

    railway.before = expire
    with pytest.raises(RailwayTokenRefused):
        create_it(engine)
    railway.before, railway.token = (lambda _name: None), TOKEN
    create_it(engine)
    assert railway.mutations == MUTATIONS


def test_a_missing_token_has_a_remedy(tmp_path: Path, railway: Railway):
    engine = installation(tmp_path, railway)
    (engine.settings.installation.secrets_dir / "railway.toml").unlink()
    with pytest.raises(RailwayTokenMissing) as refusal:
        engine.instances.all()
    assert f"tenantry server token {SERVER}" in refusal.value.remedy
    assert railway.asked == {}


def test_a_token_that_others_can_read_is_not_used(engine: RailwayEngine, railway: Railway):
    (engine.settings.installation.secrets_dir / "railway.toml").chmod(0o644)
    with pytest.raises(InvalidSetting, match=r"railway\.toml") as refusal:
        engine.instances.all()
    assert "chmod go=" in refusal.value.remedy
    assert railway.asked == {}


def test_a_new_token_is_kept_in_a_private_file_beside_those_of_other_servers(
    engine: RailwayEngine, railway: Railway
):
    file = engine.settings.installation.secrets_dir / "railway.toml"
    file.write_text('other = "theirs"\n')
    railway.token = "new-token"
    engine.keep_token(Secret(" new-token\n"))
    assert file.read_text() == f'other = "theirs"\n{SERVER} = "new-token"\n'
    assert file.stat().st_mode & 0o777 == 0o600
    assert engine.is_up()
    assert not any(check.fault for check in engine.condition().checks)


@pytest.mark.parametrize("wrong", ["", "two words", "wrong-token", "tokén"])
def test_a_token_that_does_not_open_the_workspace_is_not_kept(engine: RailwayEngine, wrong: str):
    with pytest.raises((InvalidValue, RailwayTokenRefused)):
        engine.keep_token(Secret(wrong))
    assert engine.is_up()


@pytest.mark.parametrize("url", ["http://railway.example/graphql", "https://me@railway.example", "ftp://x"])
def test_a_token_does_not_travel_in_the_clear(tmp_path: Path, url: str):
    with pytest.raises(InvalidSetting, match="RAILWAY_URL"):
        ServerSettings.at(tmp_path, tmp_path, railway_url=url)


@pytest.mark.parametrize("line", ['rail = "two words"', 'rail = "tok\\u0000en"', "[rail]\ntoken = 1"])
def test_a_token_in_the_file_that_cannot_be_one_is_not_sent(
    engine: RailwayEngine, railway: Railway, line: str
):
    (engine.settings.installation.secrets_dir / "railway.toml").write_text(line)
    with pytest.raises(InvalidValue, match="token") as refusal:
        engine.instances.all()
    assert "words" not in str(refusal.value)
    assert railway.asked == {}


def test_a_damaged_file_of_tokens_is_told_without_its_content(engine: RailwayEngine):
    file = engine.settings.installation.secrets_dir / "railway.toml"
    file.write_text(f'rail = "{TOKEN}')
    with pytest.raises(InvalidSetting) as refusal:
        engine.instances.all()
    assert TOKEN not in f"{refusal.value} {refusal.value.remedy}"


def test_of_several_workspaces_one_must_be_named(tmp_path: Path, railway: Railway):
    railway.workspaces["workspace-2"] = "Zenith"
    engine = installation(tmp_path, railway)
    with pytest.raises(RailwayWorkspaceUnknown, match="exactly one") as refusal:
        engine.is_up()
    assert "Acme Hosting (workspace-1), Zenith (workspace-2)" in refusal.value.remedy


@pytest.mark.parametrize("chosen", ["Zenith", "workspace-2"])
def test_a_workspace_is_named_by_its_name_or_its_id(tmp_path: Path, railway: Railway, chosen: str):
    railway.workspaces["workspace-2"] = "Zenith"
    engine = installation(tmp_path, railway, railway_workspace=chosen)
    assert engine.hosting.account.workspace == "workspace-2"


# ---------------------------------------------------------------- from the back office


def test_a_new_server_gets_its_table_and_its_token_when_the_token_works(
    engine: RailwayEngine, railway: Railway, monkeypatch: pytest.MonkeyPatch
):
    file = engine.settings.installation.file
    file.write_text(f"# ours\n{file.read_text()}")
    own = Engine.of(ServerSettings.at(file.parent, file.parent))
    at_stand_in(monkeypatch, railway)
    with pytest.raises(RailwayTokenRefused):
        own.keep_railway("next", Secret("wrong-token-987654"))
    assert "next" not in file.read_text()
    own.keep_railway("next", Secret(TOKEN), "Acme Hosting")
    assert own.at("next").is_up()
    assert file.read_text().startswith("# ours\n")
    assert TOKEN not in file.read_text()
    assert own.at(SERVER).is_up()


def at_stand_in(monkeypatch: pytest.MonkeyPatch, railway: Railway) -> None:
    """Let servers whose settings name no other address reach the stand-in."""
    real = Account.of

    def of(settings: ServerSettings, token: Secret | None = None) -> Account:
        return real(settings.model_copy(update={"railway_url": railway.url}), token)

    monkeypatch.setattr(Account, "of", of)


def test_a_token_or_a_workspace_is_changed_alone_and_is_used_at_once(
    engine: RailwayEngine, railway: Railway, tmp_path: Path
):
    own = Engine.of(ServerSettings.at(engine.settings.installation.home, tmp_path))
    railway.workspaces["workspace-2"] = "Zenith"
    with pytest.raises(RailwayWorkspaceUnknown, match="does not open the workspace 'Nadir'"):
        own.keep_railway(SERVER, None, "Nadir")
    own.keep_railway(SERVER, None, "Zenith")
    assert engine.hosting.account.workspace == "workspace-2"
    railway.token = "new-token-987654"
    own.keep_railway(SERVER, Secret("new-token-987654"))
    assert engine.hosting.account.workspace == "workspace-2"


def test_a_server_of_another_runtime_is_left_as_it_is(engine: RailwayEngine, tmp_path: Path):
    file = engine.settings.installation.file
    file.write_text(before := f'{file.read_text()}\n[servers.second]\nruntime = "docker"\n')
    own = Engine.of(ServerSettings.at(file.parent, tmp_path))
    for name in "second", "local", "../etc":
        with pytest.raises(InvalidValue):
            own.keep_railway(name, Secret(TOKEN))
    with pytest.raises(RailwayTokenMissing):
        own.keep_railway("third")
    assert file.read_text() == before


def test_without_the_master_s_recipe_its_own_templates_would_be_unknown(
    engine: RailwayEngine, railway: Railway
):
    recipe = Recipe("bakery", "Bakery", ("base", "crm"), languages=("fr_FR",), country="FR")
    create_it(engine, template="bakery", recipe=recipe)
    wishes = services.wishes_in(railway.only(NAME).named(NAME)[0].variables)
    assert (wishes["modules"], wishes["country"]) == (["base", "crm"], "FR")
    assert "fr_FR" in wishes["languages"]


def test_a_creation_that_waits_asks_railway_little_and_counts_from_its_beginning(
    engine: RailwayEngine, railway: Railway
):
    railway.phases = ["INITIALIZING"]
    with pytest.raises(NotYet) as waiting:
        in_parts(engine, patience_s=0)
    assert waiting.value.after_s == 30
    railway.asked.clear()
    with pytest.raises(NotYet):
        in_parts(engine, patience_s=0)
    assert sum(railway.asked.values()) < 10
    project = railway.only(NAME)
    project.createdAt = (datetime.now(UTC) - timedelta(minutes=6)).isoformat()
    for service in project.services.values():
        service.phases = ["SUCCESS"]
    assert 360 <= in_parts(engine, patience_s=0).duration_s < 420


def test_too_many_requests_are_a_warning_and_a_refused_token_is_critical(
    engine: RailwayEngine, railway: Railway
):
    assert engine.condition().checks == (Check("Railway", "Acme Hosting"),)
    railway.busy = [3600]
    (waiting,) = engine.condition().checks
    assert (type(waiting.fault), waiting.gravity) == (NotYet, Health.WARNING)
    railway.token = "another"
    (refused,) = engine.condition().checks
    assert (type(refused.fault), refused.gravity) == (RailwayTokenRefused, Health.CRITICAL)


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_the_table_of_abilities_says_what_the_engine_refuses(
    engine: RailwayEngine, railway: Railway, operation: str
):
    create_it(engine)
    act = {
        "rename": lambda: engine.instances.rename(NAME, "zenith"),
        "move": lambda: engine.moves.digest(NAME),
        "set_domains": lambda: engine.instances.set_hostnames(NAME, ["odoo.acme.example"]),
        "install": lambda: engine.instances.install_modules(NAME, ["crm"]),
        "terminate": lambda: engine.instances.terminate(NAME),
    }.get(operation, lambda: engine.instances.operate(NAME, operation))
    refused = contextlib.nullcontext() if can(RAILWAY, operation) else pytest.raises(NotOnRailway)
    with refused:
        act()


# ---------------------------------------------------------------- afterwards


def test_the_instances_are_the_projects_with_our_label(engine: RailwayEngine, railway: Railway):
    for name in ("zenith", "acme", "beta"):
        create_it(engine, name, reference=name)
        railway.add_foreign_project(f"{name}-shop")
    assert [instance.name for instance in engine.instances.all()] == ["acme", "beta", "zenith"]
    shown = engine.instances.get("beta")
    assert (shown.state, shown.login, shown.template) == (State.ACTIVE, EMAIL, "blank")
    assert engine.instances.is_serving("beta")
    found = engine.instances.find_by_reference("zenith")
    assert found
    assert found.name == "zenith"
    assert engine.instances.logs("acme", 5) == ["it runs"]


def test_a_terminated_instance_leaves_nothing(engine: RailwayEngine, railway: Railway):
    create_it(engine)
    theirs = railway.add_foreign_project("zenith")
    engine.instances.terminate(NAME)
    assert railway.state == {theirs.id: theirs}
    with pytest.raises(InstanceNotFound):
        engine.instances.get(NAME)


def test_a_deletion_that_takes_a_while_is_waited_for(engine: RailwayEngine, railway: Railway):
    create_it(engine)
    railway.deletion_takes = 2
    engine.instances.terminate(NAME)
    assert railway.names == []


def test_a_deletion_that_fails_half_way_is_finished(engine: RailwayEngine, railway: Railway):
    create_it(engine)
    railway.half_deleted.add(NAME)
    engine.instances.terminate(NAME)
    assert railway.names == []


def test_a_deletion_that_railway_refuses_can_be_run_again(engine: RailwayEngine, railway: Railway):
    create_it(engine)
    railway.refusals["projectDelete"] = "Problem processing request"
    with pytest.raises(RailwayRefused):
        engine.instances.terminate(NAME)
    assert label_of(railway).state is State.TERMINATING
    with pytest.raises(NameTaken):
        create_it(engine, reference="order-2")
    del railway.refusals["projectDelete"]
    engine.instances.terminate(NAME)
    assert railway.names == []


def test_an_instance_is_terminated_only_for_its_own_reference(engine: RailwayEngine, railway: Railway):
    create_it(engine)
    with pytest.raises(InstanceNotFound):
        engine.instances.terminate(NAME, reference="order-2")
    assert not engine.instances.abandon(NAME, "order-2")
    assert railway.names == [NAME]
    assert engine.instances.abandon(NAME, "order-1")
    assert railway.names == []


def test_what_railway_does_not_do_is_refused_with_what_it_does(engine: RailwayEngine, railway: Railway):
    create_it(engine)
    asked = sum(railway.asked.values())
    refused = (
        lambda: engine.instances.operate(NAME, "suspend"),
        lambda: engine.instances.stop(NAME),
        lambda: engine.instances.rename(NAME, "zenith"),
        lambda: engine.instances.set_hostnames(NAME, ["www.acme.example"]),
        lambda: engine.instances.install_modules(NAME, ["crm"]),
        lambda: engine.instances.reset_password(NAME),
        lambda: engine.instances.login_link(NAME),
        lambda: engine.instances.usage(NAME),
        engine.instances.activities,
        lambda: engine.instances.set_limits(NAME, {}),
        engine.templates.all,
        lambda: engine.pool.fill("blank", 1),
        lambda: engine.archives.dump(NAME, "/nowhere"),
        engine.mail.unset,
        engine.start_tenants,
        engine.start_postgres,
    )
    for act in refused:
        with pytest.raises(NotOnRailway, match=SERVER) as refusal:
            act()
        assert "docs/howto/railway.md" in refusal.value.remedy
    assert sum(railway.asked.values()) == asked


def test_the_servers_stack_is_railways_own(engine: RailwayEngine, railway: Railway):
    engine.up()
    assert engine.is_up()
    assert (engine.running(), engine.stop()) == ([], [])
    railway.token = "another"
    with pytest.raises(RailwayTokenRefused):
        engine.up()


def test_without_railway_everything_is_told_as_unreachable(engine: RailwayEngine, railway: Railway):
    railway.stop()
    for act in (engine.instances.all, engine.is_up, lambda: create_it(engine)):
        with pytest.raises(RailwayUnreachable) as failure:
            act()
        assert failure.value.retryable
        assert TOKEN not in _everything(failure.value)


def _everything(error: BaseException | None) -> str:
    text = ""
    while error:
        remedy = error.remedy if isinstance(error, TenantryError) else ""
        text, error = f"{text} {error!r} {error} {remedy}", error.__cause__ or error.__context__
    return text
