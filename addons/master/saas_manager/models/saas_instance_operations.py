"""Operations on instances: an action notes the request, a job runs it, then the record is updated."""

from markupsafe import Markup
from odoo import api, fields, models
from odoo.addons.queue_job.exception import RetryableJobError
from odoo.exceptions import AccessError, UserError

from .. import gateway
from ..exceptions import InvalidState
from ..operations import ENGINE, OPERATIONS, hidden_when
from .step_log import StepLog

_MAX_RETRIES = 8
_WITHOUT_BACKUP = "without a final backup"
_AGAIN_S = 5


class SaasInstance(models.Model):
    _inherit = "saas.instance"

    operation = fields.Selection(
        [(name, row.label) for name, row in OPERATIONS.items()],
        string="Under Way",
        readonly=True,
        copy=False,
    )
    operation_after = fields.Integer(
        readonly=True, copy=False, help="Log lines up to this one are older than the operation."
    )
    provisioning_s = fields.Float(
        string="Creation Time (s)", digits=(12, 3), readonly=True, copy=False, aggregator="avg"
    )
    wanted = fields.Char(
        readonly=True, copy=False, help="For the running operation: the new subdomain, or the modules."
    )

    # ------------------------------------------------------------ actions

    @api.model
    def _get_view(self, view_id=None, view_type="form", **options):
        """Add to each operation's button: its action, when it is hidden, and for which groups."""
        arch, view = super()._get_view(view_id, view_type, **options)
        for button in arch.xpath("//button[@data-operation]"):
            operation = button.attrib.pop("data-operation")
            button.set("invisible", hidden_when(operation))
            button.set("groups", OPERATIONS[operation].group)
        return arch, view

    def action_provision_instance(self):
        """I4: check the instance, note the request, and let a job create it after the commit."""
        self.check_access("write")
        for instance in self:
            instance._check_transition("provision")
            instance.template_id._check_serves(instance.plan_id)
            instance.template_id._check_language(instance.language_id.code)
            instance.plan_id._check_room(instance.template_id)
            # sudo: instances of all companies use up a server
            server = (
                instance.env["saas.server"]
                .sudo()
                ._place(instance.template_id, instance.plan_id, instance.company_id, instance.server_id)
            )
            instance._move(
                "provision",
                server_id=server.id,
                database_name=instance.subdomain,
                # sudo: only jobs read the password. A killed run may have sent this one to the instance
                # already.
                admin_password_sealed=instance.sudo().admin_password_sealed or gateway.new_password(),
                state_reason=False,
                **instance._under_way("provision"),
            )
            instance.request_ids._instance_retried()
            instance._enqueue_operation("provision")
        return True

    def action_retry(self):
        return self.action_provision_instance()

    def action_discard(self):
        """Discard failed instances, with everything that their creation left."""
        self.check_access("write")
        self._check_transition("discard")
        for instance in self.filtered("database_name"):
            gateway.abandon(instance)
        self._move(
            "discard", terminated_at=fields.Datetime.now(), operation=False, admin_password_sealed=False
        )
        self._release_hostnames()

    def _release_hostnames(self):
        """Give up the host names of terminated instances, so that others can use them."""
        # sudo: users who may terminate an instance may release its host names
        self.sudo().hostname_ids.unlink()

    def action_suspend(self, reason=None):
        return self._intend("suspend", reason)

    def action_terminate(self, without_backup=False):
        """I9: administrators only; the wizard has checked the name."""
        self._check_may("terminate")
        failed = self.filtered(lambda instance: instance.state == "failed")
        failed.action_discard()
        return (self - failed)._intend("terminate", wanted=without_backup and _WITHOUT_BACKUP)

    def change_subdomain(self, subdomain):
        """Move to another subdomain; the record is updated when the engine has done it."""
        self.ensure_one()
        self.check_access("write")
        self._check_can("rename")
        self._check_is_running()
        is_free, message = self._judge_subdomain(subdomain)
        if not is_free:
            raise UserError(message or self.env._("Type the new subdomain."))
        return self._intend("rename", wanted=subdomain)

    def action_open_install_modules(self):
        """The dialog, with the modules that there are on the instance's server now."""
        self.ensure_one()
        self.check_access("write")
        self._check_may_begin("install")
        self.env["saas.module"]._read_again(self.server_id)
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "saas_manager.saas_instance_install_modules_action"
        )
        return {**action, "context": {"default_instance_id": self.id}}

    def install_modules(self, modules):
        """Install modules, a list of technical names, with their dependencies."""
        self.check_access("write")
        self._check_can("install")
        self._check_is_running()
        with gateway.translated(self.env):
            gateway.check_modules(self, modules)
        return self._intend("install", wanted=" ".join(modules))

    def _intend(self, operation, reason=None, **values):
        """Note the requested operation and let a job run it after the commit."""
        self._check_may(operation)
        for instance in self:
            instance._check_may_begin(operation)
            # What it is suspended for holds until it is active again, whatever is done with it meanwhile.
            why = {"state_reason": reason or False} if instance.state == "active" else {}
            # sudo: only actions write `operation`
            instance.sudo().write({**instance._under_way(operation), "failure": False, **why, **values})
            instance._enqueue_operation(operation)
        return True

    def _check_may_begin(self, operation):
        """Raise InvalidState unless the operation is possible with it now, NotWithRuntime if it never is."""
        self._check_can(operation)
        if ENGINE[operation].needs_running:
            self._check_is_running()
        self._check_transition(operation)
        if operation == "rename" and self.left_server_id:  # which knows it by its name
            raise self._not_confirmed()
        if self.operation:
            raise InvalidState(
                self.env._("Something is being done with %s already. Try again in a moment.", self.name)
            )

    def _check_may(self, operation):
        """Raise AccessError unless the user is in the operation's group."""
        self.check_access("write")
        row = OPERATIONS[operation]
        if row.refusal and not (self.env.su or self.env.user.has_group(row.group)):
            raise AccessError(self.env._(row.refusal))

    def _under_way(self, operation):
        """The values that mark the operation as running on an instance."""
        # sudo: users who may start an operation need not read the log. A draft's log has no steps.
        lines = self.env["saas.instance.log"].sudo()
        last = lines if self.state == "draft" else lines.search([("instance_id", "=", self.id)], limit=1)
        return {"operation": operation, "operation_after": last.id}

    def _check_is_running(self):
        for instance in self.filtered(lambda i: i.run_state == "stopped" and i.state == "active"):
            raise InvalidState(self.env._("%s is stopped. Start it first.", instance.name))

    def _set_domains_later(self):
        """Note, once per transaction, that host names have changed, and let a job tell the engine."""
        noted = self._domains_noted()
        for instance in self.filtered(lambda i: i.state in ENGINE["set_domains"].before):
            if not (instance.operation == "set_domains" and instance.id in noted):
                instance._intend("set_domains")
                noted.add(instance.id)
        for instance in self.filtered(lambda i: i.operation == "provision"):
            job = self.env._("Serve the domains added to %s", instance.name)
            instance._enqueue("_serve_added_hostnames", job)

    def _domains_noted(self):
        """The instances whose host name changes were noted in this transaction."""
        return self.env.cr.precommit.data.setdefault("saas_manager.domains", set())

    # ------------------------------------------------------------ jobs

    def _enqueue_operation(self, operation):
        row = OPERATIONS[operation]
        job = self.env._(row.job)
        return self._enqueue("_operate", job % self.name, operation, kind=operation, channel=row.channel)

    def _enqueue(self, method, description, *arguments, kind="", of="", channel=""):
        """Enqueue at most one job for each instance, kind and `of`; it starts after the commit."""
        self.ensure_one()
        # sudo: permission was checked when the job was enqueued
        job = self.sudo()._in_operators_language()
        job = job.with_delay(
            channel=channel or f"root.saas.{self.server_id.code or 'none'}",
            description=description,
            identity_key=self._identity_key(kind or method, of),
            max_retries=_MAX_RETRIES,
            priority=5,
        )
        return getattr(job, method)(*arguments)

    def _operate(self, operation):
        """Job: run the operation if it is still requested; return the job's result text.

        The queue retries temporary failures. Any other failure is noted on the record.
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

    def _done(self, operation, facts=None, **values):
        """Update the record after the engine has run the operation. facts: of its event, see `_emit`."""
        row, run_state = OPERATIONS[operation], ENGINE[operation].run_state
        if row.stamp:
            values[row.stamp] = fields.Datetime.now()
        if run_state:
            values["run_state"] = run_state
        self._move(operation, operation=False, **row.values, **values)
        if row.event:
            self._emit(row.event, **(facts or {}))

    def _fail(self, reason):
        """Note why the running operation failed, and create an activity for operators."""
        operation, values = self.operation, {"operation": False}
        if operation and OPERATIONS[operation].only_engine_knows:
            self._follow_engine(reason)
        if operation == "provision":
            self._move("fail", **values, state_reason=reason)
            # sudo: as a job does it.
            self.sudo().hostname_ids._release()
            self.request_ids._instance_failed(reason)
            self._emit("instance.provisioning_failed", reason=reason)
        else:
            # One that is still active was to be suspended, and is not.
            why = {"state_reason": False} if self.state == "active" else {}
            self.write({**values, **why, "failure": reason})
            if operation == "move" and self.target_server_id:
                self._give_up_move(reason)
            self._emit("instance.operation_failed", reason=reason)
            if operation == "backup":
                self._emit("instance.backup_failed")
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

    def _follow_engine(self, reason):
        """Update the record from the engine: a lost job may have done what it was to do, or not."""
        if self.operation == "move":
            return self._follow_move()
        if self.operation in ("restore", "put_back"):
            return self._follow_restore()
        found = gateway.find(self)
        if found and self.operation == "rename":
            previous = self.subdomain
            # sudo: only actions write names of created instances
            self.sudo().write(self._names(found))
            if found.name != previous:
                self._emit("instance.renamed", previous_subdomain=previous)
                self._note_new_address()
        elif self.operation == "set_domains":
            self._follow_hostnames(found, reason)

    def _follow_hostnames(self, found, reason):
        """Note at which names it is served in truth. found: as the engine has it; None: it tells nothing."""
        # sudo: as a job does it.
        known = self.sudo().hostname_ids
        before = known._live_names()
        served = found.hostnames if found else before
        wanted = known.filtered(lambda hostname: hostname.state != "failing").mapped("name")
        # The records of domains that were removed are gone: nothing else tells that the engine knows.
        is_done = found and set(served) == set(wanted)
        missing = set(served) - set(known.mapped("name"))
        for hostname in known:
            hostname._follow(hostname.name in served, reason)
        for name in sorted(missing):
            known._add_served(self, name)
        # Those that are still served although they were removed were live all the time.
        now = set(self.sudo().hostname_ids._live_names()) - missing
        if is_done or now != set(before):
            self._emit("instance.domains_changed")

    # ------------------------------------------------------------ provision

    def _provision_in_steps(self, log):
        """Create the instance. After a crash at any point, running it again completes it."""
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
        """Use a spare of the template, or clone the template."""
        provisioning.clone()

    def _neutralize_database(self, provisioning):
        """I6: strip every identity and secret inherited from the template."""
        provisioning.sanitize()

    def _customize_instance(self, provisioning):
        """Write the customer's company, language, time zone and country, and what they may use."""
        provisioning.customize()

    def _create_client_admin(self, provisioning):
        """I7: make the customer the administrator."""
        provisioning.create_admin()

    def _configure_subdomain(self, provisioning):
        """Publish the host name and wait until the public route answers (I5)."""
        return provisioning.publish()

    def _activate(self, creation):
        self._move(
            "activate",
            operation=False,
            url=creation.instance.url,
            project=creation.instance.project,
            activated_at=fields.Datetime.now(),
            provisioning_s=creation.duration_s,
            run_state="running",
            health="healthy",
        )
        self.hostname_ids._go_live()
        self._serve_later_what_differs(creation.instance.hostnames)
        self._start_subscription()
        self.request_ids._instance_activated()
        self._emit("instance.provisioned")
        self._enqueue("_measure", self.env._("Measure %s", self.name))

    def _serve_later_what_differs(self, hostnames):
        """hostnames: those it was created with, which a killed run may have chosen."""
        is_pending = "pending" in self.hostname_ids.mapped("state")
        if is_pending or sorted(hostnames) != self.hostname_ids._served_names():
            self._set_domains_later()

    def _serve_added_hostnames(self):
        """Job: have those served that were added during its creation, whose transaction cannot see them."""
        if self.operation:
            message = self.env._("Something is being done with %s already. Try again in a moment.", self.name)
            raise RetryableJobError(message, seconds=_AGAIN_S, ignore_retry=True)
        if "pending" in self.hostname_ids.mapped("state"):
            self._set_domains_later()

    # ------------------------------------------------------------ the others

    def _delete_database(self, log):
        """I9: take a final backup, then drop database, role, files and route; the record stays."""
        self._learn_identity()
        gateway.terminate(self, log.on_step, without_backup=self.wanted == _WITHOUT_BACKUP)
        self._done("terminate")
        self._follow_backups_at_last(log)
        self._release_hostnames()
        self.subscription_ids._instance_terminated()

    def _rename_in_steps(self, log):
        renamed = gateway.rename(self, self.wanted, log.on_step)
        self._done("rename", {"previous_subdomain": self.subdomain}, **self._names(renamed))
        self._note_new_address()
        return self.env._("It is now at %s.", renamed.url)

    def _names(self, found):
        before = self.url if found.url != self.url else self.previous_url
        names = {"subdomain": found.name, "database_name": found.name, "url": found.url}
        return {**names, "previous_url": before}

    def _note_new_address(self):
        """Note a text that operators can copy for others; the customer gets a mail if one can be sent."""
        text = self.env._(
            "The address of %(name)s has changed from %(before)s to %(now)s. The old one does not work any "
            "more: please change your bookmarks, and log in again.",
            name=self.name,
            before=self.previous_url,
            now=self.url,
        )
        obstacle = self.env["saas.provider"]._mail_obstacle(self.company_id)
        title = (
            self.env._("The customer gets no mail yet: %s To tell them and others, copy this:", obstacle)
            if obstacle
            else self.env._("The customer gets a mail. To tell others, copy this:")
        )
        self.message_post(body=Markup("<p>%s</p><blockquote>%s</blockquote>") % (title, text))

    def _set_domains_at_once(self, log):
        self.hostname_ids._verify()
        try:
            gateway.set_hostnames(self)
        except gateway.HOSTNAME_REFUSED:
            self.hostname_ids._fail_refused()
            gateway.set_hostnames(self)
        self.hostname_ids._go_live()
        self._done("set_domains")
        names = ", ".join(self.hostname_ids._served_names())
        message = self.env._("It answers at %s, too.", names) if names else self.env._("No further domain.")
        log.tell("info", message)
        return message

    def _install_at_once(self, log):
        with log.step("install", "install"):
            installed = gateway.install_modules(self, self.wanted.split())
        self._done("install", {"modules": list(installed)})
        names = ", ".join(installed)
        message = self.env._("Installed: %s.", names) if names else self.env._("They were there already.")
        log.tell("info", message)
        self.message_post(body=message)
        return message


def _action(operation):
    def action(self):
        return self._intend(operation)

    return action


# Each operation without arguments has one button, and one method for RPC.
for _row in ENGINE.values():
    if _row.takes_name_alone:
        setattr(SaasInstance, f"action_{_row.name}", _action(_row.name))
