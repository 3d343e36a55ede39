"""Scheduled jobs of sleeping tenants: a due job wakes its tenant. The number of such tenants is limited."""

from __future__ import annotations

import os
import time
from collections import deque
from functools import partial

from tenantry.spawner.dues import Dues
from tenantry.spawner.loop import Loop
from tenantry.spawner.processes import Processes
from tenantry.spawner.tenants import Process, Tenant

_AT_ONCE = max(4, 2 * (os.cpu_count() or 1))
_PAUSE_S = 60
"""A job that is always due again, or that cannot run, wakes its tenant at most once in this time."""
_RETRY_S = 300


class Jobs:
    """The scheduled jobs of one spawner's tenants."""

    def __init__(self, loop: Loop, processes: Processes, dues: Dues) -> None:
        self._loop = loop
        self._processes = processes
        self._dues = dues
        self._waiting: deque[str] = deque()
        loop.watch(dues.fileno(), self._read_answers)

    def plan(self, tenant: Tenant) -> None:
        """Query when the tenant's next job is due, if its jobs run at all."""
        if tenant.entry.has_crons:
            self._dues.ask(tenant.name)

    def _read_answers(self) -> None:
        now = time.monotonic()
        for name, due_s in self._dues.answers():
            tenant = self._processes.tenants.get(name)
            if tenant is None or not tenant.entry.has_crons:
                continue
            due_at = now + (_RETRY_S if due_s is None else max(due_s, 0))
            tenant.due_at = max(due_at, tenant.woken_for_job_at + _PAUSE_S)
            self._loop.timers.at(tenant.due_at, partial(self._is_due, tenant, tenant.due_at))

    def _is_due(self, tenant: Tenant, due_at: float) -> None:
        is_known = self._processes.tenants.get(tenant.name) is tenant
        if is_known and tenant.due_at == due_at and tenant.is_asleep:
            self._waiting.append(tenant.name)
            self._start_waiting()

    def _start_waiting(self) -> None:
        running = sum(tenant.is_at_job for tenant in self._processes.tenants.values())
        while self._waiting and running < _AT_ONCE:
            tenant = self._processes.tenants.get(self._waiting.popleft())
            if tenant and tenant.is_asleep and tenant.due_at is not None:
                self._processes.wake(tenant, for_jobs=True)
                running += 1

    def process_ended(self, tenant: Tenant, process: Process) -> None:
        """Query the tenant's next job again, and wake the next waiting tenant."""
        if process.is_job:
            self._start_waiting()
        if tenant.listener is not None:
            tenant.due_at = None  # from before it was awake: its jobs may have changed
            self.plan(tenant)
