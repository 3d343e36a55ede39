"""The transitions between states, for each kind of record, in one table.

The engine's rows of operations define the operations on live instances, and are added to it. This module
imports nothing, so that the diagrams in `docs/states.md` can be drawn from it.
"""

# (action, state it is allowed in): state it leads to
INSTANCE = {
    ("provision", "draft"): "provisioning",
    ("provision", "failed"): "provisioning",
    ("activate", "provisioning"): "active",
    ("fail", "provisioning"): "failed",
    ("discard", "failed"): "terminated",
}

REQUEST = {
    ("submit", "draft"): "submitted",
    ("validate", "submitted"): "validated",
    ("process", "validated"): "processing",
    ("complete", "processing"): "completed",
    ("fail", "submitted"): "failed",
    ("fail", "validated"): "failed",
    ("fail", "processing"): "failed",
    ("retry", "failed"): "submitted",
    ("cancel", "draft"): "cancelled",
    ("cancel", "submitted"): "cancelled",
    ("cancel", "validated"): "cancelled",
    ("cancel", "failed"): "cancelled",
}

SUBSCRIPTION = {
    ("start_trial", "draft"): "trial",
    ("activate", "draft"): "active",
    ("activate", "trial"): "active",
    ("renew", "active"): "active",
    ("fall_due", "active"): "past_due",
    ("suspend", "past_due"): "suspended",
    ("expire", "trial"): "expired",
    ("expire", "past_due"): "expired",
    ("pay", "active"): "active",
    ("pay", "past_due"): "active",
    ("pay", "suspended"): "active",
    ("pay", "expired"): "active",
    ("cancel", "draft"): "cancelled",
    ("cancel", "trial"): "cancelled",
    ("cancel", "active"): "cancelled",
    ("cancel", "past_due"): "cancelled",
    ("cancel", "suspended"): "cancelled",
    ("cancel", "expired"): "cancelled",
}

TEMPLATE = {
    ("build", "draft"): "building",
    ("build", "failed"): "building",
    ("build", "ready"): "building",
    ("build", "stale"): "building",
    ("finish", "building"): "ready",
    ("fail", "building"): "failed",
    ("edit", "ready"): "editing",
    ("edit", "stale"): "editing",
    ("take_back", "editing"): "building",
    ("outdate", "ready"): "stale",
}

HOSTNAME = {
    ("verify", "pending"): "verified",
    ("verify", "verified"): "verified",
    ("serve", "verified"): "live",
    ("fail", "pending"): "failing",
    ("fail", "verified"): "failing",
    ("fail", "live"): "failing",
    ("retry", "failing"): "pending",
    ("release", "verified"): "pending",
    ("change", "pending"): "pending",
    ("change", "verified"): "pending",
    ("change", "live"): "pending",
    ("change", "failing"): "pending",
}


def tables(transitions):
    """The transitions of each model, by its name. transitions: the engine's, in the same form."""
    return {
        "saas.instance": {**INSTANCE, **transitions},
        "saas.instance.hostname": HOSTNAME,
        "saas.instance.request": REQUEST,
        "saas.subscription": SUBSCRIPTION,
        "saas.template": TEMPLATE,
    }


def after(table, action, state):
    """The state `action` leads to; None when it is not allowed in `state`."""
    return table.get((action, state))
