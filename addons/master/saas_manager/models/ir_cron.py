"""Keeps nightly runs at the same local hour: Odoo adds 24 hours, which is wrong when clocks change."""

from odoo import api, fields, models
from odoo.tools import SQL

from .. import periods


class IrCron(models.Model):
    _inherit = "ir.cron"

    saas_hour = fields.Integer(
        string="Hour of the Night",
        help="When it runs each day, in its user's time zone, 1 to 23. 0: Odoo's own rule.",
    )

    _saas_hour_of_day = models.Constraint("CHECK(saas_hour BETWEEN 0 AND 23)", "A day has 24 hours.")

    def _reschedule_later(self, job):
        result = super()._reschedule_later(job)
        cron = self.browse(job["id"])
        if cron.saas_hour:
            nextcall = cron._next_saas_hour()
            self.env.cr.execute(SQL("UPDATE ir_cron SET nextcall = %s WHERE id = %s", nextcall, cron.id))
        return result

    @api.model
    def _set_first_saas_hour(self):
        """When the module is installed: begin in the coming night."""
        for cron in self.search([("saas_hour", "!=", 0)]):
            cron.nextcall = cron._next_saas_hour()

    def _next_saas_hour(self):
        user_tz = self.with_user(self.user_id).with_context(tz=False).env.tz
        return periods.next_hour(self.saas_hour, fields.Datetime.now(), user_tz)
