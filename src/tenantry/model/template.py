"""Facts about templates and their pools."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tenantry.model.catalog import State


class TemplateState(StrEnum):
    """T1, without `draft` and `failed`, for which there is no database."""

    BUILDING = "building"
    READY = "ready"
    EDITING = "editing"
    STALE = "stale"

    @classmethod
    def of(cls, state: State, *, stale: bool, editing: bool) -> TemplateState:
        if state is State.BUILDING:
            return cls.BUILDING
        if editing:
            return cls.EDITING
        return cls.STALE if stale else cls.READY


@dataclass(frozen=True)
class Template:
    """stale: why it should be rebuilt; "" when it is current. languages, chart_country: see `Label`."""

    code: str
    database: str
    version: str
    series: str
    state: TemplateState
    stale: str
    size_bytes: int
    modules: tuple[str, ...]
    languages: tuple[str, ...]
    chart_country: str


@dataclass(frozen=True)
class PoolStatus:
    """usable: finished spares of the template's current version."""

    template: str
    spares: int
    usable: int
