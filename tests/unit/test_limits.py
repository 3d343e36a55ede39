"""The plan's limits of a process: checked by the engine, kept in the label, applied by the spawner."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tenantry.errors import InvalidValue
from tenantry.model.catalog import Kind, Label, State
from tenantry.model.instance import InstanceSpec
from tenantry.model.limits import MAX_THREADS, RANGES, checked
from tenantry.postgres import roles
from tenantry.spawner.config import ROLE_CONNECTIONS, Limits

DEFAULTS = Limits()


def test_known_limits_are_kept_and_unknown_ones_ignored():
    assert checked({"idle_s": 600, "memory_mb": 1024, "threads": 4, "disk_gb": 3}) == {
        "idle_s": 600,
        "memory_mb": 1024,
        "threads": 4,
    }


def test_no_value_and_zero_mean_the_servers_default():
    assert checked({}) == checked({"idle_s": 0, "memory_mb": 0, "threads": 0}) == {}


@pytest.mark.parametrize("name", RANGES)
def test_what_is_out_of_its_range_is_refused_with_the_range(name: str):
    least, most = RANGES[name]
    assert checked({name: least}) == {name: least}
    assert checked({name: most}) == {name: most}
    for value in (-1, least - 0.5, most + 1, float("nan"), "many", True):
        with pytest.raises(InvalidValue) as refused:
            checked({name: value})
        assert f"{least} to {most}" in refused.value.remedy


def test_a_creation_can_have_limits():
    spec = InstanceSpec.checked(name="acme", email="boss@acme.example", limits={"idle_s": 600, "threads": 0})
    assert spec.limits == {"idle_s": 600}
    with pytest.raises(InvalidValue):
        InstanceSpec.checked(name="acme", email="boss@acme.example", limits={"memory_mb": 1})


def test_a_label_keeps_them():
    label = Label(Kind.INSTANCE, State.ACTIVE, limits={"idle_s": 600, "memory_mb": 1024})
    assert Label.from_comment(label.to_comment()) == label
    assert "limits" not in label.having(limits={}).to_comment()


@pytest.mark.parametrize(
    "limits", [None, [], "idle_s", {"idle_s": "long"}, {"threads": None}, {"memory_mb": 1}, {"other": 1}]
)
def test_invalid_limits_in_a_label_are_ignored(limits: object):
    comment = json.dumps({"tenantry": 1, "kind": "instance", "state": "active", "limits": limits})
    label = Label.from_comment(comment)
    assert label
    assert label.limits == {}
    assert DEFAULTS.of(label.limits) == DEFAULTS


def test_a_plan_wins_over_the_server_where_it_says_something():
    assert DEFAULTS.of({"idle_s": 600}) == Limits(idle_s=600)
    assert DEFAULTS.of({"memory_mb": 1024}).memory_bytes == 2**30


def test_each_thread_has_its_connections():
    allowed = DEFAULTS.of({"threads": DEFAULTS.threads + 3})
    assert allowed == replace(DEFAULTS, threads=DEFAULTS.threads + 3, connections=DEFAULTS.connections + 6)
    assert DEFAULTS.of({"threads": 1}).connections >= 4


# ---------------------------------------------------------------- several processes, in a container


def shared_by(**plan: float) -> Limits:
    """Of a plan, on a server whose instances may have four workers."""
    return replace(DEFAULTS, workers=4, recycle_bytes=DEFAULTS.memory_bytes * 3 // 4).of(plan)


@pytest.mark.parametrize(
    ("plan", "workers"),
    [
        ({}, 1),
        ({"cpus": 0.5}, 1),
        ({"cpus": 1.9}, 1),
        ({"cpus": 2}, 2),
        ({"cpus": 3}, 3),
        ({"cpus": 64}, 4),
        ({"cpus": 4, "memory_mb": 512}, 1),
        ({"cpus": 4, "memory_mb": 1500}, 2),
    ],
)
def test_each_core_has_a_worker_if_there_is_memory_for_it(plan: dict[str, float], workers: int):
    assert shared_by(**plan).workers == workers
    assert DEFAULTS.of(plan).workers == 1, "the memory of a process is not a container's"


@pytest.mark.parametrize("cpus", [2, 3, 4])
@pytest.mark.parametrize("threads", [1, 8, MAX_THREADS])
def test_workers_share_what_the_plan_has(cpus: int, threads: int):
    each = shared_by(cpus=cpus, threads=threads)
    assert threads <= each.threads * each.workers < threads + each.workers
    assert each.connections > each.threads
    assert each.recycle_bytes * each.workers < each.memory_bytes
    assert each.recycle_bytes > 300 * 2**20
    processes = each.workers + each.crons
    assert each.connections * processes <= ROLE_CONNECTIONS < roles.MAX_CONNECTIONS
    assert each.crons == (2 if cpus == 4 else 1)
