"""What the shell offers on TAB: names, codes and ids that exist. It prints nothing and makes nothing."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable

from tenantry.engine import Engine
from tenantry.errors import TenantryError
from tenantry.home import config_dir, find_home
from tenantry.keyfile import write_private
from tenantry.remote.login import LoginSettings
from tenantry.remote.master import RemoteMaster
from tenantry.settings import ServerSettings

_MANY = 200
_FRESH_S = 60
"""For so long an answer of a master is used again: a key has 100 requests per hour."""
_CACHE = "completion.json"

Completion = Callable[[str], list[str]]


def _offered(find: Callable[[], Iterable[str]]) -> Completion:
    """What begins as the user typed; nothing if anything goes wrong, since there is nobody to tell."""

    def offer(incomplete: str) -> list[str]:
        try:
            return sorted(name for name in find() if name.startswith(incomplete))
        except (TenantryError, OSError, ValueError):
            return []

    return offer


def _engine() -> Engine | None:
    """The engine of the installation, if there is one; the server that TENANTRY_SERVER names."""
    return Engine.of() if find_home(os.environ).is_there else None


def _instances() -> Iterable[str]:
    if (login := LoginSettings.from_environment().current()) is not None:
        master = RemoteMaster(login.url, login.key)
        return _remembered(f"instances {login.url}", lambda: [it.name for it in master.instances(_MANY)])
    engine = _engine()
    return engine.instances.names() if engine else ()


def _templates() -> Iterable[str]:
    if LoginSettings.from_environment().current() is not None:
        return ()
    return _codes()


def _codes() -> Iterable[str]:
    """The codes of recipes and of templates on this machine."""
    engine = _engine()
    if engine is None:
        return ()
    found = set(engine.templates.recipes())
    try:
        return found | {pool.template for pool in engine.pool.status()}
    except TenantryError:  # the cluster does not run
        return found


def _requests() -> Iterable[str]:
    login = LoginSettings.from_environment().current()
    if login is None:
        return ()
    master = RemoteMaster(login.url, login.key)
    return _remembered(f"requests {login.url}", lambda: [it.request_id for it in master.requests(_MANY)])


def _servers() -> Iterable[str]:
    settings = ServerSettings.from_environment(name="local")
    return [settings.name, *settings.others()]


def _remembered(subject: str, ask: Callable[[], list[str]]) -> list[str]:
    """The master's last answer, if it is new enough; else ask it. subject: what, and of which master."""
    file = config_dir(os.environ) / _CACHE
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        names, at = kept[subject]["names"], float(kept[subject]["at"])
        if 0 <= time.time() - at < _FRESH_S:
            return [str(name) for name in names]
    except (OSError, ValueError, KeyError, TypeError):
        kept = {}
    found = ask()
    kept = {**(kept if isinstance(kept, dict) else {}), subject: {"at": time.time(), "names": found}}
    write_private(file, json.dumps(kept))
    return found


instances = _offered(_instances)
templates = _offered(_templates)
codes = _offered(_codes)
requests = _offered(_requests)
servers = _offered(_servers)
