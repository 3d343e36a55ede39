"""Emits events of a record: everybody concerned is notified in the same transaction."""

from odoo import models

from ..events import EVENTS


class SaasEventMixin(models.AbstractModel):
    _name = "saas.event.mixin"
    _description = "SaaS Event Mixin"

    def _emit(self, event, **facts):
        """Notify everybody that the event's row of `EVENTS` names.

        facts: `reason`, a sentence, if the row has a log or an activity; and what other programs are told of
        the change.
        """
        row = EVENTS[event]
        for record in self:
            if row.log:
                record._log(row.log, {record: facts["reason"]})
            if row.activity:
                summary = self.env._(row.activity).replace("%s", record.display_name)
                record._ask_operator(summary, facts["reason"], repeats=row.repeats)
