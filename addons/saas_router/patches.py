"""Where Odoo asks which database, which role and which host: the answers come from the catalog.

Each function replaces the one of its name in Odoo 17, 18 and 19. A request belongs to the tenant
its Host names; for as long as its thread serves it, no other tenant's database can be reached,
whatever a header, a parameter, a session or an RPC call says.
"""

import functools
import json
import logging
import threading
import time

import odoo.http
import odoo.service.common
import odoo.service.db
import odoo.service.model
import odoo.service.server
import odoo.sql_db
import psycopg2
from odoo.addons.base.models import ir_cron
from odoo.exceptions import AccessDenied
from odoo.modules.registry import Registry
from odoo.tools import config

from . import pages
from .catalog import Catalog, role_password
from .settings import router_settings

_logger = logging.getLogger(__name__)

MAINTENANCE_DATABASE = "postgres"
HEALTH_PATH = "/tenantry/health"
_CLOSED_PATHS = ("/web/database",)
_CRON_RETRY_S = 5
_ANONYMOUS_METHODS = ("version", "about")
_NO_TENANT = ""
_REFUSALS = {"suspended": pages.SUSPENDED, "stopped": pages.STOPPED, "terminating": pages.UNKNOWN_HOST}

# The database the current thread serves. Set at the start of every request and never reset: a
# websocket goes on in its thread after the response. Unset in threads that serve no request (crons).
_serving = threading.local()


def post_load():
    """Patch Odoo; called once, when the server loads this module."""
    config["registry_lru_size"] = router_settings().registries
    odoo.sql_db.connection_info_for = _connect_as_tenant(odoo.sql_db.connection_info_for)
    odoo.service.db.list_dbs = list_dbs
    odoo.service.server.list_dbs = list_dbs
    odoo.service.server.cron_database_list = cron_database_list
    odoo.service.server.ThreadedServer.cron_thread = _outlive_postgres(
        odoo.service.server.ThreadedServer.cron_thread
    )
    cron_model = getattr(ir_cron, "IrCron", None) or ir_cron.ir_cron
    cron_model._process_jobs = staticmethod(_of_active_tenants(cron_model._process_jobs))
    odoo.http.db_list = db_list
    odoo.http.db_filter = db_filter
    odoo.service.common.dispatch = _keep_to_own_database(odoo.service.common.dispatch)
    odoo.service.model.dispatch = _keep_to_own_database(odoo.service.model.dispatch)
    odoo.service.db.dispatch = _refuse
    odoo.http.Application.__call__ = _route_by_host(odoo.http.Application.__call__)
    _logger.info("serving tenants at *.%s", router_settings().base_domain)


@functools.cache
def catalog():
    return Catalog(router_settings().base_domain, on_gone=_forget)


def list_dbs(force=False):
    """The database of the request; outside of one, all that are served."""
    if not config["list_db"] and not force:
        raise AccessDenied()
    return db_list(force) if _current() is not None else catalog().served_databases()


def cron_database_list():
    """Scheduled jobs run for active tenants only: none for spares, templates or the suspended."""
    return catalog().active_databases()


def _of_active_tenants(process_jobs):
    """Odoo asks once a minute which databases there are; one may have been stopped since."""

    @functools.wraps(process_jobs)
    def wrapper(database):
        if database in cron_database_list():
            process_jobs(database)

    return wrapper


def _outlive_postgres(cron_thread):
    """A threaded Odoo loses its cron threads for good when PostgreSQL restarts; here they come back."""

    @functools.wraps(cron_thread)
    def wrapper(self, number):
        while True:
            try:
                cron_thread(self, number)
            except psycopg2.Error as error:
                _logger.warning("cron%d waits for PostgreSQL: %s", number, str(error).strip())
                time.sleep(_CRON_RETRY_S)

    return wrapper


def db_list(force=False, host=None):
    return [_current()] if _current() else []


def db_filter(dbs, host=None):
    return [database for database in dbs if database == _current()]


def _connect_as_tenant(connection_info_for):
    """Every tenant's database is reached by the role of its name, with a derived password."""

    @functools.wraps(connection_info_for)
    def wrapper(db_or_uri, *args, **kwargs):
        if db_or_uri != MAINTENANCE_DATABASE and _current() not in (None, db_or_uri):
            _logger.warning("refused: %r asked for the database %r", _current(), db_or_uri)
            raise AccessDenied()
        database, parameters = connection_info_for(db_or_uri, *args, **kwargs)
        if database != MAINTENANCE_DATABASE:
            password = role_password(router_settings().key, database)
            parameters = {**parameters, "user": database, "password": password}
        return database, parameters

    return wrapper


def _keep_to_own_database(dispatch):
    """XML-RPC and JSON-RPC name a database in their first parameter; only the host's own will do."""

    @functools.wraps(dispatch)
    def wrapper(method, params):
        if method not in _ANONYMOUS_METHODS and (not params or params[0] != _current()):
            raise AccessDenied()
        return dispatch(method, params)

    return wrapper


def _refuse(method, params):
    """The database manager's RPC service is closed."""
    raise AccessDenied()


def _route_by_host(application):
    """Serve the tenant of the Host header, and tell everybody else why not."""

    @functools.wraps(application)
    def wrapper(self, environ, start_response):
        _serving.database = _NO_TENANT
        path = environ.get("PATH_INFO", "")
        if path == HEALTH_PATH:
            return _answer_health(start_response)
        tenant = catalog().tenant_of(environ.get("HTTP_HOST", ""))
        refusal = _refusal(tenant, path)
        if refusal:
            return pages.respond(refusal, environ, start_response)
        _serving.database = tenant.database
        _trust_host_only(environ)
        return application(self, environ, start_response)

    return wrapper


def _refusal(tenant, path):
    if tenant is None and not catalog().is_known:
        return pages.UNAVAILABLE
    if tenant is None:
        return pages.UNKNOWN_HOST
    if tenant.state in _REFUSALS:
        return _REFUSALS[tenant.state]
    if not tenant.is_served:
        return pages.PREPARING
    if path.startswith(_CLOSED_PATHS):
        return pages.CLOSED
    return None


def _trust_host_only(environ):
    """Drop what could name another database or host than the one that was routed."""
    environ.pop("HTTP_X_ODOO_DATABASE", None)
    environ.pop("HTTP_X_FORWARDED_HOST", None)
    if config["proxy_mode"]:
        # Odoo reads the proxy's other headers only if this one is there.
        environ["HTTP_X_FORWARDED_HOST"] = environ["HTTP_HOST"]


def _answer_health(start_response):
    catalog().served_databases()
    body = json.dumps({"status": "pass"}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def _forget(database):
    """A tenant is gone or blocked: its registry and its connections are freed."""
    Registry.delete(database)
    serving, _serving.database = _current(), None
    try:
        odoo.sql_db.close_db(database)
    finally:
        _serving.database = serving


def _current():
    """The database this thread serves; "" in a request without one, None outside of requests."""
    return getattr(_serving, "database", None)
