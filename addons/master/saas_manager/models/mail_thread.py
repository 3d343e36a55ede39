"""Mails of instances that bounced, as far as the provider's mailbox is read by the back office."""

from odoo import api, models

from ..bounces import Bounce


class MailThread(models.AbstractModel):
    _inherit = "mail.thread"

    @api.model
    def _routing_handle_bounce(self, email_message, message_dict):
        result = super()._routing_handle_bounce(email_message, message_dict)
        if bounce := Bounce.of(email_message):
            # sudo: who reads the mailbox need not read instances
            self.env["saas.instance"].sudo()._note_bounce(bounce)
        return result
