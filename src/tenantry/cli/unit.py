"""`tenantry unit`: print a unit of systemd for this installation."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from tenantry.cli.common import command
from tenantry.cli.output import Output
from tenantry.home import usable_home

_ENVIRONMENT = Path("/etc/tenantry.env")

# An instance that uses up its memory must not end the others (OOMPolicy), whose threads all count (TasksMax).
_UNIT = """\
# Printed by `tenantry unit`. Put it into /etc/systemd/system/{name}.service
[Unit]
Description={description}
Documentation=https://www.freedesktop.org/software/systemd/man/systemd.service.html
After=network-online.target{after}
Wants=network-online.target

[Service]
{service}
{user}Environment={home}
EnvironmentFile=-{environment}
LimitNOFILE=65536
TasksMax=infinity
OOMPolicy=continue
Delegate=yes

[Install]
WantedBy=multi-user.target
"""
_STACK = """\
Type=oneshot
RemainAfterExit=yes
ExecStart={program} up
ExecStop={program} stop
TimeoutStartSec=30min
TimeoutStopSec=5min"""
_TENANTS = """\
Type=exec
ExecStart={program} serve tenants
ExecReload=kill -HUP $MAINPID
Restart=always
KillMode=mixed
TimeoutStopSec=30"""


@command
def unit(
    tenants: Annotated[
        bool,
        typer.Option("--tenants", help="The tenant server alone, for a PostgreSQL of your own."),
    ] = False,
    user: Annotated[str, typer.Option(help="The user who runs it; by default root.")] = "",
    environment: Annotated[
        Path, typer.Option(help="The file with the settings; it need not be there.")
    ] = _ENVIRONMENT,
) -> None:
    """Print a unit of systemd that starts this installation when the machine starts."""
    home = usable_home(os.environ).folder
    text = unit_text(Path(sys.executable).with_name("tenantry"), home, environment, user, tenants=tenants)
    Output().result(None, *text.splitlines())


def unit_text(program: Path, home: Path, environment: Path, user: str, *, tenants: bool) -> str:
    """The unit. Its paths may have any characters but line breaks."""
    service = (_TENANTS if tenants else _STACK).format(program=_quoted(str(program)))
    return _UNIT.format(
        name="tenantry-tenants" if tenants else "tenantry",
        description="Tenantry's tenant server" if tenants else "Tenantry",
        after=" postgresql.service" if tenants else "",
        service=service,
        user=f"User={user}\n" if user else "",
        home=_quoted(f"TENANTRY_HOME={home}"),
        environment=str(environment).replace("%", "%%"),
    )


def _quoted(text: str) -> str:
    """A word of a unit (systemd.syntax(7)). A percent sign would be a specifier."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"' if escaped != text or " " in text else text
