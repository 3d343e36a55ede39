"""The engine's public interface, for the command line and for Odoo addons; a file for each noun."""

from tenantry.engine.facade import Engine
from tenantry.engine.parts import Report

__all__ = ["Engine", "Report"]
