"""Odoo as seen from outside: finding it, configuring it, running it, its files, its SQL."""
