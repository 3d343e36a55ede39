"""The record, both ways to ask, and the mails tell one story of a request, at every moment of its life."""

from unittest.mock import patch

from odoo.addons.saas_manager import gateway
from odoo.addons.saas_manager.lifecycle import REQUEST
from odoo.tests import tagged

from tenantry.errors import InstanceNotFound

from .common import ApiCase

TOLD = {
    "draft": ("draft", "creating"),
    "submitted": ("submitted", "creating"),
    "validated": ("validated", "creating"),
    "processing": ("processing", "creating"),
    "completed": ("completed", "ready"),
    "failed": ("failed", "failed"),
    "cancelled": ("cancelled", "failed"),
}
"""State of the request: what `request_status` and `/instances/<id>` tell."""
MAILS = {
    "draft": [],
    "processing": [],
    "completed": ["instance_provisioned"],
    "failed": ["provisioning_failed"],
    "cancelled": [],
}
"""State of the request: the mails that coming into it sends."""


@tagged("post_install", "-at_install")
class TestAgreement(ApiCase):
    def setUp(self):
        super().setUp()
        values = self._request_values("acme")
        self.request = self._as("manager", self.env["saas.instance.request"]).create(values)

    def _assert_told(self, state):
        asked = {
            path: self._call(f"/{path}/{self.request.reference}")[1]
            for path in ("provisioning/request_status", "instances")
        }
        told = (asked["provisioning/request_status"]["data"]["state"], asked["instances"]["status"])
        self.assertEqual((self.request.state, told), (state, TOLD[state]))

    def _do(self, action, state):
        """Do it; then all agree about the state, and its mails are under way."""
        sent = []
        mixin = self.registry["saas.mail.mixin"]

        def enqueue(records, template):
            sent.append(template.partition(".mail_template_")[2])
            return enqueue_mail(records, template)

        enqueue_mail = mixin._enqueue_mail
        with patch.object(mixin, "_enqueue_mail", enqueue):
            action()
        self._assert_told(state)
        self.assertEqual(sent, MAILS[state])

    def _submit(self):
        with self._jobs():
            self.request.action_submit()

    def _fail(self):
        with self._jobs(), patch.object(gateway, "provisioning", side_effect=InstanceNotFound("acme")):
            self.request.instance_id.sudo()._provision()

    def _retry(self):
        with self._jobs():
            self.request.action_retry()

    def _cancel(self):
        with self._jobs():
            self.request.action_cancel()

    def test_each_state_is_told(self):
        self.assertEqual(set(TOLD), set(REQUEST.values()) | {state for _action, state in REQUEST})
        for state in TOLD:
            self.request.sudo().state = state
            self._assert_told(state)

    def test_a_request_that_fails_once_and_succeeds(self):
        self._assert_told("draft")
        self._do(self._submit, "processing")
        self._do(self._fail, "failed")
        self._do(self._retry, "processing")
        self._do(lambda: self._run_provision(self.request.instance_id), "completed")

    def test_a_request_that_fails_and_is_given_up(self):
        self._do(self._submit, "processing")
        self._do(self._fail, "failed")
        self._do(self._cancel, "cancelled")

    def test_what_was_terminated_is_completed_as_a_request_and_gone_as_an_instance(self):
        self._submit()
        self._run_provision(self.request.instance_id)
        self.request.instance_id.sudo().state = "terminated"
        path = f"/{{}}/{self.request.reference}"
        data = self._call(path.format("provisioning/request_status"))[1]["data"]
        self.assertEqual((data["state"], data["instance"]["state"]), ("completed", "terminated"))
        self.assertEqual(self._call(path.format("instances"))[1]["status"], "failed")
