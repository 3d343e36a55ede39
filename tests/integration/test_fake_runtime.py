"""The runtime in memory keeps the promises of a real one, so that tests with it tell something."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support import travelling
from tests.support.fake_runtime import FakeRuntime
from tests.support.runtime_contract import Place, RuntimeContract

from tenantry.model.catalog import Kind
from tenantry.operations.context import Context
from tenantry.operations.template.clone import discard
from tenantry.postgres import databases


@pytest.fixture
def place(context: Context, fake_template: str, tmp_path: Path) -> Iterator[Place]:
    runtime = FakeRuntime(context.cluster, context.settings.base_domain, tmp_path / "socket")
    found = replace(context, runtime=runtime)
    with runtime.listening():
        for name in ("acme", "beta"):
            travelling.make_instance(found, fake_template, name)
        runtime.follow(["acme", "beta"])
        yield Place(found, runtime.log, lambda _name: None)
    with context.maintenance() as connection:
        for database in databases.listing(connection, *(set(Kind) - {Kind.MASTER})):
            discard(context, connection, database.name)


class TestFake(RuntimeContract):
    """See `tests.support.runtime_contract`."""
