"""Mails about an instance, and what only they may tell."""

from odoo import models

from .. import gateway

_PROVISIONED = "saas_manager.mail_template_instance_provisioned"
_PROVISIONED_TOO = "saas_manager.mail_template_customer_instance_provisioned"


class SaasInstance(models.Model):
    _name = "saas.instance"
    _inherit = ["saas.instance", "saas.mail.mixin"]

    def _send_provisioning_email(self):
        """To the administrator; to the customer, too, where that is somebody else (S2)."""
        self._enqueue_mail(_PROVISIONED)
        others = self.filtered(
            lambda it: (
                it.partner_id.email_normalized
                and gateway.tidy_email(it.partner_id.email_normalized) != it.admin_email
            )
        )
        if others:
            others._enqueue_mail(_PROVISIONED_TOO)

    def _send_suspension_email(self):
        self._enqueue_mail("saas_manager.mail_template_instance_suspended")

    def _send_reactivation_email(self):
        self._enqueue_mail("saas_manager.mail_template_instance_reactivated")

    def _send_termination_email(self):
        self._enqueue_mail("saas_manager.mail_template_instance_terminated")

    def _mail_record(self):
        return self

    def _mail_secrets(self, template):
        """I7: the password if it is what the operator delivers, else a link made now."""
        if template != _PROVISIONED:
            return super()._mail_secrets(template)
        delivery = self.env["ir.config_parameter"].get_param("saas.credential_delivery")
        if delivery == "password" and self.admin_password_sealed:
            return {"password": gateway.unseal(self.admin_password_sealed)}
        with gateway.retrying():
            return {"login_link": gateway.login_link(self).reveal()}

    def _mail_sent(self, template):
        """I7: the password is kept until it was delivered."""
        if template == _PROVISIONED:
            self.admin_password_sealed = False
        return super()._mail_sent(template)

    def _final_backup_kept_until(self):
        """I9: the day the final backup is removed; None, there is none yet."""
        return None
