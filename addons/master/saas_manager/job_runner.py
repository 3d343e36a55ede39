"""The queue's runner sees dead jobs soon: those whose worker, or whose connection, is gone.

It looks for them at each of its turns. Else it has one when a job changes, or the next one that waits is due:
an hour later, where all that waits is a mail for a server that is down.
"""

import functools
import time

from odoo.addons.queue_job.jobrunner.channels import ChannelManager

LOOK_EVERY_S = 10


def _at_least_every(seconds, get_wakeup_time):
    """get_wakeup_time: when the runner wants its next turn, in seconds since 1970; 0: only when told to."""

    @functools.wraps(get_wakeup_time)
    def wrapper(self):
        latest = time.time() + seconds
        return min(get_wakeup_time(self) or latest, latest)

    return wrapper


ChannelManager.get_wakeup_time = _at_least_every(LOOK_EVERY_S, ChannelManager.get_wakeup_time)
