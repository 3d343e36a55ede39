"""Send a mail again that was refused for a while only; Odoo would leave it failed.

Odoo's own queue sends it, at a time at which it is triggered. What must be remembered is with the mail's
headers: the databases of older versions of this module get no columns and no jobs of ours.
"""

import sys

from odoo import fields, models

from ..tools import retries


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
        memory = retries.Memory.of(self.headers)
        emails = super()._prepare_outgoing_list(*arguments, **options)
        emails = [email for email in emails if _key(email) not in memory.sent]
        for email in emails:
            email["headers"].pop(retries.HEADER, None)
            email["email_to_normalized"] = memory.left_of(_key(email), email["email_to_normalized"])
        if sending := self.env.context.get("saas_sending"):
            sending.begin(self.id, map(_key, emails))
        return emails

    def _postprocess_sent_message(self, success_pids, success_emails, *arguments, **options):
        mails, sending = self, self.env.context.get("saas_sending")
        if not options.get("failure_type"):
            self._remember({mail: retries.Memory() for mail in self})
        elif sending:
            known = {mail: mail._remembered_after(sending) for mail in self}
            waiting = self._send_later(known) if retries.is_for_a_while(sys.exc_info()[1]) else self.browse()
            waiting._notify_later(success_pids, success_emails)
            mails -= waiting
            # Who sends it again by hand begins anew, but not with those who got it.
            mails._remember({mail: retries.Memory(sent=known[mail].sent) for mail in mails})
        return super(MailMail, mails)._postprocess_sent_message(
            success_pids, success_emails, *arguments, **options
        )

    def _remembered_after(self, sending):
        known = retries.Memory.of(self.headers)
        sent = (*known.sent, *sending.sent_of(self.id))
        return retries.Memory(known.since_or(fields.Datetime.now()), sent)

    def _send_later(self, known):
        """Put mails back into the queue; return them, without those that have waited too long.

        known: by mail, what is remembered.
        """
        # sudo: users who may send mails cannot read jobs
        queue = self.env.ref("mail.ir_cron_mail_scheduler_action", raise_if_not_found=False)
        now, waiting = fields.Datetime.now(), self.browse()
        if not queue or not queue.sudo().active:
            return waiting
        for mail in self:
            if at := retries.next_try(now, known[mail].since):
                mail.write({"state": "outgoing", "scheduled_date": at})
                _wake(queue.sudo(), at)
                waiting += mail
        waiting._remember(known)
        return waiting

    def _notify_later(self, success_pids, success_emails):
        """Who got the mail is notified; Odoo has marked all of them as failed."""
        found = self.env["mail.notification"].search(
            [
                ("notification_type", "=", "email"),
                ("mail_mail_id", "in", self.ids),
                ("notification_status", "not in", ("sent", "canceled")),
            ]
        )
        notified = found.filtered(
            lambda it: it.res_partner_id in success_pids or it.mail_email_address in success_emails
        )
        # sudo: as Odoo marks them
        for notifications, status in ((notified, "sent"), (found - notified, "ready")):
            notifications.sudo().write(
                {"notification_status": status, "failure_type": False, "failure_reason": False}
            )

    def _remember(self, known):
        """known: by mail."""
        for mail in self:
            headers = known[mail].kept_in(mail.headers)
            if headers != mail.headers:
                mail.headers = headers


def _key(email):
    """What tells a mail's emails apart."""
    partner = email.get("partner_id")
    return partner.id if partner else ", ".join([*(email["email_to"] or ()), *(email.get("email_cc") or ())])


def _wake(queue, at):
    """Run the queue at that time, if it does not run then anyhow."""
    triggers = queue.env["ir.cron.trigger"]
    if not triggers.search_count([("cron_id", "=", queue.id), ("call_at", "=", at)], limit=1):
        queue._trigger(at=at)
