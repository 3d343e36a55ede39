"""I10: a request becomes an instance, and is completed when that is active."""

from unittest.mock import patch

from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged

from tenantry.errors import InstanceNotFound

from .. import gateway
from ..lifecycle import REQUEST, after
from .common import SaasCase

BUTTONS = {"submit": "action_submit", "retry": "action_retry", "cancel": "action_cancel"}


@tagged("post_install", "-at_install")
class TestRequest(SaasCase):
    def _ask(self, subdomain="acme", **values):
        values = self._request_values(subdomain, **values)
        request = self._as("manager", self.env["saas.instance.request"]).create(values)
        return request

    def _submit(self, **values):
        request = self._ask(**values)
        with self._jobs() as jobs:
            request.action_submit()
        self._assert_one_job(jobs, request.instance_id, "provision")
        return request

    def _fail(self, request):
        error = InstanceNotFound("acme")
        with self._jobs(), patch.object(gateway, "provisioning", side_effect=error):
            request.instance_id.sudo()._operate("provision")

    def test_one_customer_can_order_instances_with_different_company_names(self):
        first = self._submit(customer_email="boss@agency.example", company_name="Bakery")
        again = {"subdomain": "florist", "customer_email": "boss@agency.example"}
        second = self._submit(company_name="Florist", **again)
        self.assertEqual(first.partner_id, second.partner_id)
        self.assertEqual((first | second).instance_id.mapped("name"), ["Bakery", "Florist"])
        self.assertIn("Bakery, who has this address", str(second.message_ids.mapped("body")))

    def test_each_has_a_number(self):
        first, second = self._ask("first"), self._ask("second")
        self.assertRegex(first.name, r"^REQ/\d{4}/\d{5}$")
        self.assertNotEqual(first.name, second.name)

    def test_a_submitted_request_is_processed_at_once(self):
        request = self._submit()
        self.assertEqual(request.state, "processing")
        self.assertEqual(request.attempt_count, 1)
        instance = request.instance_id
        self.assertEqual((instance.state, instance.subdomain), ("provisioning", "acme"))
        self.assertEqual(instance.admin_email, "info@acme.example")

    def test_what_operators_read_of_a_visitors_request_is_in_their_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.env["ir.module.module"]._load_module_terms(["saas_manager"], ["fr_FR"])
        request = self._ask().with_context(lang="fr_FR")
        self.env.cr.precommit.run()
        with self._jobs():
            request.action_submit()
        self.env.flush_all()
        self.env.cr.precommit.run()
        changes = request.sudo().message_ids.tracking_value_ids
        state = changes.filtered(lambda change: change.field_id.name == "state")
        self.assertEqual(state.mapped("old_value_char"), ["Draft"])
        self.assertEqual(state.mapped("new_value_char"), ["Processing"])

    def test_a_known_customer_is_found_by_their_address(self):
        self.assertEqual(self._submit(customer_email="Info@Acme.example").partner_id, self.customer)

    def test_an_unknown_customer_is_created(self):
        partner = self._submit(customer_email="new@bakery.example", company_name="Bakery").partner_id
        self.assertEqual(
            (partner.name, partner.email, partner.is_company), ("Bakery", "new@bakery.example", True)
        )

    def test_a_customer_of_another_company_is_not_used(self):
        self.customer.company_id = self.env["res.company"].create({"name": "Elsewhere"})
        self.assertNotEqual(self._submit().partner_id, self.customer)

    def test_a_request_is_completed_only_when_the_instance_is_active(self):
        request = self._submit()
        self.assertFalse(request.completed_at)
        self._run_provision(request.instance_id)
        self.assertEqual((request.state, request.instance_id.state), ("completed", "active"))
        self.assertTrue(request.completed_at)
        self.assertEqual(request.progress, 100.0)

    def test_a_failed_instance_is_a_failed_request(self):
        request = self._submit()
        self._fail(request)
        self.assertEqual((request.state, request.instance_id.state), ("failed", "failed"))
        self.assertIn("There is no instance", request.error)

    def test_a_retried_request_continues_with_its_instance(self):
        request = self._submit()
        instance = request.instance_id
        self._fail(request)
        with self._jobs() as jobs:
            request.action_retry()
        self.assertEqual((request.state, request.attempt_count, request.error), ("processing", 2, False))
        self.assertEqual(request.instance_id, instance)
        self._assert_one_job(jobs, instance, "provision")
        self._run_provision(instance)
        self.assertEqual(request.state, "completed")

    def test_a_request_continues_when_its_instance_is_retried(self):
        request = self._submit()
        self._fail(request)
        with self._jobs():
            request.instance_id.action_retry()
        self.assertEqual((request.state, request.attempt_count, request.error), ("processing", 2, False))
        self._run_provision(request.instance_id)
        self.assertEqual(request.state, "completed")

    def test_cancelling_a_request_discards_its_failed_instance(self):
        request = self._submit()
        self._fail(request)
        request.action_cancel()
        self.assertEqual((request.state, request.instance_id.state), ("cancelled", "terminated"))
        self.assertFalse(self.env["saas.instance"]._is_taken("acme"))

    def test_a_taken_subdomain_is_refused_and_nothing_is_created(self):
        self._make_instance("acme", "active")
        request = self._ask()
        with self.assertRaisesRegex(ValidationError, "acme is taken"), self.env.cr.savepoint():
            request.action_submit()
        self.assertEqual((request.state, request.instance_id.id), ("draft", False))

    def test_without_a_server_nothing_is_created(self):
        self.server.state = "maintenance"
        request = self._ask(customer_email="new@bakery.example")
        with self.assertRaisesRegex(UserError, "No capacity"), self.env.cr.savepoint():
            request.action_submit()
        self.assertEqual((request.state, request.instance_id.id), ("draft", False))
        self.assertFalse(self.env["res.partner"].search([("email", "=", "new@bakery.example")]))

    def test_each_action_in_a_wrong_state_is_refused_with_a_message(self):
        labels = dict(self.env["saas.instance.request"]._fields["state"].selection)
        for state, label in labels.items():
            request = self._ask(f"in-{state}")
            request.sudo().state = state
            for action, button in BUTTONS.items():
                if after(REQUEST, action, state):
                    continue
                with self.subTest(button=button, state=state), self.assertRaises(UserError) as refused:
                    getattr(self._as("manager", request), button)()
                sentence = f"{request.name} is {label.lower()}: this action is not possible now."
                self.assertEqual(str(refused.exception), sentence)

    def test_a_request_that_is_being_processed_cannot_be_deleted(self):
        request = self._submit()
        with self.assertRaisesRegex(UserError, "cannot be deleted"):
            self._as("administrator", request).unlink()

    def test_addresses_and_subdomains_are_checked(self):
        for values in (
            {"customer_email": "nobody"},
            {"admin_email": "nobody"},
            {"subdomain": "Not Valid"},
            {"subdomain": "admin"},
        ):
            with self.subTest(values=values), self.assertRaises(ValidationError):
                self._ask(**values)
