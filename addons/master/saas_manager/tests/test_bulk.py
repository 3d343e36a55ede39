"""One thing done with several instances; stopped ones; and copies of what has a code."""

from unittest.mock import patch

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged

from .. import gateway
from .common import SaasCase


@tagged("post_install", "-at_install")
class TestBulk(SaasCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.acme = cls._make_instance("acme", "active", run_state="running", user_count=4)
        cls.bistro = cls._make_instance("bistro", "active", run_state="stopped")
        cls.cafe = cls._make_instance("cafe", "suspended", run_state="stopped")

    def _wizard(self, operation, *instances, group="manager", **values):
        selected = [it.id for it in instances or (self.acme, self.bistro, self.cafe)]
        context = {"active_model": "saas.instance", "active_ids": selected, "default_operation": operation}
        return self._as(group, self.env["saas.instance.bulk"]).with_context(**context).create(values)

    def _outcomes(self, wizard):
        return {line.instance_id.subdomain: line.outcome for line in wizard.line_ids}

    def test_what_is_possible_is_begun_and_what_is_not_is_refused_with_the_reason(self):
        wizard = self._wizard("restart")
        with trap_jobs() as jobs:
            wizard.action_do()
        self.assertEqual(self._outcomes(wizard), {"acme": "begun", "bistro": "refused", "cafe": "refused"})
        reasons = dict(zip(("acme", "bistro", "cafe"), wizard.line_ids.mapped("objection"), strict=True))
        self.assertFalse(reasons["acme"])
        self.assertIn("is stopped. Start it first.", reasons["bistro"])
        self.assertIn("is suspended", reasons["cafe"])
        self.assertEqual(wizard.summary, "1 of 3 begun or done, 2 refused.")
        jobs.assert_jobs_count(1, only=self.acme._operate)
        jobs.assert_enqueued_job(self.acme._operate, args=("restart",))

    def test_the_refusals_that_are_certain_are_shown_before(self):
        wizard = self._wizard("start")
        self.assertEqual(wizard.line_ids[0].objection, "Acme is running already.")
        self.assertFalse(wizard.line_ids[1].objection)
        self.assertIn("is suspended", wizard.line_ids[2].objection)

    def test_the_dialog_keeps_the_selected_instances_and_its_action(self):
        selected = self.acme | self.bistro
        context = {
            "active_model": "saas.instance",
            "active_ids": selected.ids,
            "default_operation": "suspend",
        }
        form = Form(self._as("manager", self.env["saas.instance.bulk"]).with_context(**context))
        form.reason = "The invoice of May is unpaid."
        wizard = form.save()
        self.assertEqual((wizard.operation, wizard.line_ids.instance_id.sudo()), ("suspend", selected))

    def test_a_suspension_notes_the_reason_on_each(self):
        with trap_jobs():
            self._wizard("suspend", reason="The invoice of May is unpaid.").action_do()
        self.assertEqual(self.acme.state_reason, "The invoice of May is unpaid.")
        self.assertEqual((self.acme | self.bistro).mapped("operation"), ["suspend", "suspend"])
        self.assertFalse(self.cafe.operation)

    def test_plans_change_where_the_new_one_is_large_enough(self):
        tiny = self._make_plan("tiny", max_users=3)
        wizard = self._wizard("change_plan", plan_id=tiny.id)
        self.assertIn("4 users", wizard.line_ids[0].objection)
        with trap_jobs():
            wizard.action_do()
        self.assertEqual(self._outcomes(wizard), {"acme": "refused", "bistro": "done", "cafe": "done"})
        self.assertEqual(self.bistro.plan_id, tiny)
        self.assertEqual(self.acme.plan_id, self.plan)

    def test_an_unknown_module_is_refused_for_each(self):
        refusal = gateway.EngineError("There is no module crm2.")
        module = self.env["saas.module"].create(
            {"name": "crm2", "title": "CRM 2", "server_id": self.server.id}
        )
        with (
            patch.object(gateway, "check_modules", side_effect=refusal),
            patch.object(gateway, "modules_of", return_value=[{"name": "crm2", "title": "CRM 2"}]),
        ):
            wizard = self._wizard("install", self.acme, module_ids=module.ids)
            wizard.action_do()
        self.assertEqual(wizard.line_ids.outcome, "refused")
        self.assertIn("no module crm2", wizard.line_ids.objection)

    def test_a_mail_goes_from_the_provider_to_each_customer_or_else_to_the_administrator(self):
        self._make_mail_server()
        self.cafe.partner_id = self.env["res.partner"].create({"name": "Without an Address"})
        wizard = self._wizard(
            "mail", self.acme, self.cafe, subject="A new address", body="<p>From May on.</p>"
        )
        wizard.action_do()
        self.assertEqual(self._outcomes(wizard), {"acme": "begun", "cafe": "begun"})
        message = self.acme.message_ids[0]
        self.assertEqual(message.partner_ids, self.customer)
        self.assertIn("hello@operator.example", message.email_from)
        self.assertEqual(message.author_id, self.users["manager"].partner_id)
        self.assertIn("From May on.", self.acme.message_ids[0].body)
        self.assertEqual(self.cafe.message_ids[0].outgoing_email_to, "boss@acme.example")

    def test_a_mail_that_cannot_be_sent_is_refused_in_words(self):
        self._make_mail_server()
        draft, gone = self._make_instance("drafted"), self._make_instance("gone", "terminated")
        told = {"subject": "A new address", "body": "<p>From May on.</p>"}
        wizard = self._wizard("mail", self.acme, draft, gone, **told)
        before = [len(it.message_ids) for it in (draft, gone)]
        self.assertEqual(wizard.line_ids[0].objection, False)
        self.assertIn("is draft: this action is not possible now.", wizard.line_ids[1].objection)
        wizard.action_do()
        self.assertEqual(self._outcomes(wizard), {"acme": "begun", "drafted": "refused", "gone": "refused"})
        self.assertEqual([len(it.message_ids) for it in (draft, gone)], before)
        self.env["ir.mail_server"].search([]).active = False
        wizard = self._wizard("mail", self.acme, **told)
        self.assertEqual(wizard.line_ids.objection, "No outgoing mail server is set.")
        wizard.action_do()
        self.assertEqual(self._outcomes(wizard), {"acme": "refused"})

    def test_nothing_begins_before_the_form_is_filled_in(self):
        for operation in ("suspend", "change_plan", "install", "mail"):
            with (
                self.subTest(operation),
                patch.object(gateway, "modules_of", return_value=[]),
                self.assertRaisesRegex(UserError, "missing"),
            ):
                self._wizard(operation).action_do()
        self.assertFalse(self.acme.operation)

    def test_a_user_can_do_nothing(self):
        with self.assertRaises(AccessError):
            self._wizard("restart", group="user")


@tagged("post_install", "-at_install")
class TestStopped(SaasCase):
    def test_a_stopped_instance_is_shown_as_stopped_while_its_state_is_active(self):
        instance = self._make_instance("acme", "active", run_state="running")
        self.assertEqual(instance.status, "active")
        instance.run_state = "stopped"
        self.assertEqual((instance.state, instance.status), ("active", "stopped"))
        self.assertEqual(self.env["saas.instance"].search([("status", "=", "stopped")]), instance)

    def test_a_suspended_instance_is_not_shown_as_stopped(self):
        self.assertEqual(self._make_instance("acme", "suspended", run_state="stopped").status, "suspended")


@tagged("post_install", "-at_install")
class TestCopies(SaasCase):
    def test_a_copy_has_a_code_of_its_own(self):
        for record in (self.template, self.plan, self.server):
            with self.subTest(record._name):
                first, second = record.copy(), record.copy()
                self.assertEqual(first.code, f"{record.code}-2")
                self.assertEqual(second.code, f"{record.code}-3")
                self.assertEqual(first.name, f"{record.name} (copy)")

    def test_a_long_code_is_shortened_for_the_number(self):
        for record in (self.template, self.plan):
            with self.subTest(record._name):
                long = "a" * 32
                copy = record.copy({"code": long}).copy()
                self.assertEqual(copy.code, "a" * 28 + "-2")

    def test_a_code_is_proposed_from_the_name_and_a_typed_one_stays(self):
        for model, taken in (("saas.template", "shop"), ("saas.plan", "small"), ("saas.server", "here")):
            with self.subTest(model):
                form = Form(self._as("administrator", self.env[model]))
                form.name = taken.title()
                self.assertEqual(form.code, f"{taken}-2")
                form.code = "typed"
                form.name = "Another"
                self.assertEqual(form.code, "typed")
                form.code = False
                form.name = "Le Bistrot d'Anne"
                self.assertEqual(form.code, "le-bistrot-d-anne")

    def test_nothing_offers_to_duplicate_what_cannot_be_duplicated(self):
        for model in ("saas.instance", "saas.instance.request", "saas.subscription"):
            for kind in ("list", "form"):
                view = self.env.ref(f"saas_manager.{model.replace('.', '_')}_view_{kind}")
                root = self.env[model].get_view(view.id, kind)["arch"]
                head = root[: root.index(">")]
                self.assertTrue('duplicate="0"' in head or 'create="0"' in head, (model, kind))
