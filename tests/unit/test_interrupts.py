"""Ctrl-C ends a command without a traceback, and tears nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from tests.support.program import tenantry_program


def _python(text: str) -> subprocess.CompletedProcess[str]:
    program = "import os, signal, time\nfrom tenantry import interrupts\ninterrupts.install()\n"
    return subprocess.run(
        [sys.executable, "-c", program + textwrap.dedent(text)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def test_a_command_that_is_only_loading_ends_at_once():
    ended = _python("os.kill(os.getpid(), signal.SIGINT)\nprint('went on')")
    assert (ended.returncode, ended.stdout) == (130, "")
    assert ended.stderr == "Interrupted; nothing was begun.\n"


def test_an_interrupt_waits_for_the_end_of_a_shielded_block():
    ended = _python("""
        interrupts.begin()
        try:
            with interrupts.shielded():
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(0.1)
                print("whole")
            time.sleep(10)
            print("went on")
        except KeyboardInterrupt:
            print("interrupted")
    """)
    assert ended.stdout.split() == ["whole", "interrupted"]


@pytest.mark.parametrize(
    ("module", "function", "waits"),
    [
        ("psycopg.cursor", "execute", True),
        ("psycopg.transaction", "__exit__", True),
        ("psycopg.connection", "wait", False),
        ("psycopg.waiting", "wait_conn", False),
        ("tenantry.operations.steps", "run", False),
    ],
)
def test_an_interrupt_waits_while_a_query_is_half_sent(module: str, function: str, waits: bool):
    ended = _python(f"""
        interrupts.begin()
        code = '''
        import os, signal, time
        def {function}():
            os.kill(os.getpid(), signal.SIGINT)
            print("whole")
        '''
        module = {{"__name__": {module!r}}}
        exec(__import__("textwrap").dedent(code), module)
        try:
            module[{function!r}]()
            time.sleep(10)
        except KeyboardInterrupt:
            print("interrupted")
    """)
    assert ended.stdout.split() == (["whole"] if waits else []) + ["interrupted"]


def test_impatient_people_do_not_interrupt_the_undoing():
    ended = _python("""
        interrupts.begin()
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except KeyboardInterrupt:
            os.kill(os.getpid(), signal.SIGINT)
            print("undone")
    """)
    assert (ended.returncode, ended.stdout) == (0, "undone\n")
    assert "One moment" in ended.stderr


def test_a_result_is_printed_even_if_the_keys_are_pressed_then():
    ended = _python("""
        interrupts.begin()
        interrupts.finish()
        os.kill(os.getpid(), signal.SIGINT)
        print("the password")
    """)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "the password\n", "")


def test_what_waited_until_the_end_does_not_kill_the_program_then():
    ended = _python("""
        interrupts.begin()
        with interrupts.shielded():
            os.kill(os.getpid(), signal.SIGINT)
            interrupts.finish()
        time.sleep(0.1)
        print("the password")
    """)
    assert (ended.returncode, ended.stdout) == (0, "the password\n")


def test_the_program_ends_without_a_traceback_at_any_moment_of_its_start(tmp_path: Path):
    environment = {**os.environ, "TENANTRY_HOME": str(tmp_path), "TENANTRY_MASTER": ""}
    in_time, program = 0, tenantry_program(tmp_path / "program")
    for moment in range(24):
        started = subprocess.Popen(
            [*program, "server", "list"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
        )
        time.sleep(moment * 0.05)
        started.send_signal(signal.SIGINT)
        said = started.communicate(timeout=60)[1]
        if ("Traceback" in said or "Fatal Python error" in said) and "in main" not in said:
            continue  # Python was still loading our first lines: nothing can be asked of them yet
        assert started.returncode in (0, 5, 130, -signal.SIGINT), said
        assert "Traceback" not in said
        in_time += "Interrupted; nothing was " in said
    assert in_time
