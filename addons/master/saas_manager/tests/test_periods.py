"""Dates only: ends of months, leap days, reminders, and the hour of nightly runs."""

from datetime import date, datetime, timedelta

import pytz
from odoo.tests import BaseCase, tagged

from .. import periods

PARIS = pytz.timezone("Europe/Paris")
SAIGON = pytz.timezone("Asia/Ho_Chi_Minh")


@tagged("post_install", "-at_install")
class TestPeriods(BaseCase):
    def ends(self, anchor, period, count):
        return [periods.end_of(anchor, period, n).isoformat() for n in range(1, count + 1)]

    def test_the_end_of_a_month_is_shortened_and_restored(self):
        ends = self.ends(date(2027, 1, 31), "monthly", 5)
        self.assertEqual(ends, ["2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31", "2027-06-30"])

    def test_the_end_of_a_month_uses_the_leap_day(self):
        self.assertEqual(self.ends(date(2028, 1, 31), "monthly", 2), ["2028-02-29", "2028-03-31"])

    def test_a_leap_day_is_used_every_fourth_year(self):
        ends = self.ends(date(2028, 2, 29), "yearly", 4)
        self.assertEqual(ends, ["2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"])

    def test_a_hundred_periods_do_not_drift(self):
        self.assertEqual(periods.end_of(date(2027, 1, 30), "monthly", 100), date(2035, 5, 30))

    def reminders(self, start, end):
        days = (end - timedelta(days=left) for left in range(20, -3, -1))
        return [periods.reminder_due(day, start, end) for day in days]

    def test_the_most_urgent_due_reminder_is_chosen(self):
        due = self.reminders(date(2027, 1, 1), date(2027, 2, 1))
        self.assertEqual(due, [None] * 6 + [14] * 7 + [7] * 6 + [1] + [None] * 3)

    def test_a_trial_of_two_weeks_gets_no_reminder_on_its_first_day(self):
        due = self.reminders(date(2027, 1, 1), date(2027, 1, 15))
        self.assertEqual(due, [None] * 13 + [7] * 6 + [1] + [None] * 3)

    def nights(self, hour, now, timezone, count):
        for _night in range(count):
            now = periods.next_hour(hour, now, timezone)
            yield pytz.utc.localize(now).astimezone(timezone).strftime("%d %H:%M")

    def test_the_hour_is_kept_when_clocks_go_forward(self):
        nights = list(self.nights(1, datetime(2027, 3, 26, 12), PARIS, 4))
        self.assertEqual(nights, ["27 01:00", "28 01:00", "29 01:00", "30 01:00"])

    def test_a_skipped_hour_is_replaced_and_used_again_the_next_day(self):
        nights = list(self.nights(2, datetime(2027, 3, 26, 12), PARIS, 4))
        self.assertEqual(nights, ["27 02:00", "28 03:00", "29 02:00", "30 02:00"])

    def test_an_hour_that_occurs_twice_is_used_once(self):
        nights = list(self.nights(2, datetime(2027, 10, 29, 12), PARIS, 4))
        self.assertEqual(nights, ["30 02:00", "31 02:00", "01 02:00", "02 02:00"])

    def test_expiry_comes_after_renewal_in_every_night_of_a_year(self):
        for day in range(365):
            noon = datetime(2027, 1, 1, 12) + timedelta(days=day)
            self.assertLess(periods.next_hour(1, noon, PARIS), periods.next_hour(2, noon, PARIS))

    def test_without_clock_changes_the_next_night_is_24_hours_later(self):
        self.assertEqual(periods.next_hour(1, datetime(2027, 3, 27, 18), SAIGON), datetime(2027, 3, 28, 18))
        self.assertEqual(periods.next_hour(1, datetime(2027, 3, 27, 17), SAIGON), datetime(2027, 3, 27, 18))
