"""A wizard: an operator lets a customer in. Secrets are shown by a model without a table."""

from odoo import fields, models


class SaasInstanceAccess(models.TransientModel):
    _name = "saas.instance.access"
    _description = "Let a Customer In"

    instance_id = fields.Many2one("saas.instance", required=True, readonly=True, ondelete="cascade")
    admin_email = fields.Char(related="instance_id.admin_email", related_sudo=False)
    how = fields.Selection(selection="_selection_how", required=True, default="send_link")

    def _selection_how(self):
        """Who may not see a customer's login is not offered to."""
        ways = [
            ("send_link", self.env._("Mail a login link")),
            ("show_link", self.env._("Show a login link, to copy it")),
            ("send_password", self.env._("Reset the password, and mail a link to choose another")),
            ("show_password", self.env._("Reset the password, and show the new one")),
            ("send_welcome", self.env._("Send the welcome mail again")),
        ]
        may_see = self.env.su or self.env["saas.instance"]._may_see_access()
        return [(way, label) for way, label in ways if may_see or not way.startswith("show")]

    def action_give_access(self):
        self.ensure_one()
        return getattr(self, f"_{self.how}")()

    def _send_link(self):
        self.instance_id._send_login_link()
        return self._sent()

    def _show_link(self):
        return self._show(link=self.instance_id._make_login_link())

    def _send_password(self):
        self.instance_id._send_password_link()
        return self._sent()

    def _show_password(self):
        login, password = self.instance_id._reset_password()
        return self._show(login=login, password=password)

    def _send_welcome(self):
        self.instance_id._send_welcome_again()
        return self._sent()

    def _sent(self):
        message = self.env._(
            "A mail to %s is on its way; the messages below say when it went.", self.admin_email
        )
        params = {
            "message": message,
            "type": "info",
            "next": {"type": "ir.actions.act_window_close"},
        }
        return {"type": "ir.actions.client", "tag": "display_notification", "params": params}

    def _show(self, **secrets):
        return {
            "type": "ir.actions.act_window",
            "res_model": "saas.instance.access.secret",
            "name": self.env._("Access to %s", self.instance_id.name),
            "views": [(False, "form")],
            "target": "new",
            "context": {f"default_{name}": secret for name, secret in secrets.items()},
        }


class SaasInstanceAccessSecret(models.AbstractModel):
    """The secret is only in the browser."""

    _name = "saas.instance.access.secret"
    _description = "Show a Login Link or a Password"

    # The web client's first onchange reads it.
    id = fields.Id()
    link = fields.Char(string="Login Link", readonly=True)
    login = fields.Char(readonly=True)
    password = fields.Char(readonly=True)
