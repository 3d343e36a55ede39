"""What the back office adds to the engine's rows of operations: one row for each, with the same name.

Buttons, jobs, labels and events are derived from both; `ENGINE` is the engine's table.
"""

from dataclasses import dataclass, field

from odoo.tools.translate import LazyTranslate

from . import gateway

_lt = LazyTranslate(__name__)

ENGINE, REMOTE = gateway.OPERATIONS, gateway.REMOTE

_AT_REST = {"health": "unknown", "health_message": False}
_WELL = {"health": "healthy", "health_message": False}


@dataclass(frozen=True, eq=False)
class Operation:
    """How the back office runs and shows an operation.

    label: what is going on, for the record. job: the job's description, with the instance's name. act: the
    method that runs it, with the log as argument; without one, the engine runs it and the record is updated.
    stamp: the field for the time of its end. values: other values to write on the record. event: the event to
    emit. channel: the job's, if not the server's. group: the group that may run it, and refusal: the message
    for others. only_engine_knows: only the engine knows how it ended, if its job was lost.
    """

    label: str
    job: object
    act: str = ""
    stamp: str = ""
    values: dict = field(default_factory=dict)
    event: str = ""
    channel: str = ""
    group: str = "saas_manager.group_saas_manager"
    refusal: object = None
    only_engine_knows: bool = False


OPERATIONS = {
    "provision": Operation("Being created", _lt("Create %s"), act="_provision_in_steps"),
    "suspend": Operation(
        "Being suspended",
        _lt("Suspend %s"),
        stamp="suspended_at",
        values=_AT_REST,
        event="instance.suspended",
    ),
    "expire": Operation(
        "Being suspended, its subscription has ended",
        _lt("Suspend %s"),
        stamp="suspended_at",
        values=_AT_REST,
        event="instance.suspended",
    ),
    "reactivate": Operation(
        "Being reactivated",
        _lt("Reactivate %s"),
        stamp="reactivated_at",
        values={"state_reason": False, **_WELL},
        event="instance.reactivated",
    ),
    "terminate": Operation(
        "Being terminated",
        _lt("Terminate %s"),
        act="_delete_database",
        stamp="terminated_at",
        values={
            "admin_password_sealed": False,
            "state_reason": False,
            "left_server_id": False,
            "has_former_data": False,
            "wanted": False,
            **_AT_REST,
        },
        event="instance.terminated",
        group="saas_manager.group_saas_administrator",
        refusal=_lt("Only a SaaS administrator may terminate an instance."),
    ),
    "stop": Operation("Being stopped", _lt("Stop %s"), values=_AT_REST, event="instance.stopped"),
    "start": Operation("Being started", _lt("Start %s"), values=_WELL, event="instance.started"),
    "restart": Operation("Being restarted", _lt("Restart %s"), values=_WELL, event="instance.restarted"),
    "rename": Operation(
        "Being moved to another subdomain",
        _lt("Rename %s"),
        act="_rename_in_steps",
        values={"wanted": False},
        event="instance.renamed",
        only_engine_knows=True,
    ),
    "move": Operation(
        "Being moved to another server",
        _lt("Move %s"),
        act="_move_in_steps",
        stamp="moved_at",
        values={"target_server_id": False, **_WELL},
        event="instance.moved",
        only_engine_knows=True,
    ),
    "backup": Operation(
        "Being backed up",
        _lt("Back up %s"),
        act="_back_up_in_steps",
        stamp="backed_up_at",
        values={"wanted": False},
        event="instance.backed_up",
        channel="root.saas_backup",
    ),
    "restore": Operation(
        "Being restored",
        _lt("Restore %s"),
        act="_restore_in_steps",
        stamp="restored_at",
        values={"wanted": False},
        event="instance.restored",
        only_engine_knows=True,
    ),
    "put_back": Operation(
        "Getting back its data from before the restore",
        _lt("Put back the data of %s"),
        act="_put_back_in_steps",
        event="instance.restored",
        only_engine_knows=True,
    ),
    "set_domains": Operation(
        "Getting other domains",
        _lt("Set the domains of %s"),
        act="_set_domains_at_once",
        event="instance.domains_changed",
        only_engine_knows=True,
    ),
    "install": Operation(
        "Getting modules",
        _lt("Install modules in %s"),
        act="_install_at_once",
        values={"wanted": False},
        event="instance.modules_installed",
        channel="root.saas_build",  # it may take minutes
    ),
}


def hidden_when(operation):
    """The expression that hides its button: not allowed, nothing to change, or an operation is running."""
    row = ENGINE[operation]
    terms = [f"state not in {list(row.before)}", "operation"]
    if row.needs_running or (not row.after and row.run_state == "stopped"):
        terms.append("run_state == 'stopped'")
    elif not row.after and row.run_state == "running":
        terms.append("run_state != 'stopped'")
    terms += [f"runtime in {runtimes}"] if (runtimes := gateway.runtimes_without(operation)) else []
    return " or ".join(terms)
