"""The same backups in every kind of store: taken, proved, and loaded as a new instance."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.support import rclone, seaweed
from tests.support.backed_up import backed_up, without_odoo
from tests.support.inventory import orphans
from tests.support.seaweed import S3
from tests.support.travelling import files_of, schema_and_rows

from tenantry.archive import stores
from tenantry.archive.stores import open_store, options_for
from tenantry.engine import Engine
from tenantry.errors import StoreFailure, StoreRefused
from tenantry.model.backup import ProofState
from tenantry.operations.context import Context
from tenantry.operations.template.clone import discard

_BUCKET = "backups"


@pytest.fixture(scope="module", autouse=True)
def acme(cluster_engine: Engine) -> Iterator[None]:
    with backed_up(cluster_engine.context):
        yield


@pytest.fixture(autouse=True)
def _no_odoo(monkeypatch: pytest.MonkeyPatch) -> None:
    without_odoo(monkeypatch)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    with seaweed.running(tmp_path_factory.mktemp("seaweed")) as server:
        yield server


@pytest.fixture
def in_s3(cluster_engine: Engine, server: S3, tmp_path: Path) -> Iterator[Engine]:
    """The engine with a store in S3."""
    url = f"s3://{_BUCKET}/{tmp_path.name}"
    engine = Engine(cluster_engine.settings.replaced(backup_store=url))
    with told_of(engine, server.options):
        yield engine


@pytest.fixture
def in_folder(cluster_engine: Engine, tmp_path: Path) -> Engine:
    return Engine(cluster_engine.settings.replaced(backup_store=str(tmp_path / "store")))


@pytest.fixture(params=["in_folder", "in_s3"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """The engine with a store of each kind."""
    return request.getfixturevalue(request.param)


@contextmanager
def told_of(engine: Engine, options: dict[str, str]) -> Iterator[None]:
    """Write these options of the bucket into the installation's secrets during the block."""
    file = engine.settings.installation.secrets_dir / "stores.toml"
    before = file.read_text() if file.exists() else None
    lines = [f'["s3://{_BUCKET}"]', *(f'{name} = "{value}"' for name, value in options.items())]
    file.write_text("\n".join(lines))
    try:
        yield
    finally:
        file.unlink()
        if before is not None:
            file.write_text(before)


def objects(engine: Engine, folder: str) -> list[str]:
    url = engine.settings.backups_url
    store = open_store(url, options_for(url, engine.settings.installation.secrets_dir / "stores.toml"))
    return sorted(store.names(folder))


def test_a_backup_is_taken_proved_listed_and_loaded(engine: Engine, context: Context):
    backup = engine.backups.take("acme").backup
    proof = engine.backups.prove(backup)
    assert (proof.state, proof.detail) == (ProofState.PROVED, "")
    assert engine.backups.get(backup).proof == proof
    assert objects(engine, "proofs") == [f"{backup}.json"]
    engine.archives.load(engine.settings.backups_url, backup, "beta")
    try:
        assert schema_and_rows(engine, "beta") == schema_and_rows(engine, "acme")
        assert files_of(context, "beta") == files_of(context, "acme")
        assert orphans(context) == []
    finally:
        with context.maintenance() as connection:
            discard(context, connection, "beta")


# ---------------------------------------------------------------- stores that fail


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests are tried once, and a second must be enough."""
    monkeypatch.setattr(stores, "_RETRY", {"max_retries": 0, "retry_timeout": stores._RETRY["retry_timeout"]})
    monkeypatch.setattr(stores, "_CLIENT", {"timeout": "1s", "connect_timeout": "1s"})


@contextmanager
def silent() -> Iterator[str]:
    """The address of a server that takes connections and never says a word: the kernel takes them for it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.usefixtures("impatient")
def test_an_unreachable_store_is_no_fault_of_a_backup_and_changes_nothing(
    in_s3: Engine, server: S3, context: Context
):
    engine = in_s3
    backup = engine.backups.take("acme").backup
    before = schema_and_rows(engine, "acme"), files_of(context, "acme")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
        with told_of(engine, {**server.options, "endpoint": nobody}):
            assert engine.backups.prove(backup).state is ProofState.UNVERIFIABLE
            with pytest.raises(StoreFailure):
                engine.backups.take("acme")
    with told_of(engine, {**server.options, "secret_access_key": "revoked"}):
        assert engine.backups.prove(backup).state is ProofState.UNVERIFIABLE
        with pytest.raises(StoreRefused):
            engine.backups.take("acme")
    assert (schema_and_rows(engine, "acme"), files_of(context, "acme")) == before
    assert engine.backups.prove(backup).state is ProofState.PROVED
    assert [it.backup for it in engine.backups.all()] == [backup]
    assert orphans(context) == []


@pytest.mark.usefixtures("impatient")
def test_a_store_that_never_answers_is_not_waited_for(in_s3: Engine, server: S3, context: Context):
    engine = in_s3
    backup = engine.backups.take("acme").backup
    with silent() as address, told_of(engine, {**server.options, "endpoint": address}):
        assert engine.backups.prove(backup).state is ProofState.UNVERIFIABLE
        with pytest.raises(StoreFailure):
            engine.backups.take("acme")
    assert orphans(context) == []


def test_a_store_that_cannot_send_a_part_is_no_damage(cluster_engine: Engine, tmp_path: Path):
    """`rclone serve s3` sends a part with the status of a whole object, which our library refuses."""
    engine = Engine(cluster_engine.settings.replaced(backup_store=f"s3://{_BUCKET}/of-ours"))
    with rclone.running(tmp_path / "rclone", _BUCKET) as server, told_of(engine, server.options):
        backup = engine.backups.take("acme").backup
        proof = engine.backups.prove(backup)
        assert (proof.state, "non-partial" in proof.detail) == (ProofState.UNVERIFIABLE, True)
        assert engine.backups.get(backup).proof == proof


@pytest.mark.parametrize("kind", ["files", "dumps", "manifests"])
def test_a_store_that_keeps_only_a_half_makes_no_backup(
    in_folder: Engine, kind: str, monkeypatch: pytest.MonkeyPatch
):
    """As a proxy in between did: it answered that all is well."""
    engine, size = in_folder, stores.Store.size

    def half(store: stores.Store, path: str) -> int | None:
        found = size(store, path)
        return found // 2 if found and path.startswith(kind) else found

    with monkeypatch.context() as patched:
        patched.setattr(stores.Store, "size", half)
        with pytest.raises(StoreFailure, match="bytes of"):
            engine.backups.take("acme")
    assert engine.backups.all() == objects(engine, "manifests") == objects(engine, "dumps") == []
    backup = engine.backups.take("acme")
    assert engine.backups.all() == [backup]
