"""The queue's runner wakes up often enough to find dead jobs, whatever is waiting."""

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
        """Let a mail wait for its server."""
        now = time.time()
        self.manager.notify("master", "root.mail", "mail", 1, now, 5, now + in_s, "pending")

    def _next_turn_in_s(self):
        return self.manager.get_wakeup_time() - time.time()

    def test_the_runner_wakes_up_soon_without_waiting_jobs(self):
        self.assertAlmostEqual(self._next_turn_in_s(), LOOK_EVERY_S, delta=1)

    def test_the_runner_wakes_up_soon_if_a_job_is_due_in_an_hour(self):
        self._wait(3600)
        self.assertAlmostEqual(self._next_turn_in_s(), LOOK_EVERY_S, delta=1)

    def test_the_runner_is_in_time_for_a_job_that_is_due_sooner(self):
        self._wait(3)
        self.assertAlmostEqual(self._next_turn_in_s(), 3, delta=1)
