"""Warnings about an order that is accepted all the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class ForeignChart:
    """The template's chart of accounts is for another country than the customer's.

    country, chart_country: ISO codes. templates: codes of the templates with the chart of that country.
    """

    template: str
    chart_country: str
    country: str
    templates: tuple[str, ...] = ()

    def __str__(self) -> str:
        return (
            f"The template {self.template} has the chart of accounts of {self.chart_country}, not of "
            f"{self.country}: its taxes will be switched off. {self.remedy}"
        )

    @property
    def remedy(self) -> str:
        if self.templates:
            return f"Templates with the chart of {self.country}: {', '.join(self.templates)}."
        return (
            f"Choose the chart of {self.country} in the settings of the new Odoo, before the first invoice."
        )


def foreign_chart(template: str, country: str, charts: Mapping[str, str]) -> ForeignChart | None:
    """The warning if the template's chart of accounts is not for `country`; else None.

    country: ISO code, or "" when unknown. charts: for each template the country of its chart of accounts, or
    "" without a chart.
    """
    chart_country = charts.get(template, "")
    if not country or chart_country in ("", country):
        return None
    better = sorted(code for code, other in charts.items() if other == country)
    return ForeignChart(template, chart_country, country, tuple(better))
