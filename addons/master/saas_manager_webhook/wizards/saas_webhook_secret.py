"""Shows an endpoint's secret, which is kept nowhere in the clear."""

from odoo import fields, models


class SaasWebhookSecret(models.AbstractModel):
    _name = "saas.webhook.secret"
    _description = "Show the Secret of a Webhook"

    # The web client's first onchange asks for it.
    id = fields.Id()
    secret = fields.Char(readonly=True)
