"""Operations on active instances, and what is refused before an operation starts."""

from types import SimpleNamespace
from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.sql_db import db_connect
from odoo.tests import Form, tagged
from odoo.tools import mute_logger
from psycopg2.errors import SerializationFailure

from tenantry.errors import InstanceNotFound, ModuleNotFound
from tenantry.model.usage import Usage

from .. import gateway
from .common import SaasCase, engines_are, recording_engine


class OperationsCase(SaasCase):
    def setUp(self):
        super().setUp()
        self.instance = self._make_instance("acme", "active", run_state="running", health="healthy")

    def _press(self, action, *arguments):
        with self._jobs() as jobs:
            getattr(self._as("manager", self.instance), action)(*arguments)
        jobs.assert_jobs_count(1)
        return jobs

    def _run(self, operation, function="operate", **answer):
        """Run the job's method, with an engine that returns this result."""
        with self._jobs(), patch.object(gateway, function, **answer) as asked:
            self.instance.sudo()._operate(operation)
        asked.assert_called_once()
        self.assertEqual(asked.call_args.args[0], self.instance)
        if function == "operate":
            self.assertEqual(asked.call_args.args[1], operation)
        return asked


_MODULES = [{"name": "crm", "title": "Pipeline"}, {"name": "calendar", "title": "Calendar"}]


@tagged("post_install", "-at_install")
class TestStopAndStart(OperationsCase):
    def test_the_run_state_changes_after_the_engine_has_run_the_operation(self):
        for action, operation, run_state in (
            ("action_stop", "stop", "stopped"),
            ("action_start", "start", "running"),
            ("action_restart", "restart", "running"),
        ):
            with self.subTest(action=action):
                before = self.instance.run_state
                self._press(action)
                self.assertEqual((self.instance.operation, self.instance.run_state), (operation, before))
                self._run(operation)
                self.assertEqual(
                    (self.instance.state, self.instance.operation, self.instance.run_state),
                    ("active", False, run_state),
                )

    def test_a_stopped_instance_is_not_critical(self):
        self._press("action_stop")
        self._run("stop")
        self.assertEqual(self.instance.health, "unknown")
        engine = recording_engine()
        engine.instances.usage.return_value = Usage(users=1, storage_bytes=0, last_activity="")
        engine.instances.is_serving.return_value = False
        engine.instances.url_of.return_value = "http://acme.localhost"
        with engines_are(_engine_of=lambda _server: engine):
            self.instance._check_health()
            self.assertEqual(self.instance.health, "unknown")
            self.instance.run_state = "running"
            self.instance._check_health()
            self.assertEqual(self.instance.health, "critical")

    def test_a_suspended_instance_is_not_healthy_and_a_reactivated_one_is(self):
        with self._jobs():
            self._as("manager", self.instance).action_suspend("unpaid")
        self._run("suspend")
        self.assertEqual((self.instance.state, self.instance.health), ("suspended", "unknown"))
        self._press("action_reactivate")
        self._run("reactivate")
        self.assertEqual((self.instance.state, self.instance.health), ("active", "healthy"))

    def test_operations_on_a_stopped_instance_are_refused(self):
        self.instance.run_state = "stopped"
        instance = self._as("manager", self.instance)
        for action, *arguments in (
            ("action_open",),
            ("action_login_as_support",),
            ("action_restart",),
            ("change_subdomain", "elsewhere"),
            ("install_modules", ["crm"]),
        ):
            with self.subTest(action=action), self.assertRaisesRegex(UserError, "Start it first"):
                getattr(instance, action)(*arguments)

    def test_a_stopped_instance_is_suspended_and_comes_back_running(self):
        self.instance.run_state = "stopped"
        self._press("action_suspend")
        self._run("suspend")
        self.assertEqual((self.instance.state, self.instance.run_state), ("suspended", "stopped"))
        self._press("action_reactivate")
        self._run("reactivate")
        self.assertEqual((self.instance.state, self.instance.run_state), ("active", "running"))

    def test_a_suspended_instance_cannot_be_stopped_or_started(self):
        self.instance.state = "suspended"
        for action in ("action_stop", "action_start", "action_restart"):
            with self.subTest(action=action), self.assertRaises(UserError):
                getattr(self._as("manager", self.instance), action)()


@tagged("post_install", "-at_install")
class TestSubdomain(OperationsCase):
    def _wizard(self, subdomain):
        wizards = self._as("manager", self.env["saas.instance.change.subdomain"])
        wizard = Form(wizards.with_context(default_instance_id=self.instance.id))
        wizard.subdomain = subdomain
        return wizard

    def test_the_record_changes_after_the_engine_has_renamed_the_instance(self):
        with self._jobs() as jobs:
            self._wizard("zenith").save().action_change_subdomain()
        self._assert_one_job(jobs, self.instance, "rename")
        self.assertEqual((self.instance.subdomain, self.instance.wanted), ("acme", "zenith"))
        renamed = SimpleNamespace(name="zenith", url="http://zenith.localhost")
        asked = self._run("rename", "rename", return_value=renamed)
        self.assertEqual(asked.call_args.args[1], "zenith")
        self.assertEqual(
            (self.instance.subdomain, self.instance.database_name, self.instance.url),
            ("zenith", "zenith", "http://zenith.localhost"),
        )
        self.assertEqual((self.instance.state, self.instance.operation), ("active", False))

    def test_the_customer_is_mailed_both_addresses_and_operators_get_a_text_to_copy(self):
        self._make_mail_server()
        self.instance.write({"operation": "rename", "wanted": "zenith", "url": "http://acme.localhost"})
        renamed = SimpleNamespace(name="zenith", url="http://zenith.localhost")
        with self._jobs() as jobs, patch.object(gateway, "rename", return_value=renamed):
            self.instance.sudo()._operate("rename")
        self.assertEqual(self.instance.previous_url, "http://acme.localhost")
        note = self.instance.message_ids[:1].body
        self.assertIn("from http://acme.localhost to http://zenith.localhost", note)
        self.assertIn("The customer gets a mail.", note)
        mail = "saas_manager.mail_template_instance_renamed"
        jobs.assert_enqueued_job(self.instance.sudo()._deliver_mail, args=(mail,))

    def test_no_mail_about_a_new_address_is_promised_while_none_can_be_sent(self):
        self.instance.write({"operation": "rename", "wanted": "zenith", "url": "http://acme.localhost"})
        obstacle = patch.object(
            type(self.env["saas.provider"]), "_mail_obstacle", return_value="No outgoing mail server is set."
        )
        renamed = SimpleNamespace(name="zenith", url="http://zenith.localhost")
        with obstacle:
            self._run("rename", "rename", return_value=renamed)
        note = self.instance.message_ids[:1].body
        self.assertIn("gets no mail yet: No outgoing mail server is set. To tell them", note)

    def test_an_unavailable_subdomain_is_shown_in_the_wizard_and_refused(self):
        self._make_instance("taken", "active")
        for subdomain, why in (("www", "reserved"), ("taken", "is taken"), ("No Name", "cannot be a name")):
            with self.subTest(subdomain=subdomain):
                wizard = self._wizard(subdomain)
                self.assertRegex(wizard.subdomain_message, why)
                with self.assertRaisesRegex(UserError, why):
                    wizard.save().action_change_subdomain()

    def test_the_target_of_a_running_rename_is_taken(self):
        self.instance.write({"operation": "rename", "wanted": "zenith"})
        self.assertTrue(self.env["saas.instance"]._is_taken("zenith"))

    def test_after_a_failed_rename_the_record_shows_the_real_name(self):
        for found, subdomain in (("acme", "acme"), ("zenith", "zenith")):
            with self.subTest(found=found):
                self.instance.write({"operation": "rename", "wanted": "zenith"})
                truth = SimpleNamespace(name=found, url=f"http://{found}.localhost", hostnames=())
                with patch.object(gateway, "find", return_value=truth):
                    self._run("rename", "rename", side_effect=InstanceNotFound("acme"))
                self.assertEqual(self.instance.subdomain, subdomain)
                self.assertFalse(self.instance.operation)


@tagged("post_install", "-at_install")
class TestModules(OperationsCase):
    def _order(self, *names):
        """Choose these modules in the dialog."""
        with patch.object(gateway, "modules_of", return_value=_MODULES):
            action = self._as("manager", self.instance).action_open_install_modules()
        wizards = self._as("manager", self.env[action["res_model"]])
        wizard = Form(wizards.with_context(**action["context"]))
        for name in names:
            wizard.module_ids.add(self.env["saas.module"].search([("name", "=", name)]))
        wizard.save().action_install_modules()

    def test_modules_are_found_by_their_names_for_people(self):
        modules = self.env["saas.module"]
        with patch.object(gateway, "modules_of", return_value=_MODULES):
            modules._read_again(self.server)
        found = self._as("manager", modules).name_search("Pipeline")
        self.assertEqual([name for _id, name in found], ["Pipeline (crm)"])

    def test_the_list_of_modules_follows_the_addons_path(self):
        modules = self.env["saas.module"]
        for there in (_MODULES, [{"name": "crm", "title": "Renamed"}], []):
            with patch.object(gateway, "modules_of", return_value=there):
                modules._read_again(self.server)
            found = modules.search([("server_id", "=", self.server.id)])
            self.assertEqual(
                {(it.name, it.title) for it in found}, {(it["name"], it["title"]) for it in there}
            )

    def test_of_two_who_read_the_list_at_once_the_later_one_is_run_again_by_odoo(self):
        server = self.env.ref("saas_manager.saas_server_local")

        def run(statement):
            with db_connect(self.env.cr.dbname).cursor() as somebody:
                somebody.execute(statement, [server.id])

        def read_by_both(_server):
            run("INSERT INTO saas_module (name, title, server_id) VALUES ('of_two', 'Of Two', %s)")
            return [{"name": "of_two", "title": "Of Two"}]

        self.addCleanup(run, "DELETE FROM saas_module WHERE name = 'of_two' AND server_id = %s")
        with (
            patch.object(gateway, "modules_of", read_by_both),
            mute_logger("odoo.sql_db"),
            self.assertRaises(SerializationFailure),
        ):
            self.env["saas.module"]._read_again(server)

    def test_modules_are_installed_by_a_job_in_the_builds_channel(self):
        with self._jobs() as jobs, patch.object(gateway, "check_modules"):
            self._order("crm", "calendar")
        self._assert_one_job(jobs, self.instance, "install", channel="root.saas_build")
        asked = self._run("install", "install_modules", return_value=["crm"])
        self.assertEqual(sorted(asked.call_args.args[1]), ["calendar", "crm"])
        self.assertFalse(self.instance.operation)
        self.assertIn("Installed: crm.", self.instance.message_ids[:1].body)

    def test_an_unknown_module_is_refused_in_the_wizard(self):
        refusal = ModuleNotFound(["crmm"], [])
        with (
            patch.object(gateway, "check_modules", side_effect=refusal),
            self.assertRaisesRegex(UserError, "crmm"),
        ):
            self._order("crm")
        self.assertFalse(self.instance.operation)
