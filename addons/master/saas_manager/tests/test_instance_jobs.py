"""I4, I5, I8, I9, J2: what a button requests, and the record after the engine has run the operation."""

from contextlib import contextmanager, suppress
from unittest.mock import patch

import psycopg2
from odoo import Command, fields
from odoo.addons.queue_job.exception import RetryableJobError
from odoo.addons.queue_job.job import Job
from odoo.exceptions import UserError
from odoo.modules.module import load_script
from odoo.tests import tagged
from odoo.tools import SQL, file_path, mute_logger

from tenantry.engine.instances import Instances
from tenantry.errors import InstanceNotFound, PostgresUnreachable
from tenantry.model.progress import StepEvent, StepStatus

from .. import gateway
from ..models.step_log import StepLog
from .common import SaasCase

_PLAN = "odoo.addons.saas_manager.models.saas_instance_plan"


class Refuses:
    """An engine in which every operation fails."""

    def __init__(self, error):
        self._error = error

    def __call__(self, *_arguments):
        raise self._error


@tagged("post_install", "-at_install")
class TestCreation(SaasCase):
    def setUp(self):
        super().setUp()
        self.instance = self._make_instance("acme")

    def _press_create(self):
        with self._jobs() as jobs:
            self._as("manager", self.instance).action_provision_instance()
        return jobs

    def test_the_button_notes_the_operation_and_enqueues_one_job(self):
        jobs = self._press_create()
        self.assertEqual(self.instance.state, "provisioning")
        self.assertEqual(self.instance.server_id, self.server)
        self.assertEqual(self.instance.database_name, "acme")
        self._assert_one_job(jobs, self.instance, "provision", channel="root.saas.here")

    def test_two_users_who_press_at_once_create_one_job(self):
        """Both see a draft: the identity key accepts the first job only."""
        with self._jobs() as jobs:
            for _manager in range(2):
                self.instance.state = "draft"
                self._as("manager", self.instance).action_provision_instance()
        jobs.assert_jobs_count(1)

    def test_pressing_the_button_again_is_refused(self):
        self._press_create()
        with self.assertRaisesRegex(UserError, "is being created"):
            self._as("manager", self.instance).action_provision_instance()

    def test_an_unbuilt_template_is_refused_and_nothing_is_created(self):
        self.template.state = "draft"
        with self._jobs() as jobs, self.assertRaisesRegex(UserError, "is not ready. Build it first"):
            self._as("manager", self.instance).action_provision_instance()
        jobs.assert_jobs_count(0)
        self.assertEqual((self.instance.state, self.instance.server_id.id), ("draft", False))

    def test_an_instance_is_active_when_the_engine_has_published_it(self):
        self._press_create()
        self._run_provision(self.instance)
        self.assertEqual(self.instance.state, "active")
        self.assertEqual(self.instance.url, "http://acme.localhost")
        self.assertFalse(self.instance.operation)
        self.assertTrue(self.instance.activated_at)

    def test_the_subscription_starts_only_when_the_instance_is_active(self):
        self._press_create()
        self.assertFalse(self.instance.subscription_ids)
        self._run_provision(self.instance)
        self.assertEqual(self.instance.subscription_id.state, "trial")
        self.assertEqual(self.instance.expires_on, self.instance.subscription_id.date_end)

    def test_the_job_of_a_cancelled_operation_does_nothing(self):
        self._press_create()
        self._run_provision(self.instance)
        self.assertIn("Nothing to do", self._run_provision(self.instance))

    def test_an_error_of_the_engine_is_noted_and_an_operator_is_notified(self):
        self._press_create()
        error = InstanceNotFound("acme")
        with self._jobs(), patch.object(gateway, "provisioning", Refuses(error)):
            self.instance.sudo()._operate("provision")
        self.assertEqual(self.instance.state, "failed")
        self.assertEqual(self.instance.state_reason, gateway.sentence(error))
        self.assertTrue(self.instance.activity_ids)

    def test_a_retryable_error_is_retried(self):
        self._press_create()
        unreachable = PostgresUnreachable("db.example", "connection refused")
        self.assertTrue(unreachable.retryable)
        with (
            self._jobs(),
            patch.object(gateway, "provisioning", Refuses(unreachable)),
            self.assertRaises(RetryableJobError),
        ):
            self.instance.sudo()._operate("provision")
        self.assertEqual(self.instance.state, "provisioning")

    def test_a_retryable_error_is_retried_even_if_the_log_lost_its_connection(self):
        self._press_create()
        unreachable = PostgresUnreachable("db.example", "connection refused")
        lost = psycopg2.InterfaceError("connection already closed")
        with (
            self._jobs(),
            patch.object(gateway, "provisioning", Refuses(unreachable)),
            patch.object(self.registry["saas.instance.log"], "create", side_effect=lost),
            self.assertLogs("odoo.addons.saas_manager.models.step_log", "WARNING"),
            self.assertRaises(RetryableJobError),
        ):
            self.instance.sudo()._operate("provision")
        self.assertEqual(self.instance.state, "provisioning")

    def test_a_manager_can_retry_a_failed_creation(self):
        self.instance.state = "failed"
        with self._jobs() as jobs:
            self._as("manager", self.instance).action_retry()
        self._assert_one_job(jobs, self.instance, "provision")

    def test_a_retry_keeps_the_password(self):
        self._press_create()
        sealed = self.instance.admin_password_sealed
        self.assertTrue(sealed)
        self.instance.write({"state": "failed", "operation": False})
        self._press_create()
        self.assertEqual(self.instance.admin_password_sealed, sealed)

    def test_discarding_removes_the_remains_of_the_creation(self):
        self._press_create()
        self.instance.write({"state": "failed", "operation": False})
        with patch.object(Instances, "abandon") as asked:
            self._as("manager", self.instance).action_discard()
        asked.assert_called_once_with("acme", self.instance.reference)
        self.assertEqual(self.instance.state, "terminated")

    def test_a_failed_removal_of_remains_keeps_the_record(self):
        self.instance.write({"state": "failed", "database_name": "acme"})
        unreachable = PostgresUnreachable("db.example", "connection refused")
        with (
            patch.object(Instances, "abandon", side_effect=unreachable),
            self.assertRaisesRegex(UserError, "refused"),
        ):
            self._as("manager", self.instance).action_discard()
        self.assertEqual(self.instance.state, "failed")


@tagged("post_install", "-at_install")
class TestOtherOperations(SaasCase):
    @contextmanager
    def _engine(self, name="operate", side_effect=None):
        with self._jobs(), patch.object(gateway, name, side_effect=side_effect) as asked:
            yield asked

    def test_each_action_calls_the_engine_and_leads_to_its_state(self):
        instance = self._make_instance("acme", "active")
        for who, button, function, operation, state in (
            ("manager", "action_suspend", "operate", "suspend", "suspended"),
            ("manager", "action_reactivate", "operate", "reactivate", "active"),
            ("administrator", "action_terminate", "terminate", "terminate", "terminated"),
        ):
            with self.subTest(button=button):
                before = instance.state
                with self._jobs() as jobs:
                    getattr(self._as(who, instance), button)()
                jobs.assert_jobs_count(1)
                self.assertEqual((instance.state, instance.operation), (before, operation))
                with self._engine(function) as asked:
                    instance.sudo()._operate(operation)
                asked.assert_called_once()
                if function == "operate":
                    self.assertEqual(asked.call_args.args[1], operation)
                self.assertEqual((instance.state, instance.operation), (state, False))

    def test_an_instance_whose_subscription_ended_becomes_expired(self):
        instance = self._make_instance("acme", "active", operation="expire")
        with self._engine() as asked:
            instance.sudo()._operate("expire")
        asked.assert_called_once()
        self.assertEqual(instance.state, "expired")
        self.assertTrue(instance.occupies_server)

    def test_only_one_operation_runs_at_a_time(self):
        instance = self._make_instance("acme", "active", operation="suspend")
        with self.assertRaisesRegex(UserError, "Try again in a moment"):
            self._as("administrator", instance).action_terminate()

    def test_a_failure_keeps_the_state_and_notes_the_reason(self):
        instance = self._make_instance("acme", "active", operation="suspend")
        error = InstanceNotFound("acme")
        with self._engine(side_effect=error):
            instance.sudo()._operate("suspend")
        self.assertEqual((instance.state, instance.operation), ("active", False))
        self.assertEqual((instance.failure, instance.state_reason), (gateway.sentence(error), False))

    def test_the_reason_of_a_suspension_holds_until_it_is_active_again(self):
        instance = self._make_instance("acme", "suspended", run_state="stopped", state_reason="Unpaid")
        error = InstanceNotFound("acme")
        for operation in ("set_domains", "reactivate", "terminate"):
            with self.subTest(operation), self._jobs():
                self._as("administrator", instance)._intend(operation)
                self.assertEqual((instance.state_reason, instance.failure), ("Unpaid", False))
                with patch.object(gateway, "find", return_value=None):
                    instance.sudo()._fail(gateway.sentence(error))
                self.assertEqual(instance.state_reason, "Unpaid")
                self.assertEqual(instance.failure, gateway.sentence(error))
        with self._jobs():
            self._as("administrator", instance).action_reactivate()
        with self._engine():
            instance.sudo()._operate("reactivate")
        self.assertEqual((instance.state, instance.state_reason, instance.failure), ("active", False, False))

    def test_a_suspension_that_fails_leaves_no_reason_of_one(self):
        instance = self._make_instance("acme", "active", run_state="running")
        with self._jobs():
            self._as("manager", instance).action_suspend("Unpaid")
        self.assertEqual(instance.state_reason, "Unpaid")
        instance.sudo()._fail("The disk is full.")
        self.assertEqual((instance.state_reason, instance.failure), (False, "The disk is full."))

    def test_each_failure_creates_an_activity_even_if_one_is_open(self):
        instance = self._make_instance("acme", "active")
        for _time in range(2):
            instance.operation = "suspend"
            with self._engine(side_effect=InstanceNotFound("acme")):
                instance.sudo()._operate("suspend")
        self.assertEqual(instance.activity_ids.mapped("summary"), ["Acme failed"] * 2)

    def test_a_termination_ends_password_and_subscription(self):
        sealed = gateway.seal("s3cret-Passw0rd")
        instance = self._make_instance("acme", "active", operation="terminate", admin_password_sealed=sealed)
        subscription = self._make_subscription(instance, state="active")
        with self._engine("terminate"):
            instance.sudo()._operate("terminate")
        self.assertFalse(instance.admin_password_sealed)
        self.assertEqual(subscription.state, "cancelled")
        self.assertTrue(instance.terminated_at)

    def test_a_terminated_instance_releases_its_domains(self):
        for state, button in (("active", "terminate"), ("failed", "discard")):
            with self.subTest(state=state):
                instance = self._make_instance("acme", state)
                instance.hostname_ids = [Command.create({"name": "odoo.acme.example"})]
                if button == "discard":
                    self._as("manager", instance).action_discard()
                else:
                    instance.operation = "terminate"
                    with self._engine("terminate"):
                        instance.sudo()._operate("terminate")
                self.assertEqual(instance.state, "terminated")
                other = self._make_instance("acme")
                other.hostname_ids = [Command.create({"name": "odoo.acme.example"})]
                other.unlink()

    def test_a_failed_entitlement_does_not_end_the_running_operation(self):
        instance = self._make_instance("acme", "active", operation="suspend")
        instance._enqueue("_entitle", "Sign")
        job = Job.load(self.env, self.env["queue.job"].search([("method_name", "=", "_entitle")]).uuid)
        job.on_fail({"exc_message": "It has no such module."})
        self.assertEqual((instance.state, instance.operation), ("active", "suspend"))
        self.assertEqual(instance.log_ids.mapped("message"), ["It has no such module."])
        self.assertEqual(len(instance.activity_ids), 1)

    def test_many_instances_get_their_entitlements_by_few_jobs_and_those_that_fail_alone(self):
        instances = self.env["saas.instance"].union(
            *(self._make_instance(name, "active") for name in ("acme", "beta", "gamma"))
        )
        with patch(f"{_PLAN}._TOGETHER", 2), self._jobs() as jobs:
            instances._entitle_later()
        jobs.assert_jobs_count(2)
        for some in (instances[:2], instances[2:]):
            jobs.assert_enqueued_job(some._entitle_together)
        broken = instances[1]

        def entitle(instance):
            if instance.name == broken.name:
                raise PostgresUnreachable("db.example", "connection refused")

        with (
            self._jobs() as jobs,
            patch.object(gateway, "entitle", side_effect=entitle) as asked,
            mute_logger(_PLAN),
        ):
            instances.sudo()._entitle_together()
        self.assertEqual(asked.call_count, 3)
        jobs.assert_jobs_count(1)
        jobs.assert_enqueued_job(broken._entitle)

    def test_of_two_changes_in_a_transaction_no_instance_misses_one(self):
        names = ("acme", "beta", "gamma", "delta")
        first, second, third, fourth = (self._make_instance(name, "active") for name in names)
        with patch(f"{_PLAN}._TOGETHER", 2), self._jobs() as jobs:
            (first | second | third)._entitle_later()
            (first | fourth | second)._entitle_later()
            (first | fourth | second)._entitle_later()
        told = self.env["saas.instance"].union(*(job.recordset for job in jobs.enqueued_jobs))
        self.assertEqual(told, first | second | third | fourth)
        jobs.assert_jobs_count(4)

    def test_odoos_log_is_shown_while_modules_are_installed_and_after_that_failed(self):
        instance = self._make_instance("acme", "active", run_state="running")
        shown = self._as("administrator", instance)
        with patch.object(gateway, "install_log", return_value="line"):
            self.assertFalse(shown.install_log)
            with self._jobs():
                instance._intend("install", wanted="crm")
            self.assertEqual(shown.install_log, "line")
            with self._engine("install_modules", side_effect=InstanceNotFound("acme")):
                instance.sudo()._operate("install")
            self.assertTrue(instance.failure)
            self.assertEqual(shown.install_log, "line")
            with self._jobs():
                instance._intend("restart")
            self.assertFalse(shown.install_log)

    def test_a_terminated_instance_gets_no_entitlements(self):
        instance = self._make_instance("acme", "terminated")
        with self._engine("entitle") as asked:
            self.assertIn("Nothing to do", instance.sudo()._entitle())
        asked.assert_not_called()

    def test_an_instance_that_is_being_renamed_is_entitled_afterwards(self):
        instance = self._make_instance("acme", "active", operation="rename")
        with self._engine("entitle") as asked, self.assertRaises(RetryableJobError):
            instance.sudo()._entitle()
        asked.assert_not_called()


@tagged("post_install", "-at_install")
class TestHealth(SaasCase):
    def _check(self, measure):
        """Run the cron; `commits` counts its commits."""
        self.commits = 0
        with (
            patch.object(gateway, "measure", measure),
            patch.object(self.registry["ir.cron"], "_commit_progress", self._commit_progress),
        ):
            self.env["saas.instance"]._cron_check_health()

    def _commit_progress(self, *_arguments, **_named):
        self.commits += 1
        return float("inf")

    def test_idle_active_instances_are_measured_every_hour(self):
        active, lately, busy, suspended = (
            self._make_instance("active", "active"),
            self._make_instance("lately", "active", checked_at=fields.Datetime.now()),
            self._make_instance("busy", "active", operation="suspend"),
            self._make_instance("suspended", "suspended"),
        )
        self._check(lambda _instance: {"health": "healthy"})
        self.assertEqual(
            [instance.health for instance in (active, lately, busy, suspended)],
            ["healthy", "unknown", "unknown", "unknown"],
        )

    def test_the_update_takes_the_health_of_what_does_not_run(self):
        active, suspended = (self._make_instance(it, it, health="critical") for it in ("active", "suspended"))
        self.env.flush_all()
        path = file_path("saas_manager/migrations/19.0.1.4.0/post-no_health_at_rest.py")
        load_script(path, "no_health_at_rest").migrate(self.env.cr, "19.0.1.3.0")
        self.env.invalidate_all()
        self.assertEqual((active.health, suspended.health), ("critical", "unknown"))

    def test_those_in_trouble_are_measured_last_and_again_at_the_next_run(self):
        bad = self._make_instance("bad", "active", health="critical")
        good = self._make_instance("good", "active", health="healthy")
        asked = []

        def measure(instance):
            asked.append(instance)
            return {"health": "critical"} if instance == bad else {"health": "healthy", "user_count": 1}

        self._check(measure)
        self._check(measure)
        self.assertEqual(asked, [good, bad, bad])

    def test_a_new_instance_is_measured(self):
        instance = self._make_instance("acme", "active")
        self._measure(instance)
        self.assertEqual(instance.user_count, 3)
        self.assertTrue(instance.checked_at)

    def test_a_new_instance_with_which_something_is_being_done_is_measured_later(self):
        busy, locked = self._make_instance("busy", "active"), self._make_instance("locked", "active")
        busy.operation = "suspend"
        for instance, free in ((busy, busy), (locked, locked.browse())):
            with (
                self.assertRaisesRegex(RetryableJobError, "being done"),
                patch.object(self.registry["saas.instance"], "try_lock_for_update", return_value=free),
            ):
                self._measure(instance)
            self.assertEqual((instance.user_count, instance.checked_at), (0, False))

    def test_a_new_instance_that_was_suspended_meanwhile_is_not_measured(self):
        suspended = self._make_instance("suspended", "suspended")
        self._measure(suspended)
        self.assertEqual((suspended.user_count, suspended.checked_at), (0, False))

    def _measure(self, instance):
        measured = {"user_count": 3, "health": "healthy"}
        with self._jobs(), patch.object(gateway, "measure", return_value=measured):
            instance._measure()
        self.env.invalidate_all()

    def test_a_creation_asks_for_a_measurement(self):
        instance = self._make_instance("acme", "provisioning", operation="provision")
        with self._jobs() as jobs, self._provisioning(instance):
            instance.sudo()._operate("provision")
        jobs.assert_enqueued_job(instance._measure)

    def test_a_measurement_holds_no_locks(self):
        instances = self._make_instance("first", "active") | self._make_instance("second", "active")
        commits_before = []

        def measure(_instance):
            commits_before.append(self.commits)
            return {"health": "healthy"}

        self._check(measure)
        self.assertEqual(set(instances.mapped("health")), {"healthy"})
        # Before the first one, between measuring and writing it, and after it.
        self.assertEqual(commits_before, [1, 3])


@tagged("post_install", "-at_install")
class TestLog(SaasCase):
    def _tell(self, **event):
        instance = self._make_instance("acme", "provisioning")
        with self._jobs(), StepLog(instance) as log:
            log.on_step(StepEvent(**event))
        return self._as("user", instance).log_ids

    def _event(self, status):
        return {
            "operation": "provision",
            "subject": "acme",
            "step": "database",
            "status": StepStatus(status),
            "fraction": 0.5,
            "duration_s": 0.25,
        }

    def test_a_finished_step_writes_a_line(self):
        line = self._tell(**self._event("done"))
        self.assertEqual(
            (line.step, line.level, line.duration_s, line.progress), ("database", "info", 0.25, 50.0)
        )

    def test_the_progress_is_that_of_the_running_operation(self):
        instance = self._tell(**self._event("done")).instance_id
        instance.sudo().state = "active"
        with self._jobs(), StepLog(instance) as log:
            self._as("manager", instance).action_suspend()
            self.assertEqual((instance.progress, instance.progress_step), (0.0, False))
            log.on_step(StepEvent(**self._event("done") | {"operation": "suspend", "step": "block"}))
            log.tell("info", "a mail")
        instance.invalidate_recordset()
        self.assertEqual((instance.progress, instance.progress_step), (50.0, "block"))

    def test_a_failed_step_is_an_error(self):
        self.assertEqual(self._tell(**self._event("failed")).level, "error")

    def test_a_skipped_step_is_a_detail(self):
        self.assertEqual(self._tell(**self._event("skipped")).level, "debug")

    def test_a_starting_step_of_a_fast_operation_writes_no_line(self):
        self.assertFalse(self._tell(**self._event("started")))

    def _build(self, *events):
        template = self._make_template("bakery", "building")
        with self._jobs(), StepLog(template) as log:
            for step, status, seconds in events:
                event = {"operation": "build", "subject": "bakery", "step": step, "status": status}
                log.on_step(StepEvent(**event, fraction=0.1, duration_s=seconds))
        template.invalidate_recordset()
        return template

    def test_a_slow_step_is_shown_while_it_is_running(self):
        template = self._build(
            ("database", StepStatus.STARTED, 0),
            ("database", StepStatus.DONE, 1),
            ("install", StepStatus.STARTED, 0),
        )
        self.assertEqual(template.progress_step, "install")
        self.assertLess(template.progress, 5)
        self.assertGreater(template.progress_until, 50)
        self.assertEqual(template.progress_usual_s, 45)

    def test_a_running_step_has_one_line_which_is_kept_up_to_date(self):
        template = self._build(("install", StepStatus.STARTED, 0), ("install", StepStatus.DONE, 30))
        line = template.log_ids
        self.assertEqual((len(line), line.status, line.duration_s), (1, "done", 30))
        self.assertEqual((template.progress, template.progress_usual_s), (line.progress, 0))

    def test_the_estimate_is_what_the_template_took_the_last_times(self):
        first = self._build(("install", StepStatus.DONE, 90))
        first.state = "failed"
        first.state = "building"
        with self._jobs(), StepLog(first) as log:
            event = {"operation": "build", "subject": "bakery", "step": "install", "fraction": 0.1}
            log.on_step(StepEvent(**event, status=StepStatus.STARTED))
        first.invalidate_recordset()
        self.assertEqual(first.progress_usual_s, 90)

    def test_an_installation_of_modules_is_a_step_that_fails_with_its_error(self):
        instance = self._make_instance("acme", "active")
        with (
            self._jobs(),
            StepLog(instance) as log,
            suppress(ZeroDivisionError),
            log.step("install", "install"),
        ):
            raise ZeroDivisionError
        line = self._as("user", instance).log_ids
        self.assertEqual((line.step, line.status, line.level), ("install", "failed", "error"))

    def test_a_line_is_written_after_the_connection_was_lost(self):
        instance = self._make_instance("acme", "provisioning")
        create, lost = self.registry["saas.instance.log"].create, [psycopg2.OperationalError("terminating")]

        def create_or_fail(model, values):
            if lost:
                raise lost.pop()
            return create(model, values)

        with (
            self._jobs(),
            patch.object(self.registry["saas.instance.log"], "create", create_or_fail),
            StepLog(instance) as log,
        ):
            log.tell("info", "Back again")
        self.assertEqual(self._as("user", instance).log_ids.mapped("message"), ["Back again"])

    def test_old_details_are_deleted_and_errors_are_kept(self):
        logs = self.env["saas.instance.log"]
        levels = ("debug", "info", "warning", "error", "critical")
        made = {f"{level} {age}": self._log_line(level, age) for level in levels for age in (29, 31)}
        with patch.object(self.registry["ir.cron"], "_commit_progress", return_value=float("inf")):
            logs._cron_clean_up()
        deleted = {message for message, line in made.items() if not line.exists()}
        self.assertEqual(deleted, {"debug 31", "info 31"})

    def _log_line(self, level, age_days):
        line = self.env["saas.instance.log"].create({"message": "Hello", "level": level})
        self.env.flush_all()
        query = "UPDATE saas_instance_log SET create_date = create_date - %s * interval '1 day' WHERE id = %s"
        self.env.cr.execute(SQL(query, age_days, line.id))
        return line
