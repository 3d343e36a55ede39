# Read by `odoo shell -i MODULES`, which gives `env` and `odoo`: Odoo's own initialisation of a database
# that is there. Without the shell Odoo would first try to create it, which a tenant's role may not.
import sys

database = env.cr.dbname
env.cr.rollback()
sys.exit(1 if odoo.service.server.preload_registries([database]) else 0)
