"""`engine.instances`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

from tenantry.engine.parts import Noun
from tenantry.model import names
from tenantry.model.activity import Activity
from tenantry.model.catalog import Kind
from tenantry.model.entitlements import UNLIMITED, Entitlements
from tenantry.model.instance import Creation, Instance, InstanceSpec, NewPassword
from tenantry.model.module import Module
from tenantry.model.progress import OnStep, ignore
from tenantry.model.secret import Secret
from tenantry.model.usage import Usage
from tenantry.odoo.login import log_in
from tenantry.operations import inventory
from tenantry.operations.context import address_of
from tenantry.operations.fleet.usage import usage, usages
from tenantry.operations.instance import availability, lifecycle
from tenantry.operations.instance.entitle import entitle, login_link
from tenantry.operations.instance.hostnames import set_hostnames
from tenantry.operations.instance.limits import set_limits
from tenantry.operations.instance.modules import (
    available_modules,
    check_modules,
    install_log,
    install_modules,
)
from tenantry.operations.instance.password import reset_password
from tenantry.operations.instance.provision import provision, provisioning
from tenantry.operations.instance.rename import rename
from tenantry.operations.session import Session
from tenantry.postgres import databases
from tenantry.process import tail

_LINE_BYTES = 400


class Instances(Noun):
    """`engine.instances`: the customers' Odoos. Methods raise InstanceNotFound for an unknown name."""

    # ------------------------------------------------------------ reading

    def all(self) -> list[Instance]:
        return inventory.list_instances(self._context)

    def get(self, name: str) -> Instance:
        """One instance, with its administrator's login."""
        return inventory.show_instance(self._context, name)

    def names(self) -> list[str]:
        """The names of all instances, without their sizes, which take a moment."""
        with self._context.maintenance() as connection:
            return [found.name for found in databases.listing(connection, Kind.INSTANCE)]

    def state(self, name: str) -> str:
        """The state of an instance; "" if there is none of that name."""
        with self._context.maintenance() as connection:
            found = inventory.find_labelled(connection, name, Kind.INSTANCE)
        return str(found.label.state) if found and found.label else ""

    def find_by_reference(self, reference: str) -> Instance | None:
        """The instance of that creation, even if it was renamed; None if there is none."""
        return inventory.find_by_reference(self._context, reference)

    def taken(self, wanted: Collection[str]) -> frozenset[str]:
        """The wanted names that a database, a role or a folder has already, ours or another program's."""
        context = self._context
        with context.maintenance() as connection:
            labels = filter(names.is_label, wanted)
            return frozenset(it for it in labels if not availability.is_free(context, connection, it))

    def url_of(self, name: str) -> str:
        """The URL of an instance of that name, also of a future one. Raises ServerNotStarted."""
        return address_of(self._parts.settings, self._parts.runtime, name).url

    def activities(self, names: Collection[str] = (), timeout_s: float = 30) -> list[Activity]:
        """What these instances are doing, or all served ones if no names are given; it wakes none.

        Raises ServerNotStarted, after `timeout_s` at the latest.
        """
        return self._parts.runtime.activities(names, timeout_s)

    def logs(self, name: str, count: int = 100) -> list[str]:
        """The last `count` lines that an instance's processes logged."""
        with self._context.maintenance() as connection:
            inventory.find_instance(connection, name)
        return self._parts.runtime.logs(name, count)

    def follow_logs(self, name: str, count: int = 100) -> Iterator[str]:
        """The same, and each line as soon as it is written, until the instance is terminated.

        The agent does not offer it: an answer of its ends.
        """
        with self._context.maintenance() as connection:
            inventory.find_instance(connection, name)
        return self._parts.runtime.follow_logs(name, count, lambda: not self.state(name))

    def install_logs(self, name: str, count: int = 40) -> list[str]:
        """The last lines that Odoo logged at the last installation of modules; none if there was none."""
        with self._context.maintenance() as connection:
            inventory.find_instance(connection, name)
        return tail(install_log(self._parts.settings, name), _LINE_BYTES * count).splitlines()[-count:]

    def usage(self, name: str) -> Usage:
        """What an instance uses, measured by SQL from outside. Raises Tampered."""
        return usage(self._context, name)

    def usages(self, names: Collection[str] | None = None) -> dict[str, Usage]:
        """The usage of these instances, or of all; those that cannot be measured are left out."""
        chosen = [instance.name for instance in self.all()] if names is None else names
        return usages(self._context, chosen)

    def is_serving(self, name: str) -> bool:
        """Whether an instance answers over its public route within 5 s. A sleeping one counts as serving."""
        return self._parts.runtime.is_serving(name)

    # ------------------------------------------------------------ creating

    def spec(
        self,
        *,
        hostnames: Collection[str] = (),
        entitlements: Entitlements = UNLIMITED,
        **wishes: Any,
    ) -> InstanceSpec:
        """Check the specification of a creation. Raises InvalidName, InvalidValue."""
        reserved = self._parts.settings.installation.reserved_names
        return InstanceSpec.checked(reserved, hostnames=hostnames, entitlements=entitlements, **wishes)

    def provision(self, spec: InstanceSpec, on_step: OnStep = ignore) -> Creation:
        """Create an instance from beginning to end. It waits for its turns; else raises as `provisioning`."""
        return provision(self._context, spec, on_step)

    def provisioning(
        self, spec: InstanceSpec, on_step: OnStep = ignore
    ) -> AbstractContextManager[Session[Any]]:
        """Create an instance part by part. Raises as `operations.instance.provision.provisioning`."""
        return provisioning(self._context, spec, on_step)

    def prove_login(self, creation: Creation) -> float:
        """Log in over HTTP as the new administrator; return the seconds their first page took.

        Raises LoginRefused, ProbeFailed.
        """
        route = self._context.route(creation.instance.name)
        return log_in(route, creation.instance.name, creation.login, creation.password)

    def abandon(self, name: str, reference: str) -> bool:
        """Terminate what a failed creation left; return whether it left anything. Raises Busy."""
        return lifecycle.abandon(self._context, name, reference)

    def duplicate(self, name: str, to: str, on_step: OnStep = ignore, *, expires_days: int = 14) -> Instance:
        """Make the copy `to` of an instance, neutralized by Odoo; a copy that exists already stays.

        It is served at once, by the same passwords, sends no mails, and is stopped when it expires; 0: never.
        Raises InvalidName, InvalidTransition, NameTaken, Busy, NotNeutralized, InitialisationFailed,
        InitialisationTimeout, ProbeFailed, and the errors of dumping and loading archives.
        """
        from tenantry.operations.instance.duplicate import duplicate

        names.instance_name(to, self._parts.settings.installation.reserved_names)
        return duplicate(self._context, name, to, on_step, expires_days)

    # ------------------------------------------------------------ changing the state

    def operate(self, name: str, operation: str, on_step: OnStep = ignore) -> Instance:
        """Run an operation of `model.operations` that consists of steps only, such as suspend.

        Raises InvalidValue for other operations, InvalidTransition, Busy, ProbeFailed.
        """
        return lifecycle.operate(self._context, name, operation, on_step)

    def suspend(self, name: str, on_step: OnStep = ignore) -> Instance:
        """Block it: its address answers 503, its scheduled jobs wait, its data stays. See `operate`."""
        return self.operate(name, "suspend", on_step)

    def reactivate(self, name: str, on_step: OnStep = ignore) -> Instance:
        """Unblock a suspended instance. See `operate`."""
        return self.operate(name, "reactivate", on_step)

    def stop(self, name: str, on_step: OnStep = ignore) -> Instance:
        """Stop it until it is started: its address answers 503, its scheduled jobs wait. See `operate`."""
        return self.operate(name, "stop", on_step)

    def start(self, name: str, on_step: OnStep = ignore) -> Instance:
        """Start a stopped instance. See `operate`."""
        return self.operate(name, "start", on_step)

    def restart(self, name: str, on_step: OnStep = ignore) -> Instance:
        """Stop and start it, so that it gets a new process. See `operate`."""
        return self.operate(name, "restart", on_step)

    def terminate(
        self, name: str, on_step: OnStep = ignore, reference: str = "", *, without_backup: bool = False
    ) -> None:
        """Drop its database, files and role, after a final backup.

        It is kept for `TENANTRY_FINAL_BACKUP_DAYS`; with 0 days none is taken. reference: drop it only if it
        was created with this reference; else it counts as not found. without_backup: take none.
        Raises Busy; FinalBackupFailed, and then nothing was dropped.
        """
        lifecycle.terminate(self._context, name, on_step, reference, without_backup=without_backup)

    # ------------------------------------------------------------ changing its properties

    def rename(self, old: str, new: str, on_step: OnStep = ignore) -> Instance:
        """Rename it, which changes its address; a rename that fails is undone.

        Raises InvalidName, InvalidTransition, NameTaken, Busy, FilestoreFailure, ProbeFailed.
        """
        names.instance_name(new, self._parts.settings.installation.reserved_names)
        return rename(self._context, old, new, on_step)

    def check_hostnames(self, name: str, hostnames: Collection[str]) -> None:
        """Check that the instance can have these host names now. Raises InvalidValue, NameTaken."""
        context = self._context
        with context.maintenance() as connection:
            availability.check_hostnames(context, connection, name, hostnames)

    def set_hostnames(self, name: str, hostnames: Collection[str]) -> Instance:
        """Set the host names at which it answers besides its own address.

        Raises InvalidTransition, InvalidValue, NameTaken, Busy.
        """
        return set_hostnames(self._context, name, hostnames)

    def modules(self) -> tuple[Module, ...]:
        """The modules that can be installed in instances, by name."""
        return available_modules(self._context)

    def check_modules(self, modules: Collection[str]) -> None:
        """Check that these modules can be installed. Raises InvalidValue, ModuleNotFound."""
        check_modules(self._context, modules)

    def install_modules(self, name: str, modules: Collection[str]) -> list[str]:
        """Install missing modules, and their dependencies; return the names of those that were missing.

        Raises InvalidTransition, Busy, ModuleNotFound, ModulesNotInstalled, InitialisationTimeout,
        InitialisationFailed.
        """
        return install_modules(self._context, name, modules)

    def entitle(self, name: str, entitlements: Entitlements) -> None:
        """Change what it may use, effective with its next request.

        Raises TenantModuleMissing, Tampered, Busy.
        """
        entitle(self._context, name, entitlements)

    def set_limits(self, name: str, limits: Mapping[str, float]) -> None:
        """Replace the limits of its process, see `model.limits`, from its next wake.

        Raises InvalidValue, Busy.
        """
        set_limits(self._context, name, limits)

    def login_link(
        self,
        name: str,
        *,
        by: str = "",
        support: bool = False,
        valid_s: int | None = None,
        origin: str = "",
    ) -> Secret:
        """A link that logs its bearer in once. Parameters: see `operations.instance.entitle.login_link`."""
        return login_link(self._context, name, by=by, support=support, valid_s=valid_s, origin=origin)

    def reset_password(self, name: str) -> NewPassword:
        """Replace the administrator's password; see `operations.instance.password.reset_password`."""
        return reset_password(self._context, name)
