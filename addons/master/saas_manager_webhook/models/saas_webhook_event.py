"""The events that an endpoint may choose: one record for each public event of `saas_manager.events`."""

from odoo import fields, models


class SaasWebhookEvent(models.Model):
    _name = "saas.webhook.event"
    _description = "SaaS Webhook Event"
    _order = "sequence, id"

    name = fields.Char(required=True, readonly=True, help="The type in the messages.")
    description = fields.Char(translate=True)
    sequence = fields.Integer(default=10)

    _name_unique = models.UniqueIndex("(name)")
