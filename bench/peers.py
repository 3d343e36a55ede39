"""Other ways to create an Odoo: a copy of the template, or a new database, served by a plain Odoo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.figures import Figure
from bench.plain import Plain


@dataclass(frozen=True)
class Peers:
    """The measurements. Each copy is made once before, to fill caches."""

    plain: Plain

    def duplicates(self) -> list[Figure]:
        odoo = self.plain.odoo
        odoo.seconds_to_first_page(odoo.duplicate, "duplicate-warm-up")
        return [self._copies("duplicate", "odoo db duplicate", odoo.duplicate)]

    def copydbs(self) -> list[Figure]:
        odoo = self.plain.odoo
        odoo.install_copydb()
        odoo.seconds_to_first_page(odoo.copy, "copydb-warm-up")
        return [self._copies("copydb", "click-odoo-copydb", odoo.copy)]

    def fresh_install(self) -> list[Figure]:
        odoo, modules = self.plain.odoo, self.plain.installation.recipe.modules
        seconds = odoo.seconds_to_first_page(lambda name: odoo.install(name, modules), "fresh")
        return [Figure("fresh", "odoo -i, a new database", "s", (seconds,), f"{len(modules)} modules named")]

    def _copies(self, code: str, title: str, make: Callable[[str], None]) -> Figure:
        count = self.plain.installation.plan.peers
        odoo = self.plain.odoo
        seconds = [odoo.seconds_to_first_page(make, f"{code}-{number}") for number in range(count)]
        return Figure(code, title, "s", tuple(seconds))
