"""What all records with a life cycle share: moving along the table of `lifecycle.py`."""

from odoo import _, models
from odoo.exceptions import UserError

from ..lifecycle import TABLES, after


class SaasLifecycleMixin(models.AbstractModel):
    _name = "saas.lifecycle.mixin"
    _inherit = "saas.live.mixin"
    _description = "Moves from state to state along one table"

    def _check_transition(self, action):
        """Raise UserError, naming the record, if `action` is not allowed in its state."""
        states = dict(self._fields["state"]._description_selection(self.env))
        for record in self:
            if after(TABLES[record._name], action, record.state) is None:
                raise UserError(
                    _(
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
