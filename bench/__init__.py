"""Measurements of Tenantry beside other ways of making an Odoo database. See README.md."""
