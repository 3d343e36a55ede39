"""Send a mail again that was refused for a while only; Odoo would leave it failed.

Odoo's own queue sends it, at a time at which it is triggered. What must be remembered is with the mail's
headers: the databases of older versions of this module get no columns and no jobs of ours.
"""

import ast
import sys
from datetime import datetime

from odoo import fields, models

from ..tools import retries

_REMEMBERED = "X-Tenantry-Retry"


class MailMail(models.Model):
    _inherit = "mail.mail"

    def send(self, auto_commit=False, raise_exception=False, **options):
        """With raise_exception the caller is told that it failed: such mails are not sent again."""
        mails = self.with_context(saas_sending=None if raise_exception else retries.Sending())
        return super(MailMail, mails).send(
            auto_commit=auto_commit, raise_exception=raise_exception, **options
        )

    def _prepare_outgoing_list(self, *arguments, **options):
        """Leave out the recipients who got it before another one was refused."""
        sent = self._remembered().get("sent", ())
        emails = super()._prepare_outgoing_list(*arguments, **options)
        emails = [email for email in emails if _key(email) not in sent]
        for email in emails:
            email["headers"].pop(_REMEMBERED, None)
        if sending := self.env.context.get("saas_sending"):
            sending.begin(self.id, map(_key, emails))
        return emails

    def _postprocess_sent_message(self, success_pids, *arguments, **options):
        mails = self
        if not options.get("failure_type"):
            mails._remember({})
        elif self.env.context.get("saas_sending") and retries.is_for_a_while(sys.exc_info()[1]):
            waiting = self.filtered(lambda mail: mail._send_later())
            waiting._notify_later(success_pids)
            mails -= waiting
        return super(MailMail, mails)._postprocess_sent_message(success_pids, *arguments, **options)

    def _send_later(self):
        """Put it back into the queue; False: it has waited too long, or there is no queue."""
        # sudo: users who may send mails cannot read jobs
        queue = self.env.ref("mail.ir_cron_mail_scheduler_action", raise_if_not_found=False)
        known, now = self._remembered(), fields.Datetime.now()
        since = _time(known.get("since")) or now
        at = retries.next_try(now, since)
        sent = [*known.get("sent", ()), *self.env.context["saas_sending"].sent_of(self.id)]
        if not at or not queue or not queue.sudo().active:
            # Who sends it again by hand begins anew, but not with those who got it.
            self._remember({"sent": sent} if sent else {})
            return False
        self._remember({"since": since.isoformat(), "sent": sent})
        self.write({"state": "outgoing", "scheduled_date": at})
        _wake(queue.sudo(), at)
        return True

    def _notify_later(self, success_pids):
        """Who got the mail is notified; Odoo has marked all of them as failed."""
        found = self.env["mail.notification"].search(
            [
                ("notification_type", "=", "email"),
                ("mail_mail_id", "in", self.ids),
                ("notification_status", "not in", ("sent", "canceled")),
            ]
        )
        notified = found.filtered(lambda notification: notification.res_partner_id in success_pids)
        # sudo: as Odoo marks them
        for notifications, status in ((notified, "sent"), (found - notified, "ready")):
            notifications.sudo().write(
                {"notification_status": status, "failure_type": False, "failure_reason": False}
            )

    def _remembered(self):
        """since: when it was refused first, in ISO 8601. sent: the keys of the emails that were sent."""
        known = _headers(self).get(_REMEMBERED)
        return known if isinstance(known, dict) else {}

    def _remember(self, known):
        for mail in self:
            headers = _headers(mail)
            if known or _REMEMBERED in headers:
                headers.pop(_REMEMBERED, None)
                mail.headers = repr(headers | ({_REMEMBERED: known} if known else {}))


def _headers(mail):
    """As Odoo reads them; {} if it cannot."""
    try:
        headers = ast.literal_eval(mail.headers or "{}")
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return {}
    return headers if isinstance(headers, dict) else {}


def _time(text):
    try:
        return datetime.fromisoformat(text)
    except (ValueError, TypeError):
        return None


def _key(email):
    """What tells a mail's emails apart."""
    partner = email.get("partner_id")
    return partner.id if partner else ", ".join([*(email["email_to"] or ()), *(email.get("email_cc") or ())])


def _wake(queue, at):
    """Run the queue at that time, if it does not run then anyhow."""
    triggers = queue.env["ir.cron.trigger"]
    if not triggers.search_count([("cron_id", "=", queue.id), ("call_at", "=", at)], limit=1):
        queue._trigger(at=at)
