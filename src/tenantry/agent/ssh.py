"""The way to an agent on another machine."""

from __future__ import annotations

import shlex
from pathlib import Path

from tenantry.agent.offer import BEAT_S, SILENT_FOR_S
from tenantry.model.names import LOCAL_SERVER
from tenantry.model.server import ServerAddress


def ssh_command(there: ServerAddress, config: Path, program: str = "tenantry") -> list[str]:
    """The command that answers as the agent of that server, on standard input and output.

    config: ssh's, where that file exists; else the user's own. program: the `tenantry` of the other side.
    Nobody is there to type a password or to confirm a host's key.
    """
    options = ["-F", str(config)] if config.exists() else []
    told = [f"ServerAliveInterval={BEAT_S}", f"ServerAliveCountMax={SILENT_FOR_S // BEAT_S}"]
    told += ["BatchMode=yes", "ConnectTimeout=10", "ClearAllForwardings=yes"]
    told += [f"Port={there.port}"] if there.port else []
    quiet = [word for option in told for word in ("-o", option)]
    server = [] if there.name == LOCAL_SERVER else ["--server", there.name]
    return ["ssh", "-T", *quiet, *options, "--", there.destination, shlex.join([program, *server, "agent"])]
