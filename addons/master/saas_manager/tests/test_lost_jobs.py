"""J2: records do not wait forever for a lost job."""

import runpy
from unittest.mock import patch

from odoo.tests import tagged
from odoo.tools import SQL, file_path

from .common import SaasCase


@tagged("post_install", "-at_install")
class TestLostJobs(SaasCase):
    def setUp(self):
        super().setUp()
        self.instance = self._make_instance("acme")
        self._as("manager", self.instance).action_provision_instance()
        self.template.action_update_template()

    def _look(self):
        self.env.ref("saas_manager.ir_cron_give_up_lost_jobs").ir_actions_server_id.run()

    def _jobs_of(self, record):
        return self.env["queue.job"].search(
            [("identity_key", "like", f"{record._name}.%"), ("identity_key", "like", f"%.{record.id}")]
        )

    def _states(self):
        return self.instance.state, self.template.state

    def test_records_of_pending_and_running_jobs_keep_waiting(self):
        for state in ("pending", "enqueued", "started"):
            with self.subTest(state=state):
                (self._jobs_of(self.instance) | self._jobs_of(self.template)).state = state
                self._look()
                self.assertEqual(self._states(), ("provisioning", "building"))

    def test_a_job_found_dead_too_often_fails_its_record(self):
        """The queue's runner marks it in SQL, and calls no method."""
        self._jobs_of(self.instance).write({"state": "failed", "exc_name": "JobFoundDead"})
        self._look()
        self.assertEqual(self._states(), ("failed", "building"))
        self.assertIn("lost", self.instance.state_reason)
        self.assertFalse(self.instance.operation)
        self.assertTrue(self.instance.activity_ids)

    def test_a_deleted_job_fails_its_record(self):
        self._jobs_of(self.template).unlink()
        self._look()
        self.assertEqual(self._states(), ("provisioning", "failed"))
        self.assertIn("lost", self.template.state_reason)

    def test_one_that_cannot_be_given_up_does_not_keep_the_others_waiting(self):
        other = self._make_instance("beta", template_id=self._make_template("bakery").id)
        self._as("manager", other).action_provision_instance()
        (self._jobs_of(self.instance) | self._jobs_of(other)).unlink()
        give_up = type(other)._on_job_failed

        def or_break(record, *reasons):
            give_up(record, *reasons)
            if record == other:
                self.env.cr.execute("SELECT 1 / 0", log_exceptions=False)

        with (
            patch.object(type(other), "_on_job_failed", or_break),
            self.assertLogs("odoo.addons.saas_manager.models.saas_job_mixin", "ERROR") as logs,
        ):
            self._look()
        self.assertIn(str(other), logs.output[0])
        self.assertEqual((self.instance.state, other.state), ("failed", "provisioning"))

    def test_one_noted_before_operations_were_one_method_is_done(self):
        """An update leaves jobs of the version before; see the migration."""
        job, names = self._jobs_of(self.instance), ["method_name", "args", "identity_key"]
        (now,) = job.read(names)
        self.env.flush_all()
        before = SQL(
            "UPDATE queue_job SET method_name = '_provision', args = '[]', identity_key = %s WHERE id = %s",
            f"saas.instance._provision.{self.instance.id}",
            job.id,
        )
        self.env.cr.execute(before)
        migration = runpy.run_path(file_path("saas_manager/migrations/19.0.1.2.0/pre-one-job-method.py"))
        migration["migrate"](self.env.cr, "19.0.1.1.0")
        job.invalidate_recordset()
        self.assertEqual(job.read(names), [now])
        self._look()
        self.assertEqual(self.instance.state, "provisioning")

    def test_an_operation_can_be_started_again_after_its_job_was_cancelled(self):
        self.instance.write({"state": "active", "operation": False})
        self._as("manager", self.instance).action_suspend("Unpaid.")
        self._jobs_of(self.instance).filtered(lambda job: job.state == "pending").button_cancelled()
        self._look()
        self.assertEqual((self.instance.state, self.instance.operation), ("active", False))
        self._as("manager", self.instance).action_suspend("Unpaid.")
        self.assertEqual(self.instance.operation, "suspend")
