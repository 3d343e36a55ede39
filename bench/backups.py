"""Backups beside the bare programs of PostgreSQL, and the nights of many tenants."""

from __future__ import annotations

import multiprocessing
import os
import resource
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.figures import Figure, MeasurementFailed
from bench.installation import Installation
from bench.moves import grow
from tenantry.engine import Engine
from tenantry.model.backup import ProofState
from tenantry.model.catalog import Kind, Label, State
from tenantry.operations.instance.archives import major
from tenantry.postgres import databases
from tenantry.postgres.programs import CONNECT, find_client, service
from tenantry.settings import ServerSettings

_LARGE, _RESTORED, _BARE = "large", "large-again", "spare_bare_restore"
_TENANTS = 100


def large(installation: Installation) -> list[Figure]:
    """One large tenant: backed up and restored, by turns with pg_dump and pg_restore alone."""
    engine, plan = installation.engine, installation.plan
    if not shutil.which("zstd"):
        raise MeasurementFailed("there is no zstd to compare with")
    installation.create(_LARGE)
    grow(engine, _LARGE, plan.backup_mb * 2**20)
    with _programs(installation) as bare:
        turns = range(plan.backup_turns)
        dumps = [(_seconds(bare.dump), _seconds(lambda: engine.backups.take(_LARGE))) for _ in turns]
        restores = [(_seconds(bare.restore), _restored_s(engine)) for _ in turns]
    peak_mb = _peak_mb(engine.settings)
    note = f"of {plan.backup_mb} MB"
    return [
        Figure("bare_dump", "pg_dump --format=custom | zstd -3", "s", tuple(it[0] for it in dumps), note),
        Figure("backup", "Backup", "s", tuple(it[1] for it in dumps), note),
        Figure("backup_memory", "Memory of a backup's process, at most", "MB", (peak_mb,), note),
        Figure("bare_restore", "pg_restore --jobs", "s", tuple(it[0] for it in restores), note),
        Figure("restore", "Restore as a new instance", "s", tuple(it[1] for it in restores), note),
    ]


def nights(installation: Installation) -> list[Figure]:
    """Many tenants of one template: what a second night adds to the store, and how long a night takes."""
    plan, store = installation.plan, installation.home / "nights"
    engine = Engine(installation.engine.settings.replaced(backup_store=str(store)))
    names = [f"night-{number:03d}" for number in range(plan.backup_tenants)]
    for name in names:
        installation.create(name)
    took = [_seconds(lambda name=name: engine.backups.take(name)) for name in names]  # type: ignore[misc]
    first = _bytes_in(store)
    for name in names:
        engine.backups.take(name)
    second = _bytes_in(store) - first
    chosen = [backup for backup in engine.backups.all() if backup.name in names][: plan.backup_proofs]
    proofs = [_seconds(lambda one=one.backup: _prove(engine, one)) for one in chosen]  # type: ignore[misc]
    minutes = _TENANTS * (statistics.median(took) + statistics.median(proofs)) / 60
    is_whole = plan.backup_tenants >= _TENANTS // 2
    of_all = f"of {plan.backup_tenants} tenants, {first / 2**20:.0f} MB in the first"
    return [
        Figure("night_bytes", "Second night: of the first one's bytes", "%", (100 * second / first,), of_all),
        Figure("night_backup", "Backup of a small tenant", "s", tuple(took)),
        Figure("night_proof", "Proof of its backup", "s", tuple(proofs)),
        Figure(
            "night",
            f"{_TENANTS} tenants backed up and proved",
            "min",
            (minutes,),
            f"from {len(took)} backups and {len(proofs)} proofs, one after the other",
            is_whole=is_whole,
        ),
    ]


class _Bare:
    """The programs alone, connected as the cluster's superuser."""

    def __init__(self, installation: Installation, environment: Mapping[str, str]) -> None:
        self._installation, self._environment = installation, {**os.environ, **environment}
        self._file = installation.home / "bare.pgdump"
        with installation.engine.context.maintenance() as connection:
            version = major(connection)
        settings = installation.engine.settings
        self._dump, self._restore = (
            find_client(settings, program, version) for program in ("pg_dump", "pg_restore")
        )

    def dump(self) -> None:
        command = [self._dump, CONNECT, "--format=custom", "--compress=0"]
        packed = self._file.with_suffix(".zst")
        with subprocess.Popen(command, env=self._environment, stdout=subprocess.PIPE) as dumping:
            zstd = ["zstd", "-3", "--quiet", "--force", "-o", packed]
            subprocess.run(zstd, stdin=dumping.stdout, check=True)
        _check(dumping.returncode)
        os.sync()

    def restore(self) -> None:
        """Into an empty database; the dump is decompressed first, as it must be for several jobs."""
        subprocess.run(
            ["zstd", "--decompress", "--quiet", "--force", self._file.with_suffix(".zst"), "-o", self._file],
            check=True,
        )
        superuser = self._installation.superuser()
        with self._installation.engine.context.maintenance() as connection:
            databases.create(connection, _BARE, Label(Kind.SPARE, State.BUILDING))
        try:
            with service(superuser, _BARE, self._installation.home) as environment:
                jobs = f"--jobs={os.cpu_count() or 1}"
                options = ["--no-owner", "--no-privileges", jobs, self._file]
                # It complains of extensions that are there already.
                subprocess.run(
                    [self._restore, CONNECT, *options],
                    env={**os.environ, **environment},
                    stderr=subprocess.DEVNULL,
                    check=False,
                )
        finally:
            with self._installation.engine.context.maintenance() as connection:
                databases.drop(connection, _BARE)


@contextmanager
def _programs(installation: Installation) -> Iterator[_Bare]:
    with service(installation.superuser(), _LARGE, installation.home) as environment:
        yield _Bare(installation, environment)


def _check(status: int) -> None:
    if status:
        raise MeasurementFailed(f"pg_dump ended with {status}")


def _restored_s(engine: Engine) -> float:
    """The newest backup as a new instance, which is removed again, untimed."""
    backup = engine.backups.all(_LARGE)[0].backup
    took_s = _seconds(lambda: engine.backups.restore(backup, _RESTORED))
    engine.instances.terminate(_RESTORED, without_backup=True)
    return took_s


def _prove(engine: Engine, backup: str) -> None:
    proof = engine.backups.prove(backup)
    if proof.state is not ProofState.PROVED:
        raise MeasurementFailed(f"{backup} is {proof.state}: {proof.detail}")


def _peak_mb(settings: ServerSettings) -> float:
    """Of a process that does nothing else."""
    spawn = multiprocessing.get_context("spawn")
    receiver, sender = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_back_up_and_tell, args=(settings, sender))
    process.start()
    process.join()
    if process.exitcode:
        raise MeasurementFailed(f"the process of a backup ended with {process.exitcode}")
    return float(receiver.recv()) / 1024


def _back_up_and_tell(settings: ServerSettings, sender: multiprocessing.connection.Connection) -> None:
    Engine(settings).backups.take(_LARGE)
    sender.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def _seconds(action: Callable[[], object]) -> float:
    began = time.monotonic()
    action()
    return time.monotonic() - began


def _bytes_in(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
