"""M4: other programs get events."""

import json

from odoo.addons.saas_manager import gateway
from odoo.addons.saas_manager.events import EVENTS
from odoo.tests import tagged

from ..webhook_events import PING, InstanceMessage, SubscriptionMessage
from .webhook_case import WebhookCase


@tagged("post_install", "-at_install")
class TestWebhookEvents(WebhookCase):
    def test_every_event_can_be_chosen(self):
        names = self.env["saas.webhook.event"].search([]).mapped("name")
        self.assertEqual(set(names), {name for name, row in EVENTS.items() if row.is_public})

    def test_each_public_event_makes_a_message_and_a_job_of_its_own_channel(self):
        for event, row in EVENTS.items():
            if event.startswith("request"):
                continue
            record = self.subscription if event.startswith("subscription") else self.instance
            with self.subTest(event):
                delivery = self._happen(event, record)
                self.assertEqual(delivery.mapped("event"), [event] if row.is_public else [])
                if row.is_public:
                    self.jobs.assert_enqueued_job(
                        delivery._deliver, properties={"channel": "root.saas_webhook"}
                    )

    def test_a_message_contains_the_event_the_instance_and_the_customer(self):
        request = self.env["saas.instance.request"].create(
            self._request_values("acme-again", instance_id=self.instance.id)
        )
        self.instance.state_reason = "March was not paid"
        told = json.loads(self._happen("instance.suspended").payload)
        self.assertEqual(told["type"], "instance.suspended")
        self.assertRegex(told["timestamp"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
        self.assertEqual(
            told["data"],
            {
                "request_id": request.reference,
                "instance": {
                    "subdomain": "acme",
                    "name": "Acme",
                    "state": "active",
                    "url": "https://acme.example",
                    "plan": "small",
                },
                "customer": {"name": "Acme Ltd", "email": "info@acme.example"},
                "reason": "March was not paid",
            },
        )

    def test_a_message_about_a_subscription_contains_its_end(self):
        told = json.loads(self._happen("subscription.expiring", self.subscription).payload)["data"]
        self.assertEqual(told["subscription"]["number"], self.subscription.name)
        self.assertEqual(told["subscription"]["ends_on"], "2031-05-17")
        self.assertEqual(told["instance"]["subdomain"], "acme")

    def test_messages_are_as_the_document_describes_them(self):
        for event, record, model in (
            ("instance.provisioned", self.instance, InstanceMessage),
            ("subscription.payment_overdue", self.subscription, SubscriptionMessage),
        ):
            with self.subTest(event):
                model.model_validate_json(self._happen(event, record).payload)

    def test_a_message_contains_no_secret_and_no_reason_of_a_failed_creation(self):
        self.instance.admin_password_sealed = gateway.seal("Tq4-secret")
        self.instance.state_reason = "could not connect to 10.0.0.7"
        payload = "".join(
            self._happen(event).payload for event in ("instance.provisioned", "instance.provisioning_failed")
        )
        for secret in ("Tq4-secret", self.instance.admin_password_sealed, "10.0.0.7", "token"):
            self.assertNotIn(secret, payload)

    def test_a_customer_s_endpoint_gets_events_of_their_instances_only(self):
        self.webhook.partner_id = self.other_customer
        self.assertFalse(self._happen())
        contact = self.env["res.partner"].create({"name": "Ann", "parent_id": self.customer.id})
        self.webhook.partner_id = contact
        self.assertEqual(self._happen().webhook_id, self.webhook)

    def test_an_endpoint_gets_events_of_its_own_company_only(self):
        company = self.env["res.company"].create({"name": "Elsewhere"})
        self.webhook.company_id = company
        self.assertFalse(self._happen())
        there = self._make_instance("there", "active", company_id=company.id)
        self.assertEqual(self._happen(record=there).company_id, company)

    def test_an_endpoint_gets_only_the_chosen_events(self):
        self.webhook.event_ids = self.env.ref("saas_manager_webhook.saas_webhook_event_instance_terminated")
        self.assertFalse(self._happen("instance.suspended"))
        self.assertTrue(self._happen("instance.terminated"))

    def test_each_active_endpoint_gets_its_own_message(self):
        self._make_webhook(active=False)
        second = self._make_webhook()
        deliveries = self._happen()
        self.assertEqual(deliveries.webhook_id, self.webhook | second)
        self.assertEqual(len(set(deliveries.mapped("message_id"))), 2)

    def test_a_rolled_back_event_sends_no_message(self):
        class Undone(Exception):
            pass

        with self.assertRaises(Undone), self.env.cr.savepoint():
            self._happen()
            raise Undone
        self.assertFalse(self._deliveries())

    def test_users_who_cannot_see_endpoints_cause_messages_too(self):
        self.instance.with_user(self.users["user"])._emit("instance.suspended")
        self.assertTrue(self._deliveries())

    def test_an_event_is_sent_even_if_its_mail_is_queued_already(self):
        self.assertTrue(self._happen())
        self.assertTrue(self._happen())

    def test_an_event_is_sent_even_if_the_customer_does_not_want_its_mail(self):
        self.customer.saas_mail_states = False
        self.assertTrue(self._happen())

    def test_a_test_sends_a_ping(self):
        self.webhook.with_user(self.users["administrator"]).action_test()
        self.assertEqual(self._deliveries().event, PING)
