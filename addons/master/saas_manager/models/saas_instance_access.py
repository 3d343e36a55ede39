"""Support: an operator logs in to a customer's instance, and it is recorded."""

from odoo import models
from odoo.exceptions import UserError

from .. import gateway


class SaasInstance(models.Model):
    _inherit = "saas.instance"

    def action_login_as_support(self):
        """X6: open the instance as support; the instance itself asks for the customer's consent."""
        self.ensure_one()
        self.check_access("write")
        if self.state != "active":
            raise UserError(self.env._("%s is not active.", self.name))
        self._check_is_running()
        # Not the name, which everybody chooses for themselves.
        operator = self.env.user.login
        with gateway.translated():
            link = gateway.login_link(self, by=operator, support=True)
        self._record_support_login(operator)
        return {"type": "ir.actions.act_url", "url": link.reveal(), "target": "new"}

    def _record_support_login(self, operator):
        message = self.env._("%s asked for a support login.", operator)
        # Nobody may write log lines by hand.
        self.env["saas.instance.log"].sudo().create(
            {
                "instance_id": self.id,
                "company_id": self.company_id.id,
                "operation": "support",
                "message": message,
            }
        )
        self.message_post(body=message)
