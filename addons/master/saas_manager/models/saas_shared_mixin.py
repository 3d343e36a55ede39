"""X2: records without a company are shared by all; only users of all companies may change them.

What is shared has a code that no other record has, so a copy gets a free one.
"""

from itertools import count

from odoo import api, fields, models
from odoo.exceptions import AccessError


class SaasSharedMixin(models.AbstractModel):
    _name = "saas.shared.mixin"
    _description = "SaaS Shared Record Mixin"

    company_id = fields.Many2one(
        "res.company", default=lambda self: self._default_company_id(), help="Empty: for all companies."
    )

    def _default_company_id(self):
        everywhere = self.env.su or self.env.user._is_in_all_companies()
        return self.env["res.company"] if everywhere else self.env.company

    @api.model_create_multi
    def create(self, vals_list):
        records = super().create(vals_list)
        records._check_may_share()
        return records

    def write(self, vals):
        result = super().write(vals)
        if "company_id" in vals:
            self._check_may_share()
        return result

    def copy_data(self, default=None):
        """A copy has a free code; one made by users who may not share records is for their own company."""
        mine = {} if "company_id" in (default or {}) else {"company_id": self._default_company_id().id}
        values = [
            {**vals, **record._copied_names(), **(default or {})}
            for record, vals in zip(self, super().copy_data(default), strict=True)
        ]
        return [{**vals, **mine} if not vals.get("company_id") else vals for vals in values]

    def _copied_names(self):
        # sudo: codes of other companies' records are taken, too
        every = self.sudo().with_context(active_test=False)
        taken = set(every.search([("code", "=like", f"{self.code}-%")]).mapped("code"))
        code = next(code for code in (f"{self.code}-{number}" for number in count(2)) if code not in taken)
        return {"name": self.env._("%s (copy)", self.name), "code": code}

    def _check_may_share(self):
        """Not a constraint: Odoo checks constraints as superuser."""
        if self.env.su or all(record.company_id for record in self):
            return
        if not self.env.user._is_in_all_companies():
            raise AccessError(
                self.env._("Choose a company: only users of all companies may change what they share.")
            )
