"""Asks operators to look at a record: an activity."""

from odoo import models
from odoo.tools import plaintext2html


class SaasActivityMixin(models.AbstractModel):
    """For models with activities."""

    _name = "saas.activity.mixin"
    _description = "SaaS Activity Mixin"

    def _ask_operator(self, summary, note, repeats=False):
        """Create an activity on the record, unless the same one is open; repeats: even then."""
        self.ensure_one()
        if repeats or summary not in self.activity_ids.mapped("summary"):
            note = plaintext2html(note)
            self.activity_schedule("mail.mail_activity_data_warning", summary=summary, note=note)
