"""Which files of tests run beside each other."""

from __future__ import annotations

from pathlib import Path

from xdist.scheduler import LoadFileScheduling

DOCKER = "test_docker_"
"""How the names of files begin whose tests use the Docker engine."""


def lane(nodeid: str) -> str:
    """Tests with the same are run one after another."""
    file = nodeid.partition("::")[0]
    return DOCKER if Path(file).name.startswith(DOCKER) else file


class Lanes(LoadFileScheduling):
    """Each file in one lane, and those with the Docker engine all in the same: only one can run at a time."""

    def _split_scope(self, nodeid: str) -> str:
        return lane(nodeid)
