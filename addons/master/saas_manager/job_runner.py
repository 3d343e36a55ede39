"""Lets the queue's runner find dead jobs soon: those that lost their worker or their connection.

The runner looks for them each time it wakes up. Odoo's queue wakes it only when a job changes or the next
waiting job is due, which can take an hour if only mails to a broken mail server are waiting.
"""

import functools
import time

from odoo.addons.queue_job.jobrunner.channels import ChannelManager

LOOK_EVERY_S = 10


def _at_least_every(seconds, get_wakeup_time):
    """get_wakeup_time: when the runner wakes up next, in seconds since 1970; 0: only when notified."""

    @functools.wraps(get_wakeup_time)
    def wrapper(self):
        latest = time.time() + seconds
        return min(get_wakeup_time(self) or latest, latest)

    return wrapper


ChannelManager.get_wakeup_time = _at_least_every(LOOK_EVERY_S, ChannelManager.get_wakeup_time)
