"""How an instance runs and who can log in: health, process, support, and the mails with its credentials."""

from odoo import api, fields, models
from odoo.addons.queue_job.exception import RetryableJobError
from odoo.exceptions import UserError

from .. import gateway
from ..exceptions import InvalidState

_SOON_S = 5
_FACTS = (
    "process_state",
    "process_message",
    "awake_since",
    "process_memory_mb",
    "process_cpu_s",
    "process_received_mb",
    "process_sent_mb",
    "process_requests",
    "process_websockets",
    "next_job_at",
)
_MAIL_FACTS = (
    "mail_message",
    "mail_sent",
    "mail_per_hour",
    "mail_refused",
    "mail_refusal",
    "mail_refused_at",
)
_PROVISIONED = "saas_manager.mail_template_instance_provisioned"
_PROVISIONED_TOO = "saas_manager.mail_template_customer_instance_provisioned"
_LINKS = ("saas_manager.mail_template_login_link", "saas_manager.mail_template_password_link")


class SaasInstance(models.Model):
    _name = "saas.instance"
    _inherit = ["saas.instance", "saas.mail.mixin"]

    run_state = fields.Selection(
        [("running", "Running"), ("stopped", "Stopped"), ("unknown", "Unknown")],
        required=True,
        default="unknown",
        readonly=True,
        copy=False,
    )
    health = fields.Selection(
        [("healthy", "Healthy"), ("warning", "Warning"), ("critical", "Critical"), ("unknown", "Unknown")],
        required=True,
        default="unknown",
        readonly=True,
        copy=False,
        index=True,
    )
    health_message = fields.Char(readonly=True, copy=False)
    last_activity_at = fields.Datetime(string="Last Activity", readonly=True, copy=False)
    checked_at = fields.Datetime(string="Last Check", readonly=True, copy=False)
    process_state = fields.Selection(
        [("awake", "Awake"), ("asleep", "Asleep"), ("broken", "Cannot Be Loaded")],
        string="Process",
        compute="_compute_process",
    )
    process_message = fields.Char(
        compute="_compute_process", help="Why there is no information about its process."
    )
    awake_since = fields.Datetime(compute="_compute_process")
    process_memory_mb = fields.Float(
        string="Memory (MB)",
        compute="_compute_process",
        help="Its own memory, without what it shares with other processes.",
    )
    process_cpu_s = fields.Float(string="CPU Time (s)", digits=(12, 1), compute="_compute_process")
    process_received_mb = fields.Float(
        string="Received (MB)",
        digits=(12, 1),
        compute="_compute_process",
        help="By its container's network, without what visitors sent.",
    )
    process_sent_mb = fields.Float(
        string="Sent (MB)",
        digits=(12, 1),
        compute="_compute_process",
        help="By its container's network, without what visitors got.",
    )
    process_requests = fields.Integer(string="HTTP Requests", compute="_compute_process")
    process_websockets = fields.Integer(
        string="WebSockets", compute="_compute_process", help="Browsers that it notifies of changes."
    )
    next_job_at = fields.Datetime(
        string="Next Scheduled Job", compute="_compute_process", help="It wakes the instance."
    )

    install_log = fields.Text(
        string="Odoo's Log",
        compute="_compute_install_log",
        groups="saas_manager.group_saas_administrator",
        exportable=False,
    )
    mail_message = fields.Char(compute="_compute_mail", help="Why there are no figures of its mails.")
    mail_sent = fields.Integer(
        string="Recipients in the Last Hour", compute="_compute_mail", help="By your mail server."
    )
    mail_per_hour = fields.Integer(string="Limit of Recipients", compute="_compute_mail")
    mail_refused = fields.Integer(
        string="Refused Mails",
        compute="_compute_mail",
        help="Mails that your mail server refused, wholly or for some recipients, since the tenant server "
        "started. Mails that come back later are in the log.",
    )
    mail_refusal = fields.Char(string="Last Refusal", compute="_compute_mail")
    mail_refused_at = fields.Datetime(string="Last Refused", compute="_compute_mail")

    @api.depends("state", "run_state", "database_name", "server_id")
    def _compute_process(self):
        """Read the processes of served instances; do not wake them, or wait for a server that is down."""
        served = self.filtered(
            lambda it: (
                it.state == "active"
                and it.run_state != "stopped"
                and it.database_name
                and it._can(gateway.Ability.MEASURE)
            )
        )
        found = gateway.activities(served)
        unknown = {"process_message": self.env._("The tenant server has no information about it.")}
        for instance in self:
            known = found.get(instance, unknown) if instance in served else {}
            instance.update({name: known.get(name, False) for name in _FACTS})

    @api.depends("operation", "failure", "database_name")
    def _compute_install_log(self):
        """Read it when it is shown: while modules are installed, and after that failed."""
        for instance in self:
            last = instance.operation or (instance.failure and instance._last_operation())
            is_shown = instance.id and instance.database_name and last == "install"
            instance.install_log = gateway.install_log(instance) if is_shown else False

    def _last_operation(self):
        lines = [("instance_id", "in", self.ids), ("operation", "!=", False)]
        return self.env["saas.instance.log"].search(lines, limit=1).operation

    @api.depends("state", "database_name", "server_id")
    def _compute_mail(self):
        """Read what served instances sent, once for each server; not while a form is filled in."""
        served = self.filtered(
            lambda it: it.id and it.state == "active" and it.database_name and it._can(gateway.Ability.MAIL)
        )
        (self - served).update(dict.fromkeys(_MAIL_FACTS, False))
        for server, there in served.grouped("server_id").items():
            known = server._mail_traffic(there.mapped("database_name"))
            unknown = {"mail_message": server._no_mail_traffic(known)}
            for instance in there:
                facts = (known or {}).get(instance.database_name, unknown)
                instance.update({name: facts.get(name, False) for name in _MAIL_FACTS})

    def action_refresh_process(self):
        """Reload the form, as any button does."""
        self.check_access("read")

    # ------------------------------------------------------------ health

    def action_check_health(self):
        self.check_access("write")
        self._check_health()

    def _check_health(self):
        """H1: probe the instance, count users and bytes, and note the result."""
        for instance in self:
            # sudo: users cannot write measured values
            instance.sudo().write(instance._measured())

    def _measured(self):
        """Measure it; return values for its record: a health only of what runs, a time only with figures."""
        measured = gateway.measure(self)
        unfit = set() if self.state == "active" else {"health", "health_message"}
        now = {"checked_at": fields.Datetime.now()} if "user_count" in measured else {}
        return {name: value for name, value in {**measured, **now}.items() if name not in unfit}

    def _measure(self):
        """Job: the first figures of a new instance, which the hourly run would bring up to an hour later.

        They are written in a short transaction of their own, and only if nothing is being done with it: an
        operation that begins meanwhile must not be run again for them. The job then tries again itself.
        """
        self.ensure_one()
        if self.state != "active":
            return
        idle = self.filtered(lambda it: not it.operation)
        if idle:
            measured = self._measured()
            with self.env.registry.cursor() as cursor:
                now = self.with_env(self.env(cr=cursor)).try_lock_for_update(allow_referencing=True)
                idle = now.filtered(lambda it: it.state == "active" and not it.operation)
                idle.write(measured)
        if not idle:
            message = self.env._("%s could not be measured yet: something is being done with it.", self.name)
            raise RetryableJobError(message, seconds=_SOON_S, ignore_retry=True)

    def _measure_now(self):
        """Measure those that are there, so that a form shows figures of now."""
        # sudo: whoever may read the figures may have them measured; users cannot write measured values
        there = self.filtered(lambda it: it.state in ("active", "suspended", "expired") and not it.operation)
        there.sudo()._check_health()

    @api.model
    def _cron_check_health(self):
        """J1: hourly, one by one; instances that cannot be measured, or are busy, do not stop the rest.

        Those in trouble come last, by turns: they stay due until they can be measured, and may take long.
        """
        before = fields.Datetime.subtract(fields.Datetime.now(), minutes=55)
        domain = [
            ("state", "=", "active"),
            ("operation", "=", False),
            "|",
            ("checked_at", "=", False),
            ("checked_at", "<", before),
        ]
        due = self.search(domain, order="health desc, write_date, id")
        commit_progress = self.env["ir.cron"]._commit_progress
        commit_progress(remaining=len(due))
        for instance in due:
            instance._check_health_apart()
            if not commit_progress(1):
                break

    def _check_health_apart(self):
        """Measure first, which may take seconds; then write in a short transaction, to avoid conflicts."""
        measured = self._measured()
        self.env["ir.cron"]._commit_progress()
        self.try_lock_for_update(allow_referencing=True).write(measured)

    @api.model
    def _note_broken(self, server):
        """Mark instances whose Odoo cannot be loaded as critical, and notify operators once."""
        domain = [
            ("server_id", "=", server.id),
            ("database_name", "in", gateway.broken_databases(server)),
            ("state", "=", "active"),
            ("health", "!=", "critical"),
        ]
        for instance in self.search(domain).try_lock_for_update(allow_referencing=True):
            instance.write(gateway.BROKEN)
            instance._emit("instance.down")

    # ------------------------------------------------------------ logging in

    def action_open(self):
        self.ensure_one()
        if self.state != "active":
            raise InvalidState(self.env._("%s is not active.", self.name))
        self._check_is_running()
        return {"type": "ir.actions.act_url", "url": self.url, "target": "new"}

    def action_login_as_support(self):
        """X6: open the instance as support; the instance itself asks the customer for consent."""
        self.ensure_one()
        self.check_access("write")
        self._check_can(gateway.Ability.LOG_IN)
        if self.state != "active":
            raise UserError(self.env._("%s is not active.", self.name))
        self._check_is_running()
        # The login, not the name: users choose their names themselves.
        operator = self.env.user.login
        with gateway.translated(self.env):
            link = gateway.login_link(self, by=operator, support=True)
        self._record_access("support", self.env._("%s asked for a support login.", operator))
        return {"type": "ir.actions.act_url", "url": link.reveal(), "target": "new"}

    def _log(self, level, messages):
        """Write a line into each instance's log; it is kept only if the transaction is committed."""
        self.env["saas.instance.log"].sudo().create(
            [
                {
                    "instance_id": instance.id,
                    "company_id": instance.company_id.id,
                    "level": level,
                    "message": messages[instance],
                }
                for instance in self
            ]
        )

    # ------------------------------------------------------------ mails

    @api.model
    def _note_bounce(self, bounce):
        """Note it in the log of the instance that has this database now, if one has."""
        domain = [("database_name", "=", bounce.instance), ("state", "!=", "terminated")]
        instance = self.search(domain, limit=1)
        text = self.env._(
            "A mail to %(address)s came back: %(reason)s", address=bounce.recipient, reason=bounce.reason
        )
        instance._log("warning", {instance: text})

    def _send_provisioning_email(self):
        """Send it to the administrator and, if that is another person, to the customer (S2)."""
        self._enqueue_mail(_PROVISIONED)
        others = self.filtered(
            lambda it: (
                it.partner_id.email_normalized
                and gateway.tidy_email(it.partner_id.email_normalized) != it.admin_email
            )
        )
        if others:
            others._enqueue_mail(_PROVISIONED_TOO)

    def _send_suspension_email(self):
        self._enqueue_mail("saas_manager.mail_template_instance_suspended")

    def _send_reactivation_email(self):
        self._enqueue_mail("saas_manager.mail_template_instance_reactivated")

    def _send_termination_email(self):
        self._enqueue_mail("saas_manager.mail_template_instance_terminated")

    def _check_can_write_to_customer(self):
        """Raise UserError if no mail can be sent, or there is no instance to write about."""
        if self.state in ("draft", "terminated"):
            raise self._not_possible_now()
        obstacle = self.env["saas.provider"]._mail_obstacle(self.company_id)
        if obstacle:
            raise UserError(obstacle)

    def _write_to_customer(self, subject, body):
        """Send a mail of an operator's own to the customer, or the administrator if they have no address.

        It comes from the provider, as all mails do; the chatter names the operator.
        """
        self.ensure_one()
        customer = self.partner_id
        to = (
            {"partner_ids": customer.ids}
            if customer.email_normalized
            else {"outgoing_email_to": self.admin_email}
        )
        self.message_post(
            subject=subject,
            body=body,
            message_type="comment",
            subtype_xmlid="mail.mt_comment",
            author_id=self.env.user.partner_id.id,
            email_from=self._mail_sender(),
            **to,
        )

    def _mail_record(self):
        return self

    def _mail_secrets(self, template):
        """I7: the password, if operators chose to send it or nothing else is possible; else a login link that
        is created now.
        """
        if template not in (_PROVISIONED, *_LINKS):
            return super()._mail_secrets(template)
        delivery = self.env["ir.config_parameter"].get_param("saas.credential_delivery")
        is_password = delivery == "password" or not self._can(gateway.Ability.LOG_IN)
        if template == _PROVISIONED and is_password and self.admin_password_sealed:
            return {"password": gateway.unseal(self.admin_password_sealed)}
        with gateway.retrying():
            return {"login_link": gateway.login_link(self).reveal()}

    def _mail_sent(self, template):
        """I7: delete the password after its delivery."""
        if template == _PROVISIONED:
            self.admin_password_sealed = False
        return super()._mail_sent(template)
