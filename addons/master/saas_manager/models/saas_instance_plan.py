"""P3: to another plan, at once; never below what is in use. The only way a subscription's plan changes."""

from odoo import api, models
from odoo.exceptions import UserError, ValidationError


class SaasInstance(models.Model):
    _inherit = "saas.instance"

    @api.constrains("plan_id")
    def _check_plan_of_subscription(self):
        """Whoever writes it: an instance that is billed is on the plan it is billed for."""
        for instance in self:
            subscription = instance.subscription_id
            is_billed = subscription.period_ids and subscription.state != "cancelled"
            if is_billed and subscription.plan_id != instance.plan_id:
                raise ValidationError(
                    self.env._("%s has a subscription: its plan is changed by Change Plan.", instance.name)
                )

    def change_plan(self, plan):
        """P3: to the plan, a record or an id, at once; a downgrade below what is in use is refused.

        Of its subscription the periods say what it was on until today, and what it is on from now; a period
        that was renewed ahead has the new plan's price too. Nothing is settled for what was paid.
        """
        self.check_access("write")
        plan = self.env["saas.plan"].browse(int(plan)).exists()
        for instance in self:
            instance._check_fits(plan)
            instance.subscription_id.filtered(lambda s: s.state != "cancelled")._to_plan(plan)
            # sudo: of a created instance it is changed by this action only.
            instance.sudo().plan_id = plan
            instance._entitle_later()

    def _check_fits(self, plan):
        self.ensure_one()
        used_gb = self.storage_mb / 1024
        if plan.max_users and self.user_count > plan.max_users:
            raise UserError(
                self.env._(
                    "%(instance)s has %(used)d users, the plan %(plan)s allows %(limit)d. "
                    "Archive some users first.",
                    instance=self.name,
                    used=self.user_count,
                    plan=plan.name,
                    limit=plan.max_users,
                )
            )
        if plan.max_storage_gb and used_gb > plan.max_storage_gb:
            raise UserError(
                self.env._(
                    "%(instance)s uses %(used).1f GB, the plan %(plan)s allows %(limit).1f GB.",
                    instance=self.name,
                    used=used_gb,
                    plan=plan.name,
                    limit=plan.max_storage_gb,
                )
            )
