"""Keep the provider's module installed in a tenant: without it the plan's limits would not be enforced."""

import functools
import logging

import odoo.sql_db
from odoo.addons.saas_agreed import TENANT_MODULE, Field
from odoo.modules.registry import Registry

from . import facts

_logger = logging.getLogger(__name__)

_PUT_BACK = """
    UPDATE ir_module_module SET state = 'installed'
     WHERE name = %s AND state NOT IN ('installed', 'to upgrade', 'to install')
"""


class OwnModuleMissing(Exception):
    """The module was removed without Odoo's models, such as by SQL; the tenant must not be served."""


def install():
    """Patch Odoo; once, in the zygote."""
    Registry.new = classmethod(_keep_own_module(Registry.new.__func__))


def _keep_own_module(new):
    @functools.wraps(new)
    def wrapper(cls, database, *args, **kwargs):
        if not facts.is_provided():
            return new(cls, database, *args, **kwargs)
        with odoo.sql_db.db_connect(database).cursor() as cursor:
            cursor.execute(_PUT_BACK, [TENANT_MODULE])
            if cursor.rowcount:
                _logger.warning("%s: the module %s was put back", database, TENANT_MODULE)
        registry = new(cls, database, *args, **kwargs)
        if TENANT_MODULE not in registry._init_modules:
            del cls.registries[database]
            facts.board()[Field.IS_BROKEN] = 1  # The process ends soon; the next one answers 503 only.
            raise OwnModuleMissing(f"{database}: the module {TENANT_MODULE} is not installed")
        return registry

    return wrapper
