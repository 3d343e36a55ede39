"""A cluster of its own: these tests drop every database they find."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tenantry.engine import Engine
from tenantry.settings import ServerSettings


@pytest.fixture(scope="session")
def cluster_engine(settings: ServerSettings) -> Iterator[Engine]:
    home = settings.home / "integration"
    home.mkdir(mode=0o755)
    engine = Engine(settings.replaced(home=home), report=print)
    engine.start_postgres()
    yield engine
    engine.stop()
