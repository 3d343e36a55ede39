"""J1: what the nightly runs do with subscriptions and instances, and that they do it once."""

from unittest.mock import patch

from odoo.tests import tagged
from odoo.tools import mute_logger

from ..models import saas_sweep_mixin
from .subscription_common import SubscriptionCase

OVERDUE = "saas_manager.mail_template_payment_overdue"
EXPIRING = "saas_manager.mail_template_subscription_expiring"
TRIAL_ENDING = "saas_manager.mail_template_trial_ending"


@tagged("post_install", "-at_install")
class TestRenewal(SubscriptionCase):
    def test_it_is_renewed_a_week_before_the_end(self):
        subscription = self.started("2026-12-31")
        self.night("2027-01-23")
        self.assertEqual(str(subscription.date_end), "2027-01-31")
        self.night("2027-01-24")
        self.assertDates(subscription, "2026-12-31", "2027-02-28")

    def test_run_twice_it_is_renewed_once(self):
        subscription = self.started("2026-12-31")
        self.night("2027-01-25")
        self.night("2027-01-25")
        self.assertEqual(str(subscription.date_end), "2027-02-28")
        self.assertEqual(len(subscription.instance_id.log_ids), 1)

    def test_a_year_of_nightly_runs_does_not_drift(self):
        subscription = self.started("2026-12-31")
        for month in ("01-24", "02-21", "03-24", "04-23", "05-24"):
            self.night(f"2027-{month}")
        self.assertEqual((subscription.period_count, str(subscription.date_end)), (6, "2027-06-30"))

    def test_a_leap_day_is_kept_as_the_anchor(self):
        subscription = self.started("2028-02-29", period="yearly")
        for year in (2029, 2030, 2031):
            self.night(f"{year}-02-22")
        self.assertEqual(str(subscription.date_end), "2032-02-29")

    def test_a_missed_week_is_caught_up(self):
        subscription = self.started("2026-12-31")
        self.night("2027-02-05")
        self.assertEqual((subscription.state, str(subscription.date_end)), ("active", "2027-02-28"))

    def test_missed_months_are_caught_up_in_one_night(self):
        subscription = self.started("2026-12-31")
        self.night("2027-04-10")
        self.assertEqual(str(subscription.date_end), "2027-04-30")

    def test_no_period_is_added_after_a_missed_one_that_is_not_paid(self):
        self.set_parameter("saas.collect_payments", True)
        subscription = self.started("2026-12-31")
        subscription.action_register_payment()
        self.night("2027-04-10")
        self.assertEqual((subscription.state, str(subscription.date_end)), ("past_due", "2027-02-28"))

    def test_a_renewed_period_must_be_paid_if_payments_are_collected(self):
        self.set_parameter("saas.collect_payments", True)
        subscription = self.started("2026-12-31")
        with self.on("2027-01-02"):
            subscription.action_register_payment()
        self.night("2027-01-24")
        self.assertEqual((subscription.state, subscription.payment_state), ("active", "pending"))

    def test_without_auto_renewal_it_is_not_renewed(self):
        subscription = self.started("2026-12-31", auto_renew=False)
        self.night("2027-01-24")
        self.assertEqual(str(subscription.date_end), "2027-01-31")

    def test_a_trial_becomes_a_subscription_on_its_last_day(self):
        self.plan.trial_days = 14
        subscription = self.started("2027-01-17")
        self.night("2027-01-30")
        self.assertEqual(subscription.state, "trial")
        self.night("2027-01-31")
        self.assertEqual(subscription.state, "active")
        self.assertDates(subscription, "2027-01-31", "2027-02-28")

    def test_nights_follow_the_user_s_time_zone_not_utc(self):
        self.env.ref("base.user_admin").tz = "Asia/Ho_Chi_Minh"
        subscription = self.started("2026-12-31")
        self.run_cron("renew", "2027-01-23 16:59:00")
        self.assertEqual(str(subscription.date_end), "2027-01-31")
        self.run_cron("renew", "2027-01-23 17:01:00")
        self.assertEqual(str(subscription.date_end), "2027-02-28")


@tagged("post_install", "-at_install")
class TestExpiry(SubscriptionCase):
    def test_reminders_come_fourteen_seven_and_one_day_before_the_end(self):
        subscription = self.started("2026-12-31", auto_renew=False)
        for day, count in (("16", 0), ("17", 1), ("18", 1), ("24", 2), ("25", 2), ("30", 3), ("30", 3)):
            self.night(f"2027-01-{day}")
            self.assertEqual(self.mails, [(subscription.name, EXPIRING)] * count, day)

    def test_after_missed_days_only_the_current_reminder_is_sent(self):
        subscription = self.started("2026-12-31", auto_renew=False)
        self.night("2027-01-27")
        self.night("2027-01-28")
        self.assertEqual(self.mails, [(subscription.name, EXPIRING)])
        self.assertEqual(subscription.reminded_for, "2027-01-31:7")

    def test_the_current_period_gets_reminders_after_the_one_renewed_ahead_was_removed(self):
        self.set_parameter("saas.collect_payments", True)
        subscription = self.started("2027-01-01")
        with self.on("2027-01-01"):
            subscription.action_register_payment()
            subscription.action_renew()
        with self.on("2027-01-02"):
            subscription.action_cancel()
        for day, count in (("17", 0), ("18", 1), ("25", 2), ("31", 3)):
            self.night(f"2027-01-{day}")
            self.assertEqual(self.mails, [(subscription.name, EXPIRING)] * count, day)
        self.nights("2027-02-01", "2027-02-04")
        self.assertEqual((subscription.state, len(self.mails)), ("expired", 3))

    def test_there_is_no_reminder_for_automatic_renewal(self):
        self.started("2026-12-31")
        self.nights("2027-01-16", "2027-01-19")
        self.assertFalse(self.mails)

    def test_the_reminder_of_a_trial_mentions_the_trial(self):
        self.plan.trial_days = 14
        subscription = self.started("2027-01-17")
        self.nights("2027-01-18", "2027-01-24")
        self.assertEqual(self.mails, [(subscription.name, TRIAL_ENDING)])

    def test_a_subscription_that_is_not_renewed_becomes_past_due_then_expires(self):
        subscription = self.started("2026-12-31", auto_renew=False)
        instance = subscription.instance_id
        self.night("2027-01-31")
        self.assertEqual((subscription.state, subscription.payment_state), ("past_due", "paid"))
        self.assertNotIn((subscription.name, OVERDUE), self.mails)
        self.assertTrue(self.wanted("_entitle", instance), "its banner must come")
        self.nights("2027-02-01", "2027-02-02")
        self.assertEqual((subscription.state, instance.operation), ("past_due", False))
        self.night("2027-02-03")
        self.assertEqual((subscription.state, instance.operation), ("expired", "expire"))

    def test_an_unpaid_subscription_becomes_past_due_then_suspended(self):
        self.set_parameter("saas.collect_payments", True)
        subscription = self.started("2027-01-01")
        instance = subscription.instance_id
        self.night("2027-01-02")
        self.assertEqual((subscription.state, subscription.payment_state), ("past_due", "overdue"))
        self.assertEqual(self.mails, [(subscription.name, OVERDUE)])
        self.nights("2027-01-03", "2027-01-05")
        self.assertEqual((subscription.state, instance.operation), ("suspended", "suspend"))
        self.assertEqual(len(self.mails), 1)
        self.assertEqual(len(self.wanted("suspend", instance)), 1)

    def test_a_renewal_ahead_is_not_due_before_it_begins(self):
        self.set_parameter("saas.collect_payments", True)
        subscription = self.started("2027-01-01")
        with self.on("2027-01-01"):
            subscription.action_register_payment()
        self.nights("2027-01-24", "2027-01-31")
        self.assertEqual((subscription.state, subscription.payment_state), ("active", "pending"))
        self.night("2027-02-01")
        self.assertEqual(subscription.state, "past_due")

    def test_an_unpaid_trial_expires_at_once(self):
        self.set_parameter("saas.collect_payments", True)
        self.plan.trial_days = 14
        subscription = self.started("2027-01-01")
        self.night("2027-01-14")
        self.assertEqual(subscription.state, "trial")
        self.night("2027-01-15")
        self.assertEqual((subscription.state, subscription.instance_id.operation), ("expired", "expire"))

    def test_an_instance_that_is_not_active_is_left_alone(self):
        subscription = self.started("2026-12-31", auto_renew=False)
        subscription.instance_id.sudo().write({"state": "suspended"})
        self.nights("2027-01-31", "2027-02-04")
        self.assertEqual((subscription.state, subscription.instance_id.operation), ("expired", False))

    def test_a_busy_instance_is_blocked_the_next_night(self):
        subscription = self.started("2026-12-31", auto_renew=False)
        subscription.instance_id.sudo().operation = "reactivate"
        self.nights("2027-01-31", "2027-02-03")
        self.assertEqual((subscription.state, subscription.instance_id.operation), ("expired", "reactivate"))
        subscription.instance_id.sudo().operation = False
        self.night("2027-02-04")
        self.assertEqual(subscription.instance_id.operation, "expire")

    def test_a_newer_subscription_keeps_the_instance_alive(self):
        old = self.started("2026-12-31", auto_renew=False)
        new = old.sudo().copy({"auto_renew": True})
        with self.on("2027-01-01"):
            new._start()
        self.nights("2027-01-31", "2027-02-04")
        self.assertEqual((old.state, old.instance_id.operation), ("expired", False))

    def blocked(self):
        subscription = self.started("2026-12-31", auto_renew=False)
        self.nights("2027-01-31", "2027-02-03")
        self.job_is_done(subscription.instance_id, "expired")
        return subscription

    def test_nothing_is_terminated_by_default(self):
        subscription = self.blocked()
        self.night("2028-02-03")
        self.assertFalse(subscription.instance_id.operation)

    def test_a_blocked_instance_is_terminated_after_the_configured_days(self):
        self.set_parameter("saas.termination_days", 30)
        subscription = self.blocked()
        self.night("2027-03-04")
        self.assertFalse(subscription.instance_id.operation)
        self.night("2027-03-05")
        self.assertEqual(subscription.instance_id.operation, "terminate")

    def test_a_subscription_ends_with_its_instance(self):
        subscription = self.blocked()
        subscription.sudo()._instance_terminated()
        self.assertEqual((subscription.state, subscription.auto_renew), ("cancelled", False))


@tagged("post_install", "-at_install")
class TestSweeps(SubscriptionCase):
    def break_one(self, broken):
        renew = type(broken)._renew

        def _renew(subscriptions):
            if broken in subscriptions:
                subscriptions.env.cr.execute("SELECT 1 / 0")
            return renew(subscriptions)

        self.patch(type(broken), "_renew", _renew)

    @mute_logger("odoo.sql_db", "odoo.addons.saas_manager.models.saas_sweep_mixin")
    def test_one_failing_record_of_three_hundred_is_reported_and_the_others_are_renewed(self):
        subscriptions = self.started("2026-12-31", count=300)
        broken = subscriptions[42]
        self.break_one(broken)
        self.night("2027-01-24")
        ends = {str(end) for end in (subscriptions - broken).mapped("date_end")}
        self.assertEqual((ends, str(broken.date_end)), ({"2027-02-28"}, "2027-01-31"))
        self.assertEqual(broken.instance_id.log_ids.mapped("level"), ["error"])
        self.assertIn("division by zero", broken.activity_ids.note)

    @mute_logger("odoo.sql_db", "odoo.addons.saas_manager.models.saas_sweep_mixin")
    def test_a_failed_record_is_retried_the_next_night_with_one_activity(self):
        subscription = self.started("2026-12-31")
        self.break_one(subscription)
        for day in ("24", "24", "25"):
            self.night(f"2027-01-{day}")
        self.assertEqual(len(subscription.instance_id.log_ids), 2)
        self.assertEqual(len(subscription.activity_ids), 1)

    @mute_logger("odoo.sql_db", "odoo.addons.saas_manager.models.saas_sweep_mixin")
    def test_a_subscription_whose_renewal_failed_is_not_blocked(self):
        subscription = self.started("2026-12-31")
        self.break_one(subscription)
        self.nights("2027-01-30", "2027-02-10")
        self.assertEqual(subscription.state, "active")

    def test_a_run_that_ran_out_of_time_continues_where_it_stopped(self):
        subscriptions = self.started("2026-12-31", count=7)
        self.patch(saas_sweep_mixin, "_BATCH", 2)
        with patch("odoo.addons.base.models.ir_cron.MIN_TIME_PER_JOB", -1):
            self.run_cron("renew", "2027-01-24 00:00:30")
        self.assertEqual({str(end) for end in subscriptions.mapped("date_end")}, {"2027-02-28"})
        self.assertEqual(set(subscriptions.mapped("period_count")), {2})

    def test_nightly_runs_keep_their_hour_when_clocks_change(self):
        cron = self.env.ref("saas_manager.ir_cron_renew")
        self.run_cron("renew", "2027-03-27 00:00:10")
        self.assertEqual(str(cron.nextcall), "2027-03-28 00:00:00")
        self.run_cron("renew", "2027-03-28 00:00:10")
        self.assertEqual(str(cron.nextcall), "2027-03-28 23:00:00")

    def test_the_nightly_runs_begin_at_their_hours(self):
        hours = {name: self.env.ref(f"saas_manager.ir_cron_{name}").saas_hour for name in ("renew", "expire")}
        self.assertEqual(hours, {"renew": 1, "expire": 2})


@tagged("post_install", "-at_install")
class TestUserLimits(SubscriptionCase):
    def test_an_instance_over_its_user_limit_is_reported_once(self):
        instance = self.started("2027-01-01").instance_id.sudo()
        instance.user_count = 6
        self.run_cron("check_user_limits", "2027-01-02 02:00:10")
        self.run_cron("check_user_limits", "2027-01-03 02:00:10")
        self.assertEqual(instance.log_ids.mapped("level"), ["warning"])
        self.assertIn("6 users", instance.activity_ids.note)
        self.assertTrue(self.wanted("_entitle", instance))

    def test_it_is_reported_again_after_it_was_within_the_limit(self):
        instance = self.started("2027-01-01").instance_id.sudo()
        for day, users in (("02", 6), ("03", 5), ("04", 7)):
            instance.user_count = users
            self.run_cron("check_user_limits", f"2027-01-{day} 02:00:10")
        self.assertEqual(len(instance.log_ids), 2)

    def test_a_plan_without_a_limit_is_never_exceeded(self):
        instance = self.started("2027-01-01").instance_id.sudo()
        self.plan.max_users, instance.user_count = 0, 500
        self.run_cron("check_user_limits", "2027-01-02 02:00:10")
        self.assertFalse(instance.over_limit_at)
