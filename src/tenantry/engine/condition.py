"""What a server needs and has, for whoever decides whether it gets instances."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tenantry.errors import ProtectionsMissing, TenantServerSilent
from tenantry.model.server import Check, Condition, Health
from tenantry.runtimes.contract import ServerRuntime


def condition_of(name: str, runtime: ServerRuntime, postgres_version: Callable[[], str]) -> Condition:
    """The condition of the server of that name."""
    capacity = runtime.capacity()
    disk = [Check.of("Disk", capacity.disk_room, Health.WARNING)] if capacity.disk_bytes else []
    return Condition((*_programs(name, runtime, postgres_version), *runtime.checks(), *disk), capacity)


def _programs(name: str, runtime: ServerRuntime, postgres_version: Callable[[], str]) -> Iterator[Check]:
    """Up to the first one that does not answer: the next ones need it."""
    yield (postgres := Check.of("PostgreSQL", postgres_version))
    if postgres.fault:
        return

    def answering() -> str:
        if not runtime.is_answering():
            raise TenantServerSilent(name)
        return str(runtime.port)

    yield (answers := Check.of("Tenant server", answering))
    if not answers.fault:
        yield Check.of("Isolation", lambda: _in_force(runtime), Health.HEALTHY)


def _in_force(runtime: ServerRuntime) -> str:
    found = runtime.protections()
    missing = [f"{name}: {reason}" for name, reason in found.items() if reason]
    if missing:
        raise ProtectionsMissing(missing)
    return ", ".join(found)
