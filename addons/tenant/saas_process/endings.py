"""How a tenant's process ends, and what may still take place before it does."""

import time

from odoo.addons.saas_agreed import Field

ASLEEP, OVER_LIMITS, BROKEN, TERMINATED, UNKNOWN = 0, 3, 4, 5, 6
"""The exit statuses."""

_FINISH_WITHIN_S = 5
_FINISH_SOON_WITHIN_S = 1
_FINISH_RETIRED_WITHIN_S = 60


def finish_within_s(status, board):
    """How long requests may take to end."""
    if status == TERMINATED:
        return _FINISH_SOON_WITHIN_S
    return _FINISH_RETIRED_WITHIN_S if board[Field.IS_RETIRED] else _FINISH_WITHIN_S


def is_late(thread, limits):
    """Whether a thread's request or job runs for too long."""
    began = getattr(thread, "start_time", None)
    kind = getattr(thread, "type", None)
    limit_s = limits.job_s if kind == "cron" else limits.request_s
    return bool(began) and kind in ("cron", "http") and time.time() - began > limit_s
