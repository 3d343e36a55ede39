"""S1, S4: how a subscription starts, renews, is paid, is cancelled and changes."""

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from .. import gateway
from .subscription_common import SubscriptionCase


@tagged("post_install", "-at_install")
class TestSubscription(SubscriptionCase):
    def test_a_trial_ends_after_its_days(self):
        self.plan.trial_days = 14
        subscription = self.started("2027-01-10")
        self.assertEqual(subscription.state, "trial")
        self.assertDates(subscription, "2027-01-10", "2027-01-24")

    def test_without_a_trial_the_first_period_starts_at_once(self):
        subscription = self.started("2027-01-31")
        self.assertEqual((subscription.state, subscription.payment_state), ("active", "paid"))
        self.assertDates(subscription, "2027-01-31", "2027-02-28")

    def test_the_first_period_must_be_paid_if_payments_are_collected(self):
        self.set_parameter("saas.collect_payments", True)
        self.assertEqual(self.started("2027-01-31").payment_state, "pending")

    def test_a_free_plan_is_always_paid(self):
        self.set_parameter("saas.collect_payments", True)
        self.plan.price_monthly = 0
        self.assertEqual(self.started("2027-01-31").payment_state, "paid")

    def test_today_is_the_customers_day(self):
        subscription = self.make()
        with self.on("2027-01-31"):
            subscription.with_context(tz="Pacific/Kiritimati")._start()
        self.assertEqual(str(subscription.date_start), "2027-02-01")

    def test_the_instance_expires_with_the_subscription(self):
        subscription = self.started("2027-01-31")
        self.assertEqual(subscription.instance_id.expires_on, subscription.date_end)
        with self.on("2027-02-01"):
            subscription.action_renew()
        self.assertEqual(str(subscription.instance_id.expires_on), "2027-03-31")

    def test_a_subscription_created_by_hand_starts_after_the_other_has_ended(self):
        first = self.make()
        first._start()
        second = first.copy()
        with self.assertRaisesRegex(UserError, first.name):
            second.action_start()
        first.with_context(cancel_now=True).action_cancel()
        second.instance_id.sudo().write({"state": "active", "operation": False})
        second.with_user(self.manager).action_start()
        self.assertEqual(second.state, "active")

    def test_the_subscription_of_an_inactive_instance_cannot_be_started(self):
        subscription = self.make()
        subscription.instance_id.sudo().state = "suspended"
        with self.assertRaisesRegex(UserError, "must be active"):
            subscription.action_start()

    def test_a_renewal_by_hand_continues_at_the_old_end(self):
        subscription = self.started("2027-01-31")
        with self.on("2027-02-15"):
            for _time in range(3):
                subscription.action_renew()
        self.assertDates(subscription, "2027-01-31", "2027-05-31")

    def test_a_converted_trial_counts_from_the_trials_end(self):
        self.plan.trial_days = 14
        subscription = self.started("2027-01-17")
        with self.on("2027-01-20"):
            subscription.action_renew()
            subscription.action_renew()
        self.assertEqual(subscription.state, "active")
        self.assertDates(subscription, "2027-01-31", "2027-03-31")

    def test_a_changed_period_counts_from_the_current_end(self):
        subscription = self.started("2027-01-31")
        with self.on("2027-02-01"):
            subscription.action_change_period()
            self.assertEqual((subscription.next_period, subscription.price), ("yearly", 10))
            self.assertEqual(str(subscription.date_end), "2027-02-28")
            subscription.action_renew()
        self.assertEqual((subscription.period, subscription.price), ("yearly", 100))
        self.assertDates(subscription, "2027-02-28", "2028-02-28")

    def test_free_days_move_the_end_and_later_periods(self):
        subscription = self.started("2027-01-01")
        with self.on("2027-01-05"):
            subscription._extend(5)
            self.assertEqual(str(subscription.date_end), "2027-02-06")
            subscription.action_renew()
        self.assertEqual(str(subscription.date_end), "2027-03-06")

    def test_free_days_continue_an_expired_trial(self):
        subscription = self.blocked("expired", end="2027-01-10")
        with self.on("2027-02-01"):
            subscription._extend(7)
        self.assertEqual((subscription.state, str(subscription.date_end)), ("active", "2027-02-08"))
        self.assertEqual(subscription.instance_id.operation, "reactivate")

    # ------------------------------------------------------------ payments

    def blocked(self, state, end):
        subscription = self.started("2027-01-01")
        instance_state = "suspended" if state == "suspended" else "expired"
        self.job_is_done(subscription.instance_id, instance_state)
        subscription.sudo().write({"state": state, "date_end": end, "payment_state": "overdue"})
        return subscription

    def test_a_payment_reactivates_the_instance_at_once(self):
        subscription = self.blocked("suspended", end="2027-02-01")
        with self.on("2027-01-20"):
            subscription.action_register_payment()
        self.assertEqual((subscription.state, subscription.payment_state), ("active", "paid"))
        self.assertEqual(str(subscription.date_end), "2027-02-01")
        self.assertEqual(len(self.wanted("reactivate", subscription.instance_id)), 1)
        self.assertTrue(self.wanted("_entitle", subscription.instance_id), "its banner must go")

    def test_a_payment_after_the_end_begins_a_new_period_today(self):
        subscription = self.blocked("expired", end="2027-01-10")
        with self.on("2027-01-31"):
            subscription.action_register_payment()
        self.assertDates(subscription, "2027-01-31", "2027-02-28")

    def test_a_payment_while_the_instance_is_being_suspended_reactivates_it_afterwards(self):
        subscription = self.blocked("suspended", end="2027-02-01")
        instance = subscription.instance_id
        instance.sudo().write({"state": "active", "operation": "suspend"})
        with self.on("2027-01-20"):
            subscription.action_register_payment()
        self.assertEqual(instance.operation, "suspend")
        self.assertEqual(len(self.wanted("_reactivate_when_free", subscription)), 1)
        self.job_is_done(instance, "suspended")
        subscription._reactivate_when_free()
        self.assertEqual(instance.operation, "reactivate")

    def test_a_payment_does_not_undo_an_operators_suspension(self):
        subscription = self.started("2027-01-01")
        self.job_is_done(subscription.instance_id, "suspended")
        with self.on("2027-01-20"):
            subscription.action_register_payment()
        self.assertFalse(subscription.instance_id.operation)

    def test_a_payment_during_the_trial_is_for_the_period_after_it(self):
        self.set_parameter("saas.collect_payments", True)
        self.plan.trial_days = 14
        subscription = self.started("2027-01-01")
        with self.on("2027-01-05"):
            subscription.action_register_payment()
        self.assertEqual((subscription.state, str(subscription.date_end)), ("trial", "2027-01-15"))
        self.nights("2027-01-14", "2027-01-16")
        self.assertEqual((subscription.state, subscription.payment_state), ("active", "paid"))
        self.assertDates(subscription, "2027-01-15", "2027-02-15")

    def test_a_cancelled_subscription_cannot_be_paid(self):
        subscription = self.started("2027-01-01")
        subscription.with_context(cancel_now=True).action_cancel()
        with self.assertRaisesRegex(UserError, "cancelled"):
            subscription.action_register_payment()

    # ------------------------------------------------------------ cancellation

    def test_a_cancelled_subscription_runs_to_its_end(self):
        subscription = self.started("2027-01-01")
        with self.on("2027-01-10"):
            subscription.action_cancel()
        self.assertEqual((subscription.state, str(subscription.date_end)), ("active", "2027-02-01"))
        self.assertFalse(subscription.auto_renew)
        self.assertFalse(subscription.instance_id.operation)

    def test_cancelling_removes_an_unpaid_period_ahead(self):
        self.set_parameter("saas.collect_payments", True)
        subscription = self.started("2027-01-01")
        with self.on("2027-01-26"):
            subscription.action_register_payment()
            subscription.action_renew()
            self.assertEqual(str(subscription.date_end), "2027-03-01")
            subscription.action_cancel()
        self.assertEqual((subscription.payment_state, str(subscription.date_end)), ("paid", "2027-02-01"))

    def test_after_removing_a_future_period_the_one_before_is_the_last_and_paid(self):
        self.set_parameter("saas.collect_payments", True)
        subscription = self.started("2027-01-01")
        with self.on("2027-01-02"):
            subscription.action_register_payment()
            subscription.action_renew()
            subscription.instance_id.sudo().change_plan(self.plan.copy({"code": "other"}))
            self.assertEqual(str(subscription.period_start), "2027-02-01")
            subscription.sudo().date_end = "2027-01-20"
        self.assertEqual((str(subscription.period_start), subscription.payment_state), ("2027-01-01", "paid"))
        self.night("2027-01-19")
        self.assertEqual(subscription.state, "active")

    def test_what_was_owed_before_a_period_was_added_is_owed_when_that_is_taken_back(self):
        self.set_parameter("saas.collect_payments", True)
        ways = (
            lambda subscription: subscription.action_cancel(),
            lambda subscription: setattr(subscription.sudo(), "date_end", "2027-01-20"),
        )
        for subscription, take_back in zip(self.started("2027-01-01", count=2), ways, strict=True):
            with self.on("2027-01-02"):
                subscription.action_renew()
                take_back(subscription)
                found = str(subscription.period_start), subscription.payment_state
                self.assertEqual(found, ("2027-01-01", "pending"))
                subscription.action_register_payment()
                self.assertFalse(subscription.owed_since)
                subscription.action_renew()
                subscription.action_renew()
                subscription.sudo().date_end = "2027-02-10"
                self.assertEqual(subscription.payment_state, "pending", "The second one was added unpaid.")
                subscription.sudo().date_end = "2027-01-20"
            self.assertEqual(subscription.payment_state, "paid", "Of the first nothing was owed.")

    def test_of_a_period_taken_back_after_a_trial_the_trial_is_the_last(self):
        self.set_parameter("saas.collect_payments", True)
        self.plan.trial_days = 20
        subscription = self.started("2027-01-01")
        with self.on("2027-01-02"):
            subscription.instance_id.sudo().change_plan(self.plan.copy({"code": "other"}))
            subscription.action_renew()
            subscription.action_cancel()
        self.assertEqual(str(subscription.period_start), "2027-01-01")
        self.assertDates(subscription, "2027-01-21", "2027-01-21")

    def test_a_period_that_has_begun_must_be_paid_wherever_its_end_is_moved(self):
        self.set_parameter("saas.collect_payments", True)
        subscription = self.started("2027-01-01")
        with self.on("2027-01-10"):
            subscription.sudo().date_end = "2026-12-10"
        self.assertEqual(
            (str(subscription.period_start), subscription.payment_state), ("2027-01-01", "pending")
        )

    def test_cancelling_now_blocks_the_instance_now(self):
        subscription = self.started("2027-01-01")
        with self.on("2027-01-10"):
            subscription.with_context(cancel_now=True).action_cancel()
        self.assertEqual((subscription.state, str(subscription.date_end)), ("cancelled", "2027-01-10"))
        self.assertEqual(subscription.instance_id.operation, "expire")

    # ------------------------------------------------------------ what the customer sees

    def test_the_end_is_shown_only_without_automatic_renewal(self):
        subscription = self.started("2027-01-01")
        self.assertFalse(subscription.expiry_to_show())
        subscription.auto_renew = False
        self.assertEqual(str(subscription.expiry_to_show()), "2027-02-01")

    def test_the_end_is_the_beginning_of_a_day_in_the_customer_s_time_zone(self):
        subscription = self.started("2027-01-01", auto_renew=False)
        subscription.instance_id.tz = "Asia/Ho_Chi_Minh"
        entitlements = gateway.instances._entitlements(subscription.instance_id)
        self.assertEqual(entitlements.expires_at, "2027-02-01T00:00:00+07:00")

    def test_an_instance_without_a_subscription_never_expires(self):
        instance = self.make().instance_id
        instance.subscription_ids.unlink()
        self.assertEqual(gateway.instances._entitlements(instance).expires_at, "")

    def test_an_unpaid_trial_shows_its_end_where_payments_are_collected(self):
        self.plan.trial_days = 14
        subscription = self.started("2027-01-01")
        self.assertFalse(subscription.expiry_to_show())
        self.set_parameter("saas.collect_payments", True)
        self.assertEqual(str(subscription.expiry_to_show()), "2027-01-15")

    def test_a_renewal_signs_no_new_entitlements(self):
        subscription = self.started("2027-01-01")
        before = len(self.jobs.enqueued_jobs)
        subscription.action_renew()
        self.assertEqual(len(self.jobs.enqueued_jobs), before)

    def test_a_user_can_read_but_not_renew(self):
        user = new_test_user(self.env, "subscription user", "saas_manager.group_saas_user")
        subscription = self.started("2027-01-01").with_user(user)
        self.assertEqual(subscription.state, "active")
        with self.assertRaises(AccessError):
            subscription.action_renew()
