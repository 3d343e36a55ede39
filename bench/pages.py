"""The login page: of a database that is ready but not loaded (F), and of a warm one."""

from __future__ import annotations

from dataclasses import dataclass

from bench.figures import FLOOR, Figure
from bench.load import pages_by_turns, seconds_for_page
from bench.plain import Plain

_FIRST = "floor-00"


@dataclass(frozen=True)
class Pages:
    """The measurements; ours are compared with those of a plain Odoo."""

    plain: Plain

    def floor(self) -> list[Figure]:
        """F: the plain Odoo loads ready databases, one after the other. Its code is loaded already.

        It is told the database by a header: to find it by the host's name it would first list all.
        """
        odoo = self.plain.odoo
        names = [f"floor-{number:02d}" for number in range(self.plain.installation.plan.floors)]
        for name in names:
            odoo.copy_in_sql(name)
        seconds = tuple(seconds_for_page(odoo.route(name), {"X-Odoo-Database": name}) for name in names)
        return [Figure(FLOOR, "F: first login page of a ready database, Odoo alone", "s", seconds)]

    def warm(self) -> list[Figure]:
        """The page of a tenant through the front, and of such a database in an Odoo of its own, without."""
        installation = self.plain.installation
        tenant = installation.engine.context.route(installation.names[0])
        own = self.plain.of_its_own(_FIRST)
        ours, straight = pages_by_turns([tenant, own.route(_FIRST)], installation.plan.pages)
        own.server.stop()
        return [
            Figure("page", "Warm login page, through the front", "s", ours),
            Figure("plain_page", "The same straight from one Odoo", "s", straight),
        ]
