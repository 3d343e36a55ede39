"""`tenantry ps`, `logs`, `serve`: the processes of tenants."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from typing import Annotated

import typer

from tenantry import process
from tenantry.agent.handler import answer_on_standard_streams
from tenantry.cli.common import JsonOption, NameArgument, command, engine
from tenantry.cli.groups import Commands
from tenantry.cli.output import Columns, Output, megabytes, plain_text, said_when_interrupted
from tenantry.model.activity import Activity


def _network(found: Activity) -> str:
    if found.received_bytes is None or found.sent_bytes is None:
        return ""
    return f"{megabytes(found.received_bytes)} in, {megabytes(found.sent_bytes)} out"


_COLUMNS: Columns = {
    "NAME": lambda found: found.name,
    "AWAKE": lambda found: _ago(time.time() - found.since) if found.is_awake else "asleep",
    "MEMORY": lambda found: megabytes(found.memory_bytes) if found.is_awake else "",
    "CPU": lambda found: f"{found.cpu_s:.1f} s" if found.is_awake else "",
    "NETWORK": _network,
    "REQUESTS": lambda found: found.requests or "",
    "WEBSOCKETS": lambda found: found.websockets or "",
    "NEXT JOB": lambda found: "" if found.next_job_s is None else f"in {_ago(found.next_job_s)}",
    "PROCESS": lambda found: f"{found.pid}{_trouble(found)}" if found.is_awake else found.obstacle,
}

serve = Commands(help="Run a server in the foreground, for example for systemd.")


@command
def ps(
    all_: Annotated[bool, typer.Option("--all", "-a", help="List sleeping instances, too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the awake instances, what their processes use, and those that cannot be woken."""
    output = Output(as_json=as_json)
    found = [activity for activity in engine(output).instances.activities() if all_ or _is_shown(activity)]
    output.table(found, _COLUMNS, "Every instance sleeps.", least=("WEBSOCKETS", "NETWORK", "REQUESTS"))


@command
def logs(
    name: NameArgument,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many lines at most.")] = 100,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with new lines until Ctrl-C.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Print the last lines of the log of an instance's processes."""
    output = Output(as_json=as_json)
    instances = engine(output).instances
    if follow:
        _follow(instances.follow_logs(name, lines), output)
        return
    found = instances.logs(name, lines)
    output.result({"lines": found}, *map(plain_text, found))


def _follow(lines: Iterator[str], output: Output) -> None:
    try:
        for line in lines:
            output.line({"line": line}, plain_text(line))
    except KeyboardInterrupt:  # its usual end
        return
    output.say("The instance was terminated.")


@command
def agent() -> None:
    """Answer one caller on standard input and output, for `ssh HOST tenantry agent`."""
    with said_when_interrupted(lambda: ("what the caller asked for may be unfinished", "Let it ask again.")):
        answer_on_standard_streams()


@serve.command("tenants")
@command
def serve_tenants() -> None:
    """Serve tenants until SIGTERM, which ends their processes, too; SIGHUP restarts the spawner."""
    tenantry = engine(Output(), telling=True, makes=True)
    # It goes on: the server must hear Ctrl-C, which it would inherit as ignored.
    with said_when_interrupted(lambda: ("no server was started", ""), goes_on=True):
        arguments = tenantry.tenants_command()
        sys.stdout.flush()
        os.execve(arguments[0], arguments, process.clean_environment())


def _is_shown(found: Activity) -> bool:
    return found.is_awake or bool(found.obstacle)


def _trouble(found: Activity) -> str:
    if found.is_broken:
        return " (broken)"
    return f" (of the former image: {found.outdated})" if found.outdated else ""


def _ago(seconds: float) -> str:
    for unit, length_s in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length_s:
            return f"{seconds / length_s:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
