"""The newest Python that is promised runs the unit tests, too; this session's is usually the oldest."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from tests.support.debian_python import Unavailable, python
from tests.support.pages import ROOT

from tenantry.errors import TenantryError
from tenantry.odoo.finding.cachefolder import exclusive
from tenantry.odoo.finding.python_environment import digest
from tenantry.process import run
from tenantry.settings import ServerSettings

_LOCK = ROOT / "requirements" / "dev.lock"
_CLASSIFIER = "Programming Language :: Python :: 3."


def _promised() -> list[int]:
    """The minor versions of Python 3 in the package's classifiers."""
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    return sorted(int(line.removeprefix(_CLASSIFIER)) for line in classifiers if line.startswith(_CLASSIFIER))


NEWEST = f"3.{_promised()[-1]}"


@pytest.fixture(scope="module")
def newest() -> Path:
    """That Python with all that the tests need, made once for each lock."""
    cache = ServerSettings.from_environment().installation.cache
    try:
        program = python(NEWEST, cache)
    except (Unavailable, TenantryError, OSError) as reason:
        pytest.skip(f"Python {NEWEST} cannot be had here: {reason}")
    folder = cache / "test-python" / f"{NEWEST}-{digest(_LOCK.read_text())}"
    with exclusive(folder, print):
        if not (folder / "ready").exists():
            run([program, "-m", "venv", "--clear", "--without-pip", folder / "venv"], timeout_s=120)
            pip = [sys.executable, "-m", "pip", "--python", folder / "venv/bin/python", "install"]
            run([*pip, "--quiet", "--no-input", "--require-hashes", "-r", _LOCK], timeout_s=500)
            (folder / "ready").touch()
    return folder / "venv" / "bin" / "python"


def test_the_oldest_promised_is_the_oldest_that_is_required_and_types_are_checked_for_both():
    requires = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    oldest = f"3.{_promised()[0]}"
    assert requires == f">={oldest}"
    assert f"PYTHONS := {oldest} {NEWEST}\n" in (ROOT / "Makefile").read_text()


def test_the_unit_tests_pass_with_the_newest_python(newest: Path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    for name in [name for name in environment if name.startswith("PYTEST_")]:
        del environment[name]
    command = [newest, "-m", "pytest", "-q", "-m", "unit", "-p", "no:cacheprovider", "tests/unit"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=500, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert " passed" in done.stdout
