"""The ends of periods and the days of reminders: dates only, imports no odoo.

All periods are counted from one anchor day, so that the end of a month is kept: 31 January, 28 February, 31
March. A period's end is the first day after it.
"""

from datetime import datetime, time, timedelta

import pytz
from dateutil.relativedelta import relativedelta

MONTHS = {"monthly": 1, "yearly": 12}

RENEWAL_DAYS = 7
"""S2: how many days before its end a subscription is renewed."""

REMINDER_DAYS = (1, 7, 14)
"""S2: how many days before the end the customer is reminded; the most urgent first."""


def end_of(anchor, period, count):
    """The first day after `count` periods from the anchor day."""
    return anchor + relativedelta(months=MONTHS[period] * count)


def reminder_due(today, start, end):
    """The reminder that is due, in days before the end; None if it is too early or over.

    A missed day is made up for by the reminder that fits today, and by no other. A reminder as long as the
    whole period is left out: it would come when the period begins.
    """
    left, length = (end - today).days, (end - start).days
    fitting = (days for days in REMINDER_DAYS if 0 < left <= days < length)
    return next(fitting, None)


def next_hour(hour, now, timezone):
    """The next time it is `hour` o'clock in a `pytz` time zone; `now` and the result are naive UTC.

    If the clock skips that hour, or shows it twice, the later moment is used: nightly runs keep their order.
    """
    today = pytz.utc.localize(now).astimezone(timezone).date()
    days = (today, today + timedelta(days=1))
    return next(at for at in (_at(day, hour, timezone) for day in days) if at > now)


def _at(day, hour, timezone):
    local = timezone.localize(datetime.combine(day, time(hour)), is_dst=False)
    return local.astimezone(pytz.utc).replace(tzinfo=None)
