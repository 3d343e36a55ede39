"""Instances: created, operated on, renamed, terminated; what their plans let them use."""

from contextlib import suppress
from datetime import datetime, time

import pytz
from odoo.exceptions import ValidationError

from tenantry.errors import InstanceNotFound, InvalidValue, NameTaken, TenantryError
from tenantry.model import limits
from tenantry.model.entitlements import Entitlements

from .engines import _engine, _engine_of
from .errors import translated
from .operations import OPERATIONS

HOSTNAME_REFUSED = (InvalidValue, NameTaken)
"""What the engine says of a host name that an instance cannot have."""


def provisioning(instance, on_step):
    """A creation part by part; see `tenantry.operations.instance.provision.Session`."""
    engine = _engine_of(instance.server_id)
    return engine.instances.provisioning(_spec(engine, instance), on_step)


def _spec(engine, instance):
    return engine.instances.spec(
        name=instance.subdomain,
        email=instance.admin_email,
        company=instance.name,
        template=instance.template_id.code,
        language=instance.language_id.code or "",
        country=instance.country_id.code or "",
        timezone=instance.tz or "",
        hostnames=instance.hostname_ids._served_names(),
        password=_engine().unseal(instance.admin_password_sealed),
        reference=instance.reference,
        entitlements=_entitlements(instance),
        limits=_limits(instance.plan_id),
    )


def _entitlements(instance):
    """I13: what the instance may use, for the engine to sign."""
    return Entitlements(
        users=instance.plan_id.max_users,
        storage_gb=instance.plan_id.max_storage_gb,
        expires_at=_instant(instance.subscription_id.expiry_to_show(), instance.tz),
        state=instance.subscription_id.state or "",
        plan=instance.plan_id.name,
    )


def _limits(plan):
    """What an instance's process may use; 0 is the server's own limit."""
    return {"idle_s": 60 * plan.sleep_after_minutes, "memory_mb": plan.memory_limit_mb}


def check_limits(plan):
    with translated(ValidationError):
        limits.checked(_limits(plan))


def _instant(day, timezone):
    """When a day begins, as `Entitlements` has it; "" for no day."""
    if not day:
        return ""
    return pytz.timezone(timezone or "UTC").localize(datetime.combine(day, time())).isoformat()


def entitle(instance):
    """Have it, and its process, know its present plan."""
    engine = _engine_of(instance.server_id)
    engine.instances.set_limits(instance.database_name, _limits(instance.plan_id))
    engine.instances.entitle(instance.database_name, _entitlements(instance))


def operate(instance, operation, on_step):
    """Have the engine do what that row of `tenantry.model.operations` says."""
    engine = _engine_of(instance.server_id)
    engine.instances.operate(instance.database_name, OPERATIONS[operation].engine or operation, on_step)


def rename(instance, name, on_step):
    """Its names afterwards; see `tenantry.model.instance.Instance`."""
    return _engine_of(instance.server_id).instances.rename(instance.database_name, name, on_step)


def check_hostnames(instance, hostnames):
    """Raise one of HOSTNAME_REFUSED if somebody else has one of them, or it cannot be served."""
    _engine_of(instance.server_id).instances.check_hostnames(instance.database_name, hostnames)


def set_hostnames(instance):
    """Have it answer at its verified and live ones, and at no others."""
    served = instance.hostname_ids._served_names()
    _engine_of(instance.server_id).instances.set_hostnames(instance.database_name, served)


def check_modules(instance, modules):
    """Raise EngineError if one of them is on no addons path."""
    _engine_of(instance[:1].server_id).instances.check_modules(modules)


def install_modules(instance, modules):
    """Return those that were not there yet."""
    return _engine_of(instance.server_id).instances.install_modules(instance.database_name, modules)


def find(instance):
    """What the engine knows of the instance, whatever it is called by now; None when it has none."""
    try:
        return _engine_of(instance.server_id).instances.find_by_reference(instance.reference)
    except TenantryError:
        return None


def terminate(instance, on_step):
    """Drop everything of it; what is gone already is fine, and another's of the same name stays."""
    engine = _engine_of(instance.server_id)
    with suppress(InstanceNotFound):
        engine.instances.terminate(instance.database_name, on_step, instance.reference)


def abandon(instance):
    """Remove what its failed creation may have left; another's of the same name stays."""
    with translated():
        _engine_of(instance.server_id).instances.abandon(instance.database_name, instance.reference)


def login_link(instance, by="", support=False, origin=""):
    """I7: a link that logs in once, as the customer's administrator or, with their consent, as support."""
    engine = _engine_of(instance.server_id)
    return engine.instances.login_link(instance.database_name, by=by, support=support, origin=origin)
