"""`engine.pool`."""

from __future__ import annotations

from tenantry.engine.parts import Noun
from tenantry.model import names
from tenantry.model.catalog import Kind
from tenantry.model.progress import OnStep, ignore
from tenantry.model.template import PoolStatus
from tenantry.operations.fleet import pool
from tenantry.postgres import databases


class Pool(Noun):
    """`engine.pool`: the spares that wait for customers."""

    def fill(self, code: str, size: int | None = None, on_step: OnStep = ignore) -> int:
        """Fill a template's pool to that size, by default the setting's; return how many spares were made.

        Raises InvalidName, TemplateNotFound, TemplateNotReady.
        """
        wanted = self._parts.settings.pool_size if size is None else size
        return pool.fill(self._context, names.template_code(code), wanted, on_step)

    def status(self) -> list[PoolStatus]:
        """How many spares each template has, and how many of them are of its current version."""
        with self._context.maintenance() as connection:
            templates = databases.listing(connection, Kind.TEMPLATE)
            return [
                PoolStatus(
                    template=template.label.template,
                    spares=len(pool.spares(connection, template.label.template)),
                    usable=len(pool.usable(connection, template)),
                )
                for template in templates
                if template.label and template.name == names.template_database(template.label.template)
            ]
