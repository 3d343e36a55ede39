import smtplib

from odoo import api, models
from odoo.addons.base.models.ir_mail_server import MailDeliveryException
from odoo.tools import config

from ..tools import retries


class IrMailServer(models.Model):
    _inherit = "ir.mail_server"

    @api.model
    def _saas_can_send(self):
        """Whether there is any server to send mails by: the customer's, or one of the configuration."""
        # sudo: visitors cannot read servers
        return bool(config["smtp_server"]) or bool(self.sudo().search_count([], limit=1))

    def _connect__(self, *arguments, **options):
        """Odoo does not look whether a server refused some of an email's recipients: they would be lost."""
        connection = super()._connect__(*arguments, **options)
        if connection:  # there is none in tests
            connection.send_message = retries.telling(connection.send_message)
        return connection

    @api.model
    def send_email(self, message, *arguments, **options):
        """Tell which of a mail's emails were sent; see `mail_mail`."""
        sending = self.env.context.get("saas_sending")
        if not sending:
            return super().send_email(message, *arguments, **options)
        key = sending.next_key()
        try:
            result = super().send_email(message, *arguments, **options)
        except smtplib.SMTPServerDisconnected as error:
            # Odoo would end the queue's run, and leave the mail as failed.
            raise MailDeliveryException(str(error)) from error
        except MailDeliveryException as error:
            for address in getattr(error.__context__, "sent", ()):
                sending.note_sent((key, address))
            raise
        sending.note_sent(key)
        return result
