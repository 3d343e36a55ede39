"""A period keeps the price that it had at its start."""

from odoo.tests import tagged

from .price_case import PriceCase


@tagged("post_install", "-at_install")
class TestFrozenPrices(PriceCase):
    def test_a_running_period_keeps_its_price_and_the_next_one_uses_the_plan_s(self):
        subscription = self.started("2027-01-01")
        self.plan.write({"price_monthly": 20, "price_yearly": 200})
        self.assertEqual((subscription.price, subscription.mrr, subscription.next_price), (10, 10, 20))
        self.night("2027-01-25")
        self.assertEqual((subscription.price, subscription.mrr), (20, 20))
        self.assertEqual(
            self.history(subscription),
            [
                ("period", "2027-01-01", "2027-02-01", 10, "monthly"),
                ("period", "2027-02-01", "2027-03-01", 20, "monthly"),
            ],
        )

    def test_a_missed_period_gets_the_price_of_the_night_on_which_it_is_added(self):
        subscription = self.started("2027-01-01")
        self.plan.price_monthly = 20
        self.night("2027-03-15")
        self.assertEqual([row[3] for row in self.history(subscription)], [10, 20, 20])

    def test_the_monthly_revenue_of_a_yearly_period_is_a_twelfth_of_its_price(self):
        subscription = self.started("2027-01-01", period="yearly")
        self.plan.price_yearly = 240
        self.assertEqual(subscription.price, 100)
        for record in (subscription, subscription.period_ids):
            self.assertAlmostEqual(record.mrr, 8.33, 2)

    def test_a_running_period_keeps_its_currency(self):
        subscription = self.started("2027-01-01")
        before = subscription.currency_id
        other = self.env["res.currency"].create({"name": "ZZZ", "symbol": "Z"})
        self.plan.currency_id = other
        self.assertEqual((subscription.currency_id, subscription.next_currency_id), (before, other))
        self.night("2027-01-25")
        self.assertEqual(subscription.currency_id, other)
        self.assertEqual(subscription.period_ids._in_order().currency_id, before + other)

    def test_a_draft_and_a_trial_show_the_price_of_the_first_period(self):
        self.plan.trial_days = 14
        subscription = self.started("2027-01-01")
        self.plan.price_monthly = 20
        self.assertEqual(subscription.price, 20)
        self.assertEqual(self.history(subscription), [("trial", "2027-01-01", "2027-01-15", 0, "")])
        self.night("2027-01-15")
        self.plan.price_monthly = 50
        self.assertEqual(subscription.price, 20)

    def test_a_period_paid_during_the_trial_keeps_that_price(self):
        self.set_parameter("saas.collect_payments", True)
        self.plan.trial_days = 14
        subscription = self.started("2027-01-01")
        with self.on("2027-01-05"):
            subscription.action_register_payment()
            subscription.action_register_payment()
            self.plan.price_monthly = 20
            self.assertEqual((subscription.price, subscription.next_price), (10, 10))
            subscription._extend(5)
        self.night("2027-01-20")
        self.assertEqual(subscription.payment_state, "paid")
        self.assertEqual(
            self.history(subscription),
            [
                ("trial", "2027-01-01", "2027-01-20", 0, ""),
                ("period", "2027-01-20", "2027-02-20", 10, "monthly"),
            ],
        )
        self.assertEqual(len(subscription.period_ids), 3, "one note of the payment")

    def test_a_switch_to_yearly_in_a_paid_trial_keeps_the_paid_first_month(self):
        self.plan.trial_days = 14
        subscription = self.started("2027-01-01")
        with self.on("2027-01-05"):
            subscription.action_register_payment()
            subscription.action_change_period()
        self.night("2027-01-15")
        self.assertEqual((subscription.period, subscription.price), ("monthly", 10))
        self.night("2027-02-10")
        self.assertEqual((subscription.period, subscription.price), ("yearly", 100))
        self.assertDates(subscription, "2027-02-15", "2028-02-15")

    def test_after_a_switch_the_current_period_keeps_its_length_and_price(self):
        subscription = self.started("2027-01-31")
        with self.on("2027-02-01"):
            subscription.action_change_period()
            self.assertEqual((subscription.period, subscription.price), ("monthly", 10))
            self.assertEqual((subscription.next_period, subscription.next_price), ("yearly", 100))
            subscription.action_change_period()
        self.assertFalse(subscription.next_period)
        self.night("2027-02-22")
        self.assertDates(subscription, "2027-01-31", "2027-03-31")

    def test_a_switch_that_is_removed_with_its_period_waits_for_the_next_one(self):
        self.set_parameter("saas.collect_payments", True)
        subscription = self.started("2027-01-01")
        with self.on("2027-01-02"):
            subscription.action_register_payment()
            subscription.action_change_period()
        self.night("2027-01-25")
        self.assertEqual((subscription.period, subscription.payment_state), ("yearly", "pending"))
        with self.on("2027-01-26"):
            subscription.action_cancel()
        self.assertEqual((subscription.period, subscription.price), ("monthly", 10))
        self.assertEqual((subscription.next_period, subscription.next_price), ("yearly", 100))
        self.change_plan(subscription, "2027-01-27")
        with self.on("2027-01-28"):
            subscription.action_renew()
        self.assertEqual(
            self.history(subscription),
            [
                ("period", "2027-01-01", "2027-01-27", 10, "monthly"),
                ("change", "2027-01-27", "2027-02-01", 30, "monthly"),
                ("period", "2027-02-01", "2028-02-01", 300, "yearly"),
            ],
        )

    def test_a_free_plan_that_gets_a_price_must_be_paid_from_the_next_period(self):
        self.set_parameter("saas.collect_payments", True)
        self.plan.price_monthly = 0
        subscription = self.started("2027-01-01")
        self.plan.price_monthly = 20
        self.assertTrue(subscription._is_paid())
        self.night("2027-01-25")
        self.assertEqual((subscription.price, subscription.payment_state), (20, "pending"))

    def test_a_payment_after_the_end_uses_the_plan_s_price_of_that_day(self):
        subscription = self.started("2027-01-01", auto_renew=False)
        self.nights("2027-02-01", "2027-02-04")
        self.job_is_done(subscription.instance_id, "expired")
        self.plan.price_monthly = 20
        with self.on("2027-03-10"):
            subscription.action_register_payment()
        self.assertEqual(
            self.history(subscription),
            [
                ("period", "2027-01-01", "2027-02-01", 10, "monthly"),
                ("period", "2027-03-10", "2027-04-10", 20, "monthly"),
            ],
        )

    def test_free_days_lengthen_a_running_period_and_are_free_after_its_end(self):
        subscription = self.started("2027-01-01", auto_renew=False)
        with self.on("2027-01-10"):
            subscription._extend(5)
        self.assertEqual(self.history(subscription), [("period", "2027-01-01", "2027-02-06", 10, "monthly")])
        self.nights("2027-02-06", "2027-02-09")
        self.job_is_done(subscription.instance_id, "expired")
        with self.on("2027-03-01"):
            subscription._extend(7)
        self.assertEqual(self.history(subscription)[1:], [("free", "2027-03-01", "2027-03-08", 0, "")])

    def test_a_suspended_subscription_has_no_revenue_and_continues_at_its_price(self):
        self.set_parameter("saas.collect_payments", True)
        paid, given = subscriptions = self.started("2027-01-01", count=2)
        self.nights("2027-01-02", "2027-01-05")
        until = [("period", "2027-01-01", "2027-01-05", 10, "monthly")]
        self.plan.price_monthly = 20
        with self.on("2027-01-06"):
            subscriptions.date_end = "2027-02-10"
        for subscription in subscriptions:
            self.assertEqual((subscription.state, self.history(subscription)), ("suspended", until))
            self.job_is_done(subscription.instance_id, "suspended")
        with self.on("2027-01-20"):
            paid.action_register_payment()
            given._extend(7)
        for subscription, end in ((paid, "2027-02-10"), (given, "2027-02-17")):
            self.assertEqual(
                self.history(subscription), [*until, ("period", "2027-01-20", end, 10, "monthly")]
            )

    def test_a_subscription_suspended_on_the_day_of_a_switch_continues_switched(self):
        self.set_parameter("saas.collect_payments", True)
        self.plan.grace_days = 0
        subscription = self.started("2027-01-01")
        with self.on("2027-01-01"):
            subscription.action_register_payment()
            subscription.action_change_period()
            subscription.action_renew()
        self.night("2027-02-01")
        self.assertEqual(subscription.state, "suspended")
        self.job_is_done(subscription.instance_id, "suspended")
        with self.on("2027-02-10"):
            subscription.action_register_payment()
        self.assertEqual(
            self.history(subscription)[1:], [("period", "2027-02-10", "2028-02-01", 100, "yearly")]
        )
        self.assertEqual((subscription.period, subscription.next_period), ("yearly", False))

    def test_a_payment_while_past_due_continues_the_same_period(self):
        self.set_parameter("saas.collect_payments", True)
        subscription = self.started("2027-01-01")
        self.night("2027-01-02")
        with self.on("2027-01-03"):
            subscription.action_register_payment()
        self.assertEqual(self.history(subscription), [("period", "2027-01-01", "2027-02-01", 10, "monthly")])

    def test_an_expired_subscription_with_a_new_end_has_a_period_from_its_continuation(self):
        subscription = self.started("2027-01-01", auto_renew=False)
        self.nights("2027-02-01", "2027-02-04")
        self.job_is_done(subscription.instance_id, "expired")
        with self.on("2027-02-10"):
            subscription.date_end = "2027-03-01"
        with self.on("2027-02-20"):
            subscription.action_register_payment()
        self.assertEqual(
            self.history(subscription)[1:], [("period", "2027-02-20", "2027-03-01", 10, "monthly")]
        )

    def test_cancelling_now_ends_the_period_and_lengthens_no_ended_one(self):
        running, ended = self.started("2027-01-01", count=2)
        with self.on("2027-01-15"):
            ended.sudo().write({"state": "expired", "date_end": "2027-01-15"})
        with self.on("2027-01-20"):
            (running + ended).with_context(cancel_now=True).action_cancel()
        self.assertEqual(self.history(running)[-1][2], "2027-01-20")
        self.assertEqual(self.history(ended)[-1][2], "2027-01-15")

    def test_a_terminated_instance_ends_the_subscription_s_periods(self):
        subscription = self.started("2027-01-01")
        with self.on("2027-01-20"):
            subscription.sudo()._instance_terminated()
        self.assertEqual(self.history(subscription)[-1][2], "2027-01-20")

    def test_the_plan_s_form_shows_how_many_subscriptions_renew_at_its_price(self):
        subscriptions = self.started("2027-01-01", count=4)
        subscriptions[0].auto_renew = False
        with self.on("2027-01-20"):
            subscriptions[1].with_context(cancel_now=True).action_cancel()
        self.change_plan(subscriptions[2], "2027-01-21")
        self.assertEqual((self.plan.renewing_count, self.larger.renewing_count), (1, 1))
