"""What to paste into a web site for its visitors to sign up there."""

from odoo import api, fields, models

_SNIPPET = """\
<script type="module" src="{url}/api/signup.js"></script>
<tenantry-signup key="{key}"></tenantry-signup>
"""


class SaasApiKeyPublishable(models.Model):
    _inherit = "saas.api.key.publishable"

    snippet = fields.Text(
        string="For Your Web Site",
        compute="_compute_snippet",
        help="Paste it where the form should be. A plan or a template may be fixed: "
        'plan="starter" template="restaurant".',
    )

    @api.depends("key")
    def _compute_snippet(self):
        for key in self:
            key.snippet = _SNIPPET.format(url=key.get_base_url(), key=key.key)
