"""Something happened to a record: all who are to hear of it are told in the same transaction."""

from odoo import models

from ..events import EVENTS


class SaasEventMixin(models.AbstractModel):
    _name = "saas.event.mixin"
    _description = "Tells what happens to it"

    def _emit(self, event, **facts):
        """Tell whom its row of `EVENTS` names.

        facts: `reason`, a sentence, where the row has a log or an activity.
        """
        row = EVENTS[event]
        for record in self:
            if row.log:
                record._log(row.log, {record: facts["reason"]})
            if row.activity:
                summary = self.env._(row.activity).replace("%s", record.display_name)
                record._ask_operator(summary, facts["reason"], repeats=row.repeats)
