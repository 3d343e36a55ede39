"""B1, B3: instances are backed up each night, each backup is proved, and an operator can restore one."""

import logging
import zlib
from datetime import timedelta

import pytz
from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from .. import gateway, periods
from .saas_backup import PROOF_STATES
from .step_log import StepLog

_logger = logging.getLogger(__name__)

_NIGHT_BEGINS, _NIGHT_S = 22, 7 * 3600
"""The hour, in the customer's time zone, from which on backups begin, and for how long."""
PROVED_WITHIN_HOURS = 26


class SaasInstance(models.Model):
    _inherit = "saas.instance"

    identity = fields.Char(readonly=True, copy=False, help="What its backups know it by.")
    backup_ids = fields.One2many("saas.backup", "instance_id", string="Backups", readonly=True)
    backup_count = fields.Integer(compute="_compute_backup_count")
    backed_up_at = fields.Datetime(string="Last Backup", readonly=True, copy=False)
    backup_due_at = fields.Datetime(string="Next Backup", readonly=True, copy=False, index="btree_not_null")
    backup_proved_at = fields.Datetime(
        string="Last Proof", readonly=True, copy=False, help="When a backup was last restored, and was good."
    )
    backup_proof_state = fields.Selection(
        PROOF_STATES, string="Proof", readonly=True, copy=False, help="Of its newest backup."
    )

    restored_at = fields.Datetime(string="Restored", readonly=True, copy=False)
    has_former_data = fields.Boolean(
        readonly=True, copy=False, help="Its server keeps the data that it had before it was restored."
    )

    @api.depends("backup_ids")
    def _compute_backup_count(self):
        counts = dict(
            self.env["saas.backup"]._read_group(
                [("instance_id", "in", self.ids)], ["instance_id"], ["__count"]
            )
        )
        for instance in self:
            instance.backup_count = counts.get(instance, 0)

    def action_backup(self):
        return self._intend("backup", wanted="asked")

    def action_view_backups(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("saas_manager.saas_backup_action")
        return {**action, "domain": [("instance_id", "=", self.id)], "context": {}}

    def restore_backup(self, backup):
        """Give it the data of a backup, a record or an id; the data of now is kept until it is confirmed."""
        self.ensure_one()
        backup = self.env["saas.backup"].browse(int(backup))
        if backup.instance_id != self or backup.proof_state == "failed":
            raise self._not_possible_now()
        return self._intend("restore", wanted=backup.reference)

    def action_put_back(self):
        """Swap the data of now and the data from before the restore."""
        self.ensure_one()
        if not self.has_former_data:
            raise self._not_possible_now()
        return self._intend("put_back")

    def action_confirm_restore(self):
        """Remove the data from before the restore."""
        self._check_may("restore")
        for instance in self.filtered("has_former_data"):
            if instance.operation:
                raise instance._not_possible_now()
            with gateway.translated(self.env):
                gateway.confirm_restore(instance)
            # sudo: only actions write it
            instance.sudo().has_former_data = False
            instance.message_post(body=self.env._("The data from before the restore was removed."))
        return True

    # ------------------------------------------------------------ at night

    @api.model
    def _cron_back_up(self):
        """Back up what is due. Each instance has its own moment of the night, so that the load is spread."""
        self.search([*self._nightly_domain(), ("backup_due_at", "=", False)])._plan_next_backup()
        now = fields.Datetime.now()
        due = self.search(
            [*self._nightly_domain(), ("operation", "=", False), ("backup_due_at", "<=", now)],
            order="backup_due_at, id",
        )
        commit_progress = self.env["ir.cron"]._commit_progress
        commit_progress(remaining=len(due))
        for instance in due:
            instance._plan_next_backup()
            try:
                with self.env.cr.savepoint():
                    instance._intend("backup", wanted="schedule")
            except UserError:  # whatever is odd about this one, the others are backed up
                _logger.warning("%s cannot be backed up now", instance, exc_info=True)
            if not commit_progress(1):
                break

    @api.model
    def _cron_prune_backups(self):
        """Each server removes the backups that no plan keeps, and data that was kept long enough after a
        restore; one that fails does not stop the others."""
        known = self.search([("identity", "!=", False)])
        plans = {instance.identity: instance.plan_id for instance in known}
        for server in known.server_id.filtered(lambda it: it.state == "active"):
            try:
                removed = gateway.prune_backups(server, plans, self._final_backup_days())
                kept = gateway.sweep_kept(server)
            except gateway.EngineError as error:
                server._ask_operator(self.env._("Old backups were not removed"), gateway.sentence(error))
            else:
                self.env["saas.backup"].search([("reference", "in", removed)]).unlink()
                swept = [("server_id", "=", server.id), ("database_name", "not in", kept)]
                known.filtered_domain([*swept, ("has_former_data", "=", True)]).has_former_data = False
            self.env["ir.cron"]._commit_progress(1)

    @api.model
    def _nightly_domain(self):
        return [
            ("state", "=", "active"),
            ("plan_id.backup_nightly", "=", True),
            ("server_id.runtime", "not in", gateway.runtimes_without("backup")),
        ]

    def _plan_next_backup(self):
        for instance in self:
            zone = pytz.timezone(instance.tz or instance.company_id.partner_id.tz or "UTC")
            evening = periods.next_hour(_NIGHT_BEGINS, fields.Datetime.now(), zone)
            moment = zlib.crc32(instance.reference.encode()) % _NIGHT_S
            instance.backup_due_at = evening + timedelta(seconds=moment)

    # ------------------------------------------------------------ jobs

    def _backup_channel(self):
        return f"root.saas_backup.{self.server_id.code or 'none'}"

    def _back_up_in_steps(self, log):
        backup = gateway.back_up(self, self.wanted, log.on_step)
        self._done("backup", {"backup": backup})
        self._prove_later(backup)
        self._follow_backups_at_last(log)
        return self.env._("Backed up as %s.", backup)

    def _restore_in_steps(self, log):
        backup = self.wanted
        gateway.restore_backup(self, backup, log.on_step)
        self._done("restore", {"backup": backup}, has_former_data=True)
        message = self.env._("It has the data of the backup %s. The data from before is kept.", backup)
        self.message_post(body=message)
        self._after_restore(log)
        return message

    def _put_back_in_steps(self, log):
        gateway.put_back(self, log.on_step)
        self._done("put_back")
        message = self.env._("It has its data from before the restore again; the restored data is kept.")
        self.message_post(body=message)
        self._after_restore(log)
        return message

    def _follow_restore(self):
        """A restore that failed, or whose job was lost, may have been made."""
        # sudo: as a job does it
        self.sudo().has_former_data = gateway.has_former_data(self)

    def _after_restore(self, log):
        self._follow_backups_at_last(log)
        self._enqueue("_measure", self.env._("Measure %s", self.name))

    def _prove_later(self, reference):
        job = self.env._("Prove the backup %s", reference)
        return self._enqueue("_prove_backup", job, reference, of=reference, channel=self._backup_channel())

    def _prove_backup(self, reference):
        """Job: restore a backup beside, look whether all is there, and note what was found."""
        with StepLog(self) as log, gateway.retrying(log):
            proof = gateway.prove_backup(self, reference, log.on_step)
        self._follow_backups()
        if proof["proof_state"] == "failed":
            self._emit("instance.backup_not_good", reason=f"{reference}: {proof['proof_detail']}")
        return proof["proof_state"]

    def _follow_backups_at_last(self, log):
        """At the end of an operation, which is done and must not be run again because the store is away."""
        try:
            self._follow_backups()
        except gateway.EngineError as error:
            log.tell("warning", gateway.sentence(error))

    def _follow_backups(self):
        """Let the records follow the store."""
        if not self._can("backup"):
            return
        self._learn_identity()
        self.env["saas.backup"]._follow(self, gateway.backups_of(self))
        newest = self.backup_ids[:1]
        proved = self.backup_ids.filtered(lambda it: it.proof_state == "proved")
        # sudo: only jobs and actions write what was found
        self.sudo().write(
            {
                "backup_proof_state": newest.proof_state,
                "backup_proved_at": max(proved.mapped("proved_at"), default=False),
            }
        )

    def _learn_identity(self):
        """While it is there: its backups are found by it after its end, too."""
        if not self.identity and self._can("backup"):
            # sudo: only jobs and actions write it
            self.sudo().identity = gateway.identity_of(self)

    def _final_backup_kept_until(self):
        """I9: the day on which the final backup is removed; None if there is none."""
        finals = self.backup_ids.filtered(lambda it: it.reason == "terminate")
        kept = timedelta(days=self._final_backup_days())
        return (finals[0].made_at + kept).date() if finals else None

    @api.model
    def _final_backup_days(self):
        return int(self.env["ir.config_parameter"].sudo().get_param("saas.final_backup_days", 30))

    # ------------------------------------------------------------ alerts

    @api.model
    def _unproved_domain(self):
        """Instances that are to have a proved backup each night, and have none of the last night."""
        before = fields.Datetime.now() - timedelta(hours=PROVED_WITHIN_HOURS)
        return (
            Domain(self._nightly_domain())
            & Domain("activated_at", "<", before)
            & (Domain("backup_proved_at", "=", False) | Domain("backup_proved_at", "<", before))
        )
