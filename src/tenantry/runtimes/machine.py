"""What the machine of a runtime has: processors, memory and disk."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

import psutil

from tenantry.model.server import Capacity


def machine_capacity(folders: Collection[Path], awake: int) -> Capacity:
    """The capacity of this machine. folders: those whose file systems can become full."""
    memory = psutil.virtual_memory()
    disks = {folder: psutil.disk_usage(str(folder)) for folder in folders}
    fullest = max(disks, key=lambda folder: disks[folder].percent)
    used, free = disks[fullest].used, disks[fullest].free
    return Capacity(
        cpus=len(os.sched_getaffinity(0)),
        memory_bytes=memory.total,
        memory_used_bytes=memory.total - memory.available,
        disk_bytes=used + free,  # without what only root may use
        disk_used_bytes=used,
        disk_folder=str(fullest),
        awake=awake,
    )
