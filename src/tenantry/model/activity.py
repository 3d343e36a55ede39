"""What an instance's process is doing, if it has one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Activity:
    """Of one instance that is served. All but its name, process and times is the process's own word.

    since: seconds since 1970; 0 while it sleeps. memory_bytes: its own, without what it shares with its
    zygote. next_job_s: until its next scheduled job; None when that is not known or it is awake.
    """

    name: str
    is_awake: bool
    pid: int = 0
    since: float = 0.0
    memory_bytes: int = 0
    cpu_s: float = 0.0
    requests: int = 0
    websockets: int = 0
    jobs: int = 0
    is_broken: bool = False
    next_job_s: float | None = None
