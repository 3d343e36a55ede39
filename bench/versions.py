"""What has other names in the previous server's version, whose engine has no nouns; see `old_server.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from operator import attrgetter
from typing import Any

from tenantry import settings
from tenantry.engine import Engine

BEFORE = {
    "templates.recipe": "recipe",
    "templates.build": "build_template",
    "templates.all": "templates",
    "pool.fill": "fill_pool",
    "instances.spec": "spec",
    "instances.provision": "provision",
    "instances.prove_login": "prove_login",
}


def method(engine: Engine, name: str) -> Callable[..., Any]:
    """A method of the engine, such as `pool.fill`, or what it is called in the previous version."""
    return attrgetter(name if hasattr(engine, "pool") else BEFORE[name])(engine)


def operators_settings(**changed: Any) -> Any:
    """The operator's settings, for a server's engine, with these changed."""
    if hasattr(settings, "ServerSettings"):
        return settings.ServerSettings.from_environment().replaced(**changed)
    return replace(settings.Settings.from_environment(), **changed)
