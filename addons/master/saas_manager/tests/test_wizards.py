"""The wizards: create, suspend, change plan, terminate, log in as support; and the settings."""

from unittest.mock import patch

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, new_test_user, tagged

from tenantry.model.secret import Secret

from .. import gateway
from .common import SaasCase


@tagged("post_install", "-at_install")
class TestCreate(SaasCase):
    def _form(self, **values):
        wizards = self._as("manager", self.env["saas.instance.create"])
        form = Form(wizards.with_context(default_partner_id=self.customer.id))
        for name, value in values.items():
            setattr(form, name, value)
        return form

    def test_the_wizard_proposes_the_customer_s_values(self):
        self.customer.country_id = self.env.ref("base.fr")
        form = self._form()
        self.assertEqual(form.name, "Acme Ltd")
        self.assertEqual(form.admin_email, "info@acme.example")
        self.assertEqual(form.subdomain, "acme-ltd")
        self.assertEqual(form.country_id, self.env.ref("base.fr"))
        self.assertTrue(form.subdomain_free)

    def test_the_wizard_shows_a_taken_subdomain_and_free_ones(self):
        self._make_instance("acme")
        form = self._form(subdomain="acme")
        self.assertFalse(form.subdomain_free)
        self.assertIn("acme-2", form.subdomain_message)

    def test_the_wizard_shows_an_invalid_subdomain(self):
        for text in ("www", "a", "Acme", "a_b_c"):
            form = self._form(subdomain=text)
            self.assertFalse(form.subdomain_free)
            self.assertTrue(form.subdomain_message)

    def test_the_wizard_offers_the_ready_templates_of_the_plan(self):
        other = self._make_template("other")
        draft = self._make_template("draft", state="draft")
        self.plan.template_ids = other | draft
        form = self._form(plan_id=self.plan)
        self.assertEqual(form.template_id, other)
        self.assertEqual(form.allowed_template_ids.ids, other.ids)

    def test_the_wizard_offers_the_languages_of_the_template(self):
        french = self.env.ref("base.lang_fr")
        self.template.language_ids = french
        form = self._form(plan_id=self.plan, template_id=self.template)
        self.assertEqual(set(form.allowed_language_ids.ids), {french.id, self.env.ref("base.lang_en").id})

    def test_a_failed_instance_offers_the_languages_of_its_template(self):
        self.template.loaded_languages = "en_US fr_FR"
        instance = self._make_instance("acme", "failed")
        form = Form(self._as("manager", instance))
        self.assertEqual(sorted(form.allowed_language_ids[:].mapped("code")), ["en_US", "fr_FR"])
        arch = self.env["saas.instance"].get_view(view_type="form")["arch"]
        self.assertIn("allowed_language_ids)]", arch)

    def test_the_typed_name_country_and_language_reach_the_instance(self):
        self.template.loaded_languages = "en_US fr_FR"
        france = self.env.ref("base.fr")
        form = self._form(
            plan_id=self.plan, template_id=self.template, country_id=france, admin_name="Léa D."
        )
        with trap_jobs():
            instance = self.env["saas.instance"].browse(form.save().action_create()["res_id"])
        self.assertEqual((instance.admin_name, instance.country_id.code), ("Léa D.", "FR"))
        self.assertEqual(instance.tz, "Europe/Paris")
        self.assertEqual(instance._greeted(instance.admin_email), "Léa D.")
        self.assertEqual(instance._greeted("other@acme.example"), "Acme Ltd")

    def test_the_wizard_proposes_a_person_s_name_and_no_company_s(self):
        self.assertFalse(self._form().admin_name)
        self.customer.is_company = False
        self.assertEqual(self._form().admin_name, "Acme Ltd")

    def test_the_wizard_warns_of_another_country_s_chart_of_accounts(self):
        self.template.chart_country_code = "US"
        form = self._form(template_id=self.template, country_id=self.env.ref("base.fr"))
        self.assertIn("its taxes are switched off", form.advice)
        form.country_id = self.env.ref("base.us")
        self.assertFalse(form.advice)

    def test_the_wizard_submits_a_request_and_opens_the_instance(self):
        domains = "shop.acme.example\nODOO.acme.example shop.acme.example"
        form = self._form(plan_id=self.plan, template_id=self.template, domains=domains)
        with trap_jobs() as jobs:
            action = form.save().action_create()
        instance = self.env["saas.instance"].browse(action["res_id"])
        self.assertEqual(action["path"], "saas-instances")
        self.assertEqual(instance.state, "provisioning")
        self.assertEqual(instance.partner_id, self.customer)
        self.assertEqual(instance.request_ids.source, "operator")
        self.assertEqual(
            sorted(instance.hostname_ids.mapped("name")), ["odoo.acme.example", "shop.acme.example"]
        )
        jobs.assert_enqueued_job(instance._operate, args=("provision",))

    def test_a_contact_without_an_address_gets_one(self):
        self.customer.email = False
        form = self._form(plan_id=self.plan, template_id=self.template, admin_email="jane@acme.example")
        self.assertTrue(form.is_email_missing)
        self.assertEqual(form.customer_email, "jane@acme.example")
        form.customer_email = "office@acme.example"
        with trap_jobs():
            action = form.save().action_create()
        self.assertEqual(self.customer.email, "office@acme.example")
        instance = self.env["saas.instance"].browse(action["res_id"])
        self.assertEqual(instance.admin_email, "jane@acme.example")
        self.assertEqual(instance.request_ids.customer_email, "office@acme.example")

    def test_nobody_s_login_is_taken_over_by_giving_their_contact_an_address(self):
        victim = new_test_user(self.env, "root-of-all", "base.group_system", email=False)
        for is_active in (True, False):
            victim.active = is_active
            form = self._form(
                partner_id=victim.partner_id,
                plan_id=self.plan,
                template_id=self.template,
                admin_email="mallory@evil.example",
            )
            with self.subTest(is_active=is_active), self.assertRaisesRegex(UserError, "has a login here"):
                form.save().action_create()
            self.assertFalse(victim.partner_id.email)

    def test_a_contact_s_address_is_not_replaced(self):
        form = self._form(plan_id=self.plan, template_id=self.template, admin_email="jane@acme.example")
        self.assertFalse(form.is_email_missing)
        with trap_jobs():
            form.save().action_create()
        self.assertEqual(self.customer.email, "info@acme.example")

    def test_a_taken_subdomain_is_refused(self):
        self._make_instance("acme")
        wizard = self._form(plan_id=self.plan, template_id=self.template, subdomain="acme").save()
        with self.assertRaisesRegex(ValidationError, "taken"):
            wizard.action_create()

    def test_a_user_cannot_create(self):
        with self.assertRaises(AccessError):
            self._as("user", self.env["saas.instance.create"]).create({})


@tagged("post_install", "-at_install")
class TestDialogues(SaasCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.instance = cls._make_instance(
            "acme", state="active", url="http://acme.localhost", user_count=4, storage_mb=2048
        )

    def _wizard(self, group, model, **values):
        return self._as(group, self.env[model]).create({"instance_id": self.instance.id, **values})

    def test_suspending_notes_the_reason(self):
        wizard = self._wizard("manager", "saas.instance.suspend", reason="The invoice of May is unpaid.")
        with trap_jobs() as jobs:
            wizard.action_suspend()
        self.assertEqual(self.instance.operation, "suspend")
        self.assertEqual(self.instance.state_reason, "The invoice of May is unpaid.")
        jobs.assert_enqueued_job(self.instance._operate, args=("suspend",))

    def test_the_plan_changes_at_once(self):
        wizard = self._wizard(
            "manager", "saas.instance.change.plan", plan_id=self._make_plan("big", max_users=9).id
        )
        self.assertFalse(wizard.objection)
        with trap_jobs() as jobs:
            wizard.action_change_plan()
        self.assertEqual(self.instance.plan_id.code, "big")
        jobs.assert_enqueued_job(self.instance._entitle)

    def test_the_present_plan_and_the_new_one_stand_side_by_side(self):
        self.plan.write({"price_monthly": 29, "max_users": 5})
        subscription = self._make_subscription(self.instance, state="active", date_end="2031-03-01")
        big = self._make_plan("big", max_users=9, price_monthly=79)
        wizard = self._wizard("manager", "saas.instance.change.plan", plan_id=big.id)
        self.assertEqual((wizard.current_price, wizard.price, wizard.difference), (29, 79, 50))
        self.assertEqual((wizard.current_max_users, wizard.max_users, wizard.user_count), (5, 9, 4))
        self.assertEqual((wizard.period, wizard.subscription_id), ("monthly", subscription))
        self.assertIn("2031", wizard.when)

    def test_prices_in_two_currencies_are_not_subtracted(self):
        euro, franc = self.env.ref("base.EUR"), self.env.ref("base.CHF")
        self.plan.currency_id = euro
        other = self._make_plan("other", currency_id=franc.id)
        wizard = self._wizard("manager", "saas.instance.change.plan", plan_id=other.id)
        self.assertFalse(wizard.is_comparable)

    def test_a_trial_goes_on_after_a_change_of_plan(self):
        self._make_subscription(self.instance, state="trial", date_end="2031-03-01")
        wizard = self._wizard("manager", "saas.instance.change.plan", plan_id=self._make_plan("big").id)
        self.assertIn("The trial goes on until", wizard.when)

    def test_the_dialog_opens_with_what_is_in_use_now(self):
        measured = {"user_count": 7, "storage_mb": 100, "health": "healthy"}
        with patch.object(gateway, "measure", return_value=measured):
            action = self._as("manager", self.instance).action_open_change_plan()
        self.assertEqual(action["context"], {"default_instance_id": self.instance.id})
        self.assertEqual(self.instance.user_count, 7)
        self.assertTrue(self.instance.checked_at)

    def test_a_look_at_a_suspended_instance_gives_it_no_health(self):
        for state in ("suspended", "expired"):
            self.instance.write({"state": state, "health": "unknown"})
            for health in ("critical", "healthy"):
                measured = {"user_count": 7, "health": health, "health_message": "A sentence."}
                with patch.object(gateway, "measure", return_value=measured):
                    self._as("manager", self.instance).action_open_change_plan()
                self.assertEqual((self.instance.health, self.instance.health_message), ("unknown", False))
                self.assertEqual(self.instance.user_count, 7, "its figures are those of now")

    def test_figures_that_could_not_be_measured_are_not_shown_as_measured(self):
        self.instance.write({"checked_at": False, "user_count": 0})
        failed = {"health": "critical", "health_message": "The server does not answer."}
        with patch.object(gateway, "measure", return_value=failed):
            self._as("manager", self.instance).action_open_change_plan()
        self.assertEqual((self.instance.health, self.instance.checked_at), ("critical", False))

    def test_a_plan_that_is_too_small_is_refused_with_the_numbers(self):
        tiny = self._make_plan("tiny", max_users=3)
        wizard = self._wizard("manager", "saas.instance.change.plan", plan_id=tiny.id)
        self.assertRegex(wizard.objection, "4 users.*allows 3")
        with self.assertRaisesRegex(UserError, "4 users.*allows 3"):
            wizard.action_change_plan()
        self.assertEqual(self.instance.plan_id, self.plan)

    def test_terminating_needs_the_instances_subdomain_which_no_other_has(self):
        wizard = self._wizard("administrator", "saas.instance.terminate")
        for text in (False, "", "acm", "Acme", "Acme Ltd"):
            wizard.typed_name = text
            with self.assertRaisesRegex(UserError, "Type acme"):
                wizard.action_terminate()
        self.assertFalse(self.instance.operation)

    def test_an_administrator_who_types_the_subdomain_terminates(self):
        wizard = self._wizard("administrator", "saas.instance.terminate", typed_name=" acme ")
        with trap_jobs() as jobs:
            wizard.action_terminate()
        self.assertEqual(self.instance.operation, "terminate")
        jobs.assert_enqueued_job(self.instance._operate, args=("terminate",))

    def test_a_manager_cannot_terminate(self):
        with self.assertRaises(AccessError):
            self._wizard("manager", "saas.instance.terminate", typed_name="acme")
        with self.assertRaises(AccessError):
            self._as("manager", self.instance).action_terminate()

    def test_a_support_login_opens_the_instance_and_is_recorded(self):
        link = Secret("http://acme.localhost/saas/login?token=t0ken")
        with patch.object(gateway, "login_link", return_value=link) as login_link:
            action = self._as("manager", self.instance).action_login_as_support()
        operator = self.users["manager"].login
        self.assertEqual(action["url"], link.reveal())
        self.assertEqual(login_link.call_args.kwargs, {"by": operator, "support": True})
        for text in (self.instance.log_ids[0].message, self.instance.message_ids[0].body):
            self.assertIn(operator, text)
            self.assertNotIn("t0ken", text)

    def test_a_refused_support_login_is_not_recorded(self):
        refusal = gateway.EngineError("There is no such instance.")
        with patch.object(gateway, "login_link", side_effect=refusal), self.assertRaises(UserError):
            self._as("manager", self.instance).action_login_as_support()
        self.assertFalse(self.instance.log_ids)

    def test_a_user_cannot_log_in_as_support(self):
        with self.assertRaises(AccessError):
            self._as("user", self.instance).action_login_as_support()

    def test_support_cannot_log_in_to_a_suspended_instance(self):
        self.instance.state = "suspended"
        with self.assertRaisesRegex(UserError, "not active"):
            self._as("manager", self.instance).action_login_as_support()


@tagged("post_install", "-at_install")
class TestSettings(SaasCase):
    def _save(self, **values):
        self.env["res.config.settings"].create(values).execute()

    def _parameter(self, name):
        return self.env["ir.config_parameter"].sudo().get_param(f"saas.{name}")

    def test_zero_is_stored_as_zero(self):
        names = ("pool_size", "grace_days", "termination_days", "max_instances_per_plan")
        self._save(**{f"saas_{name}": 0 for name in names})
        reopened = self.env["res.config.settings"].create({})
        for name in names:
            self.assertEqual(self._parameter(name), "0")
            self.assertEqual(reopened[f"saas_{name}"], 0)

    def test_a_new_template_and_a_new_plan_use_the_settings(self):
        self._save(saas_pool_size=0, saas_grace_days=3, saas_max_instances_per_plan=0)
        self.assertEqual(self._make_template("quiet").pool_size, 0)
        plan = self._make_plan("quiet")
        self.assertEqual((plan.grace_days, plan.max_instances), (3, 0))

    def test_an_invalid_base_domain_is_refused(self):
        for text in ("http://example.com", "exa mple.com", "example", "-a.example.com"):
            with self.subTest(domain=text), self.assertRaises(ValidationError):
                self._save(saas_base_domain=text)

    def test_a_valid_base_domain_is_kept(self):
        for text in ("localhost", "cloud.example.com", "xn--bcher-kva.example"):
            self._save(saas_base_domain=text)
            self.assertEqual(self._parameter("base_domain"), text)

    def test_invalid_reserved_names_are_listed_in_the_error(self):
        with self.assertRaisesRegex(ValidationError, "my_shop, www.acme"):
            self._save(saas_reserved_names="partners, my_shop, www.acme")

    def test_a_reserved_name_is_refused_as_a_subdomain(self):
        self._save(saas_reserved_names="partners, jobs")
        with self.assertRaises(ValidationError):
            self._make_instance("jobs")

    def test_negative_numbers_are_refused(self):
        with self.assertRaises(ValidationError):
            self._save(saas_grace_days=-1)

    def test_logs_are_kept_for_a_day_at_least(self):
        with self.assertRaises(ValidationError):
            self._save(saas_log_retention_days=0)
