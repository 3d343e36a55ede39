"""The events, and who is notified of each: one row per event, in one table.

`record._emit(event, **facts)` notifies them. Other addons notify others: webhooks send the events that are
`is_public`.
"""

from dataclasses import dataclass

from odoo.tools.translate import LazyTranslate

_lt = LazyTranslate(__name__)

_LIVES = frozenset({"active", "suspended", "expired"})


@dataclass(frozen=True)
class Mail:
    """A mail about the record.

    template: the XML id of its template, without `mail_template_`. due_in: the states in which a mail that
    had to wait is still true; any state, if empty. wanted_by: the customer's field that switches the mail
    off. Mails that the customer must get (first login, a debt, a deletion) have none and are always sent.
    """

    template: str
    due_in: frozenset = frozenset()
    wanted_by: str = ""


@dataclass(frozen=True, eq=False)
class Event:
    """mails: the mails to send; by: the method that sends them, where other code may override it.

    log: the level of the line in the instance's log. activity: the summary of the operators' activity. Both
    show the fact `reason`. repeats: create the activity even if the same one is open. is_public: other
    programs are notified, too.
    """

    mails: tuple = ()
    by: str = ""
    log: str = ""
    activity: object = None
    repeats: bool = False
    is_public: bool = False


EVENTS = {
    "instance.provisioned": Event(
        mails=(Mail("instance_provisioned", _LIVES), Mail("customer_instance_provisioned", _LIVES)),
        by="_send_provisioning_email",
        is_public=True,
    ),
    "instance.suspended": Event(
        mails=(Mail("instance_suspended", frozenset({"suspended", "expired"}), "saas_mail_states"),),
        by="_send_suspension_email",
        is_public=True,
    ),
    "instance.reactivated": Event(
        mails=(Mail("instance_reactivated", frozenset({"active"}), "saas_mail_states"),),
        by="_send_reactivation_email",
        is_public=True,
    ),
    "instance.terminated": Event(
        mails=(Mail("instance_terminated"),), by="_send_termination_email", is_public=True
    ),
    "instance.login_link_asked": Event(mails=(Mail("login_link", frozenset({"active"})),)),
    "instance.password_link_asked": Event(mails=(Mail("password_link", frozenset({"active"})),)),
    "instance.access_given": Event(mails=(Mail("access_given"),)),
    "instance.renamed": Event(mails=(Mail("instance_renamed", _LIVES),), is_public=True),
    "instance.moved": Event(is_public=True),
    "instance.stopped": Event(is_public=True),
    "instance.started": Event(is_public=True),
    "instance.restarted": Event(is_public=True),
    "instance.plan_changed": Event(is_public=True),
    "instance.domains_changed": Event(is_public=True),
    "instance.modules_installed": Event(is_public=True),
    "instance.provisioning_failed": Event(
        mails=(Mail("provisioning_failed"),), activity=_lt("%s failed"), repeats=True, is_public=True
    ),
    "instance.operation_failed": Event(activity=_lt("%s failed"), repeats=True),
    "instance.not_blocked": Event(log="warning", activity=_lt("%s must be suspended by hand")),
    "instance.hostname_failing": Event(log="warning", activity=_lt("A domain of %s fails"), repeats=True),
    "instance.not_entitled": Event(log="error", activity=_lt("It does not know its current plan")),
    "instance.over_limit": Event(log="warning", activity=_lt("More users than the plan allows")),
    "instance.down": Event(mails=(Mail("instance_down"),)),
    "instance.backed_up": Event(is_public=True),
    "instance.restored": Event(is_public=True),
    "instance.backup_failed": Event(mails=(Mail("backup_failed"),)),
    "instance.backup_not_good": Event(log="error", activity=_lt("A backup of %s is not good"), repeats=True),
    "subscription.expiring": Event(
        mails=(Mail("subscription_expiring", frozenset({"active"}), "saas_mail_renewals"),), is_public=True
    ),
    "subscription.trial_ending": Event(
        mails=(Mail("trial_ending", frozenset({"trial"}), "saas_mail_trials"),), is_public=True
    ),
    "subscription.payment_overdue": Event(
        mails=(Mail("payment_overdue", frozenset({"past_due"})),), is_public=True
    ),
    "request.unconfirmed": Event(mails=(Mail("verify_email"),)),
}
MAILS = {
    f"saas_manager.mail_template_{mail.template}": mail for event in EVENTS.values() for mail in event.mails
}
"""By the XML ids of their templates."""
