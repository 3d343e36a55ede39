"""The processes of a tenant server, as the machine shows them."""

from __future__ import annotations

import psutil

from tenantry.engine import Engine


def keeper(engine: Engine) -> psutil.Process:
    assert engine.runtime.pid
    return psutil.Process(engine.runtime.pid)


def programs(engine: Engine) -> list[psutil.Process]:
    """The processes of the keeper and the spawner, without those that only start another program."""
    found = keeper(engine).children(recursive=True)
    return [program for program in found if name_of(program) not in ("bwrap", "sh", "")]


def name_of(program: psutil.Process) -> str:
    try:
        return str(program.name())
    except psutil.Error:
        return ""


def command_of(program: psutil.Process) -> str:
    try:
        return " ".join(program.cmdline())
    except psutil.Error:
        return ""


def zygotes(engine: Engine) -> list[psutil.Process]:
    awake = {activity.pid for activity in engine.instances.activities()}
    return [p for p in programs(engine) if "start_zygote.py" in command_of(p) and p.pid not in awake]
