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
_ASK_AGAIN_S = 30
"""After a query that failed, such as while PostgreSQL was restarted. If the next one fails, too, it is the
tenant's: it is woken after the longer time, without an answer."""
_RETRY_S = 300
_BEGINS_WITHIN_S = 30
"""A container needs seconds until it has a process. One that cannot start does not keep others waiting."""


class Jobs:
    """The scheduled jobs of one spawner's tenants."""

    def __init__(self, loop: Loop, processes: Processes, dues: Dues) -> None:
        self._loop = loop
        self._processes = processes
        self._dues = dues
        self._waiting: deque[str] = deque()
        self._woken_at: dict[str, float] = {}
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
            if due_s is None and not tenant.is_unanswered:
                tenant.is_unanswered = True
                self._loop.timers.after(_ASK_AGAIN_S, partial(self._ask_again, tenant))
                continue
            tenant.is_unanswered = due_s is None
            due_at = now + (_RETRY_S if due_s is None else max(due_s, 0))
            tenant.due_at = max(due_at, tenant.woken_for_job_at + _PAUSE_S)
            self._loop.timers.at(tenant.due_at, partial(self._is_due, tenant, tenant.due_at))

    def _ask_again(self, tenant: Tenant) -> None:
        if self._is_known(tenant) and tenant.is_asleep and tenant.due_at is None:
            self.plan(tenant)

    def _is_known(self, tenant: Tenant) -> bool:
        return self._processes.tenants.get(tenant.name) is tenant

    def _is_due(self, tenant: Tenant, due_at: float) -> None:
        if self._is_known(tenant) and tenant.due_at == due_at and tenant.is_asleep:
            self._waiting.append(tenant.name)
            self._start_waiting()

    def _start_waiting(self) -> None:
        running = sum(map(self._is_at_job, self._processes.tenants.values()))
        while self._waiting and running < _AT_ONCE:
            tenant = self._processes.tenants.get(self._waiting.popleft())
            if tenant and tenant.is_asleep and tenant.due_at is not None:
                tenant.woken_for_job_at = tenant.due_at  # not now: its next start would be later each time
                self._woken_at[tenant.name] = time.monotonic()
                self._loop.timers.after(_BEGINS_WITHIN_S, self._start_waiting)
                self._processes.wake(tenant, for_jobs=True)
                running += 1

    def _is_at_job(self, tenant: Tenant) -> bool:
        """Whether it runs for a job, or is being started for one."""
        began_at = self._woken_at.get(tenant.name)
        is_new = began_at is not None and time.monotonic() - began_at < _BEGINS_WITHIN_S
        return tenant.is_at_job or (is_new and tenant.is_asleep and tenant.listener is not None)

    def process_ended(self, tenant: Tenant, process: Process) -> None:
        """Query the tenant's next job again, and wake the next waiting tenant."""
        self._woken_at.pop(tenant.name, None)
        if process.is_job:
            self._start_waiting()
        if tenant.listener is not None:
            tenant.due_at = None  # from before it was awake: its jobs may have changed
            self.plan(tenant)
