"""The settings page: the provider that customers see, and the outgoing mail server with its test."""

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ..mail_errors import reason_of

_OF_SERVER = {
    "saas_mail_host": "smtp_host",
    "saas_mail_port": "smtp_port",
    "saas_mail_encryption": "smtp_encryption",
    "saas_mail_user": "smtp_user",
}
"""Our fields, by those of `ir.mail_server`. The password is written only."""


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    saas_provider_name = fields.Char(string="Provider", config_parameter="saas.provider_name")
    saas_provider_email = fields.Char(string="Provider's Email", config_parameter="saas.provider_email")
    saas_provider_url = fields.Char(string="Provider's Page", config_parameter="saas.provider_url")
    saas_provider_notice = fields.Char(
        string="Text on Pages", size=500, config_parameter="saas.provider_notice"
    )
    saas_mail_obstacle = fields.Char(compute="_compute_saas_mail_obstacle")
    saas_mail_host = fields.Char(string="Mail Server")
    saas_mail_port = fields.Integer(string="Port", default=587)
    saas_mail_encryption = fields.Selection(
        [
            ("starttls_strict", "STARTTLS, usually port 587"),
            ("ssl_strict", "TLS, usually port 465"),
            ("none", "None, usually port 25"),
            ("starttls", "STARTTLS, without checking the certificate"),
            ("ssl", "TLS, without checking the certificate"),
        ],
        string="Encryption",
        default="starttls_strict",
    )
    saas_mail_user = fields.Char(string="User")
    saas_mail_password = fields.Char(string="Password")
    saas_mail_for_instances = fields.Boolean(
        string="Customers' Odoos Send by It",
        help="Customers' Odoos send from your address in their users' names, without getting its password.",
    )
    saas_mail_per_hour = fields.Integer(string="Recipients per Hour")
    saas_mail_test_to = fields.Char(string="Test Address", default=lambda self: self._saas_mail_test_to())

    @api.model
    def get_values(self):
        server = self.env["saas.provider"]._mail_server()
        stored = {ours: server[theirs] for ours, theirs in _OF_SERVER.items()} if server else {}
        provider = self.env["saas.provider"]
        ours = {
            "saas_mail_for_instances": provider._parameter("mail_for_instances", "True") == "True",
            "saas_mail_per_hour": int(provider._parameter("mail_per_hour", "100")),
        }
        return {**super().get_values(), **stored, **ours}

    def _saas_mail_test_to(self):
        provider = self.env["saas.provider"]
        return provider._usable(self.env.user.email) or provider._email_for(self.env.company)

    def _compute_saas_mail_obstacle(self):
        for settings in self:
            settings.saas_mail_obstacle = self.env["saas.provider"]._mail_obstacle()

    @api.constrains("saas_provider_email")
    def _check_saas_provider_email(self):
        for settings in self:
            email = settings.saas_provider_email
            if email and not self.env["saas.provider"]._usable(email):
                raise ValidationError(
                    self.env._("%s is not an address that can send and receive mails.", email)
                )

    @api.constrains("saas_provider_url")
    def _check_saas_provider_url(self):
        for settings in self:
            url = settings.saas_provider_url
            if url and not url.startswith(("https://", "http://")):
                raise ValidationError(
                    self.env._("The address of the provider's page begins with https://, not as in %s.", url)
                )

    def _instances_mail_server(self):
        return self.env["saas.provider"]._instances_mail_server(self.env.company)

    def _save_mail_server(self):
        """Write the typed mail server to Odoo's record; an empty host archives it."""
        self.ensure_one()
        parameters = self.env["ir.config_parameter"].sudo()  # as in Odoo's own set_values
        parameters.set_param("saas.mail_for_instances", str(self.saas_mail_for_instances))
        parameters.set_param("saas.mail_per_hour", str(max(self.saas_mail_per_hour, 1)))
        server = self.env["saas.provider"]._mail_server()
        if not self.saas_mail_host:
            server.filtered("smtp_host").active = False
            return
        values = self._typed_mail_server()
        changed = {
            name: value for name, value in values.items() if (server[name] or False) != (value or False)
        }
        if not server:
            server.create({"name": "SaaS Manager", **values})
        elif changed:
            server.write(changed)
        if changed:
            self.env["saas.mail.mixin"]._hurry_mails()
        self.saas_mail_password = False  # no second copy of it

    def _typed_mail_server(self):
        values = {theirs: self[ours] for ours, theirs in _OF_SERVER.items()}
        values["smtp_host"] = values["smtp_host"].strip()
        if self.saas_mail_password:
            values["smtp_pass"] = self.saas_mail_password
        return values

    def action_saas_send_test_mail(self):
        """Save the settings if the mail server takes a mail; else say why it does not, and change nothing."""
        self.ensure_one()
        self.check_access("write")
        if not self.saas_mail_host:
            raise UserError(self.env._("Type the name of the mail server first."))
        self.set_values()
        sender = self.env["saas.provider"]._sender_for(self.env.company)
        if not sender:
            raise UserError(self.env._("Type the provider's email first: it is the sender of all mails."))
        if not self.saas_mail_test_to:
            raise UserError(self.env._("Type an address to send the test mail to."))
        try:
            self._send_test_mail(sender)
        except Exception as error:
            # Whatever it is, the operator must read it: nothing else tells what is wrong with the server.
            raise UserError(
                self.env._("The mail could not be sent. %s", reason_of(self.env, error))
            ) from error
        return self._notification(self.env._("A mail was sent to %s.", self.saas_mail_test_to))

    def _send_test_mail(self, sender):
        server = self.env["saas.provider"]._mail_server()
        message = server._build_email__(
            email_from=sender,
            email_to=[self.saas_mail_test_to],
            subject=self.env._("A test of your mail server"),
            body=self.env._("SaaS Manager can send mails: this one has arrived."),
            headers={"Auto-Submitted": "auto-generated"},
        )
        server.send_email(message, mail_server_id=server.id)

    def _notification(self, message):
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "message": message,
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }
