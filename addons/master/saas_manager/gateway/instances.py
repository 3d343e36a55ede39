"""Instances: create, operate on, rename and terminate them, and sign what their plans allow."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, time

import pytz
from odoo.exceptions import ValidationError

from tenantry.engine import moving
from tenantry.errors import InstanceNotFound, InvalidValue, NameTaken, TenantryError
from tenantry.model import limits
from tenantry.model.abilities import Ability, can
from tenantry.model.entitlements import Entitlements
from tenantry.model.server import ServerAddress

from .engines import _engine, _engine_of
from .errors import translated
from .operations import OPERATIONS
from .templates import recipe_of

HOSTNAME_REFUSED = (InvalidValue, NameTaken)
"""The engine's errors for a host name that an instance cannot have."""


_STEPS_OF_MOVES = {"freeze": "hold", "verify": "compare"}
"""Steps that are other ones elsewhere, by their words for people: a template is frozen, too."""


def provisioning(instance, on_step):
    """A creation in separate steps; see `tenantry.operations.instance.provision.Session`."""
    engine = _engine_of(instance.server_id)
    return engine.instances.provisioning(_spec(engine, instance), on_step)


def _spec(engine, instance):
    clones = can(instance.server_id.runtime, Ability.TEMPLATES)
    return engine.instances.spec(
        name=instance.subdomain,
        email=instance.admin_email,
        company=instance.name,
        admin_name=instance.admin_name or "",
        template=instance.template_id.code,
        language=instance.language_id.code or "",
        country=instance.country_id.code or "",
        timezone=instance.tz or "",
        hostnames=instance.hostname_ids._served_names(),
        password=_engine().unseal(instance.admin_password_sealed),
        reference=instance.reference,
        entitlements=_entitlements(instance),
        limits=_limits(instance.plan_id),
        recipe=None if clones else recipe_of(instance.template_id),
    )


def _entitlements(instance):
    """I13: what the instance may use, for the engine to sign."""
    return Entitlements(
        users=instance.plan_id.max_users,
        storage_gb=instance.plan_id.max_storage_gb,
        expires_at=_instant(instance.subscription_id.expiry_to_show(), instance.tz),
        state=instance.subscription_id.state or "",
        plan=instance.plan_id.name,
        **instance._provider_facts(),
    )


def _limits(plan):
    """The limits of an instance's process or container; 0 means the server's own limit."""
    limits = {"idle_s": 60 * plan.sleep_after_minutes, "memory_mb": plan.memory_limit_mb}
    return limits if plan.runtime == "shared" else {**limits, "cpus": plan.cpu_limit}


def check_limits(plan):
    with translated(plan.env, ValidationError):
        limits.checked(_limits(plan))


def _instant(day, timezone):
    """The beginning of a day, in the form `Entitlements` uses; "" without a day."""
    if not day:
        return ""
    return pytz.timezone(timezone or "UTC").localize(datetime.combine(day, time())).isoformat()


def entitle(instance):
    """Send the instance's current plan to the instance and its process."""
    engine = _engine_of(instance.server_id)
    engine.instances.set_limits(instance.database_name, _limits(instance.plan_id))
    engine.instances.entitle(instance.database_name, _entitlements(instance))


def operate(instance, operation, on_step):
    """Run one operation: a row of `tenantry.model.operations`."""
    engine = _engine_of(instance.server_id)
    engine.instances.operate(instance.database_name, OPERATIONS[operation].engine or operation, on_step)


def rename(instance, name, on_step):
    """Rename the instance and return its new names; see `tenantry.model.instance.Instance`."""
    return _engine_of(instance.server_id).instances.rename(instance.database_name, name, on_step)


def move(instance, target, on_step):
    """Move the instance to another server; return the `tenantry.model.move.Moved`. Run again, it goes on."""

    def on_step_of_move(event):
        on_step(replace(event, step=_STEPS_OF_MOVES.get(event.step, event.step)))

    source, there = _engine_of(instance.server_id), _engine_of(target)
    return moving.move(source, there, instance.database_name, on_step_of_move)


def has_moved(instance, target):
    """Whether its server says that it has moved to the target."""
    found = find(instance)
    return bool(found and found.moved_to == ServerAddress.of(target.address or "").name)


def confirm_move(instance):
    """Remove the data of a moved instance at the server that it left."""
    moving.confirm(_engine_of(instance.left_server_id), instance.database_name)


def check_hostnames(instance, hostnames):
    """Raise one of HOSTNAME_REFUSED if another instance has one of the names, or a name cannot be served."""
    _engine_of(instance.server_id).instances.check_hostnames(instance.database_name, hostnames)


def set_hostnames(instance):
    """Serve the instance at its verified and live host names, and at no others."""
    served = instance.hostname_ids._served_names()
    _engine_of(instance.server_id).instances.set_hostnames(instance.database_name, served)


def check_modules(instance, modules):
    """Raise EngineError if a module is not on the addons path."""
    _engine_of(instance[:1].server_id).instances.check_modules(modules)


def modules_of(server):
    """The modules that can be installed on a server, as values for `saas.module`."""
    return [
        {
            "name": module.name,
            "title": module.title,
            "summary": module.summary,
            "is_application": module.is_application,
        }
        for module in _engine_of(server).instances.modules()
    ]


def install_modules(instance, modules):
    """Install the modules; return those that were not installed before."""
    return _engine_of(instance.server_id).instances.install_modules(instance.database_name, modules)


def find(instance):
    """What the engine knows of the instance, by its old or new name; None if it does not exist."""
    try:
        return _engine_of(instance.server_id).instances.find_by_reference(instance.reference)
    except TenantryError:
        return None


def terminate(instance, on_step, *, without_backup=False):
    """Take a final backup, then drop all parts of the instance; another one of the same name is left alone.

    Former servers that are gone do not keep it, and what they have is not backed up.
    """
    for server in instance.former_server_ids:
        with suppress(TenantryError):
            _engine_of(server).instances.terminate(
                instance.database_name, reference=instance.reference, without_backup=True
            )
    with suppress(InstanceNotFound):
        _engine_of(instance.server_id).instances.terminate(
            instance.database_name, on_step, instance.reference, without_backup=without_backup
        )


def abandon(instance):
    """Remove what a failed creation may have left; another instance of the same name is left alone."""
    with translated(instance.env):
        _engine_of(instance.server_id).instances.abandon(instance.database_name, instance.reference)


def login_link(instance, by="", support=False, origin=""):
    """I7: a link for one login, as the customer's administrator or, with their consent, as support."""
    engine = _engine_of(instance.server_id)
    return engine.instances.login_link(instance.database_name, by=by, support=support, origin=origin)


def reset_password(instance):
    """Replace the administrator's password; see `tenantry.model.instance.NewPassword`."""
    return _engine_of(instance.server_id).instances.reset_password(instance.database_name)
