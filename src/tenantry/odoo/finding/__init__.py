"""Find an Odoo on the machine, or fetch one."""
