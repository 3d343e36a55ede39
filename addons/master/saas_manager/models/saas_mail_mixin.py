"""Sends mails about a record from a job, after the commit, so that a failing mail never blocks anything."""

import logging
from smtplib import SMTPException

from markupsafe import Markup
from odoo import SUPERUSER_ID, api, models
from odoo.addons.base.models.ir_mail_server import MailDeliveryException
from odoo.addons.queue_job.exception import RetryableJobError
from odoo.addons.queue_job.job import ENQUEUED, PENDING, WAIT_DEPENDENCIES
from odoo.tools.mail import email_normalize_all, formataddr

from ..events import EVENTS, MAILS
from ..mail_errors import reason_of
from .step_log import StepLog

_logger = logging.getLogger(__name__)

_MAX_RETRIES = 13
"""With the delays in `queue_job_data.xml`, a mail server may be down for a day."""
_HEADERS = {"Auto-Submitted": "auto-generated"}
"""RFC 3834: automatic replies do not answer automatic mails."""
_MASK = "••••••••"
_SENDING_ERRORS = (MailDeliveryException, SMTPException, OSError, RetryableJobError)


class SaasMailMixin(models.AbstractModel):
    """For models with chatter and activities."""

    _name = "saas.mail.mixin"
    _inherit = "saas.event.mixin"
    _description = "SaaS Mail Mixin"

    def _emit(self, event, **facts):
        result = super()._emit(event, **facts)
        row = EVENTS[event]
        if row.by:
            getattr(self, row.by)()
        else:
            for mail in row.mails:
                self._enqueue_mail(f"saas_manager.mail_template_{mail.template}")
        return result

    def _enqueue_mail(self, template):
        """Let a job send the mail template with this XML id about each record."""
        for record in self.sudo():
            record.with_delay(
                channel="root.saas_mail",
                description=self.env._("Mail about %s", record.display_name),
                identity_key=record._mail_key(template),
                max_retries=_MAX_RETRIES,
            )._deliver_mail(template)

    def _mail_key(self, template):
        """The identity key of the job that sends the mail."""
        return f"{self._name}.{template}.{self.id}"

    def _mail_job(self, template):
        """The job that is to send the mail; there is an index for such jobs only."""
        # sudo: users who cause mails need not see jobs
        jobs = self.env["queue.job"].sudo()
        to_come = ("state", "in", (WAIT_DEPENDENCIES, PENDING, ENQUEUED))
        return jobs.search([("identity_key", "=", self._mail_key(template)), to_come], limit=1)

    @api.model
    def _waiting_mails_domain(self):
        """The jobs of mails that could not be sent so far."""
        return [("method_name", "=", "_deliver_mail"), ("state", "=", "pending"), ("retry", ">", 0)]

    @api.model
    def _hurry_mails(self):
        """Try waiting mails at once: what they waited for may be there now."""
        # sudo: see above
        self.env["queue.job"].sudo().search(self._waiting_mails_domain()).eta = False

    def _deliver_mail(self, template):
        """Job: render and send the mail. Raises RetryableJobError while the mail server does not accept it.

        The mail comes from the system, whoever caused it: no personal mail server, no personal author.
        """
        self.ensure_one()
        record = self.with_user(SUPERUSER_ID).with_company(self.sudo().company_id)
        if not record._is_mail_due(template):
            return self.env._("Nothing to do: the mail is no longer true.")
        if not record._is_mail_wanted(template):
            return record._note_unwanted_mail(template)
        try:
            return record._send_mail_now(template)
        except _SENDING_ERRORS as error:
            reason = record._reason_not_sent(template, error)
            record._log_mail("warning", reason)
            raise RetryableJobError(reason) from error

    def _reason_not_sent(self, template, error):
        """Which mail could not be sent, and why, in sentences."""
        obstacle = self.env["saas.provider"]._mail_obstacle(self.company_id)
        name = self._mail_template(template).name
        why = obstacle or reason_of(self.env, error)
        return self.env._("The mail \u201c%(mail)s\u201d could not be sent. %(why)s", mail=name, why=why)

    def _is_mail_due(self, template):
        mail = MAILS.get(template)
        return not (mail and mail.due_in) or self.state in mail.due_in

    def _is_mail_wanted(self, template):
        """M4: the customer may have switched off this kind of mail."""
        mail = MAILS.get(template)
        return not (mail and mail.wanted_by) or self.partner_id[mail.wanted_by]

    def _note_unwanted_mail(self, template):
        name = self._mail_template(template).name
        note = self.env._("Not sent: %s. The customer does not want such mails.", name)
        self._log_mail("info", note)
        return note

    def _send_mail_now(self, template):
        addresses = self._mail_addresses(template)
        if not addresses:
            return self._mail_has_no_address(template)
        secrets = self._mail_secrets(template)
        note = self._mail_note(template, addresses, secrets)
        # A sent mail cannot be taken back, so everything that may fail or be retried comes before.
        self._mail_record().message_post(body=note, subtype_xmlid="mail.mt_note")
        self._mail_sent(template)
        self.env.flush_all()
        self._send_or_raise(self._mail_template(template, **secrets))
        return self.env._("Sent to %s.", ", ".join(addresses))

    def _send_or_raise(self, renderer):
        """Send the mail now. Raises MailDeliveryException, which rolls everything back."""
        # Sent mails are deleted with their secrets; unsent ones are rolled back.
        if not self._mail_sender():
            raise MailDeliveryException(self.env["saas.provider"]._mail_obstacle(self.company_id))
        values = {"auto_delete": True, "headers": repr(_HEADERS)}
        mail = renderer.send_mail(self.id, force_send=True, raise_exception=True, email_values=values)
        failed = self.env["mail.mail"].browse(mail).exists().filtered(lambda m: m.state == "exception")
        if failed:
            raise MailDeliveryException(failed.failure_reason)

    def _mail_template(self, template, **context):
        return self.env.ref(template).with_context(operators=self._operator_addresses(), **context)

    def _mail_sender(self):
        """The sender of all mails about the record: an address of the provider."""
        return self.env["saas.provider"]._sender_for(self.company_id)

    def _customer_address(self):
        """Where mails to the customer go: to their contact, or else to their instance's administrator."""
        if self.partner_id.email_normalized:
            return self.partner_id.email_formatted
        administrator = self._mail_record().admin_email
        return formataddr((self.partner_id.name or "", administrator)) if administrator else ""

    def _customer_and_administrator(self):
        """Where mails go that whoever logs in must read: to the customer, and to another administrator."""
        administrator = self._mail_record().admin_email or ""
        customer = self._customer_address()
        is_same = administrator in email_normalize_all(customer)
        return customer if is_same else ", ".join(filter(None, (customer, administrator)))

    def _mail_addresses(self, template):
        """The valid addresses among the template's recipients."""
        values = self._mail_template(template)._generate_template([self.id], ("email_to", "partner_to"))
        partners = self.env["res.partner"].browse(values[self.id].get("partner_ids", []))
        found = [values[self.id]["email_to"], *partners.mapped("email")]
        return email_normalize_all(", ".join(filter(None, found)))

    def _mail_note(self, template, addresses, secrets):
        """The mail for the chatter: rendered without its secrets."""
        masked = {name: "#" if "://" in value else _MASK for name, value in secrets.items()}
        renderer = self._mail_template(template, **masked)
        values = renderer._generate_template([self.id], ("subject", "body_html"))[self.id]
        title = self.env._(
            "Mail sent: %(subject)s to %(address)s", subject=values["subject"], address=", ".join(addresses)
        )
        return Markup("<p>%s</p>%s") % (title, Markup(values["body_html"]))

    def _mail_secrets(self, template):
        """Values that the mail shows and the chatter does not, by their names in the template's `ctx`."""
        return {}

    def _mail_sent(self, template):
        """Called right before the mail is sent; rolled back if the mail server refuses it."""

    def _mail_record(self):
        """The record whose chatter and log note the mail: the instance, once there is one."""
        return self.instance_id or self

    # ------------------------------------------------------------ operators and failures

    def _operators(self):
        """The administrators who can see this record."""
        users = self.env.ref("saas_manager.group_saas_administrator").sudo().all_user_ids
        return users.filtered(lambda user: user.active and self.company_id in user.company_ids)

    def _operator_addresses(self):
        """The operators' addresses, or else the company's."""
        found = self._operators().filtered("email_normalized").mapped("email_formatted")
        return ", ".join(found) or self.company_id.email_formatted or ""

    def _mail_has_no_address(self, template):
        mail = self._mail_template(template)
        is_ours = "operators" in (mail.email_to or "")
        whose = self.env._("the operators") if is_ours else self.partner_id.display_name
        reason = self.env._(
            "The mail \u201c%(mail)s\u201d was not sent: no valid address of %(whose)s is known.",
            mail=mail.name,
            whose=whose or "-",
        )
        self._log_mail("warning", reason)
        self._alert_operators(reason)
        return reason

    def _on_mail_failed(self, exc_message="", **_values):
        """Called by the queue when it gives a mail up."""
        record = self.with_user(SUPERUSER_ID)
        reason = str(exc_message) or self.env._("A mail could not be sent; see the job.")
        record._log_mail("error", reason)
        record._alert_operators(reason)

    def _alert_operators(self, reason):
        values = {"summary": self.env._("Mail not sent"), "note": reason}
        for operator in self._operators():
            self._mail_record().activity_schedule(
                "mail.mail_activity_data_warning", user_id=operator.id, **values
            )

    def _log_mail(self, level, message):
        """Write a log line at once, in its own transaction, whatever happens to the job."""
        record = self._mail_record()
        if record._name == "saas.instance":
            with StepLog(record) as log:
                log.tell(level, message)
        else:
            _logger.warning("%s: %s", record.display_name, message)


class SaasSubscription(models.Model):
    _name = "saas.subscription"
    _inherit = ["saas.subscription", "saas.mail.mixin"]


class SaasInstanceRequest(models.Model):
    _name = "saas.instance.request"
    _inherit = ["saas.instance.request", "mail.activity.mixin", "saas.mail.mixin"]
