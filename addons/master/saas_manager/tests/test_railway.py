"""A server whose instances run on Railway: its token, what is created there, and what is refused."""

from unittest.mock import patch

from lxml import etree
from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from tenantry.errors import (
    NotYet,
    RailwayTokenMissing,
    RailwayTokenRefused,
    RailwayUnreachable,
    RailwayWorkspaceUnknown,
    ServerNotFound,
)
from tenantry.model.operations import OPERATIONS
from tenantry.model.server import Check, Condition, Health

from .. import gateway
from ..exceptions import NotWithRuntime
from .common import SaasCase, engines_are, recording_engine
from .test_server import facts_of

TOKEN = "railway-token-0123456789"


class RailwayCase(SaasCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cloud = cls._make_server("cloud", runtime="railway")
        cls.draft = cls._make_template("unbuilt", "draft")
        cls.on_railway = cls._make_plan("cloud", runtime="railway", is_shown=False)

    def _on_railway(self, subdomain, state="active", **values):
        values = {"server_id": self.cloud.id, "plan_id": self.on_railway.id, **values}
        return self._make_instance(subdomain, state, template_id=self.draft.id, **values)


@tagged("post_install", "-at_install")
class TestRailwayServer(RailwayCase):
    def _keeping(self, **behaviour):
        """Record what the engine is asked to keep."""
        return patch.object(gateway, "keep_railway", **behaviour)

    def _tested(self, fault=None, gravity=Health.CRITICAL, lang="en_US", **facts):
        """The row of Railway, or of the connection, after Test Connection."""
        engine = recording_engine()
        engine.facts.return_value = facts_of(self.cloud, runtime="railway")
        engine.facts.side_effect = facts.get("error")
        engine.condition.return_value = Condition((Check("Railway", "Acme Hosting", fault, gravity),))
        server = self._as("administrator", self.cloud).with_context(lang=lang)
        with engines_are(_engine_of=lambda _server: engine):
            test = self.env["saas.server.test"].browse(server.action_test_connection()["res_id"])
        return [(line.health, line.text) for line in test.line_ids][-1]

    def test_the_token_of_the_form_goes_to_the_engine_and_is_never_read_again(self):
        server = self._as("administrator", self.cloud)
        with self._keeping() as keep:
            shown = server.web_save(
                {"railway_token": TOKEN, "railway_workspace": "Acme"}, {"railway_token": {}, "name": {}}
            )
        keep.assert_called_once_with(server, TOKEN, "Acme")
        self.assertEqual(shown[0]["railway_token"], False)
        self.assertEqual(server.read(["railway_token"])[0]["railway_token"], False)

    def test_a_new_server_is_known_by_its_code_without_a_table_in_settings(self):
        values = {"name": "Next", "code": "next", "runtime": "railway", "railway_token": TOKEN}
        with self._keeping() as keep:
            server = self.env["saas.server"].with_user(self.users["administrator"]).create(values)
        self.assertEqual(server.address, "next")
        keep.assert_called_once_with(server, TOKEN, None)
        self.assertFalse(server.railway_token)

    def test_a_server_that_becomes_one_is_known_by_its_code_too(self):
        server = self._make_server("later")
        self._as("administrator", server).runtime = "railway"
        self.assertEqual(server.address, "later")

    def test_another_workspace_is_chosen_with_the_token_that_is_kept(self):
        server = self._as("administrator", self.cloud)
        with self._keeping() as keep:
            server.railway_workspace = "Zenith"
            server.name = "Cloud"
        keep.assert_called_once_with(server, None, "Zenith")

    def test_a_token_that_does_not_work_is_not_saved(self):
        refusal = UserError("Railway refused the token.")
        with self._keeping(side_effect=refusal), self.assertRaises(UserError):
            self._as("administrator", self.cloud).railway_token = TOKEN

    def test_a_server_of_another_runtime_takes_no_token(self):
        with self._keeping() as keep, self.assertRaisesRegex(UserError, "runtime is Railway"):
            self._as("administrator", self.server).railway_token = TOKEN
        keep.assert_not_called()

    def test_only_administrators_give_tokens(self):
        with self._keeping() as keep, self.assertRaises(AccessError):
            self._as("manager", self.cloud).write({"railway_token": TOKEN})
        keep.assert_not_called()

    def test_testing_the_connection_says_what_is_wrong_and_the_remedy(self):
        for fault, told in (
            (RailwayTokenMissing("cloud"), "has no token"),
            (RailwayTokenRefused("cloud", "Not Authorized"), "not enough"),
            (RailwayWorkspaceUnknown("cloud", "", ["Acme (1)", "Zenith (2)"]), r"Choose one of Acme \(1\)"),
            (RailwayWorkspaceUnknown("cloud", "Z", ["Acme (1)"]), "does not open the workspace 'Z'"),
            (RailwayUnreachable("https://railway.example", "timeout"), "Check the network"),
        ):
            with self.subTest(fault=type(fault).__name__):
                health, text = self._tested(fault)
                self.assertEqual(health, "critical")
                self.assertRegex(text, told)
        self.assertEqual(self.cloud.health, "critical")

    def test_without_its_first_token_the_engine_does_not_know_it_and_the_token_is_asked_for(self):
        self.assertIn("has no token", self._tested(error=ServerNotFound("cloud", ["local"]))[1])
        self.assertEqual(self.cloud.runtime, "railway")

    def test_too_many_requests_are_a_warning(self):
        waiting = NotYet("The server cloud", "Railway, which takes no more requests", 600)
        health, text = self._tested(waiting, Health.WARNING)
        self.assertEqual((health, self.cloud.health), ("warning", "warning"))
        self.assertIn("takes no more requests", text)

    def test_what_is_wrong_is_told_in_the_operator_s_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        text = self._tested(RailwayTokenMissing("cloud"), lang="fr_FR")[1]
        self.assertIn("jeton", text)

    def test_it_is_active_with_the_operator_s_own_limit_of_instances(self):
        engine = recording_engine()
        engine.facts.return_value = facts_of(self.cloud, runtime="railway")
        self.cloud.write({"state": "draft", "max_instances": 2})
        with engines_are(_engine_of=lambda _server: engine), self._jobs() as jobs:
            self._as("administrator", self.cloud).action_activate()
        jobs.assert_jobs_count(0)  # it shows no page of ours, and its instances send their mail themselves
        self.assertEqual((self.cloud.state, self.cloud.available_capacity), ("active", 100.0))
        self._on_railway("acme")
        self._on_railway("beta")
        self.assertEqual(self.cloud.available_capacity, 0.0)

    def test_no_template_is_built_there(self):
        with self.assertRaisesRegex(ValidationError, "run on Railway"):
            self.template.server_id = self.cloud


@tagged("post_install", "-at_install")
class TestRailwayInstance(RailwayCase):
    def _created(self, **values):
        """An instance of the plan, whose creation has begun."""
        draft = self._on_railway("acme", "draft", server_id=False, **values)
        with self._jobs():
            self._as("manager", draft).action_provision_instance()
        return draft

    def test_it_is_placed_by_its_plan_wherever_its_template_would_be_built_and_unbuilt(self):
        self.assertEqual(self._created().server_id, self.cloud)

    def test_without_such_a_server_the_refusal_says_so(self):
        self.cloud.state = "maintenance"
        with self.assertRaisesRegex(UserError, "its runtime is Shared Odoo, the plan's is Railway"):
            self._created()

    def test_other_plans_are_not_placed_there_and_need_a_built_template(self):
        self.server.state = "maintenance"
        with self.assertRaisesRegex(UserError, "its runtime is Railway, the plan's is Shared Odoo"):
            self._as("manager", self._make_instance("beta")).action_provision_instance()
        unbuilt = self._make_instance("gamma", template_id=self.draft.id)
        with self.assertRaisesRegex(UserError, "Build it first"):
            self._as("manager", unbuilt).action_provision_instance()

    def test_the_dialog_offers_its_plan_templates_that_are_not_built(self):
        wizard = self.env["saas.instance.create"].new({"plan_id": self.on_railway.id})
        self.assertIn(self.draft, wizard.allowed_template_ids._origin)
        wizard.plan_id = self.plan
        self.assertNotIn(self.draft, wizard.allowed_template_ids._origin)

    def test_a_name_is_free_if_it_is_free_there(self):
        with patch.object(gateway, "taken", return_value=frozenset({"acme"})) as taken:
            draft = self.env["saas.instance"].new({"plan_id": self.on_railway.id})
            is_free, _message = draft._judge_subdomain("acme")
        self.assertFalse(is_free)
        self.assertEqual(taken.call_args_list[0].args[1], self.cloud)

    def test_the_engine_gets_the_recipe_since_it_has_no_template(self):
        self.draft.modules = "base contacts"
        self.on_railway.write({"memory_limit_mb": 2048, "cpu_limit": 1.5})
        spec = gateway.instances._spec(gateway.engines._engine(), self._created())
        self.assertEqual((spec.template, spec.recipe.modules), ("unbuilt", ("base", "contacts")))
        self.assertEqual(spec.limits, {"memory_mb": 2048, "cpus": 1.5})
        clone = self._make_instance("beta", admin_password_sealed=gateway.new_password())
        self.assertIsNone(gateway.instances._spec(gateway.engines._engine(), clone).recipe)

    def test_the_customer_gets_the_password_by_the_welcome_mail(self):
        instance = self._on_railway("acme", admin_password_sealed=gateway.seal("s3cret-Passw0rd"))
        secrets = instance._mail_secrets("saas_manager.mail_template_instance_provisioned")
        self.assertEqual(secrets, {"password": "s3cret-Passw0rd"})

    def test_what_railway_cannot_do_is_refused_with_what_it_can(self):
        instance = self._as("administrator", self._on_railway("acme"))
        engine = recording_engine()
        with engines_are(_engine_of=lambda _server: engine), self._jobs() as jobs:
            for act in (
                instance.action_suspend,
                instance.action_stop,
                instance.action_start,
                instance.action_restart,
                instance.action_login_as_support,
                instance._make_login_link,
                instance._reset_password,
                instance._send_welcome_again,
                lambda: instance.change_subdomain("zenith"),
                lambda: instance.install_modules(["crm"]),
                instance.action_open_install_modules,
                lambda: instance.move_to(self.server),
                lambda: instance.write({"hostname_ids": [Command.create({"name": "odoo.acme.example"})]}),
            ):
                with self.assertRaisesRegex(NotWithRuntime, "'Server cloud', whose instances run on Railway"):
                    act()
            jobs.assert_jobs_count(0)
        self.assertEqual(engine.mock_calls, [])

    def test_each_operation_that_is_refused_has_no_button(self):
        arch = self._form("saas.instance")
        shown = [
            button.get("string")
            for button in arch.xpath("//header//button")
            if "runtime in ['railway']" not in (button.get("invisible") or "")
        ]
        self.assertEqual(set(shown), {"Create", "Retry", "Discard", "Open", "Terminate"})
        for name in "process", "mail", "domains":
            (part,) = arch.xpath(f"//*[@name='{name}']")
            self.assertIn("runtime in ['railway']", part.get("invisible"))

    def test_the_server_s_form_hides_what_does_not_apply(self):
        arch = self._form("saas.server")
        for name in "memory_gb", "disk_use", "cpu_count", "mail", "action_drain":
            (part,) = arch.xpath(f"//*[@name='{name}']")
            self.assertIn("runtime in ['railway']", part.get("invisible"))

    def _form(self, model):
        views = self.env[model].with_user(self.users["administrator"]).get_views([(False, "form")])
        return etree.fromstring(views["views"]["form"]["arch"])

    def test_it_is_not_moved_there_either(self):
        instance = self._make_instance("beta", "active")
        with self.assertRaisesRegex(UserError, "run on Railway"):
            self._as("manager", instance).move_to(self.cloud)

    def test_the_bulk_dialog_says_which_ones_it_will_refuse(self):
        bulk = self.env["saas.instance.bulk"].create(
            {"operation": "stop", "line_ids": [Command.create({"instance_id": self._on_railway("acme").id})]}
        )
        self.assertIn("run on Railway", bulk.line_ids.objection)

    def test_its_health_is_whether_it_answers_without_figures(self):
        instance = self._on_railway("acme", url="https://acme.up.railway.app")
        engine = recording_engine()
        busy = NotYet("The server cloud", "Railway, which takes no more requests", 600)
        engine.instances.is_serving.side_effect = [True, False, busy]
        for health in "healthy", "critical", "unknown":
            with engines_are(_engine_of=lambda _server: engine):
                self._as("manager", instance).action_check_health()
            self.assertEqual((instance.health, instance.url), (health, "https://acme.up.railway.app"))
        engine.instances.usage.assert_not_called()

    def test_its_process_and_mails_are_not_asked_for(self):
        instance = self._on_railway("acme")
        engine = recording_engine()
        with engines_are(_engine_of=lambda _server: engine):
            self.assertFalse(instance.process_message)
            self.assertFalse(instance.mail_message)
        self.assertEqual(engine.mock_calls, [])

    def test_a_changed_plan_is_not_told_to_it(self):
        self._on_railway("acme")
        with self._jobs() as jobs:
            self.on_railway.max_users = 7
        jobs.assert_jobs_count(0)

    def test_one_that_its_subscription_covers_no_longer_is_left_to_an_operator(self):
        instance = self._on_railway("acme")
        subscription = self._make_subscription(instance)
        subscription._start()
        subscription.state = "expired"
        subscription._block_instance()
        subscription._block_instance()
        self.assertEqual((instance.state, instance.operation), ("active", False))
        self.assertEqual(
            instance.activity_ids.mapped("summary"), [f"{instance.display_name} must be suspended by hand"]
        )
        self.assertIn("run on Railway", str(instance.activity_ids.note))

    def test_a_plan_of_it_is_not_shown_at_the_signup(self):
        with self.assertRaisesRegex(ValidationError, "cannot be shown at the signup"):
            self.on_railway.is_shown = True

    def test_the_table_of_operations_agrees_with_what_is_said(self):
        possible = [name for name in OPERATIONS if gateway.can("railway", name)]
        self.assertEqual(possible, ["terminate"])
