"""What processes use, as the kernel counts it. Only root can read that of confined processes."""

from __future__ import annotations

from collections.abc import Iterable

import psutil

from bench.figures import MeasurementFailed
from tenantry.engine import Engine


def family(engine: Engine) -> list[psutil.Process]:
    """All of the tenant server: keeper, spawner, front, zygotes, tenants' own. Raises MeasurementFailed."""
    pid = engine.runtime.pid
    if pid is None:
        raise MeasurementFailed("the tenant server ended")
    return with_children(psutil.Process(pid))


def spawner(engine: Engine) -> list[psutil.Process]:
    """The part of it that knows each tenant: the keeper and the spawner."""
    return [process for process in family(engine) if "tenantry.spawner" in " ".join(process.cmdline())]


def with_children(parent: psutil.Process) -> list[psutil.Process]:
    return [parent, *parent.children(recursive=True)]


def pss_mb(processes: Iterable[psutil.Process]) -> float:
    """The processes' memory; shared pages are divided among them, so the sum is their total.

    Raises MeasurementFailed.
    """
    return sum(_memory(process, "pss") for process in processes) / 2**20


def uss_mb(pid: int) -> float:
    """The memory a process shares with no other. Raises MeasurementFailed."""
    return _memory(psutil.Process(pid), "uss") / 2**20


def _memory(process: psutil.Process, kind: str) -> int:
    try:
        return int(getattr(process.memory_full_info(), kind))
    except psutil.NoSuchProcess:
        return 0
    except psutil.AccessDenied as error:
        raise MeasurementFailed("the kernel tells the memory of confined processes to root only") from error


def cpu_s(processes: Iterable[psutil.Process]) -> float:
    """The CPU time of the processes and of their ended children."""
    total = 0.0
    for process in processes:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue  # by now its parent counts it
        total += times.user + times.system + times.children_user + times.children_system
    return total
