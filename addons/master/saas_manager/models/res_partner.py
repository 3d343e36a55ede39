"""The customer: owns instances and pays for them."""

from odoo import api, fields, models


class ResPartner(models.Model):
    _inherit = "res.partner"

    saas_instance_ids = fields.One2many(
        "saas.instance", "partner_id", string="Instances", groups="saas_manager.group_saas_user"
    )
    saas_instance_count = fields.Integer(
        compute="_compute_saas_counts", groups="saas_manager.group_saas_user"
    )
    saas_active_instance_count = fields.Integer(
        compute="_compute_saas_counts", groups="saas_manager.group_saas_user"
    )
    saas_subscription_ids = fields.One2many(
        "saas.subscription", "partner_id", string="Subscriptions", groups="saas_manager.group_saas_user"
    )
    saas_subscription_count = fields.Integer(
        compute="_compute_saas_counts", groups="saas_manager.group_saas_user"
    )

    saas_mail_states = fields.Boolean(
        string="Suspended and Reactivated",
        default=True,
        groups="saas_manager.group_saas_user",
        help="Send a mail when an instance of theirs is suspended, and when it works again.",
    )
    saas_mail_trials = fields.Boolean(
        string="Trial Ends Soon",
        default=True,
        groups="saas_manager.group_saas_user",
        help="Send a reminder some days before a trial ends.",
    )
    saas_mail_renewals = fields.Boolean(
        string="Subscription Ends Soon",
        default=True,
        groups="saas_manager.group_saas_user",
        help="Send a reminder some days before a period ends.",
    )

    @api.depends("saas_instance_ids.state", "saas_subscription_ids")
    def _compute_saas_counts(self):
        instances = self._count_saas("saas.instance", [])
        active = self._count_saas("saas.instance", [("state", "=", "active")])
        subscriptions = self._count_saas("saas.subscription", [])
        for partner in self:
            partner.saas_instance_count = instances.get(partner.id, 0)
            partner.saas_active_instance_count = active.get(partner.id, 0)
            partner.saas_subscription_count = subscriptions.get(partner.id, 0)

    def _count_saas(self, model, domain):
        groups = self.env[model]._read_group(
            [("partner_id", "in", self.ids), *domain], ["partner_id"], ["__count"]
        )
        return {partner.id: count for partner, count in groups}

    def action_view_saas_instances(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("saas_manager.saas_instance_action")
        context = {"default_partner_id": self.id}
        return {**action, "domain": [("partner_id", "=", self.id)], "context": context}

    def action_view_saas_subscriptions(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("saas_manager.saas_subscription_action")
        context = {"default_partner_id": self.id}
        return {**action, "domain": [("partner_id", "=", self.id)], "context": context}
