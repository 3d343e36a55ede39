"""One method changes a plan, and the periods say what was in force before."""

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import new_test_user, tagged

from .price_case import PriceCase


@tagged("post_install", "-at_install")
class TestChangedPlan(PriceCase):
    def test_in_the_midst_of_a_period_the_history_says_what_was_in_force(self):
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

    def test_changed_twice_a_day_the_last_one_holds_and_the_others_are_remembered(self):
        subscription = self.started("2027-01-01")
        self.change_plan(subscription, "2027-01-10")
        self.change_plan(subscription, "2027-01-10", self.plan)
        self.assertEqual([row[3] for row in self.history(subscription)], [10, 10])
        self.assertEqual(len(subscription.period_ids), 3)

    def test_changed_on_its_first_day_the_period_is_the_new_plan_s(self):
        subscription = self.started("2027-01-01")
        self.change_plan(subscription, "2027-01-01")
        self.assertEqual(self.history(subscription), [("period", "2027-01-01", "2027-02-01", 30, "monthly")])

    def test_the_same_plan_is_no_change_and_no_way_to_a_new_price(self):
        subscription = self.started("2027-01-01")
        self.plan.price_monthly = 5
        self.change_plan(subscription, "2027-01-10", self.plan)
        self.assertEqual((subscription.price, len(subscription.period_ids)), (10, 1))

    def test_what_was_renewed_ahead_is_the_new_plan_s_too(self):
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

    def test_on_trial_it_stays_a_trial(self):
        self.plan.trial_days = 14
        subscription = self.started("2027-01-01")
        self.change_plan(subscription, "2027-01-05")
        self.assertEqual((subscription.price, subscription.state), (30, "trial"))
        self.assertEqual([row[0] for row in self.history(subscription)], ["trial", "trial"])
        self.night("2027-01-15")
        self.assertEqual(
            self.history(subscription)[-1], ("period", "2027-01-15", "2027-02-15", 30, "monthly")
        )

    def test_on_a_trial_that_is_paid_the_new_plan_s_price_is_frozen_from_then(self):
        self.plan.trial_days = 14
        subscription = self.started("2027-01-01")
        with self.on("2027-01-03"):
            subscription.action_register_payment()
        self.change_plan(subscription, "2027-01-05")
        self.larger.price_monthly = 99
        self.night("2027-01-15")
        self.assertEqual(subscription.price, 30)

    def test_of_one_that_has_ended_it_holds_when_it_goes_on(self):
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

    def test_after_a_period_ahead_was_taken_back(self):
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

    def test_of_a_draft_it_is_just_written(self):
        subscription = self.make()
        self.change_plan(subscription, "2027-01-01")
        self.assertEqual((subscription.plan_id, subscription.price), (self.larger, 30))
        self.assertFalse(subscription.period_ids)

    def test_a_newer_draft_does_not_stand_before_the_one_that_runs(self):
        subscription = self.started("2027-01-01")
        draft = subscription.copy()
        self.env.invalidate_all()  # what was read before is not in order
        self.assertEqual(subscription.instance_id.subscription_id, subscription)
        self.change_plan(subscription, "2027-01-10")
        self.assertEqual((subscription.plan_id, subscription.price), (self.larger, 30))
        with self.on("2027-01-10"):
            subscription.with_context(cancel_now=True).action_cancel()
        self.assertEqual(subscription.instance_id.subscription_id, draft)

    def test_a_draft_begins_with_the_plan_its_instance_was_created_on(self):
        draft = self.make(plan_id=self.larger.id)
        draft.instance_id._start_subscription()
        self.assertEqual((draft.plan_id, draft.price, draft.state), (self.plan, 10, "active"))

    def test_one_that_is_cancelled_stays_what_it_was(self):
        subscription = self.started("2027-01-01")
        with self.on("2027-01-10"):
            subscription.with_context(cancel_now=True).action_cancel()
        self.change_plan(subscription, "2027-01-11")
        self.assertEqual((subscription.plan_id, subscription.instance_id.plan_id), (self.plan, self.larger))

    def test_nobody_writes_the_plan_past_the_one_method(self):
        subscription = self.started("2027-01-01").sudo()
        for record in (subscription, subscription.instance_id):
            with self.subTest(model=record._name):
                with self.assertRaises(ValidationError) as refused:
                    record.write({"plan_id": self.larger.id})
                self.assertIn("Change Plan", str(refused.exception))
                self.assertEqual(record.plan_id, self.plan)

    def test_nobody_writes_the_price(self):
        subscription = self.started("2027-01-01").sudo()
        for values in ({"price": 1}, {"mrr": 1}, {"currency_id": self.env.ref("base.CHF").id}):
            with self.subTest(values=values), self.assertRaisesRegex(UserError, "comes from its periods"):
                subscription.write(values)
        with self.assertRaisesRegex(UserError, "comes from its periods"):
            subscription.copy({"price": 1})

    def test_no_import_changes_the_plan_either(self):
        subscription = self.started("2027-01-01").sudo()
        result = subscription.load([".id", "plan_id/.id"], [[str(subscription.id), str(self.larger.id)]])
        self.assertFalse(result["ids"])
        self.assertIn("Change Plan", result["messages"][0]["message"])

    def test_nobody_writes_the_length_of_a_running_period(self):
        subscription = self.started("2027-01-01").sudo()
        with self.assertRaisesRegex(ValidationError, "by the button"):
            subscription.period = "yearly"

    def test_who_may_only_look_changes_no_plan(self):
        user = new_test_user(self.env, "plan looker", "saas_manager.group_saas_user")
        instance = self.started("2027-01-01").instance_id.with_user(user)
        with self.assertRaises(AccessError):
            instance.change_plan(self.larger)

    def test_one_made_by_hand_is_billed_for_the_plan_its_instance_has(self):
        subscription = self.make()
        subscription.plan_id = self.larger
        with self.assertRaisesRegex(UserError, "has the plan Test"):
            subscription.action_start()
