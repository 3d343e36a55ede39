"""How many files the spawner and its keeper may have open: a socket for each tenant."""

from __future__ import annotations

import resource


def allow_many_files() -> None:
    """As many as the machine allows this user."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
