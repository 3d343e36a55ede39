"""Who signs up on the page has solved a challenge, while that is asked for."""

from odoo import api, models
from odoo.addons.saas_manager_portal.faults import NotHuman


class SaasInstanceRequest(models.Model):
    _inherit = "saas.instance.request"

    @api.model
    def _check_human(self, typed):
        pages = self.env["saas.signup"]
        if pages._captcha() and not pages._is_solved(str(typed.get("altcha") or "")):
            raise NotHuman(
                self.env._("Please wait until the check above the button is done, then send it once more.")
            )
        return super()._check_human(typed)
