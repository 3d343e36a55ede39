"""Archives in a real S3 store, and of large things in little memory."""

from __future__ import annotations

import multiprocessing
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support import seaweed, travelling
from tests.support.inventory import orphans
from tests.support.seaweed import S3
from tests.support.travelling import as_tenant, files_of, folder_of, make_instance

from tenantry.archive.format import PART_BYTES
from tenantry.archive.stores import Store, open_store
from tenantry.engine import Engine
from tenantry.errors import ArchiveDamaged, FinalBackupFailed, InvalidSetting, StoreFailure, StoreRefused
from tenantry.model.backup import Retention
from tenantry.operations.backup import prune
from tenantry.operations.context import Context
from tenantry.settings import ServerSettings

_BUCKET = "s3://archives/of-ours"
_LARGE_BYTES = 200 * 2**20
_MOST_BYTES = 200 * 2**20
"""The interpreter, the engine and pytest's imports already take about 100 MB of this."""


@pytest.fixture(autouse=True)
def acme(context: Context, fake_template: str) -> Iterator[None]:
    travelling.told_where_the_front_is(context)
    with travelling.swept_clusters(context):
        make_instance(context, fake_template)
        yield


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    with seaweed.running(tmp_path_factory.mktemp("seaweed")) as server:
        yield server


@pytest.fixture
def bucket(context: Context, s3: S3) -> Iterator[str]:
    with told_of(context, s3.options):
        yield _BUCKET


class told_of:
    """Write these options of the bucket into the installation's secrets during the block."""

    def __init__(self, context: Context, options: dict[str, str]) -> None:
        self.file = context.settings.installation.secrets_dir / "stores.toml"
        lines = ['["s3://archives"]', *(f'{name} = "{value}"' for name, value in options.items())]
        self.text = "\n".join(lines)

    def __enter__(self) -> None:
        self.file.write_text(self.text)

    def __exit__(self, *_failed: object) -> None:
        self.file.unlink()


def test_an_instance_is_dumped_to_s3_and_loaded_from_it(
    cluster_engine: Engine, context: Context, bucket: str
):
    (folder_of(context, "acme") / "ab" / ("a" * 40)).write_bytes(os.urandom(3 * PART_BYTES + 1))
    archive = cluster_engine.archives.dump("acme", bucket)
    assert cluster_engine.archives.all(bucket) == [archive.archive]
    cluster_engine.archives.load(bucket, archive.archive, "beta")
    assert files_of(context, "beta") == files_of(context, "acme")
    assert travelling.schema_and_rows(cluster_engine, "beta") == travelling.schema_and_rows(
        cluster_engine, "acme"
    )


def test_an_object_that_was_altered_in_s3_is_refused(
    cluster_engine: Engine, context: Context, bucket: str, s3: S3
):
    archive = cluster_engine.archives.dump("acme", bucket)
    store, path = open_store(bucket, s3.options), f"dumps/{archive.archive}.pgdump.zst.age"
    data = store.get(path)
    assert data
    for spoilt in (data[:-1], data[:-1] + bytes([data[-1] ^ 1])):
        store.put(path, spoilt)
        with pytest.raises(ArchiveDamaged):
            cluster_engine.archives.load(bucket, archive.archive, "beta")
    store.remove(path)
    with pytest.raises(ArchiveDamaged, match="missing"):
        cluster_engine.archives.load(bucket, archive.archive, "beta")
    assert orphans(context) == []


def test_backups_in_s3_are_pruned_and_survive_revoked_credentials(
    cluster_engine: Engine, context: Context, bucket: str, s3: S3, monkeypatch
):
    there = Engine(
        cluster_engine.settings.replaced(backup_store="s3://archives/backups", final_backup_days=1)
    )
    first = there.backups.take("acme")
    (folder_of(context, "acme") / "ab/abcdef").unlink()
    second = there.backups.take("acme")
    assert {it.backup for it in there.backups.all()} == {first.backup, second.backup}
    revoked = told_of(context, {**s3.options, "secret_access_key": "another"})
    revoked.__enter__()
    for call in (there.backups.all, there.backups.prune, lambda: there.backups.take("acme")):
        with pytest.raises(StoreRefused):
            call()
    with pytest.raises(FinalBackupFailed, match="refused"):
        there.instances.terminate("acme")
    told_of(context, s3.options).__enter__()
    monkeypatch.setattr(prune, "LONGEST_DUMP_S", -60)  # all there is is old
    pruned = there.backups.prune(Retention(daily=1, weekly=0, monthly=0))
    assert (pruned.removed, pruned.condemned) == ((first.backup,), 1)
    assert there.backups.prune().files == 1
    there.archives.load("s3://archives/backups", second.backup, "beta")
    assert files_of(context, "beta") == files_of(context, "acme")


def test_an_aborted_large_upload_leaves_no_object(bucket: str, s3: S3):
    store = open_store(bucket, s3.options)
    with pytest.raises(ZeroDivisionError):
        _give_up(store)
    assert store.size("dumps/half") is None


def _give_up(store: Store) -> None:
    with store.writer("dumps/half", 0) as sink:
        for _ in range(5):
            sink.write(os.urandom(PART_BYTES))
        raise ZeroDivisionError


def test_wrong_credentials_and_a_missing_server_are_errors(cluster_engine: Engine, context: Context, s3: S3):
    with (
        told_of(context, {**s3.options, "secret_access_key": "another"}),
        pytest.raises(StoreRefused) as raised,
    ):
        cluster_engine.archives.dump("acme", _BUCKET)
    assert "another" not in str(raised.value)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = {**s3.options, "endpoint": f"http://127.0.0.1:{closed.getsockname()[1]}"}
        with told_of(context, nobody), pytest.raises(StoreFailure):
            cluster_engine.archives.dump("acme", _BUCKET)
    with told_of(context, {"no_such_option": "1"}), pytest.raises(InvalidSetting):
        cluster_engine.archives.all(_BUCKET)


def _peak(settings: ServerSettings, store: str, connection: object) -> None:
    """Run in a process of its own, to measure its memory."""
    engine = Engine(settings)
    archive = engine.archives.dump("acme", store)
    dumped = _most_bytes()
    engine.archives.load(store, archive.archive, "beta")
    connection.send((dumped, _most_bytes()))  # type: ignore[attr-defined]


def _most_bytes() -> int:
    """The peak memory of this process's program; getrusage would include the parent's."""
    (line,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(line) * 1024


@pytest.mark.parametrize("where", ["a folder", "s3"])
def test_large_archives_are_dumped_and_loaded_in_constant_memory(
    context: Context, tmp_path: Path, bucket: str, where: str, record_property
):
    with (folder_of(context, "acme") / "ab" / ("a" * 40)).open("wb") as file:
        for _ in range(_LARGE_BYTES // 2**20):
            file.write(os.urandom(2**20))
    as_tenant(
        context,
        """
        CREATE EXTENSION IF NOT EXISTS plpgsql;
        CREATE TABLE large AS SELECT decode(string_agg(md5(random()::text), ''), 'hex') AS blob
          FROM generate_series(1, 200) AS outside, generate_series(1, 16384) AS inside GROUP BY outside;
        """,
    )
    store = bucket if where == "s3" else str(tmp_path / "store")
    ours, theirs = multiprocessing.Pipe()
    spawn = multiprocessing.get_context("spawn")
    process = spawn.Process(target=_peak, args=(context.settings, store, theirs), daemon=True)
    process.start()
    assert ours.poll(300)
    dumped, loaded = ours.recv()
    process.join()
    record_property("peak", f"{dumped >> 20} MB to dump, {loaded >> 20} MB to load")
    print(f"{where}: {dumped >> 20} MB to dump, {loaded >> 20} MB to load")
    assert max(dumped, loaded) < _MOST_BYTES
    assert files_of(context, "beta") == files_of(context, "acme")
