"""The jobs of a template: the engine builds, then the record is updated."""

from odoo import api, fields, models

from .. import gateway
from .step_log import StepLog


class SaasTemplate(models.Model):
    _inherit = "saas.template"

    def _enqueue(self, method, description):
        job = self.with_delay(
            channel="root.saas_build" if method != "_fill_pool" else "root.saas_pool",
            description=description,
            identity_key=self._identity_key(method),
            max_retries=5,
        )
        return getattr(job, method)()

    def _build(self):
        """Job: build the recipe, unless it is built. After a crash, running it again completes it."""
        return self._make(gateway.build_template)

    def _rebuild(self):
        """Job: build it again."""
        return self._make(gateway.rebuild_template)

    def _finish_editing(self):
        """Job: check and freeze the edited copy, and make it the template."""
        return self._make(gateway.finish_editing)

    def _make(self, operation):
        self.ensure_one()
        if self.state != "building":
            return self.env._("Nothing to do: the template is not to be built any more.")
        with StepLog(self) as log:
            try:
                with gateway.retrying(log):
                    built = operation(self, log.on_step)
            except gateway.EngineError as error:
                return self._make_failed(gateway.sentence(error))
        self._move(
            "finish",
            template_version=built.version,
            built_at=fields.Datetime.now(),
            state_reason=False,
            **gateway.offered(built),
        )
        self.message_post(body=self.env._("Version %s is ready.", built.version))
        self._enqueue("_fill_pool", self.env._("Fill the pool of %s", self.name))
        return self.env._("Version %s is ready.", built.version)

    def _make_failed(self, reason):
        self._move("fail", state_reason=reason)
        self._ask_operator(self.env._("The template could not be built"), reason, repeats=True)
        return reason

    def _awaited_jobs(self):
        return ("_build", "_rebuild", "_finish_editing") if self.state == "building" else ()

    @api.model
    def _under_way_domain(self):
        return [("state", "=", "building")]

    def _on_job_failed(self, exc_message="", **_values):
        """Called by the queue when a job ended in an unexpected error or ran out of retries."""
        if self.state == "building":
            self._make_failed(exc_message or self.env._("An unexpected error; see the job."))

    def _fill_pool(self):
        """Job: fill the pool to its size. The cron repeats it, so a failure is noted only once."""
        self.ensure_one()
        try:
            with gateway.retrying():
                # sudo: the job runs as whoever asked for it, who cannot write figures
                self.sudo().spare_count = gateway.fill_pool(self)
        except gateway.EngineError as error:
            return self._on_pool_failed(gateway.sentence(error))

    def _on_pool_failed(self, exc_message="", **_values):
        """Also called by the queue; a running build continues."""
        summary = self.env._("The pool could not be filled")
        reason = exc_message or self.env._("An unexpected error; see the job.")
        self._ask_operator(summary, reason)
        return reason

    @api.model
    def _cron_fill_pools(self):
        """J1: every minute, for templates with too few spares."""
        templates = self.search([("is_template_ready", "=", True), ("state", "!=", "building")])
        for template, values, stale in gateway.pool_status(templates):
            template._write_changed(values)
            if stale and template.state == "ready":
                template._move("outdate", state_reason=stale)
            if template.spare_count < template.pool_size:
                template.action_fill_pool()

    def _write_changed(self, values):
        """Write only what differs, so that open forms do not become outdated every minute."""
        changed = {name: value for name, value in values.items() if (self[name] or False) != (value or False)}
        if changed:
            self.write(changed)
