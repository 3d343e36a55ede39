"""What all records with a life cycle share: moving along the table of `lifecycle.py`, and telling it."""

from odoo import models
from odoo.exceptions import UserError

from ..lifecycle import TABLES, after


class SaasLifecycleMixin(models.AbstractModel):
    _name = "saas.lifecycle.mixin"
    _inherit = "bus.listener.mixin"
    _description = "Moves from state to state along one table"

    def write(self, vals):
        result = super().write(vals)
        if "state" in vals or "operation" in vals:
            self._tell_screens()
        return result

    def _tell_screens(self):
        """Let open forms and dashboards follow; it arrives once this is committed."""
        for record in self:
            status = "started" if record._is_under_way() else "finished"
            message = {"id": record.id, "model": record._name, "status": status, "state": record.state}
            record._bus_send("saas.step", message)
        # Nothing of the record goes to the group: not everybody in it may read it.
        self.env.ref("saas_manager.group_saas_user")._bus_send("saas.changed", {})

    def _is_under_way(self):
        """Whether a job works on it, or is about to."""
        if "operation" in self._fields:
            return bool(self.operation)
        return self.state in ("building", "processing")

    def _check_transition(self, action):
        """Raise UserError, naming the record, if `action` is not allowed in its state."""
        states = dict(self._fields["state"]._description_selection(self.env))
        for record in self:
            if after(TABLES[record._name], action, record.state) is None:
                raise UserError(
                    self.env._(
                        "%(name)s is %(state)s: this action is not possible now.",
                        name=record.display_name,
                        state=states[record.state].lower(),
                    )
                )

    def _move(self, action, **values):
        """Write the state `action` leads to, and `values` with it."""
        self._check_transition(action)
        for record in self:
            record.write({"state": after(TABLES[record._name], action, record.state), **values})
