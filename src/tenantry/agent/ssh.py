"""The ssh command that connects to an agent on another machine."""

from __future__ import annotations

import shlex
from pathlib import Path

from tenantry.agent.offer import HEARTBEAT_S, SILENT_FOR_S
from tenantry.model.names import LOCAL_SERVER
from tenantry.model.server import ServerAddress


def ssh_command(server: ServerAddress, config: Path, program: str = "tenantry") -> list[str]:
    """The command that runs that server's agent, and connects it to standard input and output.

    config: ssh's configuration file, if it exists; else ssh reads the user's own. program: the `tenantry` of
    the other machine. BatchMode is set: nobody can type a password or confirm a host's key.
    """
    file = ["-F", str(config)] if config.exists() else []
    options = [f"ServerAliveInterval={HEARTBEAT_S}", f"ServerAliveCountMax={SILENT_FOR_S // HEARTBEAT_S}"]
    options += ["BatchMode=yes", "ConnectTimeout=10", "ClearAllForwardings=yes"]
    options += [f"Port={server.port}"] if server.port else []
    flags = [word for option in options for word in ("-o", option)]
    chosen = [] if server.name == LOCAL_SERVER else ["--server", server.name]
    return ["ssh", "-T", *flags, *file, "--", server.destination, shlex.join([program, *chosen, "agent"])]
