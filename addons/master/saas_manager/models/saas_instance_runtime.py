"""How an instance runs and who gets in: its health, its process, support, and the mails that hand it over."""

from odoo import api, fields, models
from odoo.exceptions import UserError

from .. import gateway
from ..exceptions import InvalidState

_FACTS = (
    "process_state",
    "process_message",
    "awake_since",
    "process_memory_mb",
    "process_cpu_s",
    "process_requests",
    "process_websockets",
    "next_job_at",
)
_PROVISIONED = "saas_manager.mail_template_instance_provisioned"
_PROVISIONED_TOO = "saas_manager.mail_template_customer_instance_provisioned"


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
    process_message = fields.Char(compute="_compute_process", help="Why nothing is known of its process.")
    awake_since = fields.Datetime(compute="_compute_process")
    process_memory_mb = fields.Float(
        string="Memory (MB)",
        compute="_compute_process",
        help="Of its own, without what it shares with others.",
    )
    process_cpu_s = fields.Float(string="CPU Time (s)", digits=(12, 1), compute="_compute_process")
    process_requests = fields.Integer(string="HTTP Requests", compute="_compute_process")
    process_websockets = fields.Integer(
        string="WebSockets", compute="_compute_process", help="Browsers that it tells of changes."
    )
    next_job_at = fields.Datetime(
        string="Next Scheduled Job", compute="_compute_process", help="It wakes the instance."
    )

    @api.depends("state", "run_state", "database_name", "server_id")
    def _compute_process(self):
        """Of those that are served. It wakes none, and who asks does not wait for a server that is away."""
        served = self.filtered(lambda i: i.state == "active" and i.run_state != "stopped" and i.database_name)
        found = gateway.activities(served)
        unknown = {"process_message": self.env._("The tenant server tells nothing of it.")}
        for instance in self:
            known = found.get(instance, unknown) if instance in served else {}
            instance.update({name: known.get(name, False) for name in _FACTS})

    def action_refresh_process(self):
        """The form is read anew after any button."""
        self.check_access("read")

    # ------------------------------------------------------------ health

    def action_check_health(self):
        self.check_access("write")
        self._check_health()

    def _check_health(self):
        """H1: probe, count users and bytes; note it."""
        for instance in self:
            # sudo: what was measured is written by nobody by hand.
            instance.sudo().write({**gateway.measure(instance), "checked_at": fields.Datetime.now()})

    @api.model
    def _cron_check_health(self):
        """J1: hourly, one by one; one that cannot be measured, or is worked on, does not stop the rest."""
        before = fields.Datetime.subtract(fields.Datetime.now(), minutes=55)
        domain = [
            ("state", "=", "active"),
            ("operation", "=", False),
            "|",
            ("checked_at", "=", False),
            ("checked_at", "<", before),
        ]
        due = self.search(domain, order="checked_at, id")
        commit_progress = self.env["ir.cron"]._commit_progress
        commit_progress(remaining=len(due))
        for instance in due:
            instance._check_health_apart()
            if not commit_progress(1):
                break

    def _check_health_apart(self):
        """Measure first, which may take seconds; then write in a transaction too short to be in the way."""
        measured = gateway.measure(self)
        self.env["ir.cron"]._commit_progress()
        self.try_lock_for_update(allow_referencing=True).write(
            {**measured, "checked_at": fields.Datetime.now()}
        )

    @api.model
    def _note_broken(self, server):
        """Those whose Odoo cannot be loaded are critical from now on; operators are told, once."""
        domain = [
            ("server_id", "=", server.id),
            ("database_name", "in", gateway.broken_databases(server)),
            ("state", "=", "active"),
            ("health", "!=", "critical"),
        ]
        for instance in self.search(domain).try_lock_for_update(allow_referencing=True):
            instance.write({**gateway.BROKEN, "checked_at": fields.Datetime.now()})
            instance._emit("instance.down")

    # ------------------------------------------------------------ who gets in

    def action_open(self):
        self.ensure_one()
        if self.state != "active":
            raise InvalidState(self.env._("%s is not active.", self.name))
        self._check_is_running()
        return {"type": "ir.actions.act_url", "url": self.url, "target": "new"}

    def action_login_as_support(self):
        """X6: open the instance as support; the instance itself asks for the customer's consent."""
        self.ensure_one()
        self.check_access("write")
        if self.state != "active":
            raise UserError(self.env._("%s is not active.", self.name))
        self._check_is_running()
        # Not the name, which everybody chooses for themselves.
        operator = self.env.user.login
        with gateway.translated():
            link = gateway.login_link(self, by=operator, support=True)
        self._record_support_login(operator)
        return {"type": "ir.actions.act_url", "url": link.reveal(), "target": "new"}

    def _record_support_login(self, operator):
        message = self.env._("%s asked for a support login.", operator)
        # Nobody may write log lines by hand.
        self.env["saas.instance.log"].sudo().create(
            {
                "instance_id": self.id,
                "company_id": self.company_id.id,
                "operation": "support",
                "message": message,
            }
        )
        self.message_post(body=message)

    def _log(self, level, messages):
        """Write a line into each log; they stay only if what is being done is committed."""
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

    def _send_provisioning_email(self):
        """To the administrator; to the customer, too, where that is somebody else (S2)."""
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

    def _mail_record(self):
        return self

    def _mail_secrets(self, template):
        """I7: the password if it is what the operator delivers, else a link made now."""
        if template != _PROVISIONED:
            return super()._mail_secrets(template)
        delivery = self.env["ir.config_parameter"].get_param("saas.credential_delivery")
        if delivery == "password" and self.admin_password_sealed:
            return {"password": gateway.unseal(self.admin_password_sealed)}
        with gateway.retrying():
            return {"login_link": gateway.login_link(self).reveal()}

    def _mail_sent(self, template):
        """I7: the password is kept until it was delivered."""
        if template == _PROVISIONED:
            self.admin_password_sealed = False
        return super()._mail_sent(template)

    def _final_backup_kept_until(self):
        """I9: the day the final backup is removed; None, there is none yet."""
        return None
