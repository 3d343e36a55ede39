"""A plan whose price changes, another plan, and the periods of a subscription."""

from .subscription_common import SubscriptionCase


class PriceCase(SubscriptionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.larger = cls.plan.copy(
            {"name": "Larger", "code": "larger", "price_monthly": 30, "price_yearly": 300}
        )

    def change_plan(self, subscription, day, plan=None):
        with self.on(day):
            subscription.instance_id.change_plan(plan or self.larger)

    def history(self, subscription):
        """The periods that cover at least one day: (kind, start, end, price, period)."""
        rows = subscription.period_ids._with_days()
        return [
            (row.kind, str(row.date_start), str(row.date_end), row.price, row.period or "") for row in rows
        ]
