"""The only door to the engine, for the command line and for Odoo addons."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from importlib import resources
from typing import Any

from tenantry import __version__
from tenantry.archive.format import Archive
from tenantry.control_plane.master import Master
from tenantry.control_plane.server import MasterRuntime
from tenantry.errors import RecipeNotFound, StartedInside, TemplateNotFound
from tenantry.keyfile import installation_keys, private_folder
from tenantry.model import names, sealing
from tenantry.model.activity import Activity
from tenantry.model.catalog import Database, Kind
from tenantry.model.entitlements import UNLIMITED, Entitlements
from tenantry.model.instance import Creation, Instance, InstanceSpec
from tenantry.model.keys import Keys
from tenantry.model.names import LOCAL_SERVER
from tenantry.model.progress import OnStep, ignore
from tenantry.model.recipe import Recipe
from tenantry.model.secret import Secret
from tenantry.model.server import ServerFacts
from tenantry.model.template import PoolStatus, Template, TemplateState
from tenantry.model.usage import Usage
from tenantry.odoo.filestore import Filestores
from tenantry.odoo.finding.installation import OdooInstallation, find_odoo
from tenantry.odoo.login import log_in
from tenantry.operations import inventory
from tenantry.operations.context import Context, address_of
from tenantry.operations.fleet import pool, usage
from tenantry.operations.fleet.passwords import apply_instances_key
from tenantry.operations.instance import availability, entitle, lifecycle, rename
from tenantry.operations.instance import hostnames as hostnames_operation
from tenantry.operations.instance import limits as limits_operation
from tenantry.operations.instance import modules as modules_operation
from tenantry.operations.instance import provision as provision_operation
from tenantry.operations.inventory import find_labelled
from tenantry.operations.template import edit
from tenantry.operations.template.build import WAIT_FOR_CLONES_S, build_template, stale_reason
from tenantry.operations.template.edit import Editing
from tenantry.postgres import databases, ownership, roles
from tenantry.postgres.binaries import find_binaries
from tenantry.postgres.cluster import Cluster
from tenantry.postgres.embedded import EmbeddedCluster
from tenantry.runtimes.shared import SharedRuntime
from tenantry.settings import ServerSettings

Report = Callable[[str], None]


def _say_nothing(line: str) -> None:
    """The listener of who does not listen."""


class Engine:
    """One server of an installation. Safe to share between threads once it is up.

    report: told in a line each what was found and why, and what is being fetched or started.
    """

    def __init__(self, settings: ServerSettings | None = None, report: Report = _say_nothing) -> None:
        """settings: by default those of the environment, see `ServerSettings.from_environment`."""
        self.settings = settings or ServerSettings.from_environment()
        self._report = report
        self._others: dict[str, Engine] = {}

    # ------------------------------------------------------------ the installation's servers

    def at(self, name: str) -> Engine:
        """The engine of a server of this installation, as it is when it is first asked for.

        Raises ServerNotFound, InvalidSetting, UnsupportedSeries.
        """
        if name == self.settings.name:
            return self
        if name not in self._others:
            self._others[name] = Engine(self.settings.other(name), self._report)
        return self._others[name]

    @property
    def is_own(self) -> bool:
        """Whether this is the installation's own server, which holds the master's database."""
        return self.settings.name == LOCAL_SERVER

    def facts(self) -> ServerFacts:
        """What a caller elsewhere needs to know of it."""
        settings = self.settings
        return ServerFacts(
            version=__version__,
            name=settings.name,
            series=settings.odoo_series,
            base_domain=settings.base_domain,
            protocol=settings.protocol,
            reserved_names=settings.installation.reserved_names,
        )

    # ------------------------------------------------------------ the stack

    def up(self, on_step: OnStep = ignore) -> Secret | None:
        """Start PostgreSQL (unless one was given) and the tenant server; the master, on the own server.

        What runs, stays. Returns the password of the master's administrator if the master was
        installed just now. Raises PostgresNotFound, PostgresUnreachable, InsufficientRights,
        ClusterTaken, OdooNotFound, ServerNotStarted, and what installing raises.
        """
        self.start_postgres()
        self.start_tenants()
        return self.start_master(on_step) if self.is_own else None

    def start_tenants(self) -> None:
        """Start the tenant server; PostgreSQL runs already.

        Raises OdooNotFound, ServerNotStarted, ClusterTaken.
        """
        self._refuse_inside_master()
        cluster = self._claimed_cluster()
        self.runtime.start(self.odoo, cluster, self._report)

    def tenants_command(self) -> list[str]:
        """The command that serves tenants in the foreground, for systemd; PostgreSQL runs already."""
        self._refuse_inside_master()
        cluster = self._claimed_cluster()
        return self.runtime.prepare(self.odoo, cluster)

    def start_master(self, on_step: OnStep = ignore) -> Secret | None:
        """See `operations.master.Master.start`; PostgreSQL runs already."""
        self._refuse_inside_master()
        self._claimed_cluster()
        return self.master.start(self._report, on_step)

    def start_postgres(self) -> Cluster:
        """Start the embedded cluster, or check the given one; make sure the engine may work there."""
        self._refuse_inside_master()
        if self._embedded:
            self._embedded.start(self._report)
        cluster = self._claimed_cluster()
        with cluster.connect() as connection:
            apply_instances_key(self.context, connection)
        return cluster

    def _claimed_cluster(self) -> Cluster:
        """The cluster, which is this server's and no other's. Raises InsufficientRights, ClusterTaken."""
        cluster = self.context.cluster
        with cluster.connect() as connection:
            roles.check_rights(connection)
            ownership.claim(connection, self._owner, is_own=bool(self._embedded))
        return cluster

    @property
    def _owner(self) -> str:
        return self._keys.owner(self.settings.name)

    def stop(self) -> list[str]:
        """Stop what we started; return what that was."""
        self._refuse_inside_master()
        stopped = []
        if self.is_own and self.master.runtime.stop():
            stopped.append("the master")
        if self.runtime.stop():
            stopped.append("the tenant server")
        if self._embedded and self._embedded.stop():
            stopped.append("PostgreSQL")
        return stopped

    def _refuse_inside_master(self) -> None:
        """The master uses the servers; who started it starts and stops them."""
        if self.settings.installation.inside_master:
            raise StartedInside

    @cached_property
    def odoo(self) -> OdooInstallation:
        return find_odoo(self.settings, self._report)

    @cached_property
    def runtime(self) -> SharedRuntime:
        return SharedRuntime(self.settings, self._keys, lambda: self.odoo, lambda: self.context.cluster)

    @cached_property
    def master(self) -> Master:
        """The back office, which is on the own server: its address, its administrator's password."""
        own = self if self.is_own else Engine(ServerSettings.from_environment(name=LOCAL_SERVER))
        return Master(MasterRuntime(own.settings, own._keys), lambda: own.context)

    @property
    def context(self) -> Context:
        """What operations work with. Raises PostgresUnreachable when the cluster does not run."""
        return Context(
            settings=self.settings,
            keys=self._keys,
            cluster=self._embedded.cluster() if self._embedded else self._given_cluster(),
            filestores=Filestores(self.settings.data_dir / "filestore"),
            runtime=self.runtime,
            odoo=lambda: self.odoo,
        )

    def load(self) -> None:
        """Find and read what every operation needs, for processes that are forked from this one.

        Raises OdooNotFound, PostgresNotFound, KeyLost.
        """
        _ = self.odoo, self.context

    def is_up(self) -> bool:
        """Whether the tenant server answers. Raises PostgresUnreachable, ClusterTaken."""
        with self.context.maintenance() as connection:
            ownership.require(connection, self._owner)
            return self.runtime.is_answering()

    def url_of(self, name: str) -> str:
        """Where an instance of that name is or would be. Raises ServerNotStarted when none ever was."""
        return address_of(self.settings, self.runtime, name).url

    def keep_address(self, base_domain: str, protocol: str) -> None:
        """Keep them for the next start of the servers. Raises InvalidSetting."""
        self.settings.save(base_domain=base_domain, protocol=protocol)

    def seal(self, secret: Secret) -> str:
        """Encrypt a secret for a column of a database (X5)."""
        return sealing.seal(self._keys.sealing, secret)

    def unseal(self, sealed: str) -> Secret:
        """Raises SealBroken."""
        return sealing.unseal(self._keys.sealing, sealed)

    @cached_property
    def _keys(self) -> Keys:
        """All that makes files needs them first: the folders of those are made here, too."""
        for folder in self.settings.private_dirs:
            private_folder(folder)
        keys = installation_keys(self.settings.installation.secrets_dir)
        return keys if self.is_own else keys.of_server(self.settings.name)

    @cached_property
    def _embedded(self) -> EmbeddedCluster | None:
        if self.settings.pg_dsn:
            return None
        binaries = find_binaries(self.settings, self._report)
        return EmbeddedCluster.of(self.settings, binaries, self._keys.roles)

    def _given_cluster(self) -> Cluster:
        assert self.settings.pg_dsn
        return Cluster.from_dsn(self.settings.pg_dsn)

    # ------------------------------------------------------------ templates

    def recipes(self) -> dict[str, Recipe]:
        """Every recipe by code: the shipped ones, and the operator's, which win."""
        found = {}
        for folder in (resources.files("tenantry") / "recipes", self.settings.installation.recipe_dir):
            files = folder.iterdir() if folder.is_dir() else ()
            for file in sorted(files, key=lambda entry: entry.name):
                code, dot, suffix = file.name.rpartition(".")
                if dot and suffix == "toml":
                    found[code] = Recipe.from_toml(code, file.read_text(encoding="utf-8"))
        return dict(sorted(found.items()))

    def recipe(self, code: str) -> Recipe:
        """Raises RecipeNotFound, InvalidName, InvalidRecipe."""
        recipes = self.recipes()
        if names.template_code(code) not in recipes:
            raise RecipeNotFound(code, list(recipes))
        return recipes[code]

    def build_template(
        self,
        recipe: Recipe,
        on_step: OnStep = ignore,
        *,
        rebuild: bool = False,
        patience_s: float = WAIT_FOR_CLONES_S,
    ) -> Template:
        """See `operations.template.build`."""
        built = build_template(self.context, recipe, on_step, rebuild=rebuild, patience_s=patience_s)
        return self._template(built, recipe)

    def templates(self) -> list[Template]:
        """Every template there is, with why it is stale if it is."""
        with self.context.maintenance() as connection:
            found = databases.listing(connection, Kind.TEMPLATE)
        return [self._template(database) for database in found]

    def template(self, recipe: Recipe) -> Template:
        """The template of a recipe, stale if it was built from another. Raises TemplateNotFound."""
        with self.context.maintenance() as connection:
            name = names.template_database(names.template_code(recipe.code))
            found = find_labelled(connection, name, Kind.TEMPLATE)
        if not found:
            raise TemplateNotFound(recipe.code)
        return self._template(found, recipe)

    def clone(self, code: str, name: str) -> None:
        """T3: make the database `name` from a template, in state provisioning: nothing serves it."""
        with self.provisioning(self.spec(name=name, email="clone@localhost.local", template=code)) as session:
            session.clone()

    def edit_template(self, code: str) -> Editing:
        """See `operations.template.edit`."""
        return edit.edit_template(self.context, names.template_code(code))

    def finish_editing(
        self, code: str, on_step: OnStep = ignore, *, patience_s: float = WAIT_FOR_CLONES_S
    ) -> Template:
        """See `operations.template.edit`."""
        code = names.template_code(code)
        return self._template(edit.finish_editing(self.context, code, on_step, patience_s=patience_s))

    def drop_template(self, code: str) -> None:
        """See `operations.template.edit`."""
        edit.drop_template(self.context, names.template_code(code))

    def _template(self, database: Database, recipe: Recipe | None = None) -> Template:
        assert database.label
        label = database.label
        recipe = recipe or self.recipes().get(label.template)
        stale = stale_reason(self.context, database, recipe, self.odoo)
        with self.context.maintenance() as connection:
            editing = find_labelled(connection, names.editing_database(label.template), Kind.EDIT)
            sizes = databases.sizes_bytes(connection, database.name)
        return Template(
            code=label.template,
            database=database.name,
            version=label.version,
            series=label.series,
            state=TemplateState.of(label.state, stale=bool(stale), editing=editing is not None),
            stale=stale,
            size_bytes=sizes.get(database.name, 0),
            modules=tuple(label.recipe.get("modules", ())),
            languages=availability.languages_of(database),
            chart_country=label.chart_country,
        )

    # ------------------------------------------------------------ pool

    def fill_pool(self, code: str, size: int | None = None, on_step: OnStep = ignore) -> int:
        """See `operations.fleet.pool.fill`; the size is the setting's unless given."""
        wanted = self.settings.pool_size if size is None else size
        return pool.fill(self.context, names.template_code(code), wanted, on_step)

    def pools(self) -> list[PoolStatus]:
        """How many spares each template has, and how many of them are of its current version."""
        context = self.context
        with context.maintenance() as connection:
            templates = databases.listing(connection, Kind.TEMPLATE)
            return [
                PoolStatus(
                    template=template.label.template,
                    spares=len(pool.spares(connection, template.label.template)),
                    usable=len(pool.usable(connection, template)),
                )
                for template in templates
                if template.label and template.name == names.template_database(template.label.template)
            ]

    # ------------------------------------------------------------ instances

    def spec(
        self,
        *,
        hostnames: Collection[str] = (),
        entitlements: Entitlements = UNLIMITED,
        **wishes: Any,
    ) -> InstanceSpec:
        """Check a stranger's wishes. Raises InvalidName, InvalidValue."""
        reserved = self.settings.installation.reserved_names
        return InstanceSpec.checked(reserved, hostnames=hostnames, entitlements=entitlements, **wishes)

    def provisioning(
        self, spec: InstanceSpec, on_step: OnStep = ignore
    ) -> AbstractContextManager[provision_operation.Session]:
        """A creation part by part; see `operations.instance.provision.provisioning`."""
        return provision_operation.provisioning(self.context, spec, on_step)

    def provision(self, spec: InstanceSpec, on_step: OnStep = ignore) -> Creation:
        """See `operations.instance.provision`."""
        return provision_operation.provision(self.context, spec, on_step)

    def taken(self, wanted: Collection[str]) -> frozenset[str]:
        """Those of the names that a database, a role or a folder has, ours or not."""
        context = self.context
        with context.maintenance() as connection:
            labels = filter(names.is_label, wanted)
            return frozenset(it for it in labels if not availability.is_free(context, connection, it))

    def instances(self) -> list[Instance]:
        return inventory.list_instances(self.context)

    def activities(self, names: Collection[str] = (), timeout_s: float = 30) -> list[Activity]:
        """What these instances are doing, or every one that is served; it wakes none.

        Raises ServerNotStarted, after `timeout_s` at the latest.
        """
        return self.runtime.activities(names, timeout_s)

    def logs(self, name: str, count: int = 100) -> list[str]:
        """The last lines an instance's processes logged. Raises InstanceNotFound."""
        with self.context.maintenance() as connection:
            inventory.find_instance(connection, name)
        return self.runtime.logs(name, count)

    def instance(self, name: str) -> Instance:
        """Raises InstanceNotFound."""
        return inventory.show_instance(self.context, name)

    def find_by_reference(self, reference: str) -> Instance | None:
        """See `operations.instance.lifecycle`."""
        return inventory.find_by_reference(self.context, reference)

    def operate(self, name: str, operation: str, on_step: OnStep = ignore) -> Instance:
        """See `operations.instance.lifecycle`."""
        return lifecycle.operate(self.context, name, operation, on_step)

    def suspend(self, name: str, on_step: OnStep = ignore) -> Instance:
        """See `operate`."""
        return self.operate(name, "suspend", on_step)

    def reactivate(self, name: str, on_step: OnStep = ignore) -> Instance:
        """See `operate`."""
        return self.operate(name, "reactivate", on_step)

    def terminate(self, name: str, on_step: OnStep = ignore, reference: str = "") -> None:
        """See `operations.instance.lifecycle`."""
        lifecycle.terminate(self.context, name, on_step, reference)

    def stop_instance(self, name: str, on_step: OnStep = ignore) -> Instance:
        """See `operate`."""
        return self.operate(name, "stop", on_step)

    def start_instance(self, name: str, on_step: OnStep = ignore) -> Instance:
        """See `operate`."""
        return self.operate(name, "start", on_step)

    def restart_instance(self, name: str, on_step: OnStep = ignore) -> Instance:
        """See `operate`."""
        return self.operate(name, "restart", on_step)

    def set_hostnames(self, name: str, hostnames: Collection[str]) -> Instance:
        """See `operations.instance.hostnames`."""
        return hostnames_operation.set_hostnames(self.context, name, hostnames)

    def check_hostnames(self, name: str, hostnames: Collection[str]) -> None:
        """Whether the instance could have them now. Raises InvalidValue, NameTaken."""
        with self.context.maintenance() as connection:
            availability.check_hostnames(self.context, connection, name, hostnames)

    def rename(self, old: str, new: str, on_step: OnStep = ignore) -> Instance:
        """See `operations.instance.rename`. Raises InvalidName, too."""
        names.instance_name(new, self.settings.installation.reserved_names)
        return rename.rename(self.context, old, new, on_step)

    def install_modules(self, name: str, modules: Collection[str]) -> list[str]:
        """See `operations.instance.modules`."""
        return modules_operation.install_modules(self.context, name, modules)

    def check_modules(self, modules: Collection[str]) -> None:
        """See `operations.instance.modules`."""
        modules_operation.check_modules(self.context, modules)

    def abandon(self, name: str, reference: str) -> bool:
        """See `operations.instance.lifecycle`."""
        return lifecycle.abandon(self.context, name, reference)

    def entitle(self, name: str, entitlements: Entitlements) -> None:
        """See `operations.instance.entitle`."""
        entitle.entitle(self.context, name, entitlements)

    def set_limits(self, name: str, limits: Mapping[str, float]) -> None:
        """See `operations.instance.limits`."""
        limits_operation.set_limits(self.context, name, limits)

    def login_link(
        self,
        name: str,
        *,
        by: str = "",
        support: bool = False,
        valid_s: int | None = None,
        origin: str = "",
    ) -> Secret:
        """See `operations.instance.entitle`."""
        return entitle.login_link(self.context, name, by=by, support=support, valid_s=valid_s, origin=origin)

    def usage(self, name: str) -> Usage:
        """Raises InstanceNotFound."""
        return usage.usage(self.context, name)

    def usages(self, names: Collection[str] | None = None) -> dict[str, Usage]:
        """Of those instances or of all; see `operations.fleet.usage`."""
        chosen = [instance.name for instance in self.instances()] if names is None else names
        return usage.usages(self.context, chosen)

    def is_serving(self, name: str) -> bool:
        """Whether the public route of an instance answers within 5 s; its first answer loads the tenant."""
        return self.runtime.is_serving(name)

    def prove_login(self, creation: Creation) -> float:
        """Log in over HTTP as the new administrator; return the seconds their first page took.

        Raises LoginRefused, ProbeFailed.
        """
        route = self.context.route(creation.instance.name)
        return log_in(route, creation.instance.name, creation.login, creation.password)

    # ------------------------------------------------------------ archives
    # Imported where they are called: their libraries are not among those of the back office's Odoo.

    def dump_instance(self, name: str, store: str, on_step: OnStep = ignore) -> Archive:
        """See `operations.instance.dump`."""
        from tenantry.operations.instance.dump import dump_instance

        return dump_instance(self.context, name, store, on_step)

    def load_instance(
        self, store: str, archive: str, name: str, on_step: OnStep = ignore, *, trusted: str = ""
    ) -> Instance:
        """See `operations.instance.load`. Raises InvalidName, too."""
        from tenantry.operations.instance.load import load_instance

        names.instance_name(name, self.settings.installation.reserved_names)
        return load_instance(self.context, store, archive, name, on_step, trusted)

    def archives(self, store: str) -> list[str]:
        """See `operations.instance.archives`."""
        from tenantry.operations.instance.archives import archives

        return archives(self.context, store)

    def archive_signer(self) -> str:
        """See `operations.instance.archives.signer`."""
        from tenantry.operations.instance.archives import signer

        return signer(self.context)
