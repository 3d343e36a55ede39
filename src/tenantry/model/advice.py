"""What whoever orders an instance should know, though it is no reason to refuse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class ForeignChart:
    """The template has the chart of accounts of another country than the customer's.

    country, chart_country: ISO codes. templates: the codes of those that have the customer's country's.
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
            return f"Templates with that of {self.country}: {', '.join(self.templates)}."
        return f"Choose that of {self.country} in the settings of the new Odoo, before the first invoice."


def foreign_chart(template: str, country: str, charts: Mapping[str, str]) -> ForeignChart | None:
    """Whether a customer of `country` should rather take another template than this one.

    country: ISO code, "" when nobody said. charts: of each template the country of its chart of accounts, ""
    where it has none.
    """
    chart_country = charts.get(template, "")
    if not country or chart_country in ("", country):
        return None
    better = sorted(code for code, other in charts.items() if other == country)
    return ForeignChart(template, chart_country, country, tuple(better))
