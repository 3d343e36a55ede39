"""Die between any two effects, as a killed process does: nothing after it happens, no undoing either."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tenantry.odoo.filestore import Filestores
from tests.support.fake_runtime import FakeRuntime

_EFFECTS = (
    (psycopg.Connection, "execute"),
    *((Filestores, name) for name in ("copy", "copy_sessions", "rename", "remove")),
    *((FakeRuntime, name) for name in ("follow", "rename", "run_odoo")),
)


_WRITING_FUNCTIONS = ("pg_notify(", "pg_terminate_backend(", "set_config(")


def _is_effect(name: str, args: tuple[Any, ...]) -> bool:
    """Whether the call changes something; a query that only reads, or locks, does not."""
    if name != "execute":
        return True
    query = args[1]
    if isinstance(query, sql.Composable):
        query = query.as_string(None)
    text = query.decode() if isinstance(query, bytes) else str(query)
    is_read = text.lstrip().upper().startswith(("SELECT", "SHOW", "WITH"))
    return not is_read or any(function in text for function in _WRITING_FUNCTIONS)


class Crash(BaseException):
    """The process is dead."""


@dataclass
class Effects:
    """How many happened."""

    count: int = 0


@contextmanager
def crash_before(effect: int | None) -> Iterator[Effects]:
    """The effect of that number, from 0, does not happen, nor does any later one. None: all do."""
    happened = Effects()

    def counted(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def happen(*args: Any, **kwargs: Any) -> Any:
            if _is_effect(name, args):
                if effect is not None and happened.count >= effect:
                    raise Crash
                happened.count += 1
            return real(*args, **kwargs)

        return happen

    with pytest.MonkeyPatch.context() as patched:
        for owner, name in _EFFECTS:
            patched.setattr(owner, name, counted(name, getattr(owner, name)))
        yield happened
