"""The first program of the stand-in for Odoo's image: the official one's variables and words."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[1] / "support" / "container" / "entrypoint.py"
DEFAULTS = "--db_host db --db_port 5432 --db_user odoo --db_password odoo"


@pytest.fixture
def run(tmp_path: Path):
    """Run it where `odoo` and `wait-for-psql.py` print what they are told."""
    for name in ("odoo", "wait-for-psql.py"):
        program = tmp_path / name
        program.write_text('#!/bin/sh\nprintf "%s" "${0##*/}"\nprintf " %s" "$@"\necho\nexit ${FAILS:-0}\n')
        program.chmod(0o755)
    configuration = tmp_path / "odoo.conf"
    configuration.write_text("[options]\n")

    def run(*words: str, said: str = "", **variables: str) -> list[str]:
        configuration.write_text(f"[options]\n{said}\n")
        environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "ODOO_RC": str(configuration), **variables}
        done = subprocess.run(
            [sys.executable, PROGRAM, *words], env=environment, capture_output=True, text=True, check=False
        )
        return done.stdout.splitlines()

    return run


@pytest.mark.parametrize("words", [["odoo", "-d", "a"], ["--", "-d", "a"], ["-d", "a"]])
def test_odoo_starts_when_postgresql_answers(run, words: list[str]):
    assert run(*words) == [f"wait-for-psql.py {DEFAULTS} --timeout=30", f"odoo -d a {DEFAULTS}"]


def test_odoo_does_not_start_when_postgresql_does_not_answer(run):
    assert run("odoo", FAILS="1") == [f"wait-for-psql.py {DEFAULTS} --timeout=30"]


def test_the_variables_name_the_database(run, tmp_path: Path):
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    variables = {"HOST": "there", "PORT": "6543", "USER": "acme", "PASSWORD_FILE": str(secret)}
    _waited, started = run("odoo", **variables)
    assert started == "odoo --db_host there --db_port 6543 --db_user acme --db_password s3cret"


def test_what_the_configuration_or_libpqs_variables_say_is_no_argument(run):
    _waited, started = run("odoo", said="db_host = /socket\ndb_password = s3cret", PGUSER="acme", PGPORT="1")
    assert started == "odoo "


def test_another_program_runs_without_a_database(run):
    assert run("echo", "hello") == ["hello"]
    assert run("odoo", "scaffold", "mine") == ["odoo scaffold mine"]


def test_waiting_ends_without_an_error_when_postgresql_answers(tmp_path: Path):
    """Beside a psycopg2 that connects to anything."""
    (tmp_path / "psycopg2.py").write_text(
        "from types import SimpleNamespace\n"
        "OperationalError = OSError\n"
        "def connect(**place):\n    print(place)\n    return SimpleNamespace(close=lambda: None)\n"
    )
    program = PROGRAM.with_name("wait_for_psql.py")
    given = ["--db_host", "there", "--db_port", "1", "--db_user", "acme", "--db_password", "s3cret"]
    environment = {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, program, *given], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "'host': 'there'" in done.stdout
