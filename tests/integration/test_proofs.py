"""Proving backups on a real cluster: what it says is true, it touches nothing, and leaves nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.backed_up import LoginPage, backed_up, without_odoo
from tests.support.inventory import orphans
from tests.support.killed import run_and_kill
from tests.support.travelling import as_tenant, files_of, schema_and_rows
from typer.testing import CliRunner

from tenantry.archive.stores import Store
from tenantry.cli.main import app
from tenantry.engine import Engine
from tenantry.errors import Busy, FilestoreFailure, InitialisationTimeout, ModuleNotFound, StoreFailure
from tenantry.model import names
from tenantry.model.backup import ProofState
from tenantry.model.catalog import Kind
from tenantry.operations.backup import prove
from tenantry.operations.context import Context
from tenantry.operations.inventory import find_instance
from tenantry.postgres import databases, locks, roles


@pytest.fixture(scope="module")
def acme(cluster_engine: Engine) -> Iterator[None]:
    with backed_up(cluster_engine.context):
        yield


@pytest.fixture
def engine(cluster_engine: Engine, acme: None, tmp_path: Path) -> Engine:
    """The engine, with a store of the test's own."""
    return Engine(cluster_engine.settings.replaced(backup_store=str(tmp_path / "store")))


@pytest.fixture
def backup(engine: Engine) -> str:
    return engine.backups.take("acme").backup


@pytest.fixture(autouse=True)
def page(monkeypatch: pytest.MonkeyPatch) -> LoginPage:
    return without_odoo(monkeypatch)


def everything(engine: Engine) -> tuple[object, ...]:
    """Every database with its label, every role, every folder, and what is in the instance."""
    context, rows = engine.context, schema_and_rows(engine, "acme")
    with context.maintenance() as connection:
        listed = databases.listing(connection)
        found = databases.names(connection), roles.ours(connection), context.filestores.names()
    return [(it.name, it.label) for it in listed], *found, rows, files_of(context, "acme")


def scratch(context: Context) -> str:
    """The database of the proof that runs."""
    with context.maintenance() as connection:
        (found,) = databases.listing(connection, Kind.PROOF)
    return found.name


# ---------------------------------------------------------------- what it says


def test_a_good_backup_is_proved_and_listed_so(engine: Engine, context: Context, backup: str):
    before = everything(engine)
    proof = engine.backups.prove(backup)
    assert (proof.state, proof.detail) == (ProofState.PROVED, "")
    assert 0 < proof.restore_s < 600
    assert engine.backups.get(backup).proof == proof
    assert engine.backups.unproved() == []
    assert everything(engine) == before


def test_a_backup_that_a_real_odoo_cannot_show_has_failed(engine: Engine, page: LoginPage, backup: str):
    page.fault = "its registry cannot be loaded"
    proof = engine.backups.prove(backup)
    assert proof.state is ProofState.FAILED
    assert proof.detail == f"The backup {backup!r} cannot be served: its registry cannot be loaded."
    assert proof.restore_s > 0


@pytest.mark.parametrize(
    "error",
    [
        InitialisationTimeout("proof_1", 5, Path("log")),
        FilestoreFailure(Path("/"), "No space left on device"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_is_not_the_backups_fault_fails_no_backup(
    engine: Engine, context: Context, page: LoginPage, backup: str, error: Exception
):
    page.error = error
    proof = engine.backups.prove(backup)
    assert (proof.state, proof.detail) == (ProofState.UNVERIFIABLE, str(error))
    assert [it.backup for it in engine.backups.unproved()] == [backup]
    assert orphans(context) == []


def test_a_module_that_is_not_here_cannot_be_verified(
    engine: Engine, context: Context, backup: str, monkeypatch: pytest.MonkeyPatch
):
    error = ModuleNotFound(["their_module"], [Path("/addons")], [])

    def refuse(*_what: object) -> None:
        raise error

    monkeypatch.setattr(prove, "check_archive", refuse)
    assert engine.backups.prove(backup).detail == str(error)


def test_what_could_not_be_counted_is_not_called_good(engine: Engine, context: Context):
    as_tenant(context, "ALTER TABLE account_move_line RENAME parent_state TO elsewhere")
    try:
        proof = engine.backups.prove(engine.backups.take("acme").backup)
    finally:
        as_tenant(context, "ALTER TABLE account_move_line RENAME elsewhere TO parent_state")
    assert (proof.state, "compared: posted (" in proof.detail) == (ProofState.UNVERIFIABLE, True)


# ---------------------------------------------------------------- earlier results


def test_what_cannot_be_verified_later_stands_beside_what_was_proved(
    engine: Engine, page: LoginPage, backup: str
):
    before = engine.backups.prove(backup)
    page.error = InitialisationTimeout("proof_1", 5, Path("log"))
    assert engine.backups.prove(backup).state is ProofState.UNVERIFIABLE
    kept = engine.backups.get(backup).proof
    assert kept
    assert kept == replace(before, detail=kept.detail)
    assert "could not be verified again: Odoo did not initialise" in kept.detail
    page.error, page.fault = None, "its login page cannot be drawn"
    engine.backups.prove(backup)
    page.error = InitialisationTimeout("proof_1", 5, Path("log"))
    engine.backups.prove(backup)
    failed = engine.backups.get(backup).proof
    assert failed
    assert (failed.state, "login page" in failed.detail) == (ProofState.FAILED, True)


def test_the_newest_unproved_backup_of_each_instance_is_proved_by_one_command(
    engine: Engine, context: Context, backup: str
):
    newest = engine.backups.take("acme").backup
    environment = engine.settings.to_environment()

    def told(*arguments: str, code: int = 0) -> list[dict]:
        result = CliRunner(env=environment).invoke(app, ["backup", *arguments, "--json"])
        assert result.exit_code == code, result.stderr
        return [json.loads(line) for line in result.stdout.splitlines()]

    assert [it["backup"] for it in told("prove")] in ([newest], [backup])
    assert {it["state"] for it in [*told("prove"), *told("prove", newest)]} == {"proved"}
    assert told("prove") == []
    shutil.rmtree(Path(engine.settings.backups_url) / "dumps")
    assert told("prove", newest, code=4)[0]["state"] == "failed"
    printed = CliRunner(env=environment).invoke(app, ["backup", "list"])
    assert "1 proved, 1 failed, 0 could not be verified, 0 not yet." in printed.stderr.replace("\n", " ")


# ---------------------------------------------------------------- nothing serves it, nothing stays


def test_what_is_restored_is_no_instance_and_nobody_can_log_in_to_it(
    engine: Engine, context: Context, backup: str, monkeypatch: pytest.MonkeyPatch
):
    seen = []

    def look(source: prove.Scratch, _log: Path) -> str:
        name = scratch(context)
        with context.maintenance() as connection:
            seen.append((name, roles.can_log_in(connection, name), databases.find(connection, name)))
        seen.append([it.name for it in engine.instances.all()])
        with source.owner() as owner, owner.connect(name) as inside:
            seen.append(inside.execute("SELECT count(*) FROM ir_attachment").fetchone())
        return ""

    monkeypatch.setattr(prove, "login_page_fault", look)
    assert engine.backups.prove(backup).state is ProofState.PROVED
    (name, can_log_in, found), instances, counted = seen
    assert name.startswith(names.PROOF_PREFIX)
    assert (can_log_in, instances, counted) == (False, ["acme"], (3,))
    assert found.label.kind is Kind.PROOF
    assert (found.label.identity, found.label.hostnames) == ("", ())


@pytest.mark.parametrize("step", ["prepare", "files", "attachments"])
def test_what_a_killed_proof_left_is_removed_by_the_next(
    engine: Engine, context: Context, backup: str, step: str
):
    run_and_kill(engine.settings, "prove", step, backup)
    left = scratch(context)
    assert [it.name for it in engine.instances.all()] == ["acme"]
    assert engine.backups.get(backup).proof is None
    assert engine.backups.prove(backup).state is ProofState.PROVED
    with context.maintenance() as connection:
        assert databases.find(connection, left) is None
    assert orphans(context) == []


def test_two_proofs_do_not_run_at_once(
    engine: Engine, context: Context, backup: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(prove, "_WAIT_S", 0)
    with (
        context.maintenance() as connection,
        locks.exclusive(connection, "the proof of a backup"),
        pytest.raises(Busy),
    ):
        engine.backups.prove(backup)


def test_an_instance_can_be_used_and_backed_up_while_its_backup_is_proved(
    engine: Engine, context: Context, backup: str, monkeypatch: pytest.MonkeyPatch
):
    def work(*_what: object) -> str:
        as_tenant(context, "INSERT INTO res_partner (name) VALUES ('meanwhile')")
        engine.backups.take("acme")
        return ""

    monkeypatch.setattr(prove, "login_page_fault", work)
    assert engine.backups.prove(backup).state is ProofState.PROVED
    with context.maintenance() as connection:
        assert find_instance(connection, "acme").state == "active"


# ---------------------------------------------------------------- a store that fails in between


@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_store_that_goes_away_in_between_fails_no_backup(
    engine: Engine, context: Context, backup: str, monkeypatch: pytest.MonkeyPatch, after: int
):
    before, reads, get_range = everything(engine), [], Store.get_range

    def go_away(store: Store, *what: object) -> bytes | None:
        reads.append(what)
        if len(reads) > after:
            raise StoreFailure(store.url, "it does not answer")
        return get_range(store, *what)

    monkeypatch.setattr(Store, "get_range", go_away)
    proof = engine.backups.prove(backup)
    assert (proof.state, "it does not answer" in proof.detail) == (ProofState.UNVERIFIABLE, True)
    assert everything(engine) == before


def test_a_store_that_takes_no_results_is_an_error_only_if_there_is_one(
    engine: Engine, page: LoginPage, backup: str, monkeypatch: pytest.MonkeyPatch
):
    def refuse(store: Store, path: str, _data: bytes) -> None:
        raise StoreFailure(store.url, f"{path}: it is full")

    monkeypatch.setattr(Store, "put", refuse)
    with pytest.raises(StoreFailure, match="proofs/"):
        engine.backups.prove(backup)
    page.error = InitialisationTimeout("proof_1", 5, Path("log"))
    assert engine.backups.prove(backup).state is ProofState.UNVERIFIABLE
