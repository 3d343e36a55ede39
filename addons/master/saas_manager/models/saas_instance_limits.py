"""J1: the nightly look at who has more users than the plan allows."""

from odoo import api, fields, models
from odoo.fields import Domain


class SaasInstance(models.Model):
    _name = "saas.instance"
    _inherit = ["saas.instance", "saas.sweep.mixin"]

    over_limit_at = fields.Datetime(
        string="Over Its Limit Since", readonly=True, copy=False, index="btree_not_null"
    )

    @api.model
    def _cron_check_user_limits(self):
        """Tell of an instance once when it goes over its plan's users; again only after it was back."""
        instances = self.sudo().with_context(tracking_disable=True)  # those of all companies
        over, told = instances._over_limit_domain(), Domain("over_limit_at", "!=", False)
        instances._sweep_all((told & ~over, "_come_back_in_limit"), (~told & over, "_go_over_limit"))

    @api.model
    def _over_limit_domain(self):
        plans = self.env["saas.plan"].with_context(active_test=False).search([("max_users", ">", 0)])
        over = Domain.OR(
            Domain("plan_id", "=", plan.id) & Domain("user_count", ">", plan.max_users) for plan in plans
        )
        return Domain("state", "=", "active") & over

    def _come_back_in_limit(self):
        self.over_limit_at = False

    def _go_over_limit(self):
        """The tenant refuses new users by itself: a person talks to the customer about a larger plan."""
        self.over_limit_at = fields.Datetime.now()
        for instance in self:
            message = self.env._(
                "%(instance)s has %(used)d users, its plan %(plan)s allows %(limit)d.",
                instance=instance.name,
                used=instance.user_count,
                plan=instance.plan_id.name,
                limit=instance.max_users,
            )
            instance._emit("instance.over_limit", reason=message)
            instance._entitle_later()

    def _sweep_instance(self):
        return self

    def _log(self, level, messages):
        """Write a line into each log; they stay only if what is being done is committed."""
        self.env["saas.instance.log"].sudo().create(
            [
                {
                    "instance_id": instance.id,
                    "company_id": instance.company_id.id,
                    "level": level,
                    "message": messages[instance],
                }
                for instance in self
            ]
        )
