"""Finding an Odoo on the machine, or fetching one."""
