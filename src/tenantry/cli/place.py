"""The place that a command acts on: the engine of this machine, or the master that the user is logged in to.

`choose_place` decides. Both places have the same methods for instances; unsupported options are refused.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tenantry.cli import left
from tenantry.cli.common import engine
from tenantry.cli.output import Columns, Output, WhatIsLeft, megabytes
from tenantry.engine import Engine
from tenantry.errors import InvalidInput, InvalidValue, TemplateNotFound
from tenantry.model.catalog import State
from tenantry.model.names import LOCAL_SERVER
from tenantry.model.progress import OnStep
from tenantry.model.states import Action, after
from tenantry.model.usage import Usage
from tenantry.remote.errors import NotLoggedIn
from tenantry.remote.login import Login, LoginSettings
from tenantry.remote.master import RemoteMaster
from tenantry.remote.results import Asked, LoginLink, PasswordReset
from tenantry.runtimes.kinds import KINDS


class OptionRefused(InvalidInput):
    """An option that this place does not have: it is refused, not ignored."""

    def __init__(self, option: str, place: str) -> None:
        self.option = option
        super().__init__(f"{option} has no meaning {place}.")
        self.remedy = f"Leave out {option}."


class NoServerWith(InvalidInput):
    """No server of this installation, or of --server, has the runtime that was asked for."""

    def __init__(self, runtime: str) -> None:
        super().__init__(f"No server here has the runtime {runtime}.")
        self.remedy = f'Add a table [servers.NAME] with runtime = "{runtime}" to settings.toml.'


class SeveralServersWith(InvalidInput):
    def __init__(self, runtime: str, names: Sequence[str]) -> None:
        super().__init__(f"The servers {' and '.join(names)} have the runtime {runtime}.")
        self.remedy = f"Choose one: tenantry --server {names[0]} create …"


@dataclass(frozen=True)
class CreationOptions:
    """The arguments of `tenantry create`; "": the place has a default."""

    name: str
    email: str
    company: str = ""
    admin_name: str = ""
    template: str = ""
    plan: str = ""
    language: str = ""
    country: str = ""
    timezone: str = ""
    runtime: str = ""


def _state(instance: Any) -> str:
    """The state, with the running operation; "stopped" for an active instance that was stopped."""
    stopped = instance.state == "active" and instance.run_state == "stopped"
    state = "stopped" if stopped else instance.state
    return f"{state} ({instance.operation})" if instance.operation else state


def _size(size_bytes: int) -> str:
    """ "": not measured yet, since even an empty database has some megabytes."""
    return megabytes(size_bytes) if size_bytes else ""


def _engine_state(instance: Any) -> str:
    """The state, with the server that it moved to."""
    return f"{instance.state} to {instance.moved_to}" if instance.moved_to else str(instance.state)


_ENGINE_COLUMNS: Columns = {
    "NAME": lambda instance: instance.name,
    "STATE": _engine_state,
    "URL": lambda instance: instance.url,
    "TEMPLATE": lambda instance: f"{instance.template} {instance.template_version}".strip(),
    "SIZE": lambda instance: _size(instance.size_bytes),
}
_MASTER_COLUMNS: Columns = {
    "NAME": lambda instance: instance.name,
    "STATE": _state,
    "URL": lambda instance: instance.url,
    "COMPANY": lambda instance: instance.company,
    "PLAN": lambda instance: instance.plan,
    "TEMPLATE": lambda instance: instance.template,
    "SIZE": lambda instance: _size(instance.storage_bytes),
    "NOTE": lambda instance: instance.reason or "",
}


class Place(Protocol):
    """The methods of both places. A returned object is printed with `columns`, or as JSON."""

    columns: Columns

    def __str__(self) -> str: ...

    def instances(self, state: str, search: str, limit: int | None) -> Sequence[Any]: ...

    def instance(self, name: str) -> Any: ...

    def usage(self, name: str) -> Usage: ...

    def create(self, options: CreationOptions, on_step: OnStep) -> Any: ...

    def act(
        self, action: str, name: str, on_step: OnStep, reason: str = "", *, without_backup: bool = False
    ) -> Any: ...

    def begin(self, action: str, name: str, reason: str = "") -> dict[str, Any]: ...

    def rename(self, name: str, new_name: str, on_step: OnStep) -> Any: ...

    def set_domains(self, name: str, domains: Sequence[str], on_step: OnStep) -> Any: ...

    def domain_names(self, instance: Any) -> list[str]: ...

    def install(self, name: str, modules: Sequence[str], on_step: OnStep) -> Sequence[str]: ...

    def left_of(self, action: str, name: str) -> WhatIsLeft: ...

    def left_of_rename(self, name: str, new_name: str) -> WhatIsLeft: ...

    def begin_creation(self, options: CreationOptions) -> Asked: ...

    def login_link(self, name: str, *, send: bool, support: bool, by: str) -> LoginLink: ...

    def reset_password(self, name: str, *, send: bool) -> PasswordReset: ...


class LocalEngine:
    """The engine of this machine, as a place."""

    columns = _ENGINE_COLUMNS

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.instance = engine.instances.get
        self.usage = engine.instances.usage

    def __str__(self) -> str:
        where, server = "on the engine of this machine", self._engine.settings.name
        return where if server == LOCAL_SERVER else f"{where}, server {server}"

    def instances(self, state: str, search: str, limit: int | None) -> Sequence[Any]:
        """Raises InvalidValue."""
        if state and state not in list(State):
            raise InvalidValue("state", state, f"one of {', '.join(State)}")
        found = self._engine.instances.all()
        return [one for one in found if state in ("", one.state) and search in one.name][:limit]

    def create(self, options: CreationOptions, on_step: OnStep) -> Any:
        _refuse({"--plan": options.plan}, self)
        spec = self._engine.instances.spec(
            name=options.name,
            email=options.email,
            company=options.company,
            admin_name=options.admin_name,
            template=options.template or "blank",
            language=options.language,
            country=options.country,
            timezone=options.timezone,
        )
        try:
            return self._engine.instances.provision(spec, on_step)
        except TemplateNotFound as error:
            raise self._engine.templates.missing(error.code) from error

    def act(
        self, action: str, name: str, on_step: OnStep, reason: str = "", *, without_backup: bool = False
    ) -> Any:
        _refuse({"--reason": reason}, self)
        if action == "terminate":
            return self._engine.instances.terminate(name, on_step, without_backup=without_backup)
        return self._engine.instances.operate(name, action, on_step)

    def rename(self, name: str, new_name: str, on_step: OnStep) -> Any:
        return self._engine.instances.rename(name, new_name, on_step)

    def set_domains(self, name: str, domains: Sequence[str], on_step: OnStep) -> Any:
        return self._engine.instances.set_hostnames(name, list(domains))

    def domain_names(self, instance: Any) -> list[str]:
        return list(instance.hostnames)

    def install(self, name: str, modules: Sequence[str], on_step: OnStep) -> Sequence[str]:
        return self._engine.instances.install_modules(name, list(modules))

    def left_of_rename(self, name: str, new_name: str) -> WhatIsLeft:
        return left.of_rename(self._engine, name, new_name)

    def left_of(self, action: str, name: str) -> WhatIsLeft:
        """What is left of an interrupted action, or of the creation of an instance."""
        look = left.of_creation if action == "create" else left.of_change
        return look(self._engine, name)

    def begin(self, action: str, name: str, reason: str = "") -> dict[str, Any]:
        raise OptionRefused("--no-wait", str(self))

    def begin_creation(self, options: CreationOptions) -> Asked:
        raise OptionRefused("--no-wait", str(self))

    def login_link(self, name: str, *, send: bool, support: bool, by: str) -> LoginLink:
        _refuse({"--send": "--send" if send else ""}, self)
        if state := self._engine.instances.state(name):  # the link of one that is stopped leads nowhere
            after(name, State(state), Action.LOG_IN)
        return LoginLink(self._engine.instances.login_link(name, by=by, support=support))

    def reset_password(self, name: str, *, send: bool) -> PasswordReset:
        _refuse({"--send": "--send" if send else ""}, self)
        new = self._engine.instances.reset_password(name)
        return PasswordReset(new.login, new.password)


class LoggedInMaster:
    """A master, reached over its API, as a place."""

    columns = _MASTER_COLUMNS

    def __init__(self, login: Login) -> None:
        self.master = RemoteMaster(login.url, login.key)
        self.instance = self.master.instance

    def __str__(self) -> str:
        return f"on the master {self.master.url}"

    def instances(self, state: str, search: str, limit: int | None) -> Sequence[Any]:
        return self.master.instances(limit, state=state or None, search=search or None)

    def usage(self, name: str) -> Usage:
        found = self.master.instance(name)
        return Usage(found.users, found.storage_bytes, found.last_activity_at or "")

    def create(self, options: CreationOptions, on_step: OnStep) -> Any:
        return self.master.create(on_step, **self._api_arguments(options))

    def begin_creation(self, options: CreationOptions) -> Asked:
        return self.master.ask(**self._api_arguments(options))

    def _api_arguments(self, options: CreationOptions) -> dict[str, str | None]:
        return {
            "clientName": options.name,
            "adminEmail": options.email,
            "companyName": options.company or options.name.replace("-", " ").title(),
            "customerName": options.admin_name or None,
            "template": options.template or None,
            "plan": options.plan or None,
            "language": options.language or None,
            "country": options.country or None,
            "timezone": options.timezone or None,
            "runtime": options.runtime or None,
        }

    def act(
        self, action: str, name: str, on_step: OnStep, reason: str = "", *, without_backup: bool = False
    ) -> Any:
        """The master always has a backup taken."""
        _refuse({"--without-backup": "yes" if without_backup else ""}, self)
        return self.master.act(name, action, reason or None, on_step)

    def rename(self, name: str, new_name: str, on_step: OnStep) -> Any:
        return self.master.rename(name, new_name, on_step)

    def set_domains(self, name: str, domains: Sequence[str], on_step: OnStep) -> Any:
        return self.master.set_domains(name, domains, on_step)

    def domain_names(self, instance: Any) -> list[str]:
        """Those that are not live yet are checked by the master from time to time."""
        return [it.name if it.state == "live" else f"{it.name} ({it.state})" for it in instance.domains]

    def install(self, name: str, modules: Sequence[str], on_step: OnStep) -> Sequence[str]:
        """The modules that were asked for: the master does not say which ones were new."""
        self.master.install(name, modules, on_step)
        return modules

    def left_of_rename(self, name: str, new_name: str) -> WhatIsLeft:
        said = f"the master may go on and rename {name} to {new_name}"
        return lambda: (said, "See `tenantry instance list`.")

    def left_of(self, action: str, name: str) -> WhatIsLeft:
        """The master goes on with what it was asked for; before, there is nothing."""
        look = "request list" if action == "create" else f"instance show {name}"
        return lambda: (f"the master may go on with {name}", f"See `tenantry {look}`.")

    def begin(self, action: str, name: str, reason: str = "") -> dict[str, Any]:
        return self.master.manage(name, action, reason or None)

    def login_link(self, name: str, *, send: bool, support: bool, by: str) -> LoginLink:
        """The master names the key's user; support logs in from the back office."""
        _refuse({"--support": "--support" if support else "", "--by": by}, self)
        return self.master.login_link(name, send=send)

    def reset_password(self, name: str, *, send: bool) -> PasswordReset:
        return self.master.reset_password(name, send=send)


def choose_place(output: Output, *, local: bool, runtime: str = "") -> Place:
    """The master that the user is logged in to; the engine with --local, or without a login.

    runtime: of the server on this machine; a master chooses among its own.
    """
    login = None if local else LoginSettings.from_environment().current()
    if login:
        return logged_in_master(output, login)
    if local:
        output.say("On the engine of this machine.")
    own = engine(output)
    return LocalEngine(_server_with(runtime, own) if runtime else own)


def _server_with(runtime: str, own: Engine) -> Engine:
    """The only server of that runtime. Raises InvalidValue, NoServerWith, SeveralServersWith."""
    if runtime not in KINDS:
        raise InvalidValue("runtime", runtime, f"one of {', '.join(KINDS)}")
    names = (own.settings.name, *own.settings.others())
    found = [name for name in names if own.at(name).settings.runtime == runtime]
    if not found:
        raise NoServerWith(runtime)
    if len(found) > 1:
        raise SeveralServersWith(runtime, found)
    return own.at(found[0])


def logged_in_master(output: Output, login: Login | None = None) -> LoggedInMaster:
    """The master that the user is logged in to. Raises NotLoggedIn; OptionRefused for --server."""
    login = login or LoginSettings.from_environment().current()
    if not login:
        raise NotLoggedIn
    output.say(f"On the master {login.place}.")
    place, server = LoggedInMaster(login), os.environ.get("TENANTRY_SERVER", "")
    _refuse({"--server": "" if server == LOCAL_SERVER else server}, place)
    return place


def _refuse(options: dict[str, str], place: LocalEngine | LoggedInMaster) -> None:
    for option, value in options.items():
        if value:
            raise OptionRefused(option, str(place))
