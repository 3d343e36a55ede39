"""Screens follow the records their users may read, and no others."""

from odoo.tests import new_test_user, tagged

from ..models.step_log import StepLog
from .dashboard_case import DashboardCase


@tagged("post_install", "-at_install")
class TestFollowing(DashboardCase):
    def _channels(self, user, *names):
        return list(self.env["ir.websocket"].with_user(user)._saas_channels(list(names)))

    def _sent(self, record):
        """The messages that the transaction will send to followers of a record."""
        self.env.cr.precommit.run()
        channel = f'["{self.env.cr.dbname}","{record._name}",{record.id}]'
        return self.env["bus.bus"].sudo().search([("channel", "=", channel)]).mapped("message")

    def test_users_who_may_read_an_instance_may_follow_it(self):
        instance = self._instance("followed")
        channels = self._channels(self.operator, f"saas.instance_{instance.id}", "something else")
        self.assertEqual(channels, [instance.with_user(self.operator)])

    def test_templates_can_be_followed_and_missing_records_are_left_out(self):
        names = (
            f"saas.template_{self.template.id}",
            "saas.instance_999999999",
            "saas.plan_1",
            "saas.instance_x",
        )
        self.assertEqual(self._channels(self.operator, *names), [self.template.with_user(self.operator)])

    def test_users_who_cannot_read_an_instance_cannot_follow_it(self):
        instance = self._instance("confidential")
        stranger = new_test_user(self.env, "curious", groups="base.group_user")
        portal = new_test_user(self.env, "visitor", groups="base.group_portal")
        for user in (stranger, portal, self.env.ref("base.public_user")):
            self.assertEqual(self._channels(user, f"saas.instance_{instance.id}"), [], user.login)

    def test_a_change_of_state_is_sent_to_followers(self):
        instance = self._instance("moving", state="provisioning", operation="provision")
        instance._move("activate", operation=False)
        [message] = self._sent(instance)
        self.assertIn('"status":"finished"', message)
        self.assertIn('"state":"active"', message)

    def test_the_start_of_an_operation_is_sent_too(self):
        instance = self._instance("starting")
        instance.operation = "suspend"
        self.assertIn('"status":"started"', self._sent(instance)[0])

    def test_a_line_of_the_log_is_not_taken_for_the_end_of_an_operation(self):
        instance = self._instance("logged")
        with self.enter_registry_test_mode(), StepLog(instance) as log, log.step("install", "install"):
            pass
        for message in self._sent(instance):
            self.assertNotIn('"status"', message)

    def test_a_step_is_sent_to_followers_of_the_instance_and_of_its_request(self):
        instance = self._instance("asked-for")
        request = self.env["saas.instance.request"].create(
            {
                "customer_name": "Ann",
                "customer_email": "ann@example.com",
                "company_name": "Asked For",
                "subdomain": "asked-for-too",
                "plan_id": self.plan.id,
                "template_id": self.template.id,
                "instance_id": instance.id,
            }
        )
        instance._notify_step({"step": "database", "progress": 22.0})
        for record in (instance, request):
            self.assertIn('"step":"database","progress":22.0', self._sent(record)[-1], record._name)

    def test_dashboards_are_notified_of_changes_without_their_content(self):
        self.template.write({"state": "building"})
        group = self.env.ref("saas_manager.group_saas_user")
        self.assertIn('{"type":"saas.changed","payload":{}}', self._sent(group))

    def test_other_changes_are_not_sent(self):
        instance = self._instance("renamed")
        instance.name = "Another name"
        self.assertFalse(self._sent(instance))
