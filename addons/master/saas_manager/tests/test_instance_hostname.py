"""An additional host name moves from pending to live, or is failing with a reason, and affects no other."""

import runpy
from types import SimpleNamespace
from unittest.mock import MagicMock, patch

from odoo.addons.queue_job.exception import RetryableJobError
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.sql_db import db_connect
from odoo.tests import tagged
from odoo.tools import file_path, mute_logger

from tenantry.errors import InvalidValue, NameTaken, PostgresUnreachable

from .. import gateway
from .common import SaasCase

DOMAIN, SHOP = "odoo.acme.example", "shop.acme.example"


class HostnameCase(SaasCase):
    def setUp(self):
        super().setUp()
        self.instance = self._make_instance("acme", "active", run_state="running", health="healthy")
        self.other = self._make_instance("beta", "active", run_state="running", health="healthy")
        self.held_elsewhere = set()
        checks = patch.object(gateway, "check_hostnames", self._check_hostnames)
        checks.start()
        self.addCleanup(checks.stop)

    def _check_hostnames(self, _instance, names):
        for name in self.held_elsewhere & set(names):
            raise NameTaken(name)

    def _add(self, *names, instance=None):
        """As a manager who saves the form; return the records."""
        instance = instance or self.instance
        with self._jobs() as self.jobs:
            self._as("manager", instance).hostname_ids = [Command.create({"name": name}) for name in names]
        return instance.hostname_ids.filtered(lambda hostname: hostname.name in names)

    def _live(self, *names, instance=None):
        values = {"instance_id": (instance or self.instance).id, "state": "live"}
        return self.env["saas.instance.hostname"].create([{**values, "name": name} for name in names])

    def _run_job(self, instance=None, **answer):
        """Run the job's method; return the names that were sent to the engine."""
        instance = instance or self.instance
        told = []

        def set_hostnames(asked_for):
            told.extend(asked_for.hostname_ids._served_names())
            if answer:
                raise answer["refused"]

        with self._jobs(), patch.object(gateway, "set_hostnames", set_hostnames):
            instance.sudo()._operate("set_domains")
        self.assertFalse(instance.operation)
        return told


@tagged("post_install", "-at_install")
class TestHostname(HostnameCase):
    def test_a_new_name_is_pending_until_a_job_has_told_the_engine(self):
        added = self._add(DOMAIN, SHOP)
        self._assert_one_job(self.jobs, self.instance, "set_domains")
        self.assertEqual(added.mapped("state"), ["pending", "pending"])
        self.assertEqual(self._run_job(), [DOMAIN, SHOP])
        self.assertEqual(added.mapped("state"), ["live", "live"])
        self.assertFalse(any(added.mapped("reason")))

    def test_a_name_refused_in_the_job_is_failing_and_the_others_are_live(self):
        refused, served = self._add(DOMAIN, SHOP)
        self.held_elsewhere = {DOMAIN}
        self.assertEqual(self._run_job(), [SHOP])
        self.assertEqual((refused.state, served.state), ("failing", "live"))
        self.assertIn("is taken", refused.reason)
        self.assertFalse(self.instance.failure, "The operation itself has not failed.")
        self.assertIn(DOMAIN, self.instance.activity_ids.note)
        warned = self.instance.log_ids.filtered(lambda line: line.level == "warning")
        self.assertIn(DOMAIN, warned.message)

    def test_any_other_error_of_the_engine_becomes_the_reason(self):
        added = self._add(DOMAIN)
        refusal = InvalidValue("host name", DOMAIN, "at most 40 characters, for the front's sake")
        with patch.object(gateway, "check_hostnames", side_effect=refusal):
            self.assertEqual(self._run_job(), [])
        self.assertEqual(added.state, "failing")
        self.assertIn("at most 40 characters", added.reason)

    def test_the_engine_is_asked_once_for_all_and_one_by_one_only_after_a_refusal(self):
        asked = []

        def check(instance, names):
            asked.append(names)
            self._check_hostnames(instance, names)

        self._add(DOMAIN, SHOP)
        with patch.object(gateway, "check_hostnames", check):
            self._run_job()
            self.assertEqual(asked, [[DOMAIN, SHOP]])
            self._add("third.acme.example", "fourth.acme.example")
            asked.clear()
            self.held_elsewhere = {"third.acme.example"}
            self._run_job()
        self.assertEqual([len(names) for names in asked], [2, 1, 1])

    def test_of_several_that_fail_in_one_job_an_operator_finds_one_activity(self):
        self._add(DOMAIN, SHOP)
        self.held_elsewhere = {DOMAIN, SHOP}
        self._run_job()
        activity = self.instance.activity_ids
        self.assertEqual(len(activity), 1)
        self.assertIn(DOMAIN, activity.note)
        self.assertIn(SHOP, activity.note)

    def test_a_live_one_that_is_refused_now_hinders_no_other(self):
        """The base domain has changed, and it lies in it."""
        live, added = self._live(DOMAIN), self._add(SHOP)
        told, refusal = [], InvalidValue("host name", DOMAIN, "a name outside of acme.example")

        def check(_instance, names):
            if DOMAIN in names:
                raise refusal

        def set_hostnames(instance):
            told.append(instance.hostname_ids._served_names())
            check(instance, told[-1])

        with (
            self._jobs(),
            patch.object(gateway, "check_hostnames", check),
            patch.object(gateway, "set_hostnames", set_hostnames),
        ):
            self.instance.sudo()._operate("set_domains")
        self.assertEqual(told, [[DOMAIN, SHOP], [SHOP]])
        self.assertEqual((live.state, added.state), ("failing", "live"))
        self.assertIn("outside of", live.reason)
        self.assertFalse(self.instance.failure)

    def test_an_instance_has_so_many_and_no_more(self):
        with patch("odoo.addons.saas_manager.models.saas_instance_hostname._MOST", 2):
            self._add(DOMAIN, SHOP)
            self._run_job()
            with self.assertRaisesRegex(UserError, "at most 2"):
                self._add("third.acme.example")

    def test_one_in_the_base_domain_is_refused_at_the_screen_of_a_draft_too(self):
        draft = self._make_instance("drafted")
        name = f"shop.{gateway.address_settings()['base_domain']}"
        with self.assertRaisesRegex(UserError, "outside of"):
            self._add(name, instance=draft)

    def test_one_that_is_failing_is_tried_again_by_a_button(self):
        added = self._add(DOMAIN)
        self.held_elsewhere = {DOMAIN}
        self._run_job()
        self.held_elsewhere = set()
        with self._jobs() as jobs:
            self._as("manager", added).action_retry()
        self._assert_one_job(jobs, self.instance, "set_domains")
        self.assertEqual((added.state, added.reason), ("pending", False))
        self.assertEqual(self._run_job(), [DOMAIN])
        self.assertEqual(added.state, "live")

    def test_a_name_that_is_still_taken_is_not_retried(self):
        added = self._add(DOMAIN)
        self.held_elsewhere = {DOMAIN}
        self._run_job()
        hostname = self._as("manager", added)
        with self._jobs(), self.assertRaisesRegex(UserError, "is taken"):
            hostname.action_retry()

    def test_only_failing_names_can_be_retried(self):
        live = self._as("manager", self._live(DOMAIN))
        with self.assertRaisesRegex(UserError, "not possible now"):
            live.action_retry()

    def test_a_way_on_which_a_step_is_not_allowed_is_not_taken(self):
        live = self._live(DOMAIN)
        with self.assertRaisesRegex(UserError, "not possible now"):
            live._move("change", "serve")
        self.assertEqual(live.state, "live")

    def test_another_name_is_verified_anew(self):
        live = self._live(DOMAIN)
        with self._jobs() as jobs:
            self._as("manager", live).name = SHOP
        self._assert_one_job(jobs, self.instance, "set_domains")
        self.assertEqual(live.state, "pending")
        self.assertEqual(self._run_job(), [SHOP])

    def test_the_same_name_written_again_stays_live(self):
        live = self._live(DOMAIN)
        with self._jobs() as jobs:
            self._as("manager", live).write({"name": f"{DOMAIN.upper()}."})
        jobs.assert_jobs_count(0)
        self.assertEqual((live.name, live.state), (DOMAIN, "live"))

    def test_the_engine_is_told_of_a_removal_if_it_was_told_of_the_name(self):
        live = self._live(DOMAIN)
        with self._jobs() as jobs:
            self._as("manager", live).unlink()
        self._assert_one_job(jobs, self.instance, "set_domains")
        self.assertEqual(self._run_job(), [])
        failing = self.env["saas.instance.hostname"].create(
            {"name": DOMAIN, "state": "failing", "instance_id": self.instance.id}
        )
        with self._jobs() as jobs:
            self._as("manager", failing).unlink()
        jobs.assert_jobs_count(0)

    def test_only_actions_write_states(self):
        hostnames = self._as("manager", self.env["saas.instance.hostname"])
        with self.assertRaises(AccessError):
            hostnames.create({"name": DOMAIN, "instance_id": self.instance.id, "state": "live"})
        added = self._as("manager", self._add(DOMAIN))
        for values in (
            {"state": "live"},
            {"reason": "because"},
            {"state_at": "2020-01-01"},
            {"company_id": 1},
        ):
            with self.subTest(values=values), self.assertRaises(AccessError):
                added.write(values)

    def test_a_name_of_a_draft_instance_needs_no_job(self):
        draft = self._make_instance("drafted")
        self.assertEqual(self._add(DOMAIN, instance=draft).state, "pending")
        self.jobs.assert_jobs_count(0)
        self.assertFalse(draft.operation)

    def test_names_cannot_be_changed_during_another_operation(self):
        self.instance.operation = "restart"
        with self.assertRaisesRegex(UserError, "Try again in a moment"):
            self._add(DOMAIN)

    def test_a_creation_includes_the_available_names(self):
        draft = self._make_instance("drafted")
        self._add(DOMAIN, SHOP, instance=draft)
        self.held_elsewhere = {DOMAIN}
        with self._jobs():
            self._as("manager", draft).action_provision_instance()
        self._run_provision(draft)
        self.assertEqual(draft.state, "active")
        self.assertEqual({h.name: h.state for h in draft.hostname_ids}, {DOMAIN: "failing", SHOP: "live"})
        self.assertFalse(draft.operation)

    def _being_created(self, *names):
        draft = self._make_instance("drafted")
        self._add(*names, instance=draft)
        with self._jobs():
            self._as("manager", draft).action_provision_instance()
        return draft

    def test_one_that_is_added_during_a_creation_is_served_after_it(self):
        """The creation's job, whose transaction began before, does not see it."""
        instance = self._being_created()
        added = self._add(DOMAIN, instance=instance)
        self.jobs.assert_enqueued_job(instance._serve_added_hostnames)
        with self.assertRaises(RetryableJobError) as raised:
            instance.sudo()._serve_added_hostnames()
        self.assertTrue(raised.exception.ignore_retry)
        hostnames = type(self.env["saas.instance.hostname"])
        with patch.object(hostnames, "_verify"), patch.object(type(instance), "_serve_later_what_differs"):
            self._run_provision(instance)
        self.assertEqual((instance.state, instance.operation, added.state), ("active", False, "pending"))
        with self._jobs() as jobs:
            instance.sudo()._serve_added_hostnames()
        self._assert_one_job(jobs, instance, "set_domains")
        self.assertEqual(self._run_job(instance), [DOMAIN])
        with self._jobs() as jobs:
            instance.sudo()._serve_added_hostnames()
        jobs.assert_jobs_count(0)

    def test_what_a_killed_run_created_with_other_names_is_told_the_right_ones(self):
        for there, is_told in (([], True), ([SHOP, DOMAIN], False)):
            with self.subTest(there=there):
                instance = self._being_created(DOMAIN, SHOP)
                created = SimpleNamespace(url="http://drafted.localhost", hostnames=there, project="")
                session = MagicMock()
                session.__exit__.return_value = False
                session.publish.return_value = SimpleNamespace(duration_s=0.4, instance=created)
                with self._jobs(), patch.object(gateway, "provisioning", return_value=session):
                    session.__enter__.return_value = session
                    instance.sudo()._operate("provision")
                self.assertEqual(instance.state, "active")
                self.assertEqual(instance.operation == "set_domains", is_told)
                instance.write({"state": "terminated", "operation": False})
                instance._release_hostnames()

    def test_a_creation_that_fails_for_good_keeps_no_name_from_others(self):
        instance = self._being_created(DOMAIN)
        with self._jobs(), patch.object(gateway, "provisioning", side_effect=NameTaken("drafted")):
            instance.sudo()._operate("provision")
        self.assertEqual((instance.state, instance.hostname_ids.state), ("failed", "pending"))
        added = self._add(DOMAIN)
        self.assertEqual(self._run_job(), [DOMAIN])
        self.assertEqual(added.state, "live")


@tagged("post_install", "-at_install")
class TestHostnameOfSeveral(HostnameCase):
    def test_two_instances_may_ask_for_a_name_and_the_first_gets_it(self):
        first, second = self._add(DOMAIN), self._add(DOMAIN, instance=self.other)
        self.assertEqual((first + second).mapped("state"), ["pending", "pending"])
        self.assertEqual(self._run_job(self.other), [DOMAIN])
        self.assertEqual(self._run_job(), [])
        self.assertEqual((first.state, second.state), ("failing", "live"))
        self.assertIn("is taken", first.reason)

    def test_if_two_instances_take_a_name_at_the_same_time_one_fails(self):
        """Neither transaction sees the other's record: the unique index finds the conflict."""
        self._live(DOMAIN, instance=self.other)
        hostnames = type(self.env["saas.instance.hostname"])
        with patch.object(hostnames, "_check_held_by_no_other"):
            added = self._add(DOMAIN)
            with mute_logger("odoo.sql_db"):
                self.assertEqual(self._run_job(), [])
        self.assertEqual(added.state, "failing")
        self.assertIn("is taken", added.reason)

    def test_one_that_another_transaction_holds_is_waited_for_without_the_job_s_thread(self):
        added = self._add(DOMAIN)
        lock = "SELECT pg_advisory_xact_lock('saas_instance_hostname'::regclass::oid::int, hashtext(%s))"
        with db_connect(self.env.cr.dbname).cursor() as creation:
            creation.execute(lock, [DOMAIN])
            with self._jobs(), self.assertRaises(RetryableJobError) as raised:
                self.instance.sudo()._operate("set_domains")
        self.assertTrue(raised.exception.ignore_retry)
        self.assertEqual(added.state, "pending")
        self.assertEqual(self._run_job(), [DOMAIN])

    def test_one_that_another_instance_has_is_refused_at_the_screen(self):
        self._live(DOMAIN, instance=self.other)
        draft = self._make_instance("drafted")
        for instance in (self.instance, draft):
            with self.subTest(instance=instance.name), self.assertRaisesRegex(UserError, "is taken"):
                self._add(DOMAIN, instance=instance)

    def test_a_name_that_the_engine_refuses_is_refused_in_the_form(self):
        self.held_elsewhere = {DOMAIN}
        with self.assertRaisesRegex(UserError, "is taken"):
            self._add(DOMAIN)

    def test_a_released_name_goes_to_the_next_instance(self):
        waiting = self._add(DOMAIN, instance=self.other)
        self._live(DOMAIN)
        self._run_job(self.other)
        self.assertEqual(waiting.state, "failing")
        self.instance._release_hostnames()
        with self._jobs():
            self._as("manager", waiting).action_retry()
        self.assertEqual(self._run_job(self.other), [DOMAIN])


@tagged("post_install", "-at_install")
class TestHostnameAfterALostJob(HostnameCase):
    def _fail_the_job(self, found, error):
        with patch.object(gateway, "find", return_value=found):
            self._run_job(refused=error)

    def _engine_has(self, *names):
        return SimpleNamespace(name="acme", url="http://acme.localhost", hostnames=names)

    def test_states_follow_the_names_that_the_engine_serves(self):
        live, added = self._live("old.acme.example"), self._add(DOMAIN, SHOP)
        self._fail_the_job(self._engine_has(SHOP, "more.acme.example"), NameTaken(DOMAIN))
        found = {hostname.name: hostname.state for hostname in self.instance.hostname_ids}
        self.assertEqual(
            found,
            {live.name: "failing", DOMAIN: "failing", SHOP: "live", "more.acme.example": "live"},
        )
        self.assertIn("is taken", added.filtered(lambda hostname: hostname.name == DOMAIN).reason)
        self.assertIn("is taken", self.instance.failure)

    def test_one_the_engine_serves_and_another_instance_has_hinders_no_other(self):
        self._live("held.acme.example", "more.acme.example", instance=self.other)
        held = self.env["saas.instance.hostname"].create(
            {"name": "held.acme.example", "state": "failing", "instance_id": self.instance.id}
        )
        added = self._add(DOMAIN)
        found = self._engine_has("held.acme.example", "more.acme.example", DOMAIN)
        with (
            mute_logger("odoo.sql_db"),
            self.assertLogs("odoo.addons.saas_manager.models.saas_instance_hostname", "WARNING") as logs,
        ):
            self._fail_the_job(found, NameTaken(DOMAIN))
        self.assertIn("more.acme.example", logs.output[0])
        self.assertEqual((held.state, added.state), ("failing", "live"))
        self.assertEqual(self.instance.hostname_ids, held | added)

    def test_a_domain_that_the_engine_removed_before_the_job_was_lost_is_told(self):
        self._live(SHOP)
        with self._jobs():
            self._live(DOMAIN).unlink()
        for served, count in (((SHOP,), 1), ((SHOP, DOMAIN), 0)):
            self.instance.sudo().operation = "set_domains"
            with (
                self.subTest(served),
                patch.object(gateway, "find", return_value=self._engine_has(*served)),
                patch.object(type(self.instance), "_emit", autospec=True) as emit,
            ):
                self.instance.sudo()._on_job_failed("The job was lost.")
            told = [call.args[1] for call in emit.call_args_list]
            self.assertEqual(told.count("instance.domains_changed"), count)

    def test_where_the_engine_tells_nothing_what_is_not_live_can_be_tried_again(self):
        live, added = self._live("old.acme.example"), self._add(DOMAIN)
        with patch.object(gateway, "find", return_value=None):
            self.instance.sudo()._on_job_failed("PostgreSQL is away.")
        self.assertEqual((live.state, added.state), ("live", "failing"))
        self.assertEqual(added.reason, "PostgreSQL is away.")

    def test_a_retryable_error_fails_no_name(self):
        added = self._add(DOMAIN)
        away = PostgresUnreachable("127.0.0.1:5432", "it is being started")
        with (
            self._jobs(),
            patch.object(gateway, "check_hostnames", side_effect=away),
            self.assertRaises(RetryableJobError),
        ):
            self.instance.sudo()._operate("set_domains")
        self.assertEqual(added.state, "pending")


@tagged("post_install", "-at_install")
class TestHostnameMigration(HostnameCase):
    def test_what_living_instances_have_is_live_unless_the_engine_was_to_be_told_yet(self):
        draft = self._make_instance("drafted")
        hostnames = self._live(DOMAIN) + self._live(SHOP, instance=draft)
        hostnames += self._live("beta.example", instance=self.other)
        self.other.operation = "set_domains"
        self.instance.operation = "restart"
        hostnames.flush_recordset()
        self.env.cr.execute("UPDATE saas_instance_hostname SET state = 'pending'")
        self.env.flush_all()
        self.env.invalidate_all()
        file = "saas_manager/migrations/19.0.1.3.0/post-hostnames-with-states.py"
        runpy.run_path(file_path(file))["migrate"](self.env.cr, "19.0.1.2.0")
        self.assertEqual(hostnames.mapped("state"), ["live", "pending", "pending"])
