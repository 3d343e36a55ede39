"""Building templates with a real Odoo: failures and kills."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from tests.conftest import TINY
from tests.support.inventory import orphans
from tests.support.killed import run_and_kill

from tenantry.agreed import TENANT_MODULE
from tenantry.engine import Engine
from tenantry.errors import (
    Busy,
    InitialisationFailed,
    InitialisationTimeout,
    ModuleNotFound,
    ModulesNotInstalled,
    TemplateNotFound,
    TemplateNotReady,
)
from tenantry.model import names
from tenantry.model.recipe import Recipe
from tenantry.odoo.initialise import verify_modules
from tenantry.odoo.own_addons import TENANT, shipped
from tenantry.operations.template import build as build_template
from tenantry.postgres import databases

SMALL = Recipe("small", "Small", ("web",))


@pytest.fixture(scope="module", autouse=True)
def sweep(engine: Engine) -> Iterator[None]:
    """The template Small is kept between tests, because a build takes long."""
    yield
    _drop_small(engine)


@pytest.fixture(autouse=True)
def clean(engine: Engine) -> Iterator[None]:
    yield
    assert orphans(engine.context) == []


@pytest.fixture
def without_small(engine: Engine) -> None:
    _drop_small(engine)


def _drop_small(engine: Engine) -> None:
    if version(engine, "small"):
        engine.templates.drop("small")


def version(engine: Engine, code: str) -> str:
    return next((template.version for template in engine.templates.all() if template.code == code), "")


def test_a_missing_module_is_named_in_the_error_and_nothing_is_created(engine: Engine):
    with pytest.raises(ModuleNotFound, match="no_such_module") as refusal:
        engine.templates.build(replace(SMALL, modules=("web", "no_such_module")))
    assert "TENANTRY_ADDONS_PATH" in refusal.value.remedy


def test_every_template_gets_the_tenants_module_and_keeps_its_recipe(engine: Engine):
    template = next(template for template in engine.templates.all() if template.code == "tiny")
    assert template.modules == TINY.modules
    assert not template.stale
    with engine.context.maintenance() as connection:
        label = databases.find(connection, template.database).label
    assert Recipe.from_mapping("tiny", {k: v for k, v in label.recipe.items() if k != "code_digest"}) == TINY


def test_changed_code_of_the_tenants_module_makes_a_template_stale(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    changed = shutil.copytree(shipped(TENANT) / TENANT_MODULE, tmp_path / TENANT_MODULE)
    (changed / "models" / "res_users.py").write_text("# other code\n")
    monkeypatch.setattr(build_template, "shipped", lambda role: tmp_path)
    tiny = next(template for template in engine.templates.all() if template.code == "tiny")
    assert "code" in tiny.stale


@pytest.mark.usefixtures("without_small")
def test_an_initialisation_that_takes_too_long_is_stopped_and_leaves_nothing(engine: Engine):
    hasty = Engine(engine.settings.replaced(init_timeout_s=1))
    with pytest.raises(InitialisationTimeout) as refusal:
        hasty.templates.build(SMALL)
    assert "TENANTRY_INIT_TIMEOUT_S" in refusal.value.remedy
    assert refusal.value.log.exists()


@pytest.mark.usefixtures("without_small")
def test_an_odoo_that_crashes_during_initialisation_is_a_clear_error_and_leaves_nothing(engine: Engine):
    killed = threading.Event()

    def kill_odoo() -> None:
        marker = str(engine.settings.run_dir / f"build-{SMALL.code}.conf")
        while not killed.is_set():
            for process in psutil.Process().children(recursive=True):
                with suppress(psutil.Error):
                    command = " ".join(process.cmdline())
                    if marker in command and " -i " in command:
                        process.kill()
                        killed.set()
            time.sleep(0.2)

    killer = threading.Thread(target=kill_odoo)
    killer.start()
    try:
        with pytest.raises(InitialisationFailed):
            engine.templates.build(SMALL)
    finally:
        killed.set()
        killer.join()


def test_a_module_that_odoo_did_not_install_is_an_error(engine: Engine, tmp_path):
    engine.instances.provision(engine.instances.spec(name="acme", email="a@acme.example", template="tiny"))
    with (
        engine.context.cluster.connect("acme") as inside,
        pytest.raises(ModulesNotInstalled, match="sale"),
    ):
        verify_modules(inside, ["web", "sale"], tmp_path / "log")
    engine.instances.terminate("acme")


def test_a_current_template_is_not_built_again_and_a_changed_recipe_makes_it_stale(engine: Engine):
    before = version(engine, "tiny")
    assert engine.templates.build(TINY).version == before
    changed = engine.settings.installation.recipe_dir / "tiny.toml"
    changed.parent.mkdir(exist_ok=True)
    changed.write_text('name = "Tiny"\nmodules = ["web", "contacts"]\n')
    try:
        (template,) = [template for template in engine.templates.all() if template.code == "tiny"]
        assert template.state == "stale"
        assert template.stale == "its recipe changed"
    finally:
        changed.unlink()


def test_changed_addons_code_makes_a_template_stale(engine: Engine, tmp_path):
    module = tmp_path / "addons" / "acme_base"
    module.mkdir(parents=True)
    (module / "__manifest__.py").write_text('{"name": "Acme", "license": "LGPL-3"}')
    (engine.settings.installation.recipe_dir).mkdir(exist_ok=True)
    recipe_file = engine.settings.installation.recipe_dir / "tiny.toml"
    recipe_file.write_text('name = "Tiny"\nmodules = ["web"]\n')
    try:
        with_addons = Engine(engine.settings.replaced(addons_path=(tmp_path / "addons",)))
        (template,) = [template for template in with_addons.templates.all() if template.code == "tiny"]
        assert template.stale == "the code of Odoo or of the addons changed"
    finally:
        recipe_file.unlink()


@pytest.mark.usefixtures("without_small")
def test_a_template_is_neither_cloned_nor_built_again_during_its_first_build(engine: Engine):
    started, refusals = threading.Event(), []

    def on_step(event) -> None:
        if event.step == "install" and event.status == "started":
            started.set()

    builder = threading.Thread(target=engine.templates.build, args=[SMALL, on_step])
    builder.start()
    assert started.wait(60)
    for attempt in (
        lambda: engine.instances.provision(
            engine.instances.spec(name="acme", email="a@acme.example", template="small")
        ),
        lambda: engine.templates.build(SMALL),
    ):
        with pytest.raises((TemplateNotReady, Busy)) as refusal:
            attempt()
        refusals.append(type(refusal.value))
    builder.join()
    assert refusals == [TemplateNotReady, Busy]
    engine.instances.provision(engine.instances.spec(name="acme", email="a@acme.example", template="small"))
    engine.instances.terminate("acme")


def test_the_old_template_is_used_until_the_new_one_replaces_it(engine: Engine):
    before = engine.templates.build(SMALL).version
    seen = []

    def on_step(event) -> None:
        if event.step == "compact" and event.status == "done":
            creation = engine.instances.provision(
                engine.instances.spec(name="acme", email="a@acme.example", template="small")
            )
            seen.append(creation.instance.template_version)

    engine.templates.build(SMALL, on_step, rebuild=True)
    engine.instances.terminate("acme")
    assert seen == [before]
    assert version(engine, "small") > before


def test_only_the_engine_may_write_a_templates_files(engine: Engine, tmp_path: Path):
    """The instances' folders hold hard links to these files: writing one would write all."""
    engine.templates.build(SMALL)
    _assert_sealed(engine)
    engine.templates.edit("small")
    edited = engine.context.filestores.folder(names.editing_database("small"))
    (edited / "ab").mkdir(exist_ok=True)
    (edited / "ab" / "abcdef").write_text("of the editor")
    (edited / "ab" / "abcdef").chmod(0o666)
    (tmp_path / "of-others").write_text("a secret")
    (edited / "ab" / "link").symlink_to(tmp_path / "of-others")
    engine.templates.finish_editing("small")
    assert "abcdef" in _assert_sealed(engine)


def _assert_sealed(engine: Engine) -> set[str]:
    folder = engine.context.filestores.folder(names.template_filestore("small", version(engine, "small")))
    files = [path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()]
    assert files
    assert {(path.lstat().st_uid, path.lstat().st_mode) for path in files} == {(os.geteuid(), 0o100644)}
    return {path.name for path in files}


@pytest.mark.usefixtures("without_small")
def test_a_build_killed_after_each_step_is_finished_by_the_next_run(engine: Engine):
    """Each run continues where the last one was killed; after the last step nothing is left to do."""
    for step in build_template.STEPS[:-1]:
        run_and_kill(engine.settings, "build", step.name, "small", "web")
    built = engine.templates.build(SMALL)
    assert built.state == "ready"
    assert orphans(engine.context) == []
    with engine.context.maintenance() as connection:
        assert not [d for d in databases.listing(connection) if "building" in d.name]


def test_ending_an_edit_is_finished_by_the_next_run_after_repeated_kills(engine: Engine):
    before = engine.templates.build(SMALL).version
    engine.templates.edit("small")
    engine.templates.edit("small")
    with engine.context.cluster.connect("edit--small") as inside:
        inside.execute("UPDATE res_company SET name = 'Edited'")
    files = engine.context.filestores
    (files.folder("edit--small") / "of-the-editor").write_text("kept")
    files.rename("edit--small", names.building_database("small"))  # killed before the database was renamed
    for step in ("take over", "freeze", "swap"):
        run_and_kill(engine.settings, "ready", step, "small")
    with suppress(TemplateNotFound):
        engine.templates.finish_editing("small")
    engine.templates.build(SMALL)
    edited = names.template_filestore("small", version(engine, "small"))
    assert (files.folder(edited) / "of-the-editor").exists()
    assert orphans(engine.context) == []
    engine.instances.provision(engine.instances.spec(name="acme", email="a@acme.example", template="small"))
    assert version(engine, "small") > before
    engine.instances.terminate("acme")


def test_a_missing_template_cannot_be_dropped_or_edited(engine: Engine):
    for action in (engine.templates.drop, engine.templates.edit, engine.templates.finish_editing):
        with pytest.raises(TemplateNotFound):
            action("nothing")
