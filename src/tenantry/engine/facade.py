"""The engine of one server: its stack, and its nouns, such as `engine.instances`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from tenantry import __version__
from tenantry.control_plane.master import Master
from tenantry.control_plane.server import MasterRuntime
from tenantry.edge.front import Front
from tenantry.engine.archives import Archives
from tenantry.engine.backups import Backups
from tenantry.engine.condition import condition_of
from tenantry.engine.instances import Instances
from tenantry.engine.mail import Mail
from tenantry.engine.moves import Moves
from tenantry.engine.parts import Parts, Report, ignore_report
from tenantry.engine.pool import Pool
from tenantry.engine.templates import Templates
from tenantry.errors import InvalidValue, StartedInside
from tenantry.model import sealing
from tenantry.model.difference import Reconciliation
from tenantry.model.instance import Instance
from tenantry.model.names import LOCAL_SERVER
from tenantry.model.progress import OnStep, ignore
from tenantry.model.provider import Provider
from tenantry.model.secret import Secret
from tenantry.model.server import WIRE, Condition, ServerFacts
from tenantry.operations.fleet.addresses import renew_addresses
from tenantry.operations.fleet.passwords import apply_instances_key
from tenantry.postgres import ownership, roles
from tenantry.postgres.cluster import Cluster
from tenantry.settings import RAILWAY, ServerSettings


class Engine(Parts):
    """One server of an installation. Safe to share between threads once it is up.

    What is done with one kind of thing is behind its noun: `engine.instances.suspend("acme")`. Whatever needs
    the cluster raises PostgresUnreachable when it does not run, and ClusterTaken on another server's.
    """

    def __init__(self, settings: ServerSettings | None = None, report: Report = ignore_report) -> None:
        """See `Parts`."""
        super().__init__(settings, report)
        self._others: dict[str, Engine] = {}
        self.templates = Templates(self)
        self.pool = Pool(self)
        self.instances = Instances(self)
        self.archives = Archives(self)
        self.backups = Backups(self)
        self.mail = Mail(self)
        self.moves = Moves(self)

    @staticmethod
    def of(settings: ServerSettings | None = None, report: Report = ignore_report) -> Engine:
        """The engine of a server, of the class for its runtime. Raises as `Engine`."""
        settings = settings or ServerSettings.from_environment()
        if settings.runtime != RAILWAY:
            return Engine(settings, report)
        from tenantry.engine.railway import RailwayEngine

        return RailwayEngine(settings, report)

    # ------------------------------------------------------------ the installation's servers

    def at(self, name: str) -> Engine:
        """The engine of a server of this installation, with the settings of the first call.

        Raises ServerNotFound, InvalidSetting, UnsupportedSeries.
        """
        if name == self.settings.name:
            return self
        if name not in self._others:
            self._others[name] = Engine.of(self.settings.other(name), self._report)
        return self._others[name]

    def facts(self) -> ServerFacts:
        """The facts about this server that callers on other machines need."""
        settings = self.settings
        return ServerFacts(
            version=__version__,
            name=settings.name,
            series=settings.odoo_series,
            base_domain=settings.base_domain,
            protocol=settings.protocol,
            reserved_names=settings.installation.reserved_names,
            wire=WIRE,
            runtime=settings.runtime,
        )

    @property
    def address(self) -> str:
        """Where its instances are, with * for a name. Raises ServerNotStarted."""
        return self.instances.url_of("*")

    # ------------------------------------------------------------ the stack

    def up(self, on_step: OnStep = ignore) -> Secret | None:
        """Start PostgreSQL (unless one was given), the tenant server, and on the own server the master.

        Running ones stay. Returns the password of the master's administrator if the master was installed by
        this call. Raises PostgresNotFound, PostgresUnreachable, InsufficientRights, ClusterTaken,
        OdooNotFound, ServerNotStarted, and the errors of `Master.install`.
        """
        self.start_postgres()
        self.start_tenants()
        return self.start_master(on_step) if self.is_own else None

    def start_tenants(self) -> None:
        """Start the tenant server. PostgreSQL must be running.

        Raises OdooNotFound, ServerNotStarted, ClusterTaken.
        """
        self._refuse_inside_master()
        cluster = self._claimed_cluster()
        self.runtime.start(self.odoo, cluster, self._report)
        before, now, failed = renew_addresses(self.context)
        if before != now:
            self._report(f"NOTE: customers are at {now} now, no longer at {before}; a proxy must know that.")
        if failed:
            self._report(f"The address in these instances is still an old one: {', '.join(failed)}.")

    def tenants_command(self) -> list[str]:
        """The command that serves tenants in the foreground, for systemd. PostgreSQL must be running."""
        self._refuse_inside_master()
        cluster = self._claimed_cluster()
        return self.runtime.prepare(self.odoo, cluster, self._report)

    def start_master(self, on_step: OnStep = ignore) -> Secret | None:
        """See `control_plane.master.Master.start`. PostgreSQL must be running."""
        self._refuse_inside_master()
        self._own_server._claimed_cluster()
        return self.master.start(self._report, on_step)

    def start_postgres(self) -> Cluster:
        """Start the embedded cluster, or check the given one, and check the engine's rights there."""
        self._refuse_inside_master()
        if self._embedded:
            self._embedded.start(self._report)
        cluster = self._claimed_cluster()
        with cluster.connect() as connection:
            apply_instances_key(self.context, connection)
        return cluster

    def _claimed_cluster(self) -> Cluster:
        """The cluster, which is this server's and no other's.

        Raises InsufficientRights, RoleNotAdministered, ClusterTaken.
        """
        cluster = self.context.cluster
        with cluster.connect() as connection:
            roles.check_rights(connection)
            ownership.claim(cluster, connection, self._owner, is_embedded=bool(self._embedded))
        self._is_marked = True
        return cluster

    def stop(self) -> list[str]:
        """Stop the servers that we started; return their names."""
        self._refuse_inside_master()
        stopped = []
        if self.is_own and self.master.runtime.stop():
            stopped.append("the master")
        if self.runtime.stop():
            stopped.append("the tenant server")
        if self._embedded and self._embedded.stop():
            stopped.append("PostgreSQL")
        return stopped

    def running(self) -> list[str]:
        """The names of its servers that run, as `stop` returns them."""
        servers = {
            "PostgreSQL": bool(self._embedded and self._embedded.is_running()),
            "the tenant server": self.runtime.pid is not None,
            "the master": self.is_own and self.master.pid is not None,
        }
        return [name for name, runs in servers.items() if runs]

    def _refuse_inside_master(self) -> None:
        """The master only uses the servers; they are started and stopped from outside of it."""
        if self.settings.installation.inside_master:
            raise StartedInside

    @cached_property
    def _own_server(self) -> Engine:
        return self if self.is_own else Engine(ServerSettings.from_environment(name=LOCAL_SERVER))

    @cached_property
    def master(self) -> Master:
        """The back office, which is on the own server: its address, its administrator's password."""
        own = self._own_server
        return Master(MasterRuntime(own.settings, own.keys), lambda: own.context)

    def load(self) -> None:
        """Load Odoo's facts, PostgreSQL's and the keys, for processes that are forked from this one.

        Raises OdooNotFound, PostgresNotFound, PostgresUnreachable, KeyLost, ClusterTaken.
        """
        _ = self.odoo, self.context

    def is_up(self) -> bool:
        """Whether the tenant server answers. Raises PostgresUnreachable, ClusterTaken."""
        self._postgres_version()
        return self.runtime.is_answering()

    def condition(self) -> Condition:
        """What there is for instances, and what is wrong with it: that is told and not raised."""
        return condition_of(self.settings.name, self.runtime, self._postgres_version)

    def _postgres_version(self) -> str:
        """The version of the cluster, which is ours. Raises PostgresUnreachable, ClusterTaken."""
        context = self.context
        with context.maintenance() as connection:
            if not self._embedded:
                ownership.require(context.cluster, connection, self._owner)
            version = connection.info.server_version
        return f"PostgreSQL {version // 10000}.{version % 10000}"

    def reconcile(
        self, records: Mapping[str, str] | None = None, *, apply: bool = False, remove: bool = False
    ) -> Reconciliation:
        """Compare what there is with what is owned; `apply`: act on it; `remove`: empty the quarantine.

        records: the names of the back office's records for instances of this server, by their references;
        None: they are not known, and nothing is said of them. Raises Busy while another run goes on.
        """
        from tenantry.operations.fleet.reconcile import reconcile

        return reconcile(self.context, records, apply=apply, remove=remove)

    def give_back(self, lost: str) -> Instance:
        """Make an instance in quarantine a stopped instance again.

        Raises InstanceNotFound, NameTaken, Busy.
        """
        from tenantry.operations.fleet.reconcile import give_back

        return give_back(self.context, lost)

    def keep_address(self, base_domain: str, protocol: str) -> None:
        """Save both settings for the next start of the servers. Raises InvalidSetting."""
        self.settings.save(base_domain=base_domain, protocol=protocol)

    def keep_provider(self, name: str, email: str, url: str, notice: str) -> None:
        """Show whom visitors ask on the pages of addresses that are not served. Raises InvalidValue."""
        Front(self.settings).keep_provider(Provider(name, email, url, notice))

    def keep_token(self, token: Secret) -> None:
        """Keep the token for whoever runs the instances. Raises InvalidValue where nobody needs one."""
        raise InvalidValue("server", self.settings.name, "a server whose runtime is railway")

    def keep_railway(self, name: str, token: Secret | None = None, workspace: str | None = None) -> None:
        """Let a server of this installation have its instances on Railway, in that workspace of the token's.

        A new one gets its table in the settings. None: as it is kept. Nothing is kept unless the token opens
        the workspace. Raises InvalidValue for a server of another runtime, InvalidSetting,
        RailwayTokenMissing, and as `railway.client.Client.send`.
        """
        from tenantry.engine.railway import keep_account

        keep_account(self.settings, name, token, workspace)

    def seal(self, secret: Secret) -> str:
        """Encrypt a secret for a column of a database (X5)."""
        return sealing.seal(self.keys.sealing, secret)

    def unseal(self, sealed: str) -> Secret:
        """Raises SealBroken."""
        return sealing.unseal(self.keys.sealing, sealed)
