"""Die between any two effects, as a killed process does: nothing after it happens, no undoing either."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from tenantry.odoo.filestore import Filestores
from tests.support.fake_runtime import FakeRuntime

_EFFECTS = (
    (psycopg.Connection, "execute"),
    *((Filestores, name) for name in ("copy", "rename", "remove")),
    *((FakeRuntime, name) for name in ("follow", "rename", "run_odoo")),
)


class Crash(BaseException):
    """The process is dead."""


@contextmanager
def crash_before(effect: int | None) -> Iterator[None]:
    """The effect of that number, from 0, does not happen, nor does any later one. None: all do."""
    count = 0

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def happen(*args: Any, **kwargs: Any) -> Any:
            nonlocal count
            if effect is not None and count >= effect:
                raise Crash
            count += 1
            return real(*args, **kwargs)

        return happen

    with pytest.MonkeyPatch.context() as patched:
        for owner, name in _EFFECTS:
            patched.setattr(owner, name, counted(getattr(owner, name)))
        yield
