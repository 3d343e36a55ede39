from odoo import SUPERUSER_ID, models
from odoo.http import request


class IrAttachment(models.Model):
    _inherit = "ir.attachment"

    def _get_datas_related_values(self, data, mimetype):
        """Every content passes here, whether it is created or written, as an attachment or a field."""
        if not self._is_stored_by_the_system():
            self.env["saas.entitlements"]._check_upload(len(data or b""))
        return super()._get_datas_related_values(data, mimetype)

    def _is_stored_by_the_system(self):
        """Web assets, incoming mail, modules' data: refusing these would break or lose things.

        A person who became superuser is still a person.
        """
        by_person = bool(request) and request.session.uid == SUPERUSER_ID
        return self.env.uid == SUPERUSER_ID and not by_person
