"""The shared runtime keeps the promises of all runtimes; `test_docker_instances.py` has the other one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from tests.support.boxes import jobs_are_far
from tests.support.runtime_contract import ContractWithOdoo, Place, place_of
from tests.support.tenants import create, swept

from tenantry.engine import Engine


@pytest.fixture(scope="module")
def served(engine: Engine) -> Iterator[Engine]:
    with swept(engine):
        for name in ("acme", "beta"):
            create(engine, name)
            jobs_are_far(engine, name)
        yield engine


@pytest.fixture
def place(served: Engine) -> Place:
    return place_of(served)


@pytest.fixture
def engine_with(served: Engine) -> Callable[..., Engine]:
    return lambda **settings: Engine(served.settings.replaced(**settings))


class TestShared(ContractWithOdoo):
    """See `tests.support.runtime_contract`."""
