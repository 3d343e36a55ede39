"""What every runtime promises (`runtimes.contract.Runtime`), as tests: the subclasses say where.

A subclass has the fixture `place`, with two instances that are active. Runtimes that can run Odoo take
`ContractWithOdoo`.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tenantry.engine import Engine
from tenantry.errors import InitialisationFailed, InitialisationTimeout
from tenantry.model.activity import Activity
from tenantry.model.address import subdomain_host
from tenantry.model.catalog import State
from tenantry.odoo.initialise import OdooCommand
from tenantry.operations.context import Context, relabel
from tenantry.postgres import databases
from tenantry.runtimes.contract import Runtime
from tests.support.tenants import is_left_alone, status
from tests.support.waiting import wait_until

_PRINT_ROLE = "env.cr.execute('SELECT current_user, current_database()'); print('I am', *env.cr.fetchone())"


@dataclass(frozen=True)
class Place:
    """Where a runtime is tested. name, other: its instances. log: the file of an instance's log.

    sleep: puts an instance to sleep, whose jobs and visitors are far.
    """

    context: Context
    log: Callable[[str], Path]
    sleep: Callable[[str], None]
    name: str = "acme"
    other: str = "beta"

    @property
    def runtime(self) -> Runtime:
        return self.context.runtime

    def status(self, hostname: str = "") -> int:
        return self.context.route(self.name, hostname).get("/web/login")

    def relabel(self, **changes: object) -> None:
        """Change the label; the runtime is told to follow."""
        with self.context.maintenance() as connection:
            label = databases.find(connection, self.name).label
            relabel(self.context, connection, self.name, label.having(**changes))

    def activity(self) -> Activity | None:
        return next(iter(self.runtime.activities([self.name])), None)


class RuntimeContract:
    def test_visitors_of_what_must_not_be_served_are_refused_when_follow_returns(self, place: Place):
        assert place.status() == 200
        for state in (State.SUSPENDED, State.STOPPED):
            place.relabel(state=state)
            assert place.status() == 503
            assert not place.runtime.is_serving(place.name)
            assert place.activity() is None
        place.relabel(state=State.ACTIVE)
        assert place.status() == 200
        assert place.runtime.is_serving(place.name)

    def test_follow_may_be_called_again_and_for_databases_that_are_not_there(self, place: Place):
        for _ in ("once", "again"):
            place.runtime.follow([place.name, "never-was"])
        assert place.status() == 200
        assert not place.runtime.is_serving("never-was")
        assert place.runtime.activities(["never-was"]) == []

    def test_requests_for_all_of_its_host_names_go_to_the_upstream(self, place: Place):
        place.relabel(hostnames=("shop.acme.example",))
        try:
            assert place.status("shop.acme.example") == 200
        finally:
            place.relabel(hostnames=())
        assert place.status("shop.acme.example") == 404

    def test_a_sleeping_instance_counts_as_serving_and_is_not_woken_by_questions(self, place: Place):
        place.sleep(place.name)
        assert place.runtime.is_serving(place.name)
        assert place.activity() == replace(place.activity(), is_awake=False)
        assert place.name in {it.name for it in place.runtime.activities()}
        assert not place.activity().is_awake

    def test_activities_are_of_those_that_were_asked_for(self, place: Place):
        assert [it.name for it in place.runtime.activities([place.other])] == [place.other]
        assert {it.name for it in place.runtime.activities()} >= {place.name, place.other}

    def test_the_last_lines_of_its_log_are_read_and_new_ones_followed(self, place: Place):
        write(place.log(place.name), "first", "second", "third")
        assert place.runtime.logs(place.name, 2) == ["second", "third"]
        lines = place.runtime.follow_logs(place.name, 1, lambda: False)
        assert next(lines) == "third"
        with ThreadPoolExecutor(1) as reader:
            new = reader.submit(next, lines)
            write(place.log(place.name), "fourth")
            assert new.result(30) == "fourth"
        lines.close()

    def test_its_log_gets_its_new_name(self, place: Place):
        write(place.log(place.name), "of acme")
        for _ in ("once", "again"):
            place.runtime.rename(place.name, "zenith")
        try:
            assert place.runtime.logs("zenith", 1) == ["of acme"]
            assert place.runtime.logs(place.name, 1) == []
        finally:
            place.runtime.rename("zenith", place.name)

    def test_an_instance_has_one_user_and_no_other_instance_has_it(self, place: Place):
        with place.context.maintenance() as connection:
            oids = [databases.oid(connection, name) for name in (place.name, place.other)]
        mine, others = map(place.runtime.user_of, oids)
        assert mine == place.runtime.user_of(oids[0])
        assert mine is None or mine != others

    def test_what_it_has_for_no_instance_is_a_stray(self, place: Place):
        domain = place.context.settings.base_domain
        mine, others = (subdomain_host(name, domain) for name in (place.name, place.other))
        with place.context.maintenance() as connection:
            oids = [databases.oid(connection, name) for name in (place.name, place.other)]
        assert place.runtime.strays([mine, others], oids).isdisjoint({mine, others})
        strays = place.runtime.strays([mine], oids[:1])
        assert others in strays
        assert mine not in strays

    def test_its_limits_are_sensible(self, place: Place):
        found = place.runtime.capabilities
        assert found.longest_host >= 63
        assert found.first_pages_at_once >= 1


class ContractWithOdoo(RuntimeContract):
    def test_a_command_runs_as_the_instances_role_while_it_is_served(self, place: Place):
        output = run(place, _PRINT_ROLE).read_text()
        assert f"I am {place.name} {place.name}" in output
        assert place.status() == 200

    def test_a_command_that_fails_says_why(self, place: Place):
        with pytest.raises(InitialisationFailed, match="no luck"):
            run(place, "import os, sys; print('no luck', flush=True); os._exit(3)")

    def test_a_command_that_takes_too_long_is_ended(self, place: Place, engine_with: Callable[..., Engine]):
        hasty = replace(place, context=engine_with(init_timeout_s=8).context)
        with pytest.raises(InitialisationTimeout):
            run(hasty, "import time; time.sleep(300)")
        place.sleep(place.name)
        assert is_left_alone(engine_with(), place.name)
        assert place.status() == 200


def run(place: Place, script: str) -> Path:
    return place.runtime.run_odoo(place.name, OdooCommand("contract", ("shell", "--no-http"), f"{script}\n"))


def write(log: Path, *lines: str) -> None:
    with log.open("a") as stream:
        stream.writelines(f"{line}\n" for line in lines)


def place_of(engine: Engine) -> Place:
    """Of a tenant server with the instances `acme` and `beta`."""

    def sleep(name: str) -> None:
        engine.runtime.end(name)
        wait_until(lambda: not engine.instances.activities([name])[0].is_awake, "it stays awake")

    for name in ("acme", "beta"):
        assert status(engine, name) == 200
    return Place(engine.context, lambda name: engine.settings.log_dir / "tenants" / f"{name}.log", sleep)
