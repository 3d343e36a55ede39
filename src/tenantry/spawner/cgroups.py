"""Limits for a tenant's processes by the kernel's control groups, as far as this machine lets us have them.

A tenant has a folder `tenantry-<installation>/tenant-<name>` below our own group's, in the unified hierarchy
(version 2) and, for what that does not control, in those of version 1.
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
    """None is no limit. They hold for all processes of a tenant together."""

    memory_bytes: int | None = None
    tasks: int | None = None
    """Processes and threads."""
    cpu_weight: int = 100
    """1 to 10000: the share of the cores against the other tenants', when all want them."""
    cpu_cores: float | None = None
    """How many cores it may use even when nobody else wants them."""


@dataclass(frozen=True)
class Usage:
    """None where that is not counted here."""

    cpu_s: float | None
    """Since the folder was made: it counts anew once the tenant was removed."""
    memory_bytes: int | None
    """With the pages of files it read."""
    tasks: int


@dataclass(frozen=True)
class Unavailable:
    """Why there are no limits by control groups; false."""

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
        """A tenant may be named like one of the kernel's own files (`tasks`): hence the prefix."""
        if not _LABEL.fullmatch(tenant):
            raise ValueError(f"no name of a tenant: {tenant!r}")
        return self.folder / f"tenant-{tenant}"


class Cgroups:
    """The control groups of one installation's tenants. Every method may be called again."""

    def __init__(self, hierarchies: Iterable[Hierarchy], missing: dict[str, str]) -> None:
        self._hierarchies = tuple(hierarchies)
        self.missing = missing
        """For each of WANTED that is not limited here the reason."""

    @property
    def controllers(self) -> frozenset[str]:
        found = frozenset[str]().union(*(hierarchy.controllers for hierarchy in self._hierarchies))
        return found & frozenset(WANTED)

    def place(self, tenant: str, pid: int, limits: Limits) -> None:
        """Put a process and what it starts from now on under the tenant's limits.

        Raises ProcessLookupError when it has ended.
        """
        if pid <= 0:
            # The kernel takes 0 for the writer: the spawner would be limited, and ended, with the tenant.
            raise ProcessLookupError(pid)
        for hierarchy in self._hierarchies:
            folder = hierarchy.of(tenant)
            folder.mkdir(exist_ok=True)
            for file, value in _settings(hierarchy, limits):
                if (folder / file).exists():
                    (folder / file).write_text(value)
            (folder / _PROCESSES).write_text(str(pid))

    def tenants(self) -> list[str]:
        """Those that have a folder: after a crash, the ones to remove."""
        found = {path.name for hierarchy in self._hierarchies for path in hierarchy.folder.glob("tenant-*")}
        return sorted(name.removeprefix("tenant-") for name in found)

    def usage(self, tenant: str) -> Usage:
        """What its processes use together; of a tenant without a folder, nothing."""
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
        """How many of its processes the kernel ended because they wanted more memory than allowed."""
        return self._number(tenant, "memory.events", "memory.oom_control", key="oom_kill") or 0

    def remove(self, tenant: str) -> None:
        """Kill what is left of the tenant's processes, and remove its folders.

        Raises TimeoutError when they do not end: a process may hang in the kernel.
        """
        deadline = time.monotonic() + _REMOVE_WITHIN_S
        folders = [folder for folder in self._folders(tenant) if folder.exists()]
        if self._processes(tenant):
            self._kill(tenant, deadline)
        for folder in folders:
            _remove_folder(folder, deadline)

    def close(self) -> None:
        """Remove every tenant's folder and the installation's own."""
        for tenant in self.tenants():
            self.remove(tenant)
        for hierarchy in self._hierarchies:
            _remove_folder(hierarchy.folder, time.monotonic() + _REMOVE_WITHIN_S)

    def _kill(self, tenant: str, deadline: float) -> None:
        for folder in self._folders(tenant):
            # None can fork any more; then all at once, where the kernel can (5.14).
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
        """The first of the files that is there: its number, or the one its line with the key has."""
        for folder in self._folders(tenant):
            for file in files:
                for line in _read(folder / file).splitlines():
                    label, _, number = line.rpartition(" ")
                    if label == key and number.isdecimal():
                        return int(number)
        return None


def _settings(hierarchy: Hierarchy, limits: Limits) -> Iterator[tuple[str, str]]:
    """Files to write, in this order, where they are there."""
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
        # The one for memory and swap together may never be the smaller one.
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
    """None where it is gone. One that cannot be seen from here is a 0, which must never be killed."""
    return {int(pid) for pid in _read(folder / _PROCESSES).split()} - {0}


def _kill_process(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _remove_folder(folder: Path, deadline: float) -> None:
    """Wait for processes that have ended to leave it."""
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
        if error.errno in (errno.ENOENT, errno.ENODEV):  # the group has gone, before or while we read
            return ""
        raise


def _words(file: Path) -> frozenset[str]:
    return frozenset(_read(file).split())


# ------------------------------------------------------------ what this machine lets us have


@dataclass(frozen=True)
class _Mounted:
    """A hierarchy of the kernel's, and where this process is in it."""

    version: int
    controllers: frozenset[str]
    top: Path
    own: Path


def find(installation: str) -> Cgroups | Unavailable:
    """Find out by trying: make groups, and put a process into one.

    installation: what tells it from others on the machine, a DNS label.
    Where our own group in the unified hierarchy holds nobody but this process, its keeper and their children,
    they move to one beside the tenants': a group with processes of its own cannot limit those below. systemd
    starts us so, with `Delegate=yes`. Call it before there are threads: it forks.
    """
    if not _LABEL.fullmatch(installation):
        raise ValueError(f"no name of an installation: {installation!r}")
    hierarchies: list[Hierarchy] = []
    missing = dict.fromkeys(WANTED, "no hierarchy of the kernel's that has it is mounted")
    for place in _mounted(_read(Path("/proc/self/mountinfo")), _read(Path("/proc/self/cgroup"))):
        wanted = place.controllers & {*missing, *_to_count_time(hierarchies)}
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


def _to_count_time(hierarchies: list[Hierarchy]) -> tuple[str, ...]:
    """Version 2 does so without being asked."""
    is_done = any(hierarchy.version == 2 or "cpuacct" in hierarchy.controllers for hierarchy in hierarchies)
    return () if is_done else ("cpuacct",)


def _mounted(mountinfo: str, cgroup: str) -> list[_Mounted]:
    """The unified one first. Their lines are in proc(5) and cgroups(7)."""
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
    """The installation's folder there; of version 2 in the nearest group above us that limits anything."""
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
    """Make the installation's folder, and see that a process can be put below it."""
    folder.mkdir(exist_ok=True)
    probe = folder / f"probe-{os.getpid()}"
    try:
        if version == 2:
            if is_below_ours and _is_free(folder.parent):
                _pass_on(folder.parent, wanted)
            _pass_on(folder, wanted)
            wanted &= _words(folder / _ENABLED)
        probe.mkdir()
        _put_a_process_into(probe)
    except OSError:
        _remove_empty(probe, folder)
        raise
    _remove_empty(probe)
    return Hierarchy(folder, version, wanted)


def _pass_on(group: Path, controllers: frozenset[str]) -> None:
    """Have the groups below limited by them, too, as far as the kernel lets us."""
    for controller in (controllers & _words(group / "cgroup.controllers")) - _words(group / _ENABLED):
        try:
            (group / _ENABLED).write_text(f"+{controller}")
        except OSError as error:
            _logger.debug("%s does not pass on %s: %s", group, controller, error.strerror)


def _is_free(group: Path) -> bool:
    """Whether no process is in it, which all but the root must be to limit those below.

    The kernel would let `cpu` and `pids` be passed on nevertheless, and then no process into a group below.
    This process, its keeper and their children make room, if nobody else is there.
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
            _logger.debug("%s stays", folder)
