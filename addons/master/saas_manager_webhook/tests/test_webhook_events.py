"""M4: other programs get events."""

import json
from contextlib import ExitStack
from types import SimpleNamespace
from unittest.mock import patch

from odoo.addons.saas_manager import gateway
from odoo.addons.saas_manager.events import EVENTS
from odoo.addons.saas_manager.operations import ENGINE, OPERATIONS
from odoo.fields import Command
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
                    "id": self.instance.reference,
                    "subdomain": "acme",
                    "name": "Acme",
                    "state": "active",
                    "url": "https://acme.example",
                    "plan": "small",
                    "domains": [],
                },
                "customer": {"name": "Acme Ltd", "email": "info@acme.example"},
                "reason": "March was not paid",
                "previous_subdomain": None,
                "previous_plan": None,
                "modules": None,
                "backup": None,
            },
        )

    def _told_of(self, operation, **fakes):
        """The message about an operation that the engine has run."""
        self.instance.write({"operation": operation, "run_state": "running"})
        with ExitStack() as stack:
            for name, result in fakes.items():
                stack.enter_context(patch.object(gateway, name, return_value=result))
            stack.enter_context(self.enter_registry_test_mode())
            self.instance.sudo()._operate(operation)
        message = json.loads(self._deliveries()[0].payload)
        self.assertEqual(message["data"]["instance"]["id"], self.instance.reference)
        return message["type"], message["data"]

    def test_each_operation_makes_a_message(self):
        for operation, event in (
            ("stop", "instance.stopped"),
            ("start", "instance.started"),
            ("restart", "instance.restarted"),
            ("suspend", "instance.suspended"),
            ("reactivate", "instance.reactivated"),
        ):
            with self.subTest(operation=operation):
                self.assertEqual(self._told_of(operation, operate=None)[0], event)

    def test_every_operation_of_the_engine_has_an_event(self):
        for operation in ENGINE:
            event = OPERATIONS[operation].event
            self.assertTrue(EVENTS[event].is_public, operation)

    def test_a_renaming_tells_both_names(self):
        self.instance.wanted = "zenith"
        renamed = SimpleNamespace(name="zenith", url="https://zenith.example")
        event, data = self._told_of("rename", rename=renamed)
        self.assertEqual((event, data["previous_subdomain"]), ("instance.renamed", "acme"))
        self.assertEqual(data["instance"]["subdomain"], "zenith")

    def test_a_renaming_whose_job_was_lost_is_told_as_well(self):
        self.instance.write({"operation": "rename", "wanted": "zenith"})
        renamed = SimpleNamespace(name="zenith", url="https://zenith.example", hostnames=())
        with patch.object(gateway, "find", return_value=renamed):
            self.instance._on_job_failed("lost")
        self.assertEqual(self._deliveries()[0].event, "instance.renamed")

    def test_a_change_of_domains_whose_job_was_lost_is_told_if_it_was_made(self):
        self.instance.hostname_ids = [Command.create({"name": "shop.acme.example"})]
        for hostnames, told in (((), []), (("shop.acme.example",), ["instance.domains_changed"])):
            self.instance.operation = "set_domains"
            found = SimpleNamespace(name="acme", url=self.instance.url, hostnames=hostnames)
            with patch.object(gateway, "find", return_value=found):
                self.instance._on_job_failed("lost")
            self.assertEqual(self._deliveries().mapped("event"), told)
        data = json.loads(self._deliveries().payload)["data"]
        self.assertEqual(data["instance"]["domains"], ["shop.acme.example"])

    def test_a_change_of_domains_tells_those_that_are_there(self):
        self.instance.hostname_ids = [Command.create({"name": "shop.acme.example"})]
        event, data = self._told_of("set_domains", set_hostnames=None)
        self.assertEqual(event, "instance.domains_changed")
        self.assertEqual(data["instance"]["domains"], ["shop.acme.example"])

    def test_an_installation_tells_the_new_modules(self):
        self.instance.wanted = "crm sale"
        event, data = self._told_of("install", install_modules=["crm"])
        self.assertEqual((event, data["modules"]), ("instance.modules_installed", ["crm"]))

    def test_another_plan_is_told_with_the_one_before(self):
        self.instance.change_plan(self._make_plan("large"))
        told = json.loads(self._deliveries()[0].payload)
        self.assertEqual(told["type"], "instance.plan_changed")
        self.assertEqual(told["data"]["previous_plan"], "small")
        self.assertEqual(told["data"]["instance"]["plan"], "large")
        count = len(self._deliveries())
        self.instance.change_plan(self.instance.plan_id)
        self.assertEqual(len(self._deliveries()), count, "nothing changed")

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
        told = self.webhook.with_user(self.users["administrator"]).action_test()["params"]
        self.assertEqual(self._deliveries().event, PING)
        self.assertEqual((self._deliveries().state, len(self.receiver.messages)), ("delivered", 1))
        self.assertEqual(told["type"], "success")
        self.assertRegex(told["message"], r"answered 200 after \d")

    def test_a_test_that_does_not_arrive_says_why_and_is_tried_again(self):
        self.receiver.will_answer(500)
        told = self.webhook.with_user(self.users["administrator"]).action_test()["params"]
        self.assertEqual((told["type"], told["sticky"]), ("danger", True))
        self.assertIn("answered 500", told["message"])
        self.assertEqual(self._deliveries().state, "pending")
        self.jobs.assert_jobs_count(1, only=self._deliveries()._deliver)
        self.receiver.close()
        told = self.webhook.with_user(self.users["administrator"]).action_test()["params"]
        self.assertIn("refused", told["message"])
