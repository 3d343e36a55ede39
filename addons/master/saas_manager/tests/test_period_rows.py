"""Periods never overlap or change, and older subscriptions get them by an update."""

from odoo import models
from odoo.exceptions import AccessError, UserError
from odoo.modules.module import load_script
from odoo.tests import tagged
from odoo.tools import mute_logger
from odoo.tools.misc import file_path
from psycopg2 import IntegrityError

from .price_case import PriceCase


@tagged("post_install", "-at_install")
class TestPeriodRows(PriceCase):
    def test_the_terms_of_a_period_cannot_be_written(self):
        row = self.started("2027-01-01").sudo().period_ids
        for values in (
            {"price": 1},
            {"plan_id": self.larger.id},
            {"date_start": "2027-01-02"},
            {"period": False},
        ):
            with self.subTest(values=values), self.assertRaises(UserError):
                row.write(values)
        with self.assertRaises(UserError):
            row.unlink()

    def test_a_manager_cannot_write_periods(self):
        row = self.started("2027-01-01").period_ids
        with self.assertRaises(AccessError):
            row.date_end = "2028-01-01"
        with self.assertRaises(AccessError):
            row.copy()

    @mute_logger("odoo.sql_db")
    def test_the_database_refuses_overlapping_periods(self):
        subscription = self.started("2027-01-01")
        terms = self.plan._terms("monthly")
        for start, end in (
            ("2027-01-01", "2027-02-01"),
            ("2027-01-31", "2027-02-28"),
            ("2026-12-01", "2027-01-02"),
        ):
            with self.subTest(start=start), self.assertRaises(IntegrityError), self.env.cr.savepoint():
                subscription._note_period("period", start, end, terms)
                self.env.flush_all()

    @mute_logger("odoo.addons.saas_manager.models.saas_sweep_mixin")
    def test_a_renewal_that_is_killed_and_repeated_adds_one_period(self):
        subscription = self.started("2027-01-01")
        renew = type(subscription)._renew

        def _killed(record):
            renew(record)
            record.env.flush_all()
            raise OSError("killed")

        with self.subTest("killed"):
            self.patch(type(subscription), "_renew", _killed)
            self.night("2027-01-25")
            self.assertEqual(len(subscription.period_ids), 1)
        self.patch(type(subscription), "_renew", renew)
        self.night("2027-01-26")
        self.night("2027-01-26")
        self.assertEqual([row[1] for row in self.history(subscription)], ["2027-01-01", "2027-02-01"])

    def test_an_end_moved_into_the_past_keeps_the_history(self):
        subscription = self.started("2027-01-01")
        self.night("2027-01-25")
        before = self.history(subscription)
        with self.on("2027-02-10"):
            subscription.date_end = "2027-01-05"
            self.assertEqual([row[2] for row in self.history(subscription)], ["2027-02-01", "2027-02-10"])
            subscription.date_end = "2027-03-01"
        self.assertEqual(self.history(subscription), before)

    def test_a_renewal_after_an_end_in_the_past_begins_after_the_recorded_periods(self):
        subscription = self.started("2027-01-01")
        with self.on("2027-01-20"):
            subscription.date_end = "2026-12-10"
        self.night("2027-01-21")
        self.assertEqual((subscription.state, str(subscription.date_end)), ("active", "2027-02-10"))
        self.assertEqual(
            self.history(subscription),
            [
                ("period", "2027-01-01", "2027-01-20", 10, "monthly"),
                ("period", "2027-01-20", "2027-02-10", 10, "monthly"),
            ],
        )

    def test_periods_removed_by_mistake_are_restored_with_their_terms(self):
        subscription = self.started("2027-01-01")
        with self.on("2027-01-10"):
            for price in (20, 30):
                self.plan.price_monthly = price
                subscription.action_renew()
            before = self.history(subscription)
            self.plan.price_monthly = 50
            for _time in range(2):
                subscription.date_end = "2027-01-20"
                self.assertEqual(
                    self.history(subscription), [("period", "2027-01-01", "2027-01-20", 10, "monthly")]
                )
                subscription.date_end = "2027-04-01"
                self.assertEqual(self.history(subscription), before)

    def test_an_end_moved_by_mistake_on_the_first_day_can_be_moved_back(self):
        subscription = self.started("2027-01-01")
        with self.on("2027-01-01"):
            subscription.date_end = "2027-01-01"
            self.assertFalse(self.history(subscription))
            subscription.date_end = "2027-02-01"
        self.assertEqual(self.history(subscription), [("period", "2027-01-01", "2027-02-01", 10, "monthly")])

    def test_removed_periods_of_another_plan_are_not_restored(self):
        subscription = self.started("2027-01-01")
        with self.on("2027-01-10"):
            subscription.action_renew()
            subscription.date_end = "2027-01-05"
        self.change_plan(subscription, "2027-01-11")
        with self.on("2027-01-11"):
            subscription.date_end = "2027-03-01"
        self.assertEqual(
            self.history(subscription),
            [
                ("period", "2027-01-01", "2027-01-11", 10, "monthly"),
                ("change", "2027-01-11", "2027-03-01", 30, "monthly"),
            ],
        )

    def test_periods_are_deleted_with_their_subscription(self):
        subscription = self.started("2027-01-01").sudo()
        rows = subscription.period_ids
        subscription.unlink()
        self.assertFalse(rows.exists())


@tagged("post_install", "-at_install")
class TestFreezing(PriceCase):
    """Subscriptions from before prices were frozen."""

    def migrate(self):
        """Run the update's script, and run it again."""
        self.run_script("19.0.1.2.0", "freeze_prices")

    def mend(self):
        """The same, for a master whose prices were frozen by an earlier version."""
        self.run_script("19.0.1.3.0", "mend_periods")

    def run_script(self, version, name):
        path = file_path(f"saas_manager/migrations/{version}/post-{name}.py")
        for _time in range(2):
            load_script(path, name).migrate(self.env.cr, "19.0.1.1.0")
        self.env.invalidate_all()

    def old(self, day, count=1, **values):
        """Subscriptions that started on that day, as before periods existed."""
        subscriptions = self.started(day, count).sudo()
        self.forget_periods(subscriptions)
        models.BaseModel.write(subscriptions, values)
        return subscriptions

    def forget_periods(self, subscriptions):
        self.env.flush_all()
        rows = "DELETE FROM saas_subscription_period WHERE subscription_id IN %s"
        self.env.cr.execute(rows, [subscriptions._ids])
        self.env.invalidate_all()

    def test_running_subscriptions_keep_the_price_of_the_day_of_the_update(self):
        subscriptions = self.old("2027-01-01", count=2)
        for subscription, state in zip(subscriptions, ("active", "past_due"), strict=True):
            subscription.state = state
        with self.on("2027-01-10"):
            self.migrate()
        self.plan.price_monthly = 20
        for subscription in subscriptions:
            self.assertEqual(subscription.price, 10)
            self.assertEqual(
                self.history(subscription), [("period", "2027-01-01", "2027-02-01", 10, "monthly")]
            )

    def test_a_suspended_subscription_has_no_period_since_and_continues_at_its_price(self):
        before = {"state": "suspended", "state_since": "2027-01-08"}
        late, frozen = self.old("2027-01-01", count=2, **before)
        frozen._note_period("period", "2027-01-01", "2027-02-01", self.plan._terms("monthly"))
        with self.on("2027-01-20"):
            self.migrate()
            self.mend()
        self.plan.price_monthly = 20
        until = [("period", "2027-01-01", "2027-01-08", 10, "monthly")]
        for subscription in late, frozen:
            self.assertEqual((self.history(subscription), subscription.price), (until, 10))
            self.job_is_done(subscription.instance_id, "suspended")
            with self.on("2027-01-25"):
                subscription.action_register_payment()
            self.assertEqual(
                self.history(subscription), [*until, ("period", "2027-01-25", "2027-02-01", 10, "monthly")]
            )

    def test_a_subscription_suspended_on_its_first_day_covers_no_day_and_continues_at_its_price(self):
        subscription = self.old("2027-01-01", state="suspended", state_since="2027-01-01")
        with self.on("2027-01-20"):
            self.migrate()
        self.plan.price_monthly = 20
        self.assertFalse(self.history(subscription))
        self.job_is_done(subscription.instance_id, "suspended")
        with self.on("2027-01-25"):
            subscription.action_register_payment()
        self.assertEqual(self.history(subscription), [("period", "2027-01-25", "2027-02-01", 10, "monthly")])

    def test_the_current_period_is_frozen_if_the_one_renewed_ahead_was_removed(self):
        taken_back = {"date_start": "2027-02-01", "period_start": "2027-02-01", "period_count": 0}
        late, frozen, known = self.old("2027-01-01", count=3, auto_renew=False, **taken_back)
        terms = self.plan._terms("monthly")
        frozen._note_period("period", "2027-02-01", "2027-02-01", terms)
        known._note_period("period", "2027-01-01", "2027-02-01", terms)
        with self.on("2027-01-10"):
            self.migrate()
            self.mend()
        for subscription in late, frozen, known:
            self.assertEqual(str(subscription.period_start), "2027-01-01")
            self.assertEqual(
                self.history(subscription), [("period", "2027-01-01", "2027-02-01", 10, "monthly")]
            )

    def test_a_trial_gets_a_trial_period(self):
        self.plan.trial_days = 14
        subscription = self.old("2027-01-01")
        self.migrate()
        self.assertEqual(self.history(subscription), [("trial", "2027-01-01", "2027-01-15", 0, "")])

    def test_a_paid_trial_keeps_the_price_of_the_first_period(self):
        self.plan.trial_days = 14
        subscription = self.old("2027-01-01", payment_state="paid")
        self.migrate()
        self.plan.price_monthly = 20
        self.night("2027-01-15")
        self.assertEqual(subscription.price, 10)

    def test_a_subscription_renewed_ahead_gets_both_periods(self):
        ahead = {"period_start": "2027-02-28", "date_end": "2027-03-31", "period_count": 2}
        subscription = self.old("2027-01-31", **ahead)
        with self.on("2027-02-25"):
            self.migrate()
        self.assertEqual(
            self.history(subscription),
            [
                ("period", "2027-01-31", "2027-02-28", 10, "monthly"),
                ("period", "2027-02-28", "2027-03-31", 10, "monthly"),
            ],
        )

    def test_after_free_days_the_current_period_begins_with_the_update(self):
        moved = {"date_start": "2027-02-06", "period_start": "2027-02-06"}
        subscription = self.old("2027-01-01", **moved, date_end="2027-03-06", period_count=1)
        with self.on("2027-02-01"):
            self.migrate()
        self.assertEqual(
            self.history(subscription),
            [
                ("period", "2027-02-01", "2027-02-06", 10, "monthly"),
                ("period", "2027-02-06", "2027-03-06", 10, "monthly"),
            ],
        )

    def test_a_subscription_renewed_during_its_trial_has_no_earlier_period(self):
        self.plan.trial_days = 14
        subscription = self.started("2027-01-01")
        with self.on("2027-01-05"):
            subscription.action_renew()
        self.forget_periods(subscription)
        with self.on("2027-01-10"):
            self.migrate()
        self.assertEqual(self.history(subscription), [("period", "2027-01-15", "2027-02-15", 10, "monthly")])

    def test_after_a_switch_to_yearly_the_current_period_is_monthly(self):
        switched = {"period": "yearly", "date_start": "2027-02-28", "period_count": 0}
        subscription = self.old("2027-01-31", **switched)
        with self.on("2027-02-10"):
            self.migrate()
        self.assertEqual((subscription.period, subscription.next_period), ("monthly", "yearly"))
        self.night("2027-02-22")
        self.assertEqual(
            self.history(subscription),
            [
                ("period", "2027-01-31", "2027-02-28", 10, "monthly"),
                ("period", "2027-02-28", "2028-02-28", 100, "yearly"),
            ],
        )

    def test_after_a_switch_to_monthly_the_current_period_is_yearly(self):
        switched = {
            "period": "monthly",
            "date_start": "2028-01-01",
            "date_end": "2028-01-01",
            "period_count": 0,
        }
        subscription = self.old("2027-01-01", **switched)
        with self.on("2027-02-10"):
            self.migrate()
        self.assertEqual((subscription.next_period, subscription.price), ("monthly", 100))

    def test_months_with_free_days_and_after_short_months_count_as_months(self):
        moved, short = self.old("2027-01-31", count=2, period_count=0)
        models.BaseModel.write(moved, {"date_start": "2028-02-20", "date_end": "2028-02-20"})
        march = {"period_start": "2027-02-28", "date_start": "2027-03-31", "date_end": "2027-03-31"}
        models.BaseModel.write(short, {"period": "yearly", **march})
        with self.on("2027-03-10"):
            self.migrate()
        self.assertEqual([it.price for it in moved + short], [10, 10])

    @mute_logger("odoo.sql_db")
    def test_a_subscription_that_cannot_be_frozen_does_not_stop_the_others(self):
        no_start, late, broken, fine = self.old("2027-01-01", count=4)
        ahead = {"period_start": "2027-02-01", "date_end": "2027-03-01", "period_count": 2}
        models.BaseModel.write(no_start, {**ahead, "date_start": False})
        models.BaseModel.write(late, {**ahead, "date_start": "2027-02-15", "period_count": 3})
        freeze = type(fine)._freeze_running

        def _odd(record):
            freeze(record)
            if record == broken:
                record._note_period("period", "2027-02-02", "2027-02-01", record.plan_id._terms("monthly"))

        self.patch(type(fine), "_freeze_running", _odd)
        with self.on("2027-01-28"), self.assertLogs("freeze_prices", "WARNING") as logs:
            self.migrate()
        self.assertEqual(len(logs.output), 2, "one each time")
        self.assertIn(str(broken), logs.output[0])
        self.assertFalse(broken.period_ids)
        for subscription, start in ((no_start, "2027-02-01"), (late, "2027-02-01"), (fine, "2027-01-01")):
            self.assertEqual([row[1] for row in self.history(subscription)], [start])

    def test_ended_subscriptions_get_no_invented_history(self):
        subscription = self.old("2027-01-01", state="cancelled")
        self.migrate()
        self.assertFalse(subscription.period_ids)

    def test_an_imported_running_subscription_is_frozen_too(self):
        subscription = self.make(state="active", date_start="2027-01-01", date_end="2027-02-01")
        self.plan.price_monthly = 20
        self.assertEqual(self.history(subscription), [("period", "2027-01-01", "2027-02-01", 10, "monthly")])
