"""X5: the secrets that sign an endpoint's messages: encrypted, shown once, replaced without a gap."""

import base64
import secrets

from odoo import api, fields, models
from odoo.addons.saas_manager import gateway
from odoo.exceptions import UserError

_OLD_SECRET_SIGNS_H = 24
_ACTION_FIELDS = frozenset({"old_secret_until", "secret_shown_at"})
"""Only actions write these fields: `readonly` alone does not protect them over RPC."""


class SaasWebhook(models.Model):
    _inherit = "saas.webhook"

    secret_sealed = fields.Char(groups="base.group_system", exportable=False, copy=False)
    old_secret_sealed = fields.Char(groups="base.group_system", exportable=False, copy=False)
    old_secret_until = fields.Datetime(
        readonly=True, copy=False, help="Until then messages are signed with the previous secret, too."
    )
    secret_shown_at = fields.Datetime(readonly=True, copy=False)

    @api.model_create_multi
    def create(self, vals_list):
        webhooks = super().create(vals_list)
        for webhook in webhooks.sudo():  # sudo: nobody may read a secret, not even who creates the endpoint
            webhook.secret_sealed = gateway.seal(_new_secret())
        return webhooks

    def _has_field_access(self, field, operation):
        if operation == "write" and field.name in _ACTION_FIELDS and not self.env.su:
            return False
        return super()._has_field_access(field, operation)

    def action_show_secret(self):
        """Show the secret once: users who lost it make a new one."""
        self.ensure_one()
        self.check_access("write")
        if self.secret_shown_at:
            raise UserError(self.env._("The secret was shown already. Make a new one if it is lost."))
        # sudo: only these actions read and write the field
        webhook = self.sudo()
        webhook.secret_shown_at = fields.Datetime.now()
        return self._show(gateway.unseal(webhook.secret_sealed))

    def action_new_secret(self):
        """Sign with both secrets for a day, so that no message is lost while the receiver is changed."""
        self.ensure_one()
        self.check_access("write")
        secret, now = _new_secret(), fields.Datetime.now()
        # sudo: as above
        self.sudo().write(
            {
                "old_secret_sealed": self.sudo().secret_sealed,
                "old_secret_until": fields.Datetime.add(now, hours=_OLD_SECRET_SIGNS_H),
                "secret_sealed": gateway.seal(secret),
                "secret_shown_at": now,
            }
        )
        self.message_post(body=self.env._("New secret made."))
        return self._show(secret)

    def _show(self, secret):
        """The wizard's model has no table, so the secret is only in the browser."""
        return {
            "type": "ir.actions.act_window",
            "res_model": "saas.webhook.secret",
            "name": self.env._("Secret of %s", self.name),
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_secret": secret},
        }

    def _secrets(self):
        """The secrets for signing: the current one, and the previous one until it expires."""
        found = [self.secret_sealed]
        if self.old_secret_until and self.old_secret_until > fields.Datetime.now():
            found.append(self.old_secret_sealed)
        return [gateway.unseal(sealed) for sealed in found]

    @api.autovacuum
    def _gc_old_secrets(self):
        over = [("old_secret_until", "<", fields.Datetime.now()), ("old_secret_sealed", "!=", False)]
        self.with_context(active_test=False).search(over).old_secret_sealed = False


def _new_secret():
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
