"""An instance's process: its activity, its log, who may see them, and its plan's limits."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from unittest.mock import patch

from freezegun import freeze_time
from lxml import etree
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, new_test_user, tagged

from tenantry.engine.instances import Instances
from tenantry.errors import InstanceNotFound, ServerNotStarted
from tenantry.model.activity import Activity

from .. import gateway
from .common import GROUPS, SaasCase, engines_are, recording_engine

AWAY = ServerNotStarted("The tenant server", "Connection refused", Path("/var/log/tenants.log"))
AWAKE = Activity(
    name="acme",
    is_awake=True,
    pid=42,
    since=datetime.fromisoformat("2030-01-31T10:00:00+00:00").timestamp() + 0.75,
    memory_bytes=48 * 2**20,
    cpu_s=1.5,
    requests=7,
    websockets=2,
)


@tagged("post_install", "-at_install")
class TestProcess(SaasCase):
    def setUp(self):
        super().setUp()
        self.instance = self._make_instance(
            "acme", "active", run_state="running", activated_at="2030-01-31 09:00:00"
        )

    def _told(self, *activities, error=None):
        """Let the tenant server return this."""
        return patch.object(Instances, "activities", return_value=list(activities), side_effect=error)

    def _form(self, group="user"):
        return Form(self._as(group, self.instance))

    def test_a_user_sees_since_when_an_instance_is_awake_and_its_usage(self):
        with self._told(AWAKE) as asked:
            form = self._form()
        asked.assert_called_with(["acme"], timeout_s=2)
        self.assertEqual(form.process_state, "awake")
        self.assertEqual(form.awake_since, "2030-01-31 10:00:00")
        self.assertEqual((form.process_memory_mb, form.process_cpu_s), (48.0, 1.5))
        self.assertEqual((form.process_requests, form.process_websockets), (7, 2))
        self.assertFalse(form.process_message or form.next_job_at)
        self.assertFalse(form.process_received_mb or form.process_sent_mb)

    def test_a_user_sees_what_a_container_received_and_sent(self):
        with self._told(replace(AWAKE, received_bytes=3 * 2**20, sent_bytes=2**19)):
            form = self._form()
        self.assertEqual((form.process_received_mb, form.process_sent_mb), (3.0, 0.5))

    @freeze_time("2030-01-31 12:00:00")
    def test_a_user_sees_what_wakes_a_sleeping_instance(self):
        for due_in_s, due_at in ((None, False), (90, "2030-01-31 12:01:30"), (-5, "2030-01-31 12:00:00")):
            with self.subTest(due_in_s=due_in_s), self._told(Activity("acme", False, next_job_s=due_in_s)):
                form = self._form()
                self.assertEqual((form.process_state, form.awake_since), ("asleep", False))
                self.assertEqual(form.next_job_at, due_at)

    def test_an_instance_that_cannot_be_loaded_has_its_own_state(self):
        for is_awake in (True, False):
            with self._told(Activity("acme", is_awake, is_broken=True)):
                self.assertEqual(self._form().process_state, "broken")

    def _check_servers(self, *activities):
        """Run the cron; return the operators who got a mail."""
        healthy = {"health": "healthy", "health_message": False}
        with (
            self._told(*activities),
            patch.object(gateway, "server_status", return_value=healthy),
            patch.object(self.registry["saas.instance"], "_emit", autospec=True) as sent,
        ):
            self.env["saas.server"]._cron_check_health()
        self.assertLessEqual({call.args[1] for call in sent.call_args_list}, {"instance.down"})
        return [call.args[0].subdomain for call in sent.call_args_list]

    def test_operators_are_notified_once_of_an_instance_that_cannot_be_loaded(self):
        broken = Activity("acme", False, is_broken=True)
        self.assertEqual(self._check_servers(AWAKE), [])
        self.assertEqual(self.instance.health, "unknown")
        self.assertEqual(self._check_servers(broken), ["acme"])
        self.assertEqual(self.instance.health, "critical")
        self.assertIn("cannot be loaded", self.instance.health_message)
        self.assertEqual(self._check_servers(broken), [])
        self.instance.sudo().health = "healthy"
        self.assertEqual(self._check_servers(broken), ["acme"])

    def test_suspended_instances_and_foreign_databases_cause_no_alert(self):
        self.instance.sudo().state = "suspended"
        broken = (Activity(name, True, is_broken=True) for name in ("acme", "nobodys"))
        self.assertEqual(self._check_servers(*broken), [])

    def test_numbers_reported_by_a_process_are_limited(self):
        with self._told(Activity("acme", True, requests=2**64 - 1, websockets=2**64 - 1)):
            form = self._form()
        self.assertEqual((form.process_requests, form.process_websockets), (2**31 - 1, 2**31 - 1))

    def test_a_form_opens_even_if_its_server_is_down(self):
        for answer in ({"error": AWAY}, {}):
            with self._told(**answer):
                form = self._form()
            self.assertIn("has no information", form.process_message)
            self.assertFalse(form.process_state)
            self.assertEqual(form.name, "Acme")

    def test_instances_that_are_not_served_are_not_asked_for(self):
        self._make_instance("blocked", "suspended")
        self._make_instance("resting", "active", run_state="stopped")
        self._make_instance("drafted")
        instances = self.env["saas.instance"].search([("id", "!=", self.instance.id)])
        with self._told(AWAKE) as asked:
            rows = self._as("user", instances).read(["process_state", "process_message"])
        asked.assert_not_called()
        self.assertFalse(any(row["process_state"] or row["process_message"] for row in rows))

    def test_several_instances_need_one_request(self):
        other = self._make_instance("beta", "active", server_id=self.server.id)
        with self._told(AWAKE, Activity("beta", False)) as asked:
            states = self._as("user", self.instance | other).mapped("process_state")
        asked.assert_called_once()
        self.assertEqual(states, ["awake", "asleep"])

    def test_a_user_can_refresh_the_process(self):
        self._as("user", self.instance).action_refresh_process()

    def test_a_customer_does_not_see_the_process(self):
        self.users["portal"].partner_id.parent_id = self.customer
        with self._told(AWAKE) as asked, self.assertRaises(AccessError):
            self._as("portal", self.instance).read(["process_requests"])
        asked.assert_not_called()


@tagged("post_install", "-at_install")
class TestProcessLog(SaasCase):
    def setUp(self):
        super().setUp()
        self.instance = self._make_instance("acme", "active", run_state="running")

    def _read(self, group="manager", lines=(), **answer):
        with patch.object(Instances, "logs", return_value=list(lines), **answer) as self.asked:
            dialogues = self._as(group, self.env["saas.instance.process.log"])
            return Form(dialogues.with_context(default_instance_id=self.instance.id)).text

    def test_a_manager_reads_the_last_lines(self):
        self.assertEqual(self._read(lines=["started", "<b>GET</b> /web"]), "started\n<b>GET</b> /web")
        self.asked.assert_called_with("acme", 200)
        self.assertEqual(self.env["saas.instance.process.log"]._fields["text"].type, "text")

    def test_an_empty_log_is_shown_as_empty(self):
        self.assertFalse(self._read())

    def test_lines_are_limited_and_control_characters_removed(self):
        self.assertEqual(self._read(lines=["x" * 5000]), "x" * 1000)
        self.assertEqual(self._read(lines=["a\x1b[2J\tb\0\u202ec\xa0é"]), "a�[2J\tb��c\xa0é")

    def test_an_error_of_the_engine_is_shown(self):
        with self.assertRaisesRegex(UserError, "acme"):
            self._read(side_effect=InstanceNotFound("acme"))

    def test_the_log_of_a_failed_or_terminated_instance_is_not_read(self):
        for state in ("failed", "terminated"):
            self.instance.state = state
            self.assertFalse(self._read(lines=["of another"]))
            self.asked.assert_not_called()

    def test_a_user_has_neither_the_button_nor_the_wizard(self):
        form = self.env.ref("saas_manager.saas_instance_view_form")
        for group, has_button in (("user", False), ("manager", True), ("administrator", True)):
            instances = self.env["saas.instance"].with_user(self.users[group])
            arch = etree.fromstring(instances.get_views([(form.id, "form")])["views"]["form"]["arch"])
            self.assertEqual(bool(arch.xpath("//button[contains(., 'Process Log')]")), has_button, group)
        with self.assertRaises(AccessError):
            self._as("user", self.env["saas.instance.process.log"]).create({"instance_id": self.instance.id})

    def test_a_manager_of_another_company_cannot_read_the_log(self):
        company = self.env["res.company"].create({"name": "Elsewhere"})
        stranger = new_test_user(
            self.env,
            "saas-stranger",
            GROUPS["manager"],
            company_id=company.id,
            company_ids=[(6, 0, company.ids)],
        )
        dialogues = self.env["saas.instance.process.log"].with_user(stranger)
        dialogue = dialogues.create({"instance_id": self.instance.id})
        with patch.object(Instances, "logs") as asked:
            self.env.invalidate_all()
            with self.assertRaises(AccessError):
                dialogue.read(["text"])
            self.env.invalidate_all()
            with self.assertRaises(AccessError):
                Form(dialogues.with_context(default_instance_id=self.instance.id))
        asked.assert_not_called()


@tagged("post_install", "-at_install")
class TestWhatItsPlanAllows(SaasCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.plan.write({"sleep_after_minutes": 10, "memory_limit_mb": 1024})

    def _entitle(self, instance):
        engine = recording_engine()
        with engines_are(_engine_of=lambda _server: engine), self.enter_registry_test_mode():
            instance.sudo()._entitle()
        return engine

    def test_a_creation_passes_the_plan_s_limits_on(self):
        instance = self._make_instance("acme", admin_password_sealed=gateway.new_password())
        self.assertEqual(self._spec(instance).limits, {"idle_s": 600, "memory_mb": 1024})
        self.plan.write({"sleep_after_minutes": 0, "memory_limit_mb": 0})
        self.assertEqual(self._spec(instance).limits, {})

    def _spec(self, instance):
        return gateway.instances._spec(gateway.engines._engine(), instance)

    def test_changed_limits_are_passed_on_to_live_instances(self):
        states = ("draft", "active", "suspended", "expired", "terminated")
        instances = {state: self._make_instance(f"in-{state}", state) for state in states}
        with self._jobs() as jobs:
            self.plan.with_user(self.users["administrator"]).sleep_after_minutes = 5
        jobs.assert_jobs_count(3)
        for state in ("active", "suspended", "expired"):
            jobs.assert_enqueued_job(instances[state]._entitle)
        engine = self._entitle(instances["active"])
        engine.instances.set_limits.assert_called_once_with("in-active", {"idle_s": 300, "memory_mb": 1024})
        engine.instances.entitle.assert_called_once()

    def test_the_limits_of_a_new_plan_are_passed_on(self):
        instance = self._make_instance("acme", "active")
        with self._jobs() as jobs:
            self._as("manager", instance).change_plan(self._make_plan("awake", sleep_after_minutes=1440))
        jobs.assert_enqueued_job(instance._entitle)
        engine = self._entitle(instance)
        engine.instances.set_limits.assert_called_once_with("acme", {"idle_s": 86400, "memory_mb": 0})

    def test_impossible_limits_are_refused(self):
        for values in ({"memory_limit_mb": 100}, {"sleep_after_minutes": 10**6}):
            with self.subTest(values=values), self.assertRaisesRegex(ValidationError, "Give 0"):
                self.plan.write(values)
