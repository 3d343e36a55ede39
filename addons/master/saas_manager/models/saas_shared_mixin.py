"""X2: records without a company are shared by all; only users of all companies may change them.

What is shared has a code that no other record has, so a new one is proposed a free one, and a copy gets it.
"""

from itertools import chain, count

from odoo import api, fields, models
from odoo.exceptions import AccessError

from .. import gateway

_LONGEST_STEM = 28
"""Characters of a code before its number: a code has 32."""


class SaasSharedMixin(models.AbstractModel):
    _name = "saas.shared.mixin"
    _description = "SaaS Shared Record Mixin"

    company_id = fields.Many2one(
        "res.company", default=lambda self: self._default_company_id(), help="Empty: for all companies."
    )

    @api.onchange("name")
    def _onchange_name(self):
        """Propose a code made from the name; one that was typed stays."""
        if not self.code:
            self.code = self._free_code(gateway.suggest_code(self.name))

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
        return {"name": self.env._("%s (copy)", self.name), "code": self._free_code(self.code)}

    def _free_code(self, wanted):
        """That code, or the first like it that is free."""
        # sudo: codes of other companies' records are taken, too
        every = self.sudo().with_context(active_test=False)
        stem = wanted[:_LONGEST_STEM].rstrip("-")
        alike = every.search(["|", ("code", "=", wanted), ("code", "=like", f"{stem}-%")])
        taken = set(alike.mapped("code"))
        candidates = chain([wanted], (f"{stem}-{number}" for number in count(2)))
        return next(code for code in candidates if code not in taken)

    def _check_may_share(self):
        """Not a constraint: Odoo checks constraints as superuser."""
        if self.env.su or all(record.company_id for record in self):
            return
        if not self.env.user._is_in_all_companies():
            raise AccessError(
                self.env._("Choose a company: only users of all companies may change what they share.")
            )
