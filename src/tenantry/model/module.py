"""A module of Odoo's, as its manifest describes it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Module:
    """name: the technical one, such as crm. title: for people, such as CRM."""

    name: str
    title: str
    summary: str = ""
    is_application: bool = False
