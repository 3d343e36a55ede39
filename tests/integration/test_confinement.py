"""A tenant's process cannot reach another's files, memory or signals, nor take more than its share.

Each layer is proved alone, too: the own user id without Landlock, Landlock without the own user id.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.support.confined.attacks import ATTACKS
from tests.support.confined.needs import COMFORTS, NEEDS

from tenantry.spawner import cgroups
from tenantry.spawner.cgroups import Cgroups, Hierarchy, Limits, Unavailable

ROOT = Path(__file__).parents[2]
IS_ROOT = os.getuid() == 0

SAME_USER = {
    "same user, all layers": (True, True, 7),
    "same user, Landlock alone": (True, False, 7),
    "same user, Landlock of Linux 6.7": (True, True, 4),
    "same user, Landlock of Linux 6.2": (True, True, 3),
    "same user, Landlock of Linux 5.13": (True, True, 1),
}
OWN_USER = {
    "own user, all layers": (True, True, 7),
    "own user alone": (False, False, 0),
    "own user, no Landlock": (False, True, 0),
}
NOTHING = "same user, nothing"
LAYERS = {**SAME_USER, **(OWN_USER if IS_ROOT else {}), NOTHING: (False, False, 0)}
"""The cases: with Landlock, with the filter of system calls, and the newest ABI of Landlock."""

everywhere = pytest.mark.parametrize("case", [case for case in LAYERS if case != NOTHING])


@cache
def confined(case: str) -> dict[str, Any]:
    """The results in a tenant's process, see `tests.support.confined`."""
    landlock, filter_calls, abi = LAYERS[case]
    folder = Path(tempfile.mkdtemp(prefix="tenantry-confined-"))
    folder.chmod(0o755)
    order = {
        "own_user": case in OWN_USER,
        "landlock": landlock,
        "filter_calls": filter_calls,
        "abi": abi,
        "folder": str(folder),
    }
    try:
        return dict(json.loads(_run("-m", "tests.support.confined", json.dumps(order))))
    finally:
        shutil.rmtree(folder)


def _run(*arguments: str) -> str:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, timeout=60).stdout


@pytest.mark.parametrize("case", LAYERS)
def test_each_reported_protection_is_effective(case: str):
    found = confined(case)
    succeeded = [
        name
        for name, attack in ATTACKS.items()
        if found["attacks"][name] == "done"
        and (not attack.refused_by or any(found["protection"][layer] for layer in attack.refused_by))
    ]
    assert not succeeded


@everywhere
def test_what_a_tenant_needs_works(case: str):
    found = confined(case)
    expected = (
        NEEDS if "renames" in found["missing"] and "files" not in found["missing"] else {**NEEDS, **COMFORTS}
    )
    assert {name: found["needs"][name] for name in expected} == dict.fromkeys(expected, "done")


def test_the_attacks_succeed_without_protection():
    """Else their failure would prove nothing."""
    found = confined(NOTHING)
    real = [name for name, attack in ATTACKS.items() if attack.refused_by and attack.works_elsewhere]
    assert {name: found["attacks"][name] for name in real} == dict.fromkeys(real, "done")


@everywhere
def test_an_attack_fails_for_the_kernels_reason_and_not_for_a_mistake_of_its_own(case: str):
    outcomes = confined(case)["attacks"]
    assert [name for name, outcome in outcomes.items() if ":" in outcome] == []


@pytest.mark.parametrize(
    ("case", "missing"),
    [
        ("same user, all layers", ["own_user"]),
        ("same user, Landlock alone", ["own_user", "system_calls", "tcp_listening"]),
        ("same user, Landlock of Linux 6.7", ["own_user", "devices", "signals", "abstract_sockets"]),
        ("own user, all layers", []),
    ][: None if IS_ROOT else -1],
)
def test_missing_protections_are_reported(case: str, missing: list[str]):
    assert confined(case)["missing"] == missing


@everywhere
def test_no_former_rights_are_left(case: str):
    found = confined(case)
    status = found["status"]
    assert {status[kind] for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {"0" * 16}
    assert status["NoNewPrivs"] == "1"
    assert status["Umask"] == "0077"
    assert found["leads_a_session"]
    if IS_ROOT:
        assert status["Groups"].strip() == ""
        assert len({*status["Uid"].split(), *status["Gid"].split()}) == 1


def test_the_kernel_cannot_forget_the_inodes_of_landlocks_rules():
    """Under memory pressure the kernel drops unused inodes of /proc; no rule would cover the new ones."""
    found = confined("same user, all layers")
    assert {f"/proc/{found['status']['Pid']}", "/proc/meminfo"} <= {*found["holds"]}


def test_it_is_quick():
    """A visitor waits for it when a tenant wakes: it takes 2 ms on an idle machine."""
    assert confined("same user, all layers")["lasted_ms"] < 50


CONFINE = """
import os, sys, threading, time
sys.path.insert(0, "addons/tenant/saas_process")
from confinement import *
{before}
try:
    confine({user}, None, [], [], Limits())
except ConfinementFailed as error:
    print(error)
"""


def test_it_refuses_to_leave_a_process_to_root():
    assert "root" in _run("-c", CONFINE.format(before="", user=0))


def test_it_refuses_a_process_that_has_threads():
    before = "threading.Thread(target=time.sleep, args=(1,)).start()"
    assert "threads" in _run("-c", CONFINE.format(before=before, user=12345))


# ------------------------------------------------------------ control groups

HOG = "import sys; sys.stdin.read(1); held = bytearray(200 << 20); print('held', len(held))"
BOMB = """
import os, sys, time
sys.stdin.read(1)
started = 0
try:
    while started < 100:
        if os.fork() == 0:
            time.sleep(20)
            os._exit(0)
        started += 1
except OSError as error:
    print(started, error.strerror, flush=True)
time.sleep(60)
"""
SPIN = """
import sys, time
sys.stdin.read(1)
end = time.monotonic() + 20
while time.monotonic() < end:
    pass
"""
SLEEP = "import time; time.sleep(60)"


@pytest.fixture
def groups() -> Iterator[Cgroups | Unavailable]:
    """Real control groups. Where there are none, each test checks that there is a reason."""
    found = cgroups.find(f"test-{os.getpid()}")
    yield found
    if found:
        found.close()


@pytest.fixture
def start() -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Start a script that waits for a line; none of them outlives the test."""
    started: list[subprocess.Popen[str]] = []

    def run(script: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", script]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield run
    for process in started:
        with process:
            process.kill()


def _go(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    process.stdin.write("go")
    process.stdin.flush()


def _missing(groups: Cgroups | Unavailable, controller: str) -> bool:
    """Whether the limit is not available here; then check that there is a reason."""
    if isinstance(groups, Unavailable):
        assert groups.reason
        return True
    if controller in groups.missing:
        assert groups.missing[controller]
    return controller in groups.missing


def test_a_memory_hog_is_killed_and_counted(groups: Any, start: Any):
    if _missing(groups, "memory"):
        return
    hog = start(HOG)
    groups.place("hog", hog.pid, Limits(memory_bytes=64 << 20))
    _go(hog)
    hog.wait(20)
    assert "held" not in hog.stdout.read()
    assert groups.killed("hog") == 1
    assert groups.killed("another") == 0


def test_a_fork_bomb_is_stopped_and_removed_with_its_tenant(groups: Any, start: Any):
    if _missing(groups, "pids"):
        return
    bomb = start(BOMB)
    groups.place("bomb", bomb.pid, Limits(tasks=20))
    _go(bomb)
    started, reason = bomb.stdout.readline().split(" ", 1)
    children = psutil.Process(bomb.pid).children()
    assert int(started) == len(children) == 19
    assert "unavailable" in reason
    assert groups.usage("bomb").tasks == 20
    groups.remove("bomb")
    bomb.wait(5)
    psutil.wait_procs(children, timeout=5)
    assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children)
    assert groups.tenants() == []


def test_a_tenant_that_takes_all_cores_is_limited_to_its_share(groups: Any, start: Any):
    if _missing(groups, "cpu"):
        return
    spin = start(SPIN)
    groups.place("spin", spin.pid, Limits(cpu_cores=0.1))
    _go(spin)
    before, began = groups.usage("spin").cpu_s, time.monotonic()
    time.sleep(1)
    used = (groups.usage("spin").cpu_s - before) / (time.monotonic() - began)
    assert used < 0.3


def test_a_tenant_may_be_placed_again_with_other_limits(groups: Any, start: Any):
    if _missing(groups, "memory"):
        return
    hog = start(HOG)
    for size in (64 << 20, 512 << 20, 128 << 20, None):
        groups.place("again", hog.pid, Limits(memory_bytes=size))
    _go(hog)
    assert hog.stdout.read() == f"held {200 << 20}\n"
    assert groups.usage("again").memory_bytes is not None


def test_a_tenant_may_be_called_like_a_file_of_the_kernels(groups: Any, start: Any):
    if isinstance(groups, Unavailable):
        assert groups.reason
        return
    groups.place("tasks", start(SLEEP).pid, Limits(tasks=50))
    assert groups.tenants() == ["tasks"]
    assert groups.usage("tasks").tasks >= 1


def test_a_tenant_without_a_group_uses_nothing_and_can_be_removed(groups: Any):
    if isinstance(groups, Unavailable):
        assert groups.reason
        return
    assert groups.usage("nobody").tasks == 0
    assert groups.killed("nobody") == 0
    groups.remove("nobody")
    groups.remove("nobody")


def test_a_new_spawner_finds_the_groups_of_the_previous_one(groups: Any, start: Any):
    if isinstance(groups, Unavailable):
        assert groups.reason
        return
    left = start(SLEEP)
    groups.place("left", left.pid, Limits(tasks=50))
    again = cgroups.find(f"test-{os.getpid()}")
    assert isinstance(again, Cgroups)
    assert again.tenants() == ["left"]
    again.remove("left")
    left.wait(5)


@pytest.mark.parametrize("name", ["", "..", "a/b", "A", "-a", "tenant_a", "a" * 64])
def test_only_a_dns_label_names_a_tenant(tmp_path: Path, name: str):
    with pytest.raises(ValueError, match="name"):
        Cgroups([Hierarchy(tmp_path, 2, frozenset())], {}).usage(name)


def test_placing_an_ended_process_limits_no_other_process(tmp_path: Path):
    """Its number is 0, which stands for the writing process itself."""
    with pytest.raises(ProcessLookupError):
        Cgroups([Hierarchy(tmp_path, 2, frozenset())], {}).place("acme", 0, Limits())
    assert list(tmp_path.iterdir()) == []


ASK = """
import os
from tenantry.spawner import cgroups
if os.getuid() == 0:
    os.setgroups([])
    os.setresgid(12345, 12345, 12345)
    os.setresuid(12345, 12345, 12345)
found = cgroups.find("ordinary")
print(bool(found), "" if found else found.reason)
if found:
    found.close()
"""


def test_an_ordinary_user_gets_the_reason_why_there_are_no_groups():
    has_any, reason = _run("-c", ASK).split(" ", 1)
    assert has_any == "True" or all(controller in reason for controller in cgroups.WANTED)


def test_limits_are_written_to_the_unified_hierarchy(tmp_path: Path):
    """A unified hierarchy made of plain files: this machine may have version 1 only."""
    folder = tmp_path / "tenant-a"
    folder.mkdir()
    files = ("memory.max", "memory.swap.max", "cpu.weight", "cpu.max", "pids.max")
    for file in files:
        (folder / file).touch()
    groups = Cgroups([Hierarchy(tmp_path, 2, frozenset(cgroups.WANTED))], {})

    def told() -> list[str]:
        return [(folder / file).read_text() for file in files]

    groups.place("a", 1234, Limits(memory_bytes=1 << 20, tasks=20, cpu_weight=50, cpu_cores=1.5))
    assert told() == ["1048576", "0", "50", "150000 100000", "20"]
    groups.place("a", 1234, Limits())
    assert told() == ["max", "max", "100", "max 100000", "max"]
    assert (folder / "cgroup.procs").read_text() == "1234"


def test_usage_is_read_from_the_unified_hierarchy(tmp_path: Path):
    folder = tmp_path / "tenant-a"
    folder.mkdir()
    (folder / "cpu.stat").write_text("usage_usec 1500000\nuser_usec 1000000\n")
    (folder / "memory.current").write_text("4096\n")
    (folder / "memory.events").write_text("low 0\nhigh 0\nmax 7\noom 2\noom_kill 1\noom_group_kill 0\n")
    (folder / "pids.current").write_text("3\n")
    groups = Cgroups([Hierarchy(tmp_path, 2, frozenset(cgroups.WANTED))], {})
    assert groups.usage("a") == cgroups.Usage(cpu_s=1.5, memory_bytes=4096, tasks=3)
    assert groups.killed("a") == 1


@pytest.mark.parametrize(
    ("root", "group", "own"),
    [
        ("/", "/", "/sys/fs/cgroup"),
        ("/", "/system.slice/tenantry.service", "/sys/fs/cgroup/system.slice/tenantry.service"),
        ("/docker/1a2b", "/docker/1a2b", "/sys/fs/cgroup"),
        ("/docker/1a2b", "/docker/1a2b/below", "/sys/fs/cgroup/below"),
        ("/..", "/", "/sys/fs/cgroup"),
    ],
)
def test_our_own_group_is_found_in_a_container_too(root: str, group: str, own: str):
    mountinfo = f"31 23 0:28 {root} /sys/fs/cgroup rw,relatime shared:9 - cgroup2 cgroup rw,nsdelegate"
    assert [str(place.own) for place in cgroups._mounted(mountinfo, f"0::{group}")] == [own]


def test_hierarchies_of_version_1_are_known_by_their_controllers():
    mountinfo = (
        "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
        "33 31 0:30 / /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory\n"
        "34 31 0:31 / /tmp rw - tmpfs tmpfs rw"
    )
    found = cgroups._mounted(mountinfo, "4:memory:/a\n3:cpu,cpuacct:/b\n0::/c")
    assert [(place.version, str(place.own)) for place in found] == [
        (1, "/sys/fs/cgroup/cpu,cpuacct/b"),
        (1, "/sys/fs/cgroup/memory/a"),
    ]
