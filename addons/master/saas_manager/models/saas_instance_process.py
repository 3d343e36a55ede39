"""What an instance's process is doing: asked of the tenant server when it is looked at, kept nowhere."""

from odoo import api, fields, models

from .. import gateway

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


class SaasInstance(models.Model):
    _inherit = "saas.instance"

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
