"""Backups of instances: take, list, prove and prune them."""

from contextlib import suppress

from tenantry.errors import TenantryError
from tenantry.model.backup import Retention

from .engines import _engine_of
from .processes import _utc


def back_up(instance, reason, on_step):
    """Take a backup of the instance; return its name. reason: see `tenantry.model.backup.Reason`."""
    engine = _engine_of(instance.server_id)
    return engine.backups.take(instance.database_name, on_step, reason=reason).backup


def identity_of(instance):
    """What its backups know it by, whatever it was or will be called; "" if there is no such instance."""
    return _engine_of(instance.server_id).moves.whereabouts(instance.database_name).identity


def backups_of(instance):
    """All backups of the instance, also after its end: values for `saas.backup`, by their names."""
    if not instance.identity:
        return {}
    found = _engine_of(instance.server_id).backups.all(identity=instance.identity)
    return {backup.backup: _values(backup) for backup in found}


def prove_backup(instance, reference, on_step):
    """Restore a backup beside and compare; return what was found, as values for `saas.backup`."""
    return _proof(_engine_of(instance.server_id).backups.prove(reference, on_step))


def restore_backup(instance, reference, on_step):
    """Give the instance the data of a backup; the data of now is kept beside."""
    _engine_of(instance.server_id).backups.restore(reference, instance.database_name, on_step)


def put_back(instance, on_step):
    """Swap the instance's data with what is kept beside."""
    _engine_of(instance.server_id).backups.put_back(instance.database_name, on_step)


def confirm_restore(instance):
    """Remove what is kept beside."""
    _engine_of(instance.server_id).backups.confirm(instance.database_name)


def has_former_data(instance):
    """Whether data of it is kept since a restore, as far as its server tells."""
    with suppress(TenantryError):
        return instance.database_name in [it.name for it in _engine_of(instance.server_id).backups.kept()]
    return instance.has_former_data


def prune_backups(server, plans, final_days):
    """Remove what the plans do not keep from the server's store; return the names of what was removed.

    plans: by the identities of all instances, since servers may share a store. final_days: how long the
    backups of terminated instances are kept.
    """
    kept = {
        identity: Retention(
            daily=plan.backup_retention_days,
            weekly=plan.backup_retention_weeks,
            monthly=plan.backup_retention_months,
            final_days=final_days,
        )
        for identity, plan in plans.items()
    }
    return _engine_of(server).backups.prune(of=kept).removed


def sweep_kept(server):
    """Remove the data that was kept long enough after restores; return the instances that still have some."""
    backups = _engine_of(server).backups
    backups.sweep()
    return [kept.name for kept in backups.kept()]


def _values(backup):
    return {
        "made_at": _utc(backup.made_at),
        "reason": str(backup.reason),
        "size_mb": backup.size_bytes / 2**20,
        "file_count": backup.files,
        **_proof(backup.proof),
    }


def _proof(proof):
    if not proof:
        return {"proof_state": "not_yet", "proved_at": False, "restore_s": 0, "proof_detail": False}
    return {
        "proof_state": str(proof.state),
        "proved_at": _utc(proof.proved_at),
        "restore_s": proof.restore_s,
        "proof_detail": proof.detail or False,
    }
