"""The activity of an instance's process."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Activity:
    """The activity of one instance that is served. The process itself reports the counts: they are untrusted.

    since: seconds since 1970; 0 while it sleeps. memory_bytes: without the memory that it shares with its
    zygote. next_job_s: seconds until its next scheduled job; None when that is unknown or it is awake.
    received_bytes, sent_bytes: by its own network since it woke; None: it has none of its own.
    obstacle: why its container cannot be started; "": it can, or there is none.
    outdated: why its container is not of the server's image; "": it is, or there is none.
    """

    name: str
    is_awake: bool
    pid: int = 0
    since: float = 0.0
    memory_bytes: int = 0
    cpu_s: float = 0.0
    received_bytes: int | None = None
    sent_bytes: int | None = None
    requests: int = 0
    websockets: int = 0
    jobs: int = 0
    is_broken: bool = False
    next_job_s: float | None = None
    outdated: str = ""
    obstacle: str = ""
