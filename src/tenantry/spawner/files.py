"""The limit of open files of the spawner and its keeper, which hold a socket for each tenant."""

from __future__ import annotations

import resource


def raise_open_files_limit() -> None:
    """Raise the soft limit to the hard limit."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
