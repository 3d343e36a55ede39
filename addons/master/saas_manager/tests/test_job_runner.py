"""The queue's runner has a turn often enough to find dead jobs, whatever waits."""

import time

from odoo.addons.queue_job.jobrunner.channels import ChannelManager
from odoo.tests import BaseCase, tagged

from ..job_runner import LOOK_EVERY_S


@tagged("post_install", "-at_install")
class TestJobRunner(BaseCase):
    def setUp(self):
        super().setUp()
        self.manager = ChannelManager()
        self.manager.simple_configure("root:4,root.mail:2")

    def _wait(self, in_s):
        """A mail waits for its server."""
        now = time.time()
        self.manager.notify("master", "root.mail", "mail", 1, now, 5, now + in_s, "pending")

    def _next_turn_in_s(self):
        return self.manager.get_wakeup_time() - time.time()

    def test_it_looks_soon_when_nothing_waits(self):
        self.assertAlmostEqual(self._next_turn_in_s(), LOOK_EVERY_S, delta=1)

    def test_it_looks_soon_when_what_waits_is_due_in_an_hour(self):
        self._wait(3600)
        self.assertAlmostEqual(self._next_turn_in_s(), LOOK_EVERY_S, delta=1)

    def test_it_does_not_come_late_to_what_is_due_sooner(self):
        self._wait(3)
        self.assertAlmostEqual(self._next_turn_in_s(), 3, delta=1)
