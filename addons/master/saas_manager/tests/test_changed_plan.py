"""One method changes a plan, and the periods record which plan applied when."""

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import new_test_user, tagged

from .price_case import PriceCase


@tagged("post_install", "-at_install")
class TestChangedPlan(PriceCase):
    def test_a_change_within_a_period_is_recorded_in_the_history(self):
        subscription = self.started("2027-01-01")
        self.plan.price_monthly = 20
        self.change_plan(subscription, "2027-01-10")
        self.assertEqual((subscription.plan_id, subscription.price), (self.larger, 30))
        self.assertEqual(
            self.history(subscription),
            [
                ("period", "2027-01-01", "2027-01-10", 10, "monthly"),
                ("change", "2027-01-10", "2027-02-01", 30, "monthly"),
            ],
        )
        self.assertEqual(subscription.period_ids._in_order().plan_id, self.plan + self.larger)
        self.night("2027-01-25")
        self.assertEqual(
            self.history(subscription)[-1], ("period", "2027-02-01", "2027-03-01", 30, "monthly")
        )

    def test_of_two_changes_on_one_day_the_last_applies_and_all_are_recorded(self):
        subscription = self.started("2027-01-01")
        self.change_plan(subscription, "2027-01-10")
        self.change_plan(subscription, "2027-01-10", self.plan)
        self.assertEqual([row[3] for row in self.history(subscription)], [10, 10])
        self.assertEqual(len(subscription.period_ids), 3)

    def test_a_change_on_the_first_day_gives_the_whole_period_to_the_new_plan(self):
        subscription = self.started("2027-01-01")
        self.change_plan(subscription, "2027-01-01")
        self.assertEqual(self.history(subscription), [("period", "2027-01-01", "2027-02-01", 30, "monthly")])

    def test_choosing_the_same_plan_does_not_change_the_price(self):
        subscription = self.started("2027-01-01")
        self.plan.price_monthly = 5
        self.change_plan(subscription, "2027-01-10", self.plan)
        self.assertEqual((subscription.price, len(subscription.period_ids)), (10, 1))

    def test_a_period_renewed_ahead_gets_the_new_plan_too(self):
        subscription = self.started("2027-01-01", period="yearly")
        with self.on("2027-12-25"):
            subscription.action_renew()
        self.change_plan(subscription, "2027-12-26")
        self.assertEqual(
            self.history(subscription),
            [
                ("period", "2027-01-01", "2027-12-26", 100, "yearly"),
                ("change", "2027-12-26", "2028-01-01", 300, "yearly"),
                ("period", "2028-01-01", "2029-01-01", 300, "yearly"),
            ],
        )

    def test_a_trial_stays_a_trial_on_the_new_plan(self):
        self.plan.trial_days = 14
        subscription = self.started("2027-01-01")
        self.change_plan(subscription, "2027-01-05")
        self.assertEqual((subscription.price, subscription.state), (30, "trial"))
        self.assertEqual([row[0] for row in self.history(subscription)], ["trial", "trial"])
        self.night("2027-01-15")
        self.assertEqual(
            self.history(subscription)[-1], ("period", "2027-01-15", "2027-02-15", 30, "monthly")
        )

    def test_a_paid_trial_freezes_the_new_plan_s_price_when_it_changes(self):
        self.plan.trial_days = 14
        subscription = self.started("2027-01-01")
        with self.on("2027-01-03"):
            subscription.action_register_payment()
        self.change_plan(subscription, "2027-01-05")
        self.larger.price_monthly = 99
        self.night("2027-01-15")
        self.assertEqual(subscription.price, 30)

    def test_an_ended_subscription_uses_the_new_plan_when_it_continues(self):
        subscription = self.started("2027-01-01", auto_renew=False)
        self.nights("2027-02-01", "2027-02-04")
        self.job_is_done(subscription.instance_id, "expired")
        self.change_plan(subscription, "2027-02-10")
        self.larger.price_monthly = 40
        self.assertEqual(subscription.price, 40)
        self.assertEqual(len(self.history(subscription)), 1, "nothing is in force")
        with self.on("2027-02-20"):
            subscription.action_register_payment()
        self.assertEqual(
            self.history(subscription)[-1], ("period", "2027-02-20", "2027-03-20", 40, "monthly")
        )

    def test_the_plan_changes_after_a_period_ahead_was_removed(self):
        self.set_parameter("saas.collect_payments", True)
        subscription = self.started("2027-01-01")
        with self.on("2027-01-26"):
            subscription.action_register_payment()
            subscription.action_renew()
            subscription.action_cancel()
        self.change_plan(subscription, "2027-01-27")
        self.assertEqual(
            self.history(subscription),
            [
                ("period", "2027-01-01", "2027-01-27", 10, "monthly"),
                ("change", "2027-01-27", "2027-02-01", 30, "monthly"),
            ],
        )

    def test_the_plan_of_a_draft_is_simply_written(self):
        subscription = self.make()
        self.change_plan(subscription, "2027-01-01")
        self.assertEqual((subscription.plan_id, subscription.price), (self.larger, 30))
        self.assertFalse(subscription.period_ids)

    def test_a_newer_draft_does_not_replace_the_running_subscription(self):
        subscription = self.started("2027-01-01")
        draft = subscription.copy()
        self.env.invalidate_all()  # values read before are not in order
        self.assertEqual(subscription.instance_id.subscription_id, subscription)
        self.change_plan(subscription, "2027-01-10")
        self.assertEqual((subscription.plan_id, subscription.price), (self.larger, 30))
        with self.on("2027-01-10"):
            subscription.with_context(cancel_now=True).action_cancel()
        self.assertEqual(subscription.instance_id.subscription_id, draft)

    def test_a_draft_starts_with_the_plan_of_its_instance(self):
        draft = self.make(plan_id=self.larger.id)
        draft.instance_id._start_subscription()
        self.assertEqual((draft.plan_id, draft.price, draft.state), (self.plan, 10, "active"))

    def test_a_cancelled_subscription_keeps_its_plan(self):
        subscription = self.started("2027-01-01")
        with self.on("2027-01-10"):
            subscription.with_context(cancel_now=True).action_cancel()
        self.change_plan(subscription, "2027-01-11")
        self.assertEqual((subscription.plan_id, subscription.instance_id.plan_id), (self.plan, self.larger))

    def test_the_plan_cannot_be_written_directly(self):
        subscription = self.started("2027-01-01").sudo()
        for record in (subscription, subscription.instance_id):
            with self.subTest(model=record._name):
                with self.assertRaises(ValidationError) as refused:
                    record.write({"plan_id": self.larger.id})
                self.assertIn("Change Plan", str(refused.exception))
                self.assertEqual(record.plan_id, self.plan)

    def test_the_price_cannot_be_written(self):
        subscription = self.started("2027-01-01").sudo()
        for values in ({"price": 1}, {"mrr": 1}, {"currency_id": self.env.ref("base.CHF").id}):
            with self.subTest(values=values), self.assertRaisesRegex(UserError, "comes from its periods"):
                subscription.write(values)
        with self.assertRaisesRegex(UserError, "comes from its periods"):
            subscription.copy({"price": 1})

    def test_an_import_cannot_change_the_plan(self):
        subscription = self.started("2027-01-01").sudo()
        result = subscription.load([".id", "plan_id/.id"], [[str(subscription.id), str(self.larger.id)]])
        self.assertFalse(result["ids"])
        self.assertIn("Change Plan", result["messages"][0]["message"])

    def test_the_length_of_a_running_period_cannot_be_written(self):
        subscription = self.started("2027-01-01").sudo()
        with self.assertRaisesRegex(ValidationError, "by the button"):
            subscription.period = "yearly"

    def test_a_user_cannot_change_a_plan(self):
        user = new_test_user(self.env, "plan looker", "saas_manager.group_saas_user")
        instance = self.started("2027-01-01").instance_id.with_user(user)
        with self.assertRaises(AccessError):
            instance.change_plan(self.larger)

    def test_a_subscription_created_by_hand_needs_the_plan_of_its_instance(self):
        subscription = self.make()
        subscription.plan_id = self.larger
        with self.assertRaisesRegex(UserError, "has the plan Test"):
            subscription.action_start()
