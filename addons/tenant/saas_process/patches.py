"""Patch the functions by which Odoo finds its databases, their roles and their files.

One process serves one tenant, so they always return that tenant's. Odoo's work in the database `postgres`,
its bus and the notifications of scheduled jobs, happens in the tenant's own database.
"""

import contextlib
import functools
import time
from dataclasses import dataclass
from pathlib import Path

import odoo.http
import odoo.service.common
import odoo.service.db
import odoo.service.model
import odoo.sql_db
from odoo.addons.saas_agreed import SESSIONS_FOLDER, TEMPORARY_FOLDER
from odoo.exceptions import AccessDenied
from odoo.tools import config
from psycopg2.pool import PoolError

from . import guards, own_module, reports

_ANONYMOUS_METHODS = ("version", "about")
_WAIT_FOR_CONNECTION_S, _LOOK_FOR_CONNECTION_S = 10, 0.02


@dataclass
class Served:
    """The database that this process serves. folder: its files, sessions and temporary files."""

    database: str = ""
    folder: str = ""
    password: str | None = None
    options: str = ""


_served = Served()


def serve(database, folder, password):
    """Make this process serve a database. password: None keeps the role and password of Odoo's settings."""
    _served.database, _served.folder, _served.password = database, folder, password
    config["db_name"] = [database]


def install():
    """Patch Odoo; once, in the zygote."""
    odoo.sql_db.connection_info_for = _connect_to_served(odoo.sql_db.connection_info_for)
    odoo.sql_db.ConnectionPool.borrow = _wait_for_connection(odoo.sql_db.ConnectionPool.borrow)
    odoo.service.db.list_dbs = list_dbs
    odoo.http.db_list = list_dbs
    odoo.http.db_filter = db_filter
    odoo.service.common.dispatch = _refuse_other_databases(odoo.service.common.dispatch)
    odoo.service.model.dispatch = _refuse_other_databases(odoo.service.model.dispatch)
    odoo.service.db.dispatch = _refuse
    type(config).session_dir = property(lambda _config: _make_folder(SESSIONS_FOLDER))
    type(config).filestore = lambda _config, _database: _served.folder
    own_module.install()
    reports.install()
    guards.install()


@contextlib.contextmanager
def read_only():
    """Make all transactions in the block read-only, by PostgreSQL's `default_transaction_read_only`.

    For that, Odoo must not set the mode of each transaction itself.
    """
    odoo.sql_db.close_all()
    _served.options = "-c default_transaction_read_only=on"
    odoo.sql_db.PsycoConnection.set_session = lambda _connection, **_wishes: None
    try:
        yield
    finally:
        odoo.sql_db.close_all()
        _served.options = ""
        del odoo.sql_db.PsycoConnection.set_session


def temporary_folder():
    return _make_folder(TEMPORARY_FOLDER)


def _make_folder(name):
    """Create a folder beside the files. No attachment's path can name it: Odoo removes dots from paths."""
    folder = Path(_served.folder, name)
    folder.mkdir(0o700, exist_ok=True)
    return str(folder)


def list_dbs(force=False, host=None):
    return [_served.database]


def db_filter(dbs, host=None):
    return [database for database in dbs if database == _served.database]


def _connect_to_served(connection_info_for):
    @functools.wraps(connection_info_for)
    def wrapper(db_or_uri, *args, **kwargs):
        if db_or_uri not in ("postgres", _served.database):
            raise AccessDenied()
        _database, parameters = connection_info_for(_served.database, *args, **kwargs)
        if _served.options:
            parameters = {**parameters, "options": _served.options}
        if _served.password is not None:
            parameters = {**parameters, "user": _served.database, "password": _served.password}
        return db_or_uri, parameters

    return wrapper


def _wait_for_connection(borrow):
    """Let a request wait for a connection when all are in use; Odoo would fail at once."""

    @functools.wraps(borrow)
    def wrapper(self, connection_info):
        deadline = time.monotonic() + _WAIT_FOR_CONNECTION_S
        while True:
            try:
                return borrow(self, connection_info)
            except PoolError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_LOOK_FOR_CONNECTION_S)

    return wrapper


def _refuse_other_databases(dispatch):
    """XML-RPC and JSON-RPC name a database in their first parameter; refuse every other database."""

    @functools.wraps(dispatch)
    def wrapper(method, params):
        if method not in _ANONYMOUS_METHODS and (not params or params[0] != _served.database):
            raise AccessDenied()
        return dispatch(method, params)

    return wrapper


def _refuse(method, params):
    """Refuse all calls of the database manager's RPC service."""
    raise AccessDenied()
