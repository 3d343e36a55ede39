"""What starts tenants' processes: zygotes, which fork them, or the Docker engine, which runs containers.

See `zygotes.py` and `containers.py`.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from tenantry.agreed import ForkOrder, Ready, TenantOrder
from tenantry.spawner.tenants import Process, Tenant

Template = tuple[str, str]
"""A template's code and version."""


class StartsLater(OSError):
    """Nothing can be started yet. after_s: when to try again."""

    def __init__(self, after_s: float) -> None:
        super().__init__(f"it is started again in {after_s:.1f} s")
        self.after_s = after_s


class Launcher(Protocol):
    """One zygote, or one container. waiting: tenants to wake once it is ready; True: for jobs only."""

    is_ready: bool
    waiting: dict[str, bool]

    @property
    def channel(self) -> socket.socket | None:
        """None: it has not connected yet."""

    def order(self, order: ForkOrder, descriptors: tuple[int, ...]) -> None:
        """Order it to start a tenant's process. Raises OSError when it has ended."""

    def wait(self, tenant: str, *, for_jobs: bool) -> None:
        """Wake the tenant once it is ready. After a visit it stays awake longer than for a job."""

    def became_ready(self, ready: Ready, handle: int) -> None:
        """handle: a pidfd of its process."""

    def end(self) -> None: ...


_L = TypeVar("_L", bound=Launcher)


class Launchers(Protocol[_L]):
    """All launchers of one spawner, of one kind."""

    def follow_templates(self, databases: Mapping[Template, str]) -> Sequence[_L]:
        """Follow which template versions there are, with their databases; return launchers that must end."""

    def find_or_start(self, tenant: Tenant) -> _L:
        """The launcher for this tenant. Raises StartsLater; OSError if none can be started at this moment."""

    def start_ahead(self) -> None:
        """Start what tenants will need soon. Raises OSError."""

    def forget(self, launcher: _L) -> None:
        """Forget a launcher that has ended. After a failure the next start is delayed."""

    def adapt(self, order: TenantOrder) -> TenantOrder:
        """The order as the tenant's process must read it, which may see other paths and addresses than we."""

    def cancel(self, tenant: Tenant) -> None:
        """The tenant must not be served any more: end what was started for it alone."""

    def adopt(self, tenant: Tenant) -> None:
        """Do for a running process of the previous spawner what it needs of this one."""

    def limit(self, tenant: Tenant) -> None:
        """Apply the limits to the tenant's process, which has just started."""

    def describe(self, process: Process) -> dict[str, Any]:
        """What it knows of a running process: facts of `model.activity.Activity`."""

    def clean_up(self, tenant: Tenant) -> None:
        """Remove what the tenant's process left when it ended."""

    def remove(self, tenant: Tenant, done: Callable[[], None]) -> None:
        """Remove all that the tenant, which is gone, had here; then call `done`, in the loop."""

    def sweep(self) -> None:
        """Remove what belongs to tenants that do not exist any more."""

    def protections(self) -> dict[str, str]:
        """The protections between tenants, by name, each with the reason why it is missing, or ""."""

    def end_all(self) -> None: ...
