"""Containers of a former image are replaced while they serve, one after the other.

A second container is started beside the first. It draws a first page for itself. If that answers, it takes
over the visitors, and the first ends after its last requests; if not, the second is removed, and the first
stays.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from tenantry import agreed
from tenantry.agreed import Field, Forked, Ready
from tenantry.spawner.loop import Loop
from tenantry.spawner.tenants import Fork, Process, Tenant, pid_of

if TYPE_CHECKING:
    from tenantry.spawner.containers import Container
    from tenantry.spawner.processes import Processes

_logger = logging.getLogger(__name__)

_WITHIN_S = 120
_LOOK_S = 0.1
WAITS = "it waits for its turn"
_FAILURE = 500


@dataclass
class Renewal:
    """The replacement of one tenant's container. former: its process. process: the next, not serving yet."""

    tenant: Tenant
    former: Process
    container: Container
    fork: Fork | None = None
    process: Process | None = None
    deadline: float = field(default_factory=lambda: time.monotonic() + _WITHIN_S)


class Renewals:
    """The replacements of one spawner's containers.

    start: makes a container for a tenant beside its own, and starts it. give_up: removes it.
    tell: called with whether a container of the new image took over.
    """

    def __init__(
        self,
        loop: Loop,
        processes: Processes,
        start: Callable[[Tenant], Container],
        give_up: Callable[[Container], None],
        tell: Callable[[bool], None],
    ) -> None:
        self._loop = loop
        self._processes = processes
        self._start = start
        self._give_up = give_up
        self._tell = tell
        self._waiting: deque[Tenant] = deque()
        self._current: Renewal | None = None
        self._has_succeeded = False

    @property
    def oids(self) -> set[int]:
        """The databases whose container is being replaced at this moment."""
        return {self._current.tenant.entry.oid} if self._current else set()

    def add(self, tenant: Tenant) -> None:
        """Replace the container of a tenant that is awake."""
        tenant.outdated = WAITS
        self._waiting.append(tenant)
        self._begin_next()

    def _begin_next(self) -> None:
        while self._waiting and self._current is None:
            tenant = self._waiting.popleft()
            if not self._is_served(tenant):
                tenant.outdated = ""
                continue
            assert tenant.process
            try:
                container = self._start(tenant)
            except OSError as error:
                self._settle(tenant, str(error))
                continue
            self._current = Renewal(tenant, tenant.process, container)
            self._look(self._current)

    def _is_served(self, tenant: Tenant) -> bool:
        """Whether it is awake and shall stay so. A sleeping one gets the new image when it wakes."""
        is_known = self._processes.tenants.get(tenant.name) is tenant
        return bool(is_known and tenant.listener and tenant.process and not tenant.process.is_terminated)

    # ------------------------------------------------------------ the container's channel

    def connected(self, container: Container) -> None:
        renewal = self._current
        if renewal is None or renewal.container is not container:
            return
        assert container.channel
        self._loop.watch(container.channel, partial(self._read, renewal))

    def _read(self, renewal: Renewal) -> None:
        container = renewal.container
        assert container.channel
        try:
            message, descriptors = agreed.receive(container.channel)
            if message is None:
                self._loop.unwatch(container.channel)
                if renewal.process is None:
                    self.failed(container, "its program ended")
            elif not container.is_ready:
                container.became_ready(Ready(**message), agreed.first_of(descriptors))
                self._order(renewal)
            else:
                self._became_process(renewal, Forked(**message), agreed.first_of(descriptors))
        except OSError as error:
            self.failed(container, str(error))

    def _order(self, renewal: Renewal) -> None:
        tenant = renewal.tenant
        if not self._is_served(tenant):
            self.failed(renewal.container, "")
            return
        renewal.fork = self._processes.new_fork(tenant, renewal.container, is_successor=True)
        tenant.fill(renewal.fork.board)
        self._processes.send_order(tenant, renewal.fork, is_successor=True)

    def _became_process(self, renewal: Renewal, _forked: Forked, handle: int) -> None:
        assert renewal.fork
        renewal.process = Process(pid_of(handle), handle, renewal.fork.board)

    # ------------------------------------------------------------ its first page

    def _look(self, renewal: Renewal) -> None:
        """Look from time to time whether the next process has drawn its first page."""
        if self._current is not renewal:
            return
        process = renewal.process
        status = process.board[Field.FIRST_PAGE] if process else 0
        if not self._is_served(renewal.tenant) or renewal.tenant.process is not renewal.former:
            self.failed(renewal.container, "")
        elif process and (process.has_ended or process.is_broken):
            self.failed(renewal.container, "it cannot load the instance")
        elif status >= _FAILURE:
            self.failed(renewal.container, f"its first page is answered with {status}")
        elif status:
            self._take_over(renewal)
        elif time.monotonic() > renewal.deadline:
            self.failed(renewal.container, f"it has no first page after {_WITHIN_S} s")
        else:
            self._loop.timers.after(_LOOK_S, partial(self._look, renewal))

    def _take_over(self, renewal: Renewal) -> None:
        assert renewal.fork
        assert renewal.process
        try:
            self._processes.hand_over(renewal.tenant, renewal.process)
        except OSError as error:
            self.failed(renewal.container, str(error))
            return
        renewal.fork.confirm()
        renewal.fork.close()
        renewal.container.end()
        _logger.info("%s has a container of the new image", renewal.tenant.name)
        self._current, self._has_succeeded = None, True
        self._settle(renewal.tenant, "")
        self._tell(True)
        self._begin_next()

    def failed(self, container: Container, reason: str) -> None:
        """The former container stays. reason: "": the tenant is not served any more."""
        renewal = self._current
        if renewal is None or renewal.container is not container:
            return
        self._current = None
        if container.channel is not None:
            self._loop.unwatch(container.channel)
        if renewal.fork:
            renewal.fork.close()
            if renewal.process:
                renewal.process.kill()
                renewal.process.close()
            else:
                renewal.fork.board.close()
        self._give_up(container)
        if reason:
            _logger.error("%s keeps its former container: %s", renewal.tenant.name, reason)
            self._tell(False)
        self._settle(renewal.tenant, reason and f"the new one failed: {reason}")
        if reason and not self._has_succeeded:
            for tenant in self._waiting:
                self._settle(tenant, f"the new one failed for {renewal.tenant.name}")
            self._waiting.clear()
        self._begin_next()

    def _settle(self, tenant: Tenant, reason: str) -> None:
        tenant.outdated = reason
