from odoo import SUPERUSER_ID, api, models
from odoo.http import request


class IrAttachment(models.Model):
    _inherit = "ir.attachment"

    @api.model_create_multi
    def create(self, vals_list):
        with self.env["saas.entitlements"]._upload_batch():
            return super().create(vals_list)

    def _get_datas_related_values(self, data, mimetype):
        """Check each upload: Odoo calls this for every content of an attachment or a field."""
        is_systems = self._is_stored_by_the_system()
        entitlements = self.env["saas.entitlements"]
        entitlements._check_upload(len(data or b""), mimetype, is_systems=is_systems)
        return super()._get_datas_related_values(data, mimetype)

    def _is_stored_by_the_system(self):
        """Whether Odoo stores it, such as assets, mail and modules' data; not a person in superuser mode."""
        by_person = bool(request) and request.session.uid == SUPERUSER_ID
        return self.env.uid == SUPERUSER_ID and not by_person
