"""B1, B3: instances are backed up at night, each by its plan, and each backup is proved."""

from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace
from unittest.mock import patch

from freezegun import freeze_time
from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from tenantry.errors import DumpFailed, RestoreFailed, StoreFailure
from tenantry.model.backup import Backup, Proof, ProofState, Pruned, Reason

from .. import gateway
from ..exceptions import InvalidState
from .common import SaasCase, engines_are, recording_engine

_EVENING = "2026-11-30 21:30:00"


class BackupCase(SaasCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.acme = cls._make_instance(
            "acme", "active", run_state="running", activated_at="2026-11-01", identity="1a2b"
        )

    def setUp(self):
        super().setUp()
        progress = patch.object(self.registry["ir.cron"], "_commit_progress", return_value=float("inf"))
        self.enterContext(progress)

    @contextmanager
    def _backing_up(self, proof=None):
        """An engine whose store has one backup more after each `take`; proof: of each of them."""
        engine, store = recording_engine(), []

        def take(name, on_step, reason):
            store.insert(
                0,
                Backup(
                    backup=f"{name}-{len(store)}",
                    name=name,
                    identity="1a2b",
                    made_at=f"{fields.Datetime.now().isoformat()}+00:00",
                    reason=Reason(reason),
                    series="19.0",
                    size_bytes=3 * 2**20,
                    files=7,
                    proof=proof,
                ),
            )
            return store[0]

        engine.backups.take.side_effect = take
        engine.backups.all.side_effect = lambda identity: tuple(store)
        with engines_are(_engine_of=lambda server: engine), self._jobs() as self.jobs:
            yield engine

    def _back_up(self):
        self.acme.action_backup()
        self.acme.sudo()._operate("backup")


@tagged("post_install", "-at_install")
class TestBackups(BackupCase):
    def test_a_backup_that_was_asked_for_is_noted_with_what_the_store_says(self):
        with self._backing_up():
            self._as("manager", self.acme).action_backup()
            self.assertEqual(self.acme.operation, "backup")
            self.acme.sudo()._operate("backup")
        backup = self.acme.backup_ids
        self.assertEqual((backup.reference, backup.reason, backup.size_mb), ("acme-0", "asked", 3.0))
        self.assertEqual((backup.proof_state, self.acme.backup_proof_state), ("not_yet", "not_yet"))
        self.assertTrue(self.acme.backed_up_at)
        self.assertEqual((self.acme.state, self.acme.run_state), ("active", "running"))
        self.jobs.assert_enqueued_job(self.acme._prove_backup, args=("acme-0",))

    def test_plans_say_which_backups_are_kept(self):
        self.plan.write(
            {"backup_retention_days": 3, "backup_retention_weeks": 2, "backup_retention_months": 1}
        )
        with self._backing_up() as engine:
            self._back_up()
            engine.backups.prune.return_value = Pruned(("acme-0",))
            engine.backups.kept.return_value = ()
            self.acme.has_former_data = True
            self.env["saas.instance"]._cron_prune_backups()
        (keep,) = engine.backups.prune.call_args.kwargs["of"].values()
        self.assertEqual((keep.daily, keep.weekly, keep.monthly), (3, 2, 1))
        self.assertFalse(self.acme.backup_ids)
        engine.backups.sweep.assert_called_once()
        self.assertFalse(self.acme.has_former_data, "it was kept long enough")

    def test_operators_are_told_when_old_backups_cannot_be_removed(self):
        with self._backing_up() as engine:
            self._back_up()
            engine.backups.prune.side_effect = StoreFailure("s3://ours", "no answer")
            self.env["saas.instance"]._cron_prune_backups()
        self.assertIn("s3://ours", self.server.activity_ids.note)
        self.assertTrue(self.acme.backup_ids)

    def test_a_store_that_is_away_when_it_is_listed_makes_no_second_backup(self):
        with self._backing_up() as engine:
            engine.backups.all.side_effect = StoreFailure("s3://ours", "no answer")
            self._back_up()
            engine.backups.take.assert_called_once()
        self.assertEqual((self.acme.operation, self.acme.failure), (False, False))
        self.jobs.assert_enqueued_job(self.acme._prove_backup, args=("acme-0",))

    def test_a_proof_is_shown_with_the_time_to_restore(self):
        proof = Proof(ProofState.PROVED, "2026-11-30T03:00:00+00:00", 4.5, "")
        with self._backing_up(proof) as engine:
            engine.backups.prove.return_value = proof
            self._back_up()
            self.jobs.perform_enqueued_jobs()
        self.assertEqual((self.acme.backup_ids.proof_state, self.acme.backup_ids.restore_s), ("proved", 4.5))
        self.assertEqual(str(self.acme.backup_proved_at), "2026-11-30 03:00:00")

    def test_operators_are_told_of_a_backup_that_is_not_good(self):
        proof = Proof(ProofState.FAILED, "2026-11-30T03:00:00+00:00", 0.0, "res_partner has 3 rows of 4")
        with self._backing_up(proof) as engine:
            engine.backups.prove.return_value = proof
            self._back_up()
            self.acme._prove_backup("acme-0")
        self.assertEqual(self.acme.backup_proof_state, "failed")
        self.assertIn("res_partner has 3 rows of 4", self.acme.activity_ids.note)

    def test_a_backup_that_cannot_be_verified_is_not_shown_as_good(self):
        proof = Proof(ProofState.UNVERIFIABLE, "2026-11-30T03:00:00+00:00", 0.0, "no space left")
        with self._backing_up(proof) as engine:
            engine.backups.prove.return_value = proof
            self._back_up()
            self.acme._prove_backup("acme-0")
        self.assertEqual(self.acme.backup_proof_state, "unverifiable")
        self.assertFalse(self.acme.backup_proved_at)
        self.assertFalse(self.acme.activity_ids)

    def test_a_failed_backup_is_told_to_operators_and_leaves_the_instance_active(self):
        with self._backing_up() as engine, patch.object(type(self.acme), "_enqueue_mail") as mail:
            engine.backups.take.side_effect = DumpFailed("acme", "it broke")
            self._back_up()
        self.assertEqual((self.acme.state, self.acme.operation), ("active", False))
        self.assertIn("acme", self.acme.failure)
        mail.assert_called_once_with("saas_manager.mail_template_backup_failed")

    def test_only_those_who_manage_instances_back_them_up(self):
        with self.assertRaises(AccessError):
            self._as("user", self.acme).action_backup()

    def test_its_identity_is_learned_while_it_is_there(self):
        self.acme.identity = False
        with self._backing_up(), patch.object(gateway, "identity_of", return_value="3c4d"):
            self._back_up()
        self.assertEqual(self.acme.identity, "3c4d")

    def test_records_of_removed_backups_go(self):
        with self._backing_up() as engine:
            for _time in range(2):
                self._back_up()
            self.assertEqual(self.acme.backup_count, 2)
            engine.backups.all.side_effect = lambda identity: ()
            self.acme._follow_backups()
        self.assertEqual((self.acme.backup_count, self.acme.backup_proof_state), (0, False))


@tagged("post_install", "-at_install")
class TestNightlyBackups(BackupCase):
    def _run_nightly(self):
        with self._jobs() as self.jobs:
            self.env["saas.instance"]._cron_back_up()

    @freeze_time(_EVENING)
    def test_each_instance_is_backed_up_in_the_coming_night_at_a_moment_of_its_own(self):
        others = [
            self._make_instance(f"other-{n}", "active", tz="Asia/Ho_Chi_Minh", activated_at="2026-11-01")
            for n in range(20)
        ]
        self._run_nightly()
        self.jobs.assert_jobs_count(0)
        self.assertFalse(self.acme.operation)
        moments = {it.backup_due_at for it in others}
        self.assertGreater(len(moments), 15)
        evening = fields.Datetime.to_datetime("2026-12-01 15:00:00")  # 22:00 there
        for moment in moments:
            self.assertTrue(evening <= moment < evening + timedelta(hours=7), moment)

    def test_what_is_due_is_backed_up_and_gets_its_next_moment(self):
        self._run_nightly()
        due = self.acme.backup_due_at
        with freeze_time(due + timedelta(minutes=3)):
            self._run_nightly()
            self.assertEqual((self.acme.operation, self.acme.wanted), ("backup", "schedule"))
            self._assert_one_job(self.jobs, self.acme, "backup")
            self.assertGreater(self.acme.backup_due_at, due + timedelta(hours=16))
            self._run_nightly()
            self.jobs.assert_jobs_count(0)

    def test_an_instance_that_is_busy_is_backed_up_later_in_the_night(self):
        self._run_nightly()
        due = self.acme.backup_due_at
        self.acme.operation = "restart"
        with freeze_time(due + timedelta(minutes=3)):
            self._run_nightly()
            self.jobs.assert_jobs_count(0)
            self.assertEqual(self.acme.backup_due_at, due)
            self.acme.operation = False
            self._run_nightly()
            self._assert_one_job(self.jobs, self.acme, "backup")

    def test_one_that_cannot_be_backed_up_does_not_stop_the_others(self):
        odd = self._make_instance("odd", "active", activated_at="2026-11-01")
        self._run_nightly()
        intend = type(odd)._intend

        def refuse(instance, *arguments, **values):
            if instance == odd:
                raise InvalidState("odd")
            return intend(instance, *arguments, **values)

        with (
            freeze_time(max(odd.backup_due_at, self.acme.backup_due_at) + timedelta(minutes=3)),
            patch.object(type(odd), "_intend", refuse),
            self.assertLogs("odoo.addons.saas_manager", "WARNING"),
        ):
            self._run_nightly()
        self.assertEqual((odd.operation, self.acme.operation), (False, "backup"))

    def test_plans_without_nightly_backups_get_none(self):
        self.plan.backup_nightly = False
        self._run_nightly()
        self.assertFalse(self.acme.backup_due_at)

    def test_the_dashboard_counts_instances_whose_last_proof_is_older_than_a_night(self):
        unproved = self.env["saas.instance"]._unproved_domain()
        self.assertIn(self.acme, self.env["saas.instance"].search(unproved))
        self.acme.backup_proved_at = fields.Datetime.now()
        self.assertNotIn(self.acme, self.env["saas.instance"].search(unproved))
        self.acme.backup_proved_at = fields.Datetime.now() - timedelta(hours=27)
        self.assertIn(self.acme, self.env["saas.instance"].search(unproved))
        self.plan.backup_nightly = False
        self.assertNotIn(self.acme, self.env["saas.instance"].search(unproved))


@tagged("post_install", "-at_install")
class TestRestores(BackupCase):
    def _backed_up(self):
        with self._backing_up():
            self._back_up()
        return self.acme.backup_ids

    def test_a_restore_is_confirmed_by_typing_the_subdomain(self):
        backup = self._backed_up()
        action = self._as("manager", backup).action_restore()
        wizard = (
            self._as("manager", self.env["saas.instance.restore"])
            .with_context(**action["context"])
            .create({"typed_name": "another"})
        )
        with self.assertRaisesRegex(UserError, "Type acme"):
            wizard.action_restore()
        self.assertFalse(self.acme.operation)
        wizard.typed_name = "acme"
        with self._jobs():
            wizard.action_restore()
        self.assertEqual((self.acme.operation, self.acme.wanted), ("restore", "acme-0"))

    def test_the_data_from_before_is_kept_and_can_be_put_back_and_confirmed(self):
        backup = self._backed_up()
        with self._backing_up() as engine:
            self._as("manager", self.acme).restore_backup(backup)
            self.acme.sudo()._operate("restore")
            engine.backups.restore.assert_called_once()
            self.assertEqual((self.acme.state, self.acme.has_former_data), ("active", True))
            self.assertIn("acme-0", self.acme.message_ids[0].body)
            self._as("manager", self.acme).action_put_back()
            self.acme.sudo()._operate("put_back")
            engine.backups.put_back.assert_called_once()
            self.assertTrue(self.acme.has_former_data)
            self._as("manager", self.acme).action_confirm_restore()
            engine.backups.confirm.assert_called_once_with("acme")
        self.assertFalse(self.acme.has_former_data)
        with self.assertRaises(InvalidState):
            self._as("manager", self.acme).action_put_back()

    def test_a_store_that_is_away_at_the_end_undoes_no_operation_that_is_done(self):
        backup = self._backed_up()
        with self._backing_up() as engine:
            engine.backups.all.side_effect = StoreFailure("s3://ours", "no answer")
            self.acme.restore_backup(backup)
            self.acme._operate("restore")
            self.acme.action_put_back()
            self.acme._operate("put_back")
            self.assertEqual((self.acme.operation, self.acme.failure), (False, False))
            self._as("administrator", self.acme).action_terminate()
            self.acme.sudo()._operate("terminate")
        self.assertEqual((self.acme.state, self.acme.failure), ("terminated", False))

    def test_a_failed_restore_says_why_and_changes_nothing(self):
        backup = self._backed_up()
        with self._backing_up() as engine:
            engine.backups.restore.side_effect = RestoreFailed("acme-0", "it broke")
            engine.backups.kept.return_value = ()
            self.acme.restore_backup(backup)
            self.acme._operate("restore")
        self.assertEqual((self.acme.state, self.acme.operation), ("active", False))
        self.assertFalse(self.acme.has_former_data)
        self.assertIn("acme-0", self.acme.failure)

    def test_a_restore_whose_job_was_lost_is_noted_if_it_was_made(self):
        backup = self._backed_up()
        for kept, expected in (((), False), ((SimpleNamespace(name="acme"),), True)):
            with self._backing_up() as engine:
                engine.backups.kept.return_value = kept
                self.acme.restore_backup(backup)
                self.acme._on_job_failed("lost")
            self.assertEqual((self.acme.operation, self.acme.has_former_data), (False, expected))

    def test_neither_a_bad_backup_nor_another_instances_is_restored(self):
        backup = self._backed_up()
        other = self._make_instance("other", "active", run_state="running")
        with self.assertRaises(InvalidState):
            self._as("manager", other).restore_backup(backup)
        backup.sudo().proof_state = "failed"
        with self.assertRaises(InvalidState):
            self._as("manager", self.acme).restore_backup(backup)
        self.assertFalse(backup.can_restore)

    def test_the_final_backup_is_told_with_the_day_until_which_it_is_kept(self):
        with self._backing_up() as engine:
            self._as("administrator", self.acme).action_terminate()
            engine.instances.terminate.side_effect = lambda *_args, **_options: engine.backups.take(
                "acme", None, reason="terminate"
            )
            self.acme.sudo()._operate("terminate")
        self.assertEqual(self.acme.state, "terminated")
        self.assertEqual(self.acme.backup_ids.reason, "terminate")
        kept = self.acme._final_backup_kept_until()
        self.assertEqual(kept, fields.Date.today() + timedelta(days=30))
        self.assertFalse(self.acme.backup_ids.can_restore)

    def test_an_administrator_may_do_without_a_final_backup(self):
        with self._backing_up() as engine:
            self._as("administrator", self.acme).action_terminate(without_backup=True)
            self.acme.sudo()._operate("terminate")
            self.assertTrue(engine.instances.terminate.call_args.kwargs["without_backup"])
        self.assertFalse(self.acme._final_backup_kept_until())
