"""What forms show as read-only is written by actions and jobs only, over RPC, too."""

from odoo import models


class SaasReadonlyMixin(models.AbstractModel):
    _name = "saas.readonly.mixin"
    _description = "SaaS Read-only Fields Mixin"

    def _has_field_access(self, field, operation):
        """Odoo's `readonly` alone is about forms. Actions check who may write the record, and use sudo."""
        if operation == "write" and field.readonly and not self.env.su:
            return False
        return super()._has_field_access(field, operation)
