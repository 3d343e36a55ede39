"""The engine of a server whose instances run on Railway: their projects there are all that it has.

It has the methods of the engine of a cluster. What Railway does not do for us raises NotOnRailway: everything
that would need the cluster or the runtime.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cached_property
from typing import Any

from tenantry.engine.facade import Engine
from tenantry.engine.instances import Instances
from tenantry.engine.parts import Report, ignore_report
from tenantry.errors import InstanceNotFound, InvalidSetting, NotOnRailway
from tenantry.model.instance import Creation, Instance, InstanceSpec
from tenantry.model.keys import owner_mark
from tenantry.model.progress import OnStep, ignore
from tenantry.model.secret import Secret
from tenantry.model.server import Check, Condition, ServerFacts
from tenantry.model.usage import Usage
from tenantry.odoo.probe import LOGIN_PATH
from tenantry.operations.context import Context
from tenantry.operations.railway import create, services, terminate
from tenantry.operations.railway.hosting import Hosting
from tenantry.operations.session import Session
from tenantry.postgres.cluster import Cluster
from tenantry.railway.account import Account
from tenantry.railway.tokens import checked_token, keep_token
from tenantry.settings import ServerSettings

_SOON_S = 5
_DOMAIN = "up.railway.app"


class RailwayEngine(Engine):
    """A server on Railway. Methods raise RailwayTokenMissing, and as `railway.client.Client.send`."""

    def __init__(self, settings: ServerSettings | None = None, report: Report = ignore_report) -> None:
        super().__init__(settings, report)
        if self.is_own:
            other = "another one, since the back office needs a cluster; add [servers.NAME] for Railway"
            raise InvalidSetting("runtime of the local server", self.settings.runtime, other)
        self.instances = RailwayInstances(self)

    @property
    def context(self) -> Context:
        """Raises NotOnRailway: there is no cluster of ours."""
        raise NotOnRailway(self.settings.name)

    @property
    def hosting(self) -> Hosting:
        """With the token as it is now."""
        return Hosting(
            settings=self.settings,
            account=Account.of(self.settings),
            owner=self._mark,
            recipe=self.templates.recipe,
        )

    @cached_property
    def _mark(self) -> str:
        return owner_mark(self.keys.roles, self.settings.name)

    @property
    def address(self) -> str:
        """See `Engine.address`: Railway chooses the names."""
        return f"https://*.{_DOMAIN}"

    def facts(self) -> ServerFacts:
        """See `Engine.facts`: the domain is that of all who use Railway."""
        return replace(super().facts(), base_domain=_DOMAIN, protocol="https")

    def keep_token(self, token: Secret) -> None:
        """Use this token from now on, if it opens the workspace. Raises InvalidValue."""
        token = checked_token(token)
        _ = Account.of(self.settings, token).workspace
        keep_token(self.settings.installation.secrets_dir, self.settings.name, token)

    # ------------------------------------------------------------ the stack: there is none

    def up(self, on_step: OnStep = ignore) -> None:
        """Check that the token opens the workspace: nothing is to be started."""
        self.is_up()

    def start_postgres(self) -> Cluster:
        """Raises NotOnRailway."""
        raise NotOnRailway(self.settings.name)

    def stop(self) -> list[str]:
        return []

    def running(self) -> list[str]:
        return []

    def condition(self) -> Condition:
        """See `Engine.condition`: Railway does not say what there is."""
        return Condition((Check.of("Railway", lambda: self.hosting.account.workspace_name),))

    def is_up(self) -> bool:
        """Whether the token opens the workspace. Raises InvalidSetting."""
        return bool(self.hosting.account.workspace)

    def load(self) -> None:
        _ = self.keys


class RailwayInstances(Instances):
    """`engine.instances` of such a server."""

    def __init__(self, parts: RailwayEngine) -> None:
        super().__init__(parts)
        self._engine = parts

    @property
    def _hosting(self) -> Hosting:
        return self._engine.hosting

    # ------------------------------------------------------------ reading

    def all(self) -> list[Instance]:
        hosting = self._hosting
        return sorted(map(hosting.describe, hosting.ours()), key=lambda instance: instance.name)

    def get(self, name: str) -> Instance:
        """One instance, with the login that its administrator began with."""
        hosting = self._hosting
        project = hosting.account.project(hosting.find(name).id)
        odoo = project.services.get(name)
        wishes = services.wishes_in(hosting.account.variables(project, odoo)) if odoo else {}
        return replace(hosting.describe(project), login=str(wishes.get("login", "")))

    def names(self) -> list[str]:
        return [project.name for project in self._hosting.ours()]

    def state(self, name: str) -> str:
        try:
            label = self._hosting.find(name).label
        except InstanceNotFound:
            return ""
        return str(label.state) if label else ""

    def find_by_reference(self, reference: str) -> Instance | None:
        found = [it for it in self.all() if reference and it.reference == reference]
        return found[0] if found else None

    def taken(self, wanted: Collection[str]) -> frozenset[str]:
        """The wanted names that a project of the workspace has already, ours or somebody else's."""
        return frozenset(wanted) & {project.name for project in self._hosting.account.projects()}

    def url_of(self, name: str) -> str:
        """Railway chooses the address. Raises InstanceNotFound."""
        hosting = self._hosting
        return hosting.describe(hosting.find(name)).url

    def logs(self, name: str, count: int = 100) -> list[str]:
        """The last lines of the log of its Odoo."""
        hosting = self._hosting
        odoo = hosting.account.project(hosting.find(name).id).services.get(name)
        return hosting.account.log(odoo.deployment.id, count) if odoo and odoo.deployment else []

    def usages(self, names: Collection[str] | None = None) -> dict[str, Usage]:
        """None can be measured from here."""
        return {}

    def is_serving(self, name: str) -> bool:
        url = self.url_of(name)
        return bool(url) and create.first_page(url + LOGIN_PATH, _SOON_S) == "200"

    # ------------------------------------------------------------ creating and terminating

    def provision(self, spec: InstanceSpec, on_step: OnStep = ignore) -> Creation:
        return create.provision(self._hosting, spec, on_step)

    def provisioning(
        self, spec: InstanceSpec, on_step: OnStep = ignore
    ) -> AbstractContextManager[Session[Any]]:
        return create.provisioning(self._hosting, spec, on_step)

    def abandon(self, name: str, reference: str) -> bool:
        return terminate.abandon(self._hosting, name, reference)

    def operate(self, name: str, operation: str, on_step: OnStep = ignore) -> Instance:
        """Raises NotOnRailway."""
        raise NotOnRailway(self._engine.settings.name)

    def terminate(
        self, name: str, on_step: OnStep = ignore, reference: str = "", *, without_backup: bool = False
    ) -> None:
        """Delete its project. There are no backups of instances on Railway, so none is taken."""
        terminate.terminate(self._hosting, name, on_step, reference)

    def rename(self, old: str, new: str, on_step: OnStep = ignore) -> Instance:
        """Raises NotOnRailway."""
        raise NotOnRailway(self._engine.settings.name)

    def check_hostnames(self, name: str, hostnames: Collection[str]) -> None:
        """Raises NotOnRailway if there are any."""
        if hostnames:
            raise NotOnRailway(self._engine.settings.name)
