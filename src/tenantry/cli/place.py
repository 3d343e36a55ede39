"""Where a command acts: on the engine of this machine, or on a master it is logged in to.

`at` decides. The two places do the same things with instances; what one of them cannot do is refused.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tenantry.cli.common import engine
from tenantry.cli.output import Columns, Output, megabytes
from tenantry.engine import Engine
from tenantry.errors import InvalidInput, InvalidValue
from tenantry.model.catalog import State
from tenantry.model.names import LOCAL_SERVER
from tenantry.model.progress import OnStep
from tenantry.model.usage import Usage
from tenantry.remote.errors import NotLoggedIn
from tenantry.remote.login import Login, LoginSettings
from tenantry.remote.master import RemoteMaster
from tenantry.remote.results import Asked


class OptionRefused(InvalidInput):
    """Better no than something else than was asked for."""

    def __init__(self, option: str, place: str) -> None:
        self.option = option
        super().__init__(f"{option} has no meaning {place}.")
        self.remedy = f"Leave out {option}."


class OnlyHere(InvalidInput):
    def __init__(self, subject: str, url: str) -> None:
        self.subject, self.url = subject, url
        super().__init__(f"This command cannot {subject} on the master {url}.")
        self.remedy = f"Do it in the back office at {url}; --local does it on the engine of this machine."


@dataclass(frozen=True)
class Wishes:
    """What `tenantry create` was asked for; "" leaves it to the place."""

    name: str
    email: str
    company: str = ""
    template: str = ""
    plan: str = ""
    language: str = ""
    country: str = ""
    timezone: str = ""


def _state(instance: Any) -> str:
    """With what is being done with it, and whether it was stopped."""
    stopped = instance.state == "active" and instance.run_state == "stopped"
    state = "stopped" if stopped else instance.state
    return f"{state} ({instance.operation})" if instance.operation else state


_COLUMNS_HERE: Columns = {
    "NAME": lambda instance: instance.name,
    "STATE": lambda instance: instance.state,
    "URL": lambda instance: instance.url,
    "TEMPLATE": lambda instance: f"{instance.template} {instance.template_version}",
    "SIZE": lambda instance: megabytes(instance.size_bytes),
}
_COLUMNS_THERE: Columns = {
    "NAME": lambda instance: instance.name,
    "STATE": _state,
    "URL": lambda instance: instance.url,
    "COMPANY": lambda instance: instance.company,
    "PLAN": lambda instance: instance.plan,
    "TEMPLATE": lambda instance: instance.template,
    "SIZE": lambda instance: megabytes(instance.storage_bytes),
    "NOTE": lambda instance: instance.reason or "",
}


class Place(Protocol):
    """What both places can do. An object that is returned is printed by `columns`, or as JSON."""

    columns: Columns

    def __str__(self) -> str: ...

    def instances(self, state: str, search: str, limit: int | None) -> Sequence[Any]: ...

    def instance(self, name: str) -> Any: ...

    def usage(self, name: str) -> Usage: ...

    def create(self, wishes: Wishes, on_step: OnStep) -> Any: ...

    def act(self, action: str, name: str, on_step: OnStep, reason: str = "") -> Any: ...

    def begin(self, action: str, name: str, reason: str = "") -> dict[str, Any]: ...

    def begin_creation(self, wishes: Wishes) -> Asked: ...


class Here:
    """The engine of this machine."""

    columns = _COLUMNS_HERE

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

    def create(self, wishes: Wishes, on_step: OnStep) -> Any:
        _refuse({"--plan": wishes.plan}, self)
        spec = self._engine.instances.spec(
            name=wishes.name,
            email=wishes.email,
            company=wishes.company,
            template=wishes.template or "blank",
            language=wishes.language,
            country=wishes.country,
            timezone=wishes.timezone,
        )
        return self._engine.instances.provision(spec, on_step)

    def act(self, action: str, name: str, on_step: OnStep, reason: str = "") -> Any:
        _refuse({"--reason": reason}, self)
        if action == "terminate":
            return self._engine.instances.terminate(name, on_step)
        return self._engine.instances.operate(name, action, on_step)

    def begin(self, action: str, name: str, reason: str = "") -> dict[str, Any]:
        raise OptionRefused("--no-wait", str(self))

    def begin_creation(self, wishes: Wishes) -> Asked:
        raise OptionRefused("--no-wait", str(self))


class There:
    """A master elsewhere, or the one of this machine over its API."""

    columns = _COLUMNS_THERE

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

    def create(self, wishes: Wishes, on_step: OnStep) -> Any:
        return self.master.create(on_step, **self._in_its_words(wishes))

    def begin_creation(self, wishes: Wishes) -> Asked:
        return self.master.ask(**self._in_its_words(wishes))

    def _in_its_words(self, wishes: Wishes) -> dict[str, str | None]:
        _refuse({"--tz": wishes.timezone}, self)
        return {
            "clientName": wishes.name,
            "adminEmail": wishes.email,
            "companyName": wishes.company or wishes.name.replace("-", " ").title(),
            "template": wishes.template or None,
            "plan": wishes.plan or None,
            "language": wishes.language or None,
            "country": wishes.country or None,
        }

    def act(self, action: str, name: str, on_step: OnStep, reason: str = "") -> Any:
        return self.master.act(name, action, reason or None, on_step)

    def begin(self, action: str, name: str, reason: str = "") -> dict[str, Any]:
        return self.master.manage(name, action, reason or None)


def at(output: Output, *, local: bool) -> Place:
    """The master one is logged in to; the engine with --local, and without a login."""
    login = None if local else LoginSettings.from_environment().current()
    if login:
        return there(output, login)
    if local:
        output.say("On the engine of this machine.")
    return Here(engine(output))


def there(output: Output, login: Login | None = None) -> There:
    """The master one is logged in to. Raises NotLoggedIn, OptionRefused: it chooses the server itself."""
    login = login or LoginSettings.from_environment().current()
    if not login:
        raise NotLoggedIn
    output.say(f"On the master {login.place}.")
    place, server = There(login), os.environ.get("TENANTRY_SERVER", "")
    _refuse({"--server": "" if server == LOCAL_SERVER else server}, place)
    return place


def here(output: Output, subject: str, *, local: bool) -> Engine:
    """The engine, for what the API has not got. Raises OnlyHere when a master was meant."""
    login = None if local else LoginSettings.from_environment().current()
    if login:
        raise OnlyHere(subject, login.url)
    return engine(output)


def _refuse(options: dict[str, str], place: Here | There) -> None:
    for option, value in options.items():
        if value:
            raise OptionRefused(option, str(place))
