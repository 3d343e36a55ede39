"""Odoo from outside: find it, configure it, run it, handle its files, and the SQL for its databases."""
