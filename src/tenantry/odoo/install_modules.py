# The input of `odoo shell -i MODULES`, which provides `env` and `odoo`: Odoo's own initialisation of an
# existing database. Without the shell Odoo would first try to create it, which a tenant's role may not do.
import sys

database = env.cr.dbname
env.cr.rollback()
sys.exit(1 if odoo.service.server.preload_registries([database]) else 0)
