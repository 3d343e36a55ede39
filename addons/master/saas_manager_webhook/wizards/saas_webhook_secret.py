"""A wizard that shows an endpoint's secret, which is not stored unencrypted."""

from odoo import fields, models


class SaasWebhookSecret(models.AbstractModel):
    _name = "saas.webhook.secret"
    _description = "Show the Secret of a Webhook"

    # The web client's first onchange reads it.
    id = fields.Id()
    secret = fields.Char(readonly=True)
