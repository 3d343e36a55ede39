"""An installation with a server whose instances run on the stand-in for Railway."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tenantry.engine import Engine
from tenantry.engine.railway import RailwayEngine
from tenantry.model.secret import Secret
from tenantry.railway.tokens import keep_token
from tenantry.settings import ServerSettings
from tests.support.railway import TOKEN, Railway

SERVER = "rail"
_CREATE = """
import sys
from tenantry.engine import Engine
from tenantry.railway.tokens import keep_token
from tenantry.settings import ServerSettings
engine = Engine.of(ServerSettings.from_environment(name="rail"))
spec = engine.instances.spec(name="acme", email="boss@acme.example", reference="order-1")
sys.stdin.readline()
engine.instances.provision(spec)
"""


def installation(folder: Path, railway: Railway, token: str = TOKEN, **settings: str) -> RailwayEngine:
    """The engine of the server `rail` in a new installation."""
    home = folder / "home"
    home.mkdir()
    table = {"runtime": "railway", "railway_url": railway.url, **settings}
    lines = [f"[servers.{SERVER}]", *(f'{name} = "{value}"' for name, value in table.items())]
    (home / "settings.toml").write_text("\n".join(lines), encoding="utf-8")
    engine = Engine.of(ServerSettings.at(home, folder).other(SERVER))
    assert isinstance(engine, RailwayEngine)
    keep_token(engine.settings.installation.secrets_dir, SERVER, Secret(token))
    return engine


def environment(engine: RailwayEngine) -> dict[str, str]:
    """For a command of that installation."""
    return {**os.environ, "TENANTRY_HOME": str(engine.settings.installation.home)}


def creating_process(engine: RailwayEngine) -> subprocess.Popen[str]:
    """A process that creates the instance acme, for order-1, when it reads a line."""
    return subprocess.Popen(
        [sys.executable, "-c", _CREATE],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(engine),
    )
