"""A wizard: an operator does one thing with several instances, and reads what became of each."""

from odoo import Command, api, fields, models
from odoo.exceptions import UserError

from .. import gateway
from ..operations import ENGINE


class SaasInstanceBulk(models.TransientModel):
    _name = "saas.instance.bulk"
    _description = "Do Something with Several Instances"

    operation = fields.Selection(
        [
            ("suspend", "Suspend"),
            ("reactivate", "Reactivate"),
            ("start", "Start"),
            ("stop", "Stop"),
            ("restart", "Restart"),
            ("change_plan", "Change Plan"),
            ("install", "Install Modules"),
            ("mail", "Send Mail"),
        ],
        required=True,
        readonly=True,
    )
    line_ids = fields.One2many("saas.instance.bulk.line", "bulk_id", string="Instances")
    reason = fields.Char(help="The customers read it.")
    plan_id = fields.Many2one("saas.plan", string="New Plan")
    server_id = fields.Many2one("saas.server", compute="_compute_server_id")
    module_ids = fields.Many2many(
        "saas.module",
        string="Modules",
        domain="[('server_id', '=', server_id)]",
        help="Search by name, such as CRM.",
    )
    subject = fields.Char()
    body = fields.Html(string="Text", sanitize_style=True)
    is_done = fields.Boolean(readonly=True)
    summary = fields.Char(compute="_compute_summary")

    @api.model
    def default_get(self, fields_list):
        """A line for each of the selected instances."""
        values = super().default_get(fields_list)
        if "line_ids" in fields_list and self.env.context.get("active_model") == "saas.instance":
            selected = self.env.context.get("active_ids", ())
            values["line_ids"] = [Command.create({"instance_id": instance}) for instance in selected]
            if values.get("operation") == "install":
                for server in self._server_of_modules(self.env["saas.instance"].browse(selected)):
                    self.env["saas.module"]._read_again(server)
        return values

    @api.depends("line_ids.instance_id")
    def _compute_server_id(self):
        """The modules of the first one's server are offered; an instance that lacks one is refused."""
        for wizard in self:
            wizard.server_id = self._server_of_modules(wizard.line_ids.instance_id)

    @api.model
    def _server_of_modules(self, instances):
        return instances.server_id.filtered(lambda server: server._can("install"))[:1]

    @api.depends("line_ids.outcome")
    def _compute_summary(self):
        for wizard in self:
            refused = len(wizard.line_ids.filtered(lambda line: line.outcome == "refused"))
            wizard.summary = wizard.is_done and self.env._(
                "%(done)s of %(all)s begun or done, %(refused)s refused.",
                done=len(wizard.line_ids) - refused,
                all=len(wizard.line_ids),
                refused=refused,
            )

    def action_do(self):
        """Do it with each instance; one that is refused does not keep the others from it."""
        self.ensure_one()
        self._check_complete()
        for line in self.line_ids.filtered(lambda line: line.outcome == "waiting"):
            line._do()
        self.is_done = True
        action = self.env["ir.actions.act_window"]._for_xml_id("saas_manager.saas_instance_bulk_action")
        return {**action, "res_id": self.id}

    def _check_complete(self):
        needed = {
            "suspend": self.reason,
            "change_plan": self.plan_id,
            "install": self.module_ids,
            "mail": self.subject and self.body,
        }
        if not needed.get(self.operation, True):
            raise UserError(self.env._("Something is missing: fill in the form first."))

    def _check(self, instance):
        """Raise UserError if it is certain that this would be refused."""
        if self.operation in ENGINE:
            instance._check_may_begin(self.operation)
            if not ENGINE[self.operation].after and instance.run_state == ENGINE[self.operation].run_state:
                self._check_changes_something(instance)
        elif self.operation == "change_plan" and self.plan_id:
            instance._check_fits(self.plan_id)
        elif self.operation == "mail":
            instance._check_can_write_to_customer()

    def _check_changes_something(self, instance):
        if self.operation == "start":
            raise UserError(self.env._("%s is running already.", instance.name))
        if self.operation == "stop":
            raise UserError(self.env._("%s is stopped already.", instance.name))

    def _do_with(self, instance):
        """Begin it with one instance; return what became of it."""
        self._check(instance)
        if self.operation == "suspend":
            instance.action_suspend(self.reason)
        elif self.operation == "change_plan":
            instance.change_plan(self.plan_id)
            return "done"
        elif self.operation == "install":
            instance.install_modules(self.module_ids.mapped("name"))
        elif self.operation == "mail":
            instance._write_to_customer(self.subject, self.body)
        else:
            getattr(instance, f"action_{self.operation}")()
        return "begun"


class SaasInstanceBulkLine(models.TransientModel):
    _name = "saas.instance.bulk.line"
    _description = "One of Several Instances"

    bulk_id = fields.Many2one("saas.instance.bulk", required=True, ondelete="cascade")
    instance_id = fields.Many2one("saas.instance", required=True, ondelete="cascade")
    plan_id = fields.Many2one(related="instance_id.plan_id", related_sudo=False, string="Present Plan")
    status = fields.Selection(related="instance_id.status", related_sudo=False, string="State")
    outcome = fields.Selection(
        [("waiting", "To Do"), ("begun", "Begun"), ("done", "Done"), ("refused", "Refused")],
        required=True,
        default="waiting",
        readonly=True,
    )
    refusal = fields.Char(string="Why It Was Refused", readonly=True)
    objection = fields.Char(string="Why Not", compute="_compute_objection")

    @api.depends("instance_id", "bulk_id.operation", "bulk_id.plan_id", "outcome")
    def _compute_objection(self):
        """Why it was refused, or will be; empty if nothing is known against it."""
        for line in self:
            line.objection = line.refusal
            if line.outcome == "waiting" and line.instance_id and line.bulk_id.operation:
                line.objection = line._objection()

    def _objection(self):
        try:
            self.bulk_id._check(self.instance_id)
        except UserError as error:
            return str(error)
        return False

    def _do(self):
        try:
            with self.env.cr.savepoint():
                outcome, refusal = self.bulk_id._do_with(self.instance_id), False
        except UserError as error:
            outcome, refusal = "refused", str(error)
        except gateway.EngineError as error:
            outcome, refusal = "refused", gateway.sentence(error, self.env.lang)
        self.write({"outcome": outcome, "refusal": refusal})
