"""Tenantry turns a server into an Odoo SaaS: the engine and its command line."""

__version__ = "0.1.0"
