"""The processes of instances: their health, their activity and their logs."""

import unicodedata
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from tenantry.errors import NotYet, TenantryError
from tenantry.model.abilities import Ability, can

from .engines import _engine_of
from .errors import translated
from .sentences import NO_PAGE, NOT_LOADED, sentence

_MOST_TO_WAIT_S = 2
"""For a tenant server that is down, while a user waits for a page."""
_LOG_LINES, _LOG_LINE_LENGTH = 200, 1000
_MOST = 2**31 - 1
"""A process reports its count of requests, so it can be any number; XML-RPC allows none above this."""


def measure(instance):
    """H1: measure what an instance uses and whether it answers; return values for its record."""
    name = instance.database_name
    try:
        engine = _engine_of(instance.server_id)
        figures = _figures(engine, name) if can(instance.server_id.runtime, Ability.MEASURE) else {}
        answering = engine.instances.is_serving(name)
    except NotYet as error:  # the server cannot be asked now, and the instance may be well
        return {"health": "unknown", "health_message": sentence(error)}
    except TenantryError as error:
        return {"health": "critical", "health_message": sentence(error)}
    is_stopped = instance.run_state == "stopped"
    missing = ("unknown", False) if is_stopped else ("critical", NO_PAGE)
    health, message = ("healthy", False) if answering else missing
    return {"health": health, "health_message": message, **figures}


def _figures(engine, name):
    usage, url = engine.instances.usage(name), engine.instances.url_of(name)
    return {
        "url": url,
        "user_count": usage.users,
        "storage_mb": usage.storage_bytes / 2**20,
        "last_activity_at": _utc(usage.last_activity),
    }


def activities(instances):
    """The activity of the instances' processes, as values for their records; wakes none of them.

    By instance; without instances whose server does not answer in time, or does not know them.
    """
    found = {}
    for server, there in instances.grouped("server_id").items():
        with suppress(TenantryError):
            names_there = there.mapped("database_name")
            told = _engine_of(server).instances.activities(names_there, timeout_s=_MOST_TO_WAIT_S)
            known = {activity.name: activity for activity in told}
            found |= {it: _process(known[it.database_name]) for it in there if it.database_name in known}
    return found


def _process(activity):
    now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    since, next_job_s = activity.since, activity.next_job_s
    state = "awake" if activity.is_awake else "asleep"
    return {
        "process_state": "broken" if activity.is_broken else state,
        "awake_since": datetime.fromtimestamp(int(since), UTC).replace(tzinfo=None) if since else False,
        "process_memory_mb": activity.memory_bytes / 2**20,
        "process_cpu_s": activity.cpu_s,
        "process_received_mb": (activity.received_bytes or 0) / 2**20,
        "process_sent_mb": (activity.sent_bytes or 0) / 2**20,
        "process_requests": min(activity.requests, _MOST),
        "process_websockets": min(activity.websockets, _MOST),
        "next_job_at": False if next_job_s is None else now + timedelta(seconds=max(next_job_s, 0)),
    }


BROKEN = {"health": "critical", "health_message": NOT_LOADED}


def broken_databases(server):
    """The instances whose process reports that Odoo cannot be loaded; empty if the server is not in time."""
    with suppress(TenantryError):
        told = _engine_of(server).instances.activities(timeout_s=_MOST_TO_WAIT_S)
        return [activity.name for activity in told if activity.is_broken]
    return []


def process_log(instance):
    """The last lines that the processes logged. Customers control their content: do not trust them."""
    with translated(instance.env):
        return _as_text(_engine_of(instance.server_id).instances.logs(instance.database_name, _LOG_LINES))


def build_log(template):
    """The last lines that Odoo logged while it built the template; empty if its server does not answer."""
    with suppress(TenantryError):
        return _as_text(_engine_of(template.server_id).templates.logs(template.code))
    return ""


def install_log(instance):
    """The last lines that Odoo logged while it installed modules. Customers' data is in them, as above."""
    with suppress(TenantryError):
        return _as_text(_engine_of(instance.server_id).instances.install_logs(instance.database_name))
    return ""


def _as_text(lines):
    return "\n".join(_printable(line[:_LOG_LINE_LENGTH]) for line in lines)


def _printable(line):
    """Remove characters that move the cursor or change the direction of the text."""
    is_control = {char: unicodedata.category(char)[0] == "C" and char != "\t" for char in set(line)}
    return "".join("\N{REPLACEMENT CHARACTER}" if is_control[char] else char for char in line)


def _utc(moment):
    """Convert an ISO timestamp to Odoo's form: UTC, without an offset."""
    if not moment:
        return False
    return datetime.fromisoformat(moment).astimezone(UTC).replace(tzinfo=None)
