"""Shared by all records with a life cycle: transitions of `lifecycle.py`, and who may make them."""

from odoo import models

from .. import gateway
from ..exceptions import InvalidState
from ..lifecycle import after, tables

TABLES = tables(gateway.transitions())


def filled_columns(name):
    """The `group_expand` of a state: in their order, and no empty ones, as cards are not moved by hand."""
    return lambda records, shown, _domain: [
        value for value in records._fields[name].get_values(records.env) if value in shown
    ]


class SaasLifecycleMixin(models.AbstractModel):
    _name = "saas.lifecycle.mixin"
    _inherit = ["saas.live.mixin", "saas.readonly.mixin"]
    _description = "SaaS Life Cycle Mixin"

    _portal_fields = frozenset()
    """X2: all fields that customers may read of their own records; fields added later are not readable."""

    def _has_field_access(self, field, operation):
        if not super()._has_field_access(field, operation):
            return False
        if self.env.su or operation == "write":
            return True
        # Not `user.share`: it would read the user from the database for each request.
        return field.name in self._portal_fields or self.env.user.has_group("base.group_user")

    def _in_operators_language(self):
        """For what operators read, whoever caused it: a visitor's language may be none of theirs."""
        # sudo: a visitor need not read the company
        return self.with_context(lang=self.env.company.sudo().partner_id.lang or "en_US")

    def _track_finalize(self):
        """The texts of a change of state are kept as they are written: in the operators' language."""
        return super(SaasLifecycleMixin, self._in_operators_language())._track_finalize()

    def _check_transition(self, *actions):
        """Raise InvalidState, naming the record, unless these are allowed one after the other."""
        for record in self:
            if record._state_after(actions) is None:
                raise record._not_possible_now()

    def _not_possible_now(self):
        """The error for something that the record's state does not allow."""
        states = dict(self._fields["state"]._description_selection(self.env))
        return InvalidState(
            self.env._(
                "%(name)s is %(state)s: this action is not possible now.",
                name=self.display_name,
                state=states[self.state].lower(),
            )
        )

    def _move(self, *actions, **values):
        """Write the state to which `actions` lead one after the other, together with `values`."""
        self.check_access("write")
        self._check_transition(*actions)
        # sudo: whoever may write the record may have it moved, but not write its state.
        for record in self.sudo():
            record.write({"state": record._state_after(actions), **values})

    def _state_after(self, actions):
        """The state they lead to; None when one of them is not allowed where those before it lead."""
        state = self.state
        for action in actions:
            state = after(TABLES[self._name], action, state)
        return state
