"""What jobs do for an instance: the engine acts, the record follows."""

import logging

from odoo import api, fields, models

from .. import gateway
from ..operations import ENGINE, OPERATIONS
from .step_log import StepLog

_logger = logging.getLogger(__name__)

_MAX_RETRIES = 8


class SaasInstance(models.Model):
    _inherit = "saas.instance"

    def _enqueue_operation(self, operation):
        row = OPERATIONS[operation]
        job = self.env._(row.job)
        return self._enqueue("_operate", job % self.name, operation, kind=operation, channel=row.channel)

    def _enqueue(self, method, description, *arguments, kind="", of="", channel=""):
        """One job at a time for each instance, kind and `of`; it starts after the commit."""
        self.ensure_one()
        # sudo: the job goes on with what was allowed when it was asked for.
        job = self.sudo().with_delay(
            channel=channel or f"root.saas.{self.server_id.code or 'none'}",
            description=description,
            identity_key=self._identity_key(kind or method, of),
            max_retries=_MAX_RETRIES,
            priority=5,
        )
        return getattr(job, method)(*arguments)

    def _operate(self, operation):
        """Job: do it if it is still wanted; return what the job reports.

        What can be tried again is tried again by the queue; any other failure is noted.
        """
        self.ensure_one()
        if self.operation != operation:
            return self.env._("Nothing to do: this is not wanted any more.")
        act = OPERATIONS[operation].act
        with StepLog(self) as log:
            try:
                with gateway.retrying(log):
                    return getattr(self, act)(log) if act else self._ask_engine(operation, log)
            except gateway.EngineError as error:
                log.tell("error", gateway.sentence(error))
                return self._fail(gateway.sentence(error))

    def _ask_engine(self, operation, log):
        gateway.operate(self, operation, log.on_step)
        self._done(operation)

    def _done(self, operation, **values):
        """The engine has done it: the record follows."""
        row, run_state = OPERATIONS[operation], ENGINE[operation].run_state
        if row.stamp:
            values[row.stamp] = fields.Datetime.now()
        if run_state:
            values["run_state"] = run_state
        self._move(operation, operation=False, **row.values, **values)
        if row.event:
            self._emit(row.event)

    def _fail(self, reason):
        """Note why the operation under way failed; an operator is told."""
        operation, values = self.operation, {"operation": False, "state_reason": reason}
        if operation == "provision":
            self._move("fail", **values)
            self.request_ids._instance_failed(reason)
            self._emit("instance.provisioning_failed", reason=reason)
        else:
            self.write(values)
            self._emit("instance.operation_failed", reason=reason)
        return reason

    def _awaited_jobs(self):
        return (self.operation,) if self.operation else ()

    @api.model
    def _under_way_domain(self):
        return [("operation", "!=", False)]

    def _on_job_failed(self, exc_message="", **_values):
        """Called by the queue when a job ended in an unexpected error or ran out of retries."""
        for instance in self.filtered("operation"):
            instance._fail(exc_message or self.env._("An unexpected error; see the job."))

    # ------------------------------------------------------------ provision

    def _provision_in_steps(self, log):
        """Create the instance. Killed anywhere, it is run again and goes on."""
        self.hostname_ids._verify()
        with gateway.provisioning(self, log.on_step) as provisioning:
            self._clone_template_database(provisioning)
            self._neutralize_database(provisioning)
            self._customize_instance(provisioning)
            self._create_client_admin(provisioning)
            creation = self._configure_subdomain(provisioning)
        self._activate(creation)
        return self.env._("Active after %.2f s.", creation.duration_s)

    def _clone_template_database(self, provisioning):
        """Claim a spare of the template, or clone it."""
        provisioning.clone()

    def _neutralize_database(self, provisioning):
        """I6: strip every identity and secret inherited from the template."""
        provisioning.sanitize()

    def _customize_instance(self, provisioning):
        """Write the customer's company, language, time zone and country, and what they may use."""
        provisioning.customize()

    def _create_client_admin(self, provisioning):
        """I7: the customer becomes the administrator."""
        provisioning.create_admin()

    def _configure_subdomain(self, provisioning):
        """Publish the host name and wait until the public route answers (I5)."""
        return provisioning.publish()

    def _activate(self, creation):
        self._move(
            "activate",
            operation=False,
            url=creation.instance.url,
            activated_at=fields.Datetime.now(),
            provisioning_s=creation.duration_s,
            run_state="running",
            health="healthy",
        )
        self.hostname_ids._go_live()
        self._start_subscription()
        self.request_ids._instance_activated()
        self._emit("instance.provisioned")

    def _start_subscription(self):
        """S5: nothing is billed before the instance is active."""
        for instance in self:
            subscription = instance.subscription_ids.filtered(lambda s: s.state == "draft")[:1]
            if not subscription and not instance.subscription_ids:
                subscription = instance.env["saas.subscription"].create(
                    {
                        "instance_id": instance.id,
                        "partner_id": instance.partner_id.id,
                        "plan_id": instance.plan_id.id,
                        "period": instance.request_ids[:1].period or "monthly",
                        "company_id": instance.company_id.id,
                    }
                )
            subscription.plan_id = instance.plan_id
            subscription._start()

    # ------------------------------------------------------------ terminate

    def _delete_database(self, log):
        """I9: drop database, role, files and route; the record stays."""
        gateway.terminate(self, log.on_step)
        self._done("terminate")
        self._release_hostnames()
        self.subscription_ids._instance_terminated()

    # ------------------------------------------------------------ automation

    def _check_health(self):
        """H1: probe, count users and bytes; note it."""
        for instance in self:
            # sudo: what was measured is written by nobody by hand.
            instance.sudo().write({**gateway.measure(instance), "checked_at": fields.Datetime.now()})

    @api.model
    def _cron_check_health(self):
        """J1: hourly, one by one; one that cannot be measured, or is worked on, does not stop the rest."""
        before = fields.Datetime.subtract(fields.Datetime.now(), minutes=55)
        domain = [
            ("state", "=", "active"),
            ("operation", "=", False),
            "|",
            ("checked_at", "=", False),
            ("checked_at", "<", before),
        ]
        due = self.search(domain, order="checked_at, id")
        commit_progress = self.env["ir.cron"]._commit_progress
        commit_progress(remaining=len(due))
        for instance in due:
            instance._check_health_apart()
            if not commit_progress(1):
                break

    def _check_health_apart(self):
        """Measure first, which may take seconds; then write in a transaction too short to be in the way."""
        measured = gateway.measure(self)
        self.env["ir.cron"]._commit_progress()
        self.try_lock_for_update(allow_referencing=True).write(
            {**measured, "checked_at": fields.Datetime.now()}
        )

    @api.model
    def _note_broken(self, server):
        """Those whose Odoo cannot be loaded are critical from now on; operators are told, once."""
        domain = [
            ("server_id", "=", server.id),
            ("database_name", "in", gateway.broken_databases(server)),
            ("state", "=", "active"),
            ("health", "!=", "critical"),
        ]
        for instance in self.search(domain).try_lock_for_update(allow_referencing=True):
            instance.write({**gateway.BROKEN, "checked_at": fields.Datetime.now()})
            instance._emit("instance.down")
