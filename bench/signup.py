"""The signup page in a real browser: from the click that confirms to the customer's own Odoo."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from playwright.sync_api import Error as BrowserError
from tests.support.back_office import BackOffice
from tests.support.chromium import chromium
from tests.support.mail_server import serving
from tests.support.visitor import Visitor

from bench.figures import Figure, MeasurementFailed
from bench.installation import TEMPLATE, Installation
from tenantry.model.names import MASTER_DATABASE


def signup(installation: Installation) -> list[Figure]:
    """Visitors one after another, each with a browser of their own and nothing in its cache."""
    count = installation.plan.signups
    office = BackOffice(installation.engine)
    installation.engine.pool.fill(TEMPLATE, count)
    try:
        with serving(office) as mails, chromium() as browser, tempfile.TemporaryDirectory() as pictures:
            seconds = tuple(
                _sign_up(Visitor(browser, office, mails, Path(pictures)), f"visitor-{number:02d}")
                for number in range(count)
            )
    except (BrowserError, AssertionError) as error:
        raise MeasurementFailed(str(error).splitlines()[0]) from error
    return [Figure("signup", "Signup: from the confirming click into their Odoo", "s", seconds)]


def _sign_up(visitor: Visitor, name: str) -> float:
    _forget_counts(visitor.office)
    visitor.sign_up(name)
    began = time.monotonic()
    visitor.press()
    visitor.wait_for_their_odoo(name)
    took_s = time.monotonic() - began
    visitor.context.close()
    return took_s


def _forget_counts(office: BackOffice) -> None:
    """All visitors come from this machine, which may sign up five times an hour."""
    with office.engine.context.cluster.connect(MASTER_DATABASE) as inside:
        inside.execute("DELETE FROM saas_api_count")
