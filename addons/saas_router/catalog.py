"""Which databases there are, in which state and at which hosts: PostgreSQL's own catalog.

The engine writes a database's label as JSON into its comment and notifies the database's name
on a channel. Each process listens on one connection and looks at it, without waiting, before it
answers a request: a change is seen by the very next one.
"""

import hashlib
import hmac
import json
import logging
import os
import threading
import time
from dataclasses import dataclass

import psycopg2
import psycopg2.extensions
from odoo import sql_db

_logger = logging.getLogger(__name__)

CHANNEL = "tenantry_catalog"
# Comments written by hand notify nobody; they are seen after this long.
FULL_REFRESH_S = 30

_QUERY = """
    SELECT oid, datname, shobj_description(oid, 'pg_database')
      FROM pg_database
     WHERE datallowconn AND NOT datistemplate AND (%(names)s IS NULL OR datname = ANY(%(names)s))
"""


@dataclass(frozen=True)
class Tenant:
    """A database that is somebody's Odoo.

    oid: tells a database from a later one of its name.
    entitled_since: the serial of its entitlements in force; `saas_tenant` refuses older ones.
    """

    oid: int
    database: str
    kind: str
    state: str
    published: bool
    hostnames: tuple
    entitled_since: int = 0

    @property
    def is_served(self):
        return self.state == "active" or (self.state == "provisioning" and self.published)

    @classmethod
    def from_row(cls, oid, database, comment):
        """Read a row of the catalog; None when the database is no tenant's."""
        try:
            label = json.loads(comment or "")
        except ValueError:
            return None
        if not isinstance(label, dict) or label.get("kind") not in ("instance", "edit"):
            return None
        hostnames = tuple(label.get("hostnames", ()))
        state, published = label.get("state", ""), label.get("published", False)
        entitled_since = label.get("entitled_since", 0)
        return cls(oid, database, label["kind"], state, published, hostnames, entitled_since)


class Catalog:
    """The tenants of one cluster, as this process knows them."""

    def __init__(self, base_domain, on_gone):
        self._suffix = f".{base_domain}"
        self._on_gone = on_gone
        self._lock = threading.Lock()
        self._connection = None
        self._pid = None
        self._refreshed_at = 0.0
        self._tenants = {}
        self._by_hostname = {}

    @property
    def is_known(self):
        """Whether it could ever be read: until then a host that is not found may well exist."""
        return self._refreshed_at > 0

    def tenant_of(self, host):
        """The tenant a Host header names, served or not; None when there is none."""
        self._update()
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        name = name.lower().rstrip(".")
        if name.endswith(self._suffix):
            return self._tenants.get(name.removesuffix(self._suffix))
        return self._tenants.get(self._by_hostname.get(name))

    def active_databases(self):
        """The databases whose scheduled jobs may run; a template being edited acts on nobody."""
        self._update()
        tenants = self._tenants.values()
        return sorted(t.database for t in tenants if t.kind == "instance" and t.state == "active")

    def served_databases(self):
        self._update()
        return sorted(t.database for t in self._tenants.values() if t.is_served)

    def entitled_since(self, database):
        """The serial of a tenant's entitlements in force; 0 when none were stated."""
        self._update()
        tenant = self._tenants.get(database)
        return tenant.entitled_since if tenant else 0

    def _update(self):
        gone = []
        with self._lock:
            try:
                names = self._changed_names()
                if names is None or names:
                    gone = self._load(names)
            except psycopg2.Error as error:
                # What is known stays true enough while PostgreSQL restarts.
                _logger.warning("the catalog cannot be read: %s", str(error).strip())
                self._disconnect()
        for database in gone:
            self._on_gone(database)

    def _changed_names(self):
        """The databases notified since the last look; None when all must be read."""
        if self._connection is None or self._connection.closed or self._pid != os.getpid():
            self._connect()
            return None
        self._connection.poll()
        notified = {notify.payload for notify in self._connection.notifies}
        self._connection.notifies.clear()
        return None if time.monotonic() - self._refreshed_at > FULL_REFRESH_S else notified

    def _connect(self):
        if self._pid == os.getpid():
            self._disconnect()
        # A connection inherited over a fork is the parent's: it is left alone, not closed.
        _database, parameters = sql_db.connection_info_for("postgres")
        self._connection = psycopg2.connect(**parameters)
        self._pid = os.getpid()
        self._connection.set_isolation_level(psycopg2.extensions.ISOLATION_LEVEL_AUTOCOMMIT)
        with self._connection.cursor() as cursor:
            cursor.execute(f"LISTEN {CHANNEL}")

    def _disconnect(self):
        if self._connection is not None and self._pid == os.getpid():
            self._connection.close()
        self._connection = None

    def _load(self, names):
        """Read those databases, or all; return those this process must forget."""
        with self._connection.cursor() as cursor:
            cursor.execute(_QUERY, {"names": None if names is None else list(names)})
            rows = [Tenant.from_row(*row) for row in cursor.fetchall()]
        found = {tenant.database: tenant for tenant in rows if tenant}
        before = self._tenants
        if names is None:
            self._tenants = found
            self._refreshed_at = time.monotonic()
        else:
            self._tenants = {k: t for k, t in before.items() if k not in names} | found
        self._by_hostname = {
            hostname: tenant.database for tenant in self._tenants.values() for hostname in tenant.hostnames
        }
        return [name for name, tenant in before.items() if not self._still(tenant)]

    def _still(self, tenant):
        now = self._tenants.get(tenant.database)
        return now is not None and now.oid == tenant.oid and now.is_served >= tenant.is_served


def role_password(key, role):
    """The password of a PostgreSQL role, as `tenantry.model.secret` derives it."""
    return hmac.new(key.encode(), f"role:{role}".encode(), hashlib.sha256).hexdigest()
