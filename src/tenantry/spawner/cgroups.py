"""Limits for a tenant's processes by control groups, as far as this machine delegates them to us.

A tenant has a folder `tenantry-<installation>/tenant-<name>` below our own group, in the unified hierarchy
(version 2) and, for controllers that it lacks, in the hierarchies of version 1.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

_logger = logging.getLogger(__name__)

WANTED = ("memory", "pids", "cpu")
_PROCESSES = "cgroup.procs"
_ENABLED = "cgroup.subtree_control"
_LEAF = "tenantry-spawner"
_KEEPER = "tenantry.spawner.keeper"
_CPU_PERIOD_US = 100_000
_REMOVE_WITHIN_S = 5
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class Limits:
    """Limits for all processes of a tenant together. None: no limit."""

    memory_bytes: int | None = None
    tasks: int | None = None
    """Processes and threads."""
    cpu_weight: int = 100
    """1 to 10000: the share of the cores in proportion to the other tenants' weights, when all are busy."""
    cpu_cores: float | None = None
    """The number of cores that it may use even when the others are idle."""


@dataclass(frozen=True)
class Usage:
    """What a tenant's processes use. None: not counted on this machine."""

    cpu_s: float | None
    """Since the folder was created; removing the tenant resets it."""
    memory_bytes: int | None
    """Including the page cache of files that it read."""
    tasks: int


@dataclass(frozen=True)
class Unavailable:
    """The reason why there are no limits by control groups. Its truth value is False."""

    reason: str

    def __bool__(self) -> Literal[False]:
        return False


@dataclass(frozen=True)
class Hierarchy:
    """The installation's folder in one of the kernel's hierarchies."""

    folder: Path
    version: int
    controllers: frozenset[str]

    def of(self, tenant: str) -> Path:
        """The tenant's folder. The prefix is there because a tenant may be called `tasks`, as a file is."""
        if not _LABEL.fullmatch(tenant):
            raise ValueError(f"not the name of a tenant: {tenant!r}")
        return self.folder / f"tenant-{tenant}"


class Cgroups:
    """The control groups of one installation's tenants. Every method may be called again."""

    def __init__(self, hierarchies: Iterable[Hierarchy], missing: dict[str, str]) -> None:
        self._hierarchies = tuple(hierarchies)
        self.missing = missing
        """The reason for each controller of WANTED that is not available."""

    @property
    def controllers(self) -> frozenset[str]:
        found = frozenset[str]().union(*(hierarchy.controllers for hierarchy in self._hierarchies))
        return found & frozenset(WANTED)

    def place(self, tenant: str, pid: int, limits: Limits) -> None:
        """Put a process, and the processes that it starts later, under the tenant's limits.

        Raises ProcessLookupError when it has ended.
        """
        if pid <= 0:
            # 0 stands for the process that writes: the spawner would be limited and killed with the tenant.
            raise ProcessLookupError(pid)
        for hierarchy in self._hierarchies:
            folder = hierarchy.of(tenant)
            folder.mkdir(exist_ok=True)
            for file, value in _settings(hierarchy, limits):
                if (folder / file).exists():
                    (folder / file).write_text(value)
            (folder / _PROCESSES).write_text(str(pid))

    def tenants(self) -> list[str]:
        """The tenants that have a folder: after a crash, these must be removed."""
        found = {path.name for hierarchy in self._hierarchies for path in hierarchy.folder.glob("tenant-*")}
        return sorted(name.removeprefix("tenant-") for name in found)

    def usage(self, tenant: str) -> Usage:
        """What the tenant's processes use together; nothing for a tenant without a folder."""
        return Usage(
            cpu_s=self._cpu_s(tenant),
            memory_bytes=self._number(tenant, "memory.current", "memory.usage_in_bytes"),
            tasks=self._number(tenant, "pids.current") or len(self._processes(tenant)),
        )

    def _cpu_s(self, tenant: str) -> float | None:
        used_us = self._number(tenant, "cpu.stat", key="usage_usec")
        if used_us is not None:
            return used_us / 1e6
        used_ns = self._number(tenant, "cpuacct.usage")
        return None if used_ns is None else used_ns / 1e9

    def killed(self, tenant: str) -> int:
        """How many of the tenant's processes the kernel killed because of the memory limit."""
        return self._number(tenant, "memory.events", "memory.oom_control", key="oom_kill") or 0

    def remove(self, tenant: str) -> None:
        """Kill the tenant's remaining processes and remove its folders.

        Raises TimeoutError when a process does not end, because it hangs in the kernel.
        """
        deadline = time.monotonic() + _REMOVE_WITHIN_S
        folders = [folder for folder in self._folders(tenant) if folder.exists()]
        if self._processes(tenant):
            self._kill(tenant, deadline)
        for folder in folders:
            _remove_folder(folder, deadline)

    def close(self) -> None:
        """Remove every tenant's folder and the installation's folder."""
        for tenant in self.tenants():
            self.remove(tenant)
        for hierarchy in self._hierarchies:
            _remove_folder(hierarchy.folder, time.monotonic() + _REMOVE_WITHIN_S)

    def _kill(self, tenant: str, deadline: float) -> None:
        for folder in self._folders(tenant):
            # First prevent forks; then kill all processes at once, where the kernel can (5.14).
            for file, value in (("pids.max", "0"), ("cgroup.kill", "1")):
                if (folder / file).exists():
                    (folder / file).write_text(value)
        while left := self._processes(tenant):
            if time.monotonic() > deadline:
                raise TimeoutError(f"processes of {tenant} do not end: {sorted(left)}")
            for pid in left:
                _kill_process(pid)
            time.sleep(0.005)

    def _folders(self, tenant: str) -> list[Path]:
        return [hierarchy.of(tenant) for hierarchy in self._hierarchies]

    def _processes(self, tenant: str) -> set[int]:
        return {pid for folder in self._folders(tenant) for pid in _processes_in(folder)}

    def _number(self, tenant: str, *files: str, key: str = "") -> int | None:
        """The number in the first file that exists: in the line with that key, or the only number."""
        for folder in self._folders(tenant):
            for file in files:
                for line in _read(folder / file).splitlines():
                    label, _, number = line.rpartition(" ")
                    if label == key and number.isdecimal():
                        return int(number)
        return None


def _settings(hierarchy: Hierarchy, limits: Limits) -> Iterator[tuple[str, str]]:
    """The files to write, in this order, as far as they exist, with their text."""
    quota_us = None if limits.cpu_cores is None else max(1000, int(limits.cpu_cores * _CPU_PERIOD_US))
    if "pids" in hierarchy.controllers:
        yield "pids.max", _or(limits.tasks, "max")
    if hierarchy.version == 2:
        if "memory" in hierarchy.controllers:
            yield "memory.max", _or(limits.memory_bytes, "max")
            yield "memory.swap.max", "max" if limits.memory_bytes is None else "0"
        if "cpu" in hierarchy.controllers:
            yield "cpu.weight", str(limits.cpu_weight)
            yield "cpu.max", f"{_or(quota_us, 'max')} {_CPU_PERIOD_US}"
        return
    if "memory" in hierarchy.controllers:
        # The limit of memory and swap together must never be smaller than the limit of memory.
        yield "memory.memsw.limit_in_bytes", "-1"
        yield "memory.limit_in_bytes", _or(limits.memory_bytes, "-1")
        yield "memory.memsw.limit_in_bytes", _or(limits.memory_bytes, "-1")
    if "cpu" in hierarchy.controllers:
        yield "cpu.shares", str(max(2, limits.cpu_weight * 1024 // 100))
        yield "cpu.cfs_period_us", str(_CPU_PERIOD_US)
        yield "cpu.cfs_quota_us", _or(quota_us, "-1")


def _or(number: int | None, unlimited: str) -> str:
    return unlimited if number is None else str(number)


def _processes_in(folder: Path) -> set[int]:
    """The processes of a group. 0 stands for one outside of our pid namespace, and must never be killed."""
    return {int(pid) for pid in _read(folder / _PROCESSES).split()} - {0}


def _kill_process(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _remove_folder(folder: Path, deadline: float) -> None:
    """Remove a folder; wait until ended processes have left it."""
    while True:
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.005)


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENODEV):  # the group was removed, before or while we read
            return ""
        raise


def _words(file: Path) -> frozenset[str]:
    return frozenset(_read(file).split())


# ------------------------------------------------------------ what this machine delegates to us


@dataclass(frozen=True)
class _Mounted:
    """A mounted hierarchy, and our own group in it."""

    version: int
    controllers: frozenset[str]
    top: Path
    own: Path


def find(installation: str) -> Cgroups | Unavailable:
    """Find out by trying: create groups, and put a process into one.

    installation: its name among the installations on this machine, a DNS label.
    A group with processes of its own cannot limit the groups below it. So if our own group in the unified
    hierarchy has only this process, its keeper and their children, they move to a group of their own. systemd
    starts us like this, with `Delegate=yes`. Call this function before there are threads: it forks.
    """
    if not _LABEL.fullmatch(installation):
        raise ValueError(f"not the name of an installation: {installation!r}")
    hierarchies: list[Hierarchy] = []
    missing = dict.fromkeys(WANTED, "no mounted hierarchy has this controller")
    for place in _mounted(_read(Path("/proc/self/mountinfo")), _read(Path("/proc/self/cgroup"))):
        wanted = place.controllers & {*missing, *_cpu_accounting(hierarchies)}
        if not wanted and place.version == 1:
            continue
        try:
            hierarchy = _settle(place, f"tenantry-{installation}", wanted)
        except OSError as error:
            missing |= {name: f"{error.filename}: {error.strerror}" for name in wanted & {*missing}}
            continue
        hierarchies.append(hierarchy)
        refused = f"{place.own}: not delegated to us, or other processes are in it"
        missing |= dict.fromkeys(wanted & {*missing}, refused)
        missing = {name: reason for name, reason in missing.items() if name not in hierarchy.controllers}
    found = Cgroups(hierarchies, missing)
    if found.controllers:
        return found
    found.close()
    return Unavailable("; ".join(f"{name}: {reason}" for name, reason in missing.items()))


def _cpu_accounting(hierarchies: list[Hierarchy]) -> tuple[str, ...]:
    """The controller that counts CPU time, if no hierarchy counts it yet; version 2 always does."""
    is_done = any(hierarchy.version == 2 or "cpuacct" in hierarchy.controllers for hierarchy in hierarchies)
    return () if is_done else ("cpuacct",)


def _mounted(mountinfo: str, cgroup: str) -> list[_Mounted]:
    """The mounted hierarchies, the unified one first. proc(5) and cgroups(7) describe the two files."""
    groups = {kind: path for _number, kind, path in (line.split(":", 2) for line in cgroup.splitlines())}
    found = []
    for line in mountinfo.splitlines():
        left, right = (part.split() for part in line.split(" - ", 1))
        if right[0] not in ("cgroup", "cgroup2"):
            continue
        root, top = Path(left[3]), Path(left[4])
        options = frozenset(right[2].split(","))
        version = 2 if right[0] == "cgroup2" else 1
        controllers = _words(top / "cgroup.controllers") if version == 2 else options
        for kind, path in groups.items():
            if (version == 2 and not kind) or (kind and {*kind.split(",")} <= options):
                own = top / Path(path).relative_to(root) if Path(path).is_relative_to(root) else top
                found.append(_Mounted(version, controllers, top, own))
    return sorted(found, key=lambda place: -place.version)


def _settle(place: _Mounted, name: str, wanted: frozenset[str]) -> Hierarchy:
    """Create the installation's folder; in version 2, in the nearest ancestor group that has a controller."""
    if place.version == 1:
        return _try(place.own / name, 1, wanted)
    own = place.own.parent if place.own.name == _LEAF else place.own
    above = [group for group in (own, *own.parents) if group.is_relative_to(place.top)]
    tried: list[Hierarchy] = []
    failure: OSError | None = None
    for group in above:
        try:
            tried.append(_try(group / name, 2, wanted, is_below_ours=group == own))
        except OSError as error:
            failure = failure or error
            continue
        if tried[-1].controllers or not wanted:
            break
    if not tried:
        raise failure or FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(own))
    best = tried[-1] if tried[-1].controllers else tried[0]
    for other in tried:
        if other is not best:
            other.folder.rmdir()
    return best


def _try(folder: Path, version: int, wanted: frozenset[str], *, is_below_ours: bool = False) -> Hierarchy:
    """Create the installation's folder, and check that a process can be put below it."""
    folder.mkdir(exist_ok=True)
    probe = folder / f"probe-{os.getpid()}"
    try:
        if version == 2:
            if is_below_ours and _make_free(folder.parent):
                _enable(folder.parent, wanted)
            _enable(folder, wanted)
            wanted &= _words(folder / _ENABLED)
        probe.mkdir()
        _put_a_process_into(probe)
    except OSError:
        _remove_empty(probe, folder)
        raise
    _remove_empty(probe)
    return Hierarchy(folder, version, wanted)


def _enable(group: Path, controllers: frozenset[str]) -> None:
    """Enable these controllers for the groups below, as far as the kernel allows it."""
    for controller in (controllers & _words(group / "cgroup.controllers")) - _words(group / _ENABLED):
        try:
            (group / _ENABLED).write_text(f"+{controller}")
        except OSError as error:
            _logger.debug("%s: the controller %s cannot be enabled: %s", group, controller, error.strerror)


def _make_free(group: Path) -> bool:
    """Whether the group has no processes, as every group except the root must to limit the groups below.

    The kernel would enable `cpu` and `pids` nevertheless, but then refuse processes in the groups below.
    If the group has only this process, its keeper and their children, they move to a group of their own.
    """
    there = _processes_in(group)
    if not there or not (group / "cgroup.type").exists():
        return True
    parent = psutil.Process().parent()
    is_kept = parent is not None and _KEEPER in parent.cmdline()
    first = parent if parent is not None and is_kept else psutil.Process()
    if not there <= {first.pid, *(child.pid for child in first.children(recursive=True))}:
        return False
    (group / _LEAF).mkdir(exist_ok=True)
    for pid in there:
        (group / _LEAF / _PROCESSES).write_text(str(pid))
    return True


def _put_a_process_into(folder: Path) -> None:
    child = os.fork()
    if child == 0:
        try:
            (folder / _PROCESSES).write_text(str(os.getpid()))
        except OSError as error:
            os._exit(error.errno or 255)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code:
        raise OSError(code, os.strerror(code), str(folder / _PROCESSES))


def _remove_empty(*folders: Path) -> None:
    for folder in folders:
        try:
            _remove_folder(folder, time.monotonic() + 1)
        except OSError:
            _logger.debug("%s could not be removed", folder)
