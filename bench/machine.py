"""Facts about the machine of a run, without host names or paths."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

import psutil

from tenantry.errors import TenantryError
from tenantry.process import run

_CPU_INFO = Path("/proc/cpuinfo")


def describe_machine(data: Path) -> dict[str, str | int | float]:
    """The machine. data: a folder on the file system the databases lie on."""
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "kernel": f"{platform.system()} {platform.release()}",
        "file_system": file_system_of(data),
        "python": platform.python_version(),
    }


def load() -> float:
    """How many processes wanted a core during the last minute."""
    return round(os.getloadavg()[0], 2)


def file_system_of(folder: Path) -> str:
    """The type of the file system a folder is on: that of its closest mount point."""
    mounts = {Path(mount.mountpoint): mount.fstype for mount in psutil.disk_partitions(all=True)}
    return next((mounts[path] for path in (folder, *folder.parents) if path in mounts), "unknown")


def describe_source() -> dict[str, str]:
    """The state of the code, and today's date."""
    try:
        version = run(["git", "describe", "--always", "--tags", "--dirty"], cwd=Path(__file__).parent).strip()
    except TenantryError:
        version = "unknown"
    return {"tenantry": version, "date": datetime.now(UTC).date().isoformat()}


def _cpu_model() -> str:
    lines = _CPU_INFO.read_text().splitlines() if _CPU_INFO.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()
