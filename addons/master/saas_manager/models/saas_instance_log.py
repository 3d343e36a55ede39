"""The log of an instance or a template, step by step."""

from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ..reasons import in_words_of
from .step_pace import Pace

_CLEANUP_BATCH = 10_000


class SaasInstanceLog(models.Model):
    _name = "saas.instance.log"
    _description = "SaaS Log"
    _order = "id desc"
    _rec_name = "message"

    instance_id = fields.Many2one("saas.instance", ondelete="cascade", index=True, readonly=True)
    template_id = fields.Many2one("saas.template", ondelete="cascade", index="btree_not_null", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    level = fields.Selection(
        [
            ("debug", "Debug"),
            ("info", "Info"),
            ("warning", "Warning"),
            ("error", "Error"),
            ("critical", "Critical"),
        ],
        required=True,
        default="info",
        readonly=True,
    )
    operation = fields.Char(readonly=True)
    step = fields.Char(readonly=True)
    status = fields.Char(readonly=True, help="Of a step: started, done, skipped, waiting or failed.")
    duration_s = fields.Float(string="Seconds", digits=(12, 3), readonly=True, aggregator="avg")
    progress = fields.Float(string="Progress (%)", readonly=True, aggregator=None)
    message = fields.Char(required=True, readonly=True)
    message_text = fields.Char(string="Message in Words", compute="_compute_message_text")
    user_id = fields.Many2one("res.users", default=lambda self: self.env.user, readonly=True)

    _failures = models.Index("(create_date) WHERE level IN ('error', 'critical')")

    @api.depends("message", "level")
    @api.depends_context("lang")
    def _compute_message_text(self):
        for line in self:
            is_trouble = line.level in ("warning", "error", "critical")
            line.message_text = in_words_of(self.env, line.message) if is_trouble else line.message

    @api.model
    def _pace(self, operation, record):
        """The usual seconds of a slow operation's steps, as measured earlier; None if it is not slow."""
        if not Pace.of(operation, {}):
            return None
        measured = Domain([("operation", "=", operation), ("status", "=", "done")])
        own = measured & Domain("template_id", "=", record.id if record._name == "saas.template" else False)
        groups = self._read_group(own, ["step"], ["duration_s:avg"])
        return Pace.of(operation, dict(groups or self._read_group(measured, ["step"], ["duration_s:avg"])))

    def _estimate(self):
        """How far the running step will bring the progress, and in how many seconds; 0 if none is running."""
        running = self if self.status == "started" else self.browse()
        pace = running and self._pace(self.operation, self.template_id or self.instance_id)
        if not pace:
            return {"until": 0.0, "usual_s": 0.0, "elapsed_s": 0.0}
        elapsed = fields.Datetime.now() - (self.create_date or fields.Datetime.now())
        return {
            "until": pace.after(self.step),
            "usual_s": pace.usual_s[self.step],
            "elapsed_s": elapsed.total_seconds(),
        }

    def _shown(self):
        """The values of the fields of `saas.progress.mixin` for the last line of a running operation."""
        estimate = self._estimate()
        return {
            "progress": self.progress,
            "progress_step": self.step,
            **{f"progress_{name}": value for name, value in estimate.items()},
        }

    @api.model
    def _cron_clean_up(self):
        """I11: debug and info lines are kept for `saas.log_retention_days` days."""
        days = int(self.env["ir.config_parameter"].sudo().get_param("saas.log_retention_days", 30))
        before = fields.Datetime.now() - timedelta(days=days)
        while True:
            self.env.cr.execute(
                SQL(
                    "DELETE FROM saas_instance_log WHERE id IN (SELECT id FROM saas_instance_log"
                    " WHERE level IN ('debug', 'info') AND create_date < %s LIMIT %s)",
                    before,
                    _CLEANUP_BATCH,
                )
            )
            deleted = self.env.cr.rowcount
            if not self.env["ir.cron"]._commit_progress(deleted) or not deleted:
                break
