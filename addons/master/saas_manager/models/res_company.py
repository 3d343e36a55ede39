"""The company is the provider, for customers and for visitors, where the settings name no other."""

from odoo import models

_TOLD = {"name", "email", "website"}


class ResCompany(models.Model):
    _inherit = "res.company"

    def write(self, vals):
        if not _TOLD & vals.keys():
            return super().write(vals)
        provider = self.env["saas.provider"]
        senders = {company: provider._email_for(company) for company in self}
        with provider._telling_changes(self):
            result = super().write(vals)
        has_other_sender = any(provider._email_for(company) != senders[company] for company in self)
        if has_other_sender and provider._mail_server():
            provider._tell_mail_server()
        return result
