"""The benchmark's figures, targets and verdicts."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from bench.comparison import verdict
from bench.figures import FLOOR, OLD, Figure, Statistic, Target, comparisons
from bench.old_server import COMMIT
from bench.sleeping import wakes_a_day

ROOT = Path(__file__).resolve().parents[2]


def figure(code: str, *samples: float, is_whole: bool = True) -> Figure:
    return Figure(code, code, "s", samples, is_whole=is_whole)


FLOORS = {FLOOR: figure(FLOOR, 0.2, 0.3, 0.1)}


def test_a_target_may_be_a_multiple_of_another_figure():
    target = Target(0.6, of=FLOOR)
    assert target.reached(figure("warm", 0.1), FLOORS) == pytest.approx(0.5)
    assert target.is_met(figure("warm", 0.12), FLOORS)
    assert not target.is_met(figure("warm", 0.13), FLOORS)


def test_at_least_so_many_times_the_server_before():
    target = Target(2, at_least=True, of=OLD + "rate")
    before = {OLD + "rate": figure(OLD + "rate", 3.0)}
    assert target.is_met(figure("rate", 6.0), before)
    assert not target.is_met(figure("rate", 5.9), before)


def test_a_target_is_not_told_without_what_it_is_a_multiple_of():
    assert Target(0.6, of=FLOOR).is_met(figure("warm", 0.1), {}) is None


def test_a_target_is_not_told_by_too_few_samples_or_tenants():
    assert Target(1.0, Statistic.P95, of=FLOOR).is_met(figure("warm", 0.1), FLOORS) is None
    assert Target(400).is_met(figure("asleep_memory", 100, is_whole=False), FLOORS) is None


def test_none_failed_is_a_target_that_can_be_met():
    assert Target(0).is_met(figure("storm_failed", 0.0), {})


def test_a_verdict_says_the_multiple():
    told, met = verdict(Target(0.6, of=FLOOR), figure("warm", 0.1), FLOORS)
    assert (told, met) == ("p50 ≤ 0.6 F (0.50)", True)


def test_comparisons_need_both_figures():
    figures = {"warm": figure("warm", 0.1), "duplicate": figure("duplicate", 1.6)}
    (found,) = comparisons(figures)
    assert (found.code, found.p50) == ("faster_than_duplicate", pytest.approx(16))


def test_jobs_due_at_the_same_moment_wake_once():
    assert wakes_a_day([3600, 3600, 86400, 7 * 86400]) == 24


def test_jobs_of_other_intervals_wake_by_themselves():
    assert wakes_a_day([3600, 5400]) == 24 + 16 - 8


def test_what_measures_the_server_before_runs_over_the_code_of_then(tmp_path: Path):
    """An archive without the history leaves those figures out, see `old_server.py`."""
    archive = tmp_path / "code.tar"
    made = subprocess.run(
        ["git", "-C", ROOT, "archive", f"--output={archive}", COMMIT, "src"], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip(f"the history has no {COMMIT}")
    with tarfile.open(archive) as content:
        content.extractall(tmp_path, filter="data")
    code = os.pathsep.join([str(tmp_path / "src"), str(ROOT)])
    program = """
import inspect, pathlib
import bench.old_run, tenantry
from bench.creations import build_template, with_spares
from bench.installation import Installation, settings_at
from bench.plan import PLANS
from bench.versions import BEFORE, method
from tenantry.engine import Engine

engine = Engine(settings_at(pathlib.Path("/tmp/nowhere")))
assert all(callable(method(engine, name)) for name in BEFORE)
recipe = Installation(engine, PLANS["quick"], print, None).recipe
inspect.signature(engine.build_template).bind(recipe)
assert method(engine, "instances.spec")(name="acme", email="admin@acme.example", template=recipe.code)
print(tenantry.__file__)
"""
    done = subprocess.run(
        [sys.executable, "-uP", "-c", program],
        env={**os.environ, "PYTHONPATH": code},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(tmp_path))
