"""Mails about an instance: sent by a job, so after the commit, and never in the way of anything."""

from odoo import models


class SaasInstance(models.Model):
    _inherit = "saas.instance"

    def _send_provisioning_email(self):
        self._enqueue_mail("saas_manager.mail_template_instance_provisioned")

    def _send_suspension_email(self):
        self._enqueue_mail("saas_manager.mail_template_instance_suspended")

    def _send_reactivation_email(self):
        self._enqueue_mail("saas_manager.mail_template_instance_reactivated")

    def _send_termination_email(self):
        self._enqueue_mail("saas_manager.mail_template_instance_terminated")

    def _send_operator_email(self, template):
        """Tell the operators; see `mail_template_*` of that name."""
        self._enqueue_mail(template)

    def _enqueue_mail(self, template):
        """Let a job send the mail template with this XML id about each instance."""
