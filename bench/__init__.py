"""Measurements of Tenantry, compared with other ways to create an Odoo database. See README.md."""
