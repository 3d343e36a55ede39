"""What an operator can do with an instance: note what is wanted, and let a job do it after the commit."""

from odoo import api, fields, models
from odoo.exceptions import AccessError

from .. import gateway
from ..exceptions import InvalidState
from ..operations import ENGINE, OPERATIONS, hidden_when


class SaasInstance(models.Model):
    _inherit = "saas.instance"

    @api.model
    def _get_view(self, view_id=None, view_type="form", **options):
        """The view says where an operation's button stands, its row when it is shown, and to whom."""
        arch, view = super()._get_view(view_id, view_type, **options)
        for button in arch.xpath("//button[@data-operation]"):
            operation = button.attrib.pop("data-operation")
            button.set("invisible", hidden_when(operation))
            button.set("groups", OPERATIONS[operation].group)
        return arch, view

    def action_provision_instance(self):
        """I4: check, note what is wanted, and let a job create it after the commit."""
        self.check_access("write")
        for instance in self:
            instance._check_transition("provision")
            instance.template_id._check_is_ready()
            instance.template_id._check_language(instance.language_id)
            instance.plan_id._check_room(instance.template_id)
            # sudo: how full a server is depends on all companies' instances.
            server = (
                instance.env["saas.server"]
                .sudo()
                ._place(instance.template_id, instance.plan_id, instance.company_id, instance.server_id)
            )
            instance._move(
                "provision",
                server_id=server.id,
                database_name=instance.subdomain,
                # sudo: only jobs read it. A killed run may have given the instance this one already.
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
        """Give failed instances up, with whatever their creation left behind."""
        self.check_access("write")
        self._check_transition("discard")
        for instance in self.filtered("database_name"):
            gateway.abandon(instance)
        self._move(
            "discard", terminated_at=fields.Datetime.now(), operation=False, admin_password_sealed=False
        )
        self._release_hostnames()

    def _release_hostnames(self):
        """Of what is terminated: another instance may answer at them from now on."""
        # sudo: who may end an instance may do so with all that belongs to it.
        self.sudo().hostname_ids.unlink()

    def action_suspend(self, reason=None):
        return self._intend("suspend", reason)

    def action_terminate(self):
        """I9: administrators only; the wizard has made sure of the name."""
        self._check_may("terminate")
        failed = self.filtered(lambda instance: instance.state == "failed")
        failed.action_discard()
        return (self - failed)._intend("terminate")

    def _intend(self, operation, reason=None, **values):
        """Note what is wanted and let a job do it after the commit."""
        self._check_may(operation)
        if ENGINE[operation].needs_running:
            self._check_is_running()
        self._check_transition(operation)
        for instance in self:
            if instance.operation:
                raise InvalidState(
                    self.env._(
                        "Something is being done with %s already. Try again in a moment.", instance.name
                    )
                )
            # sudo: `operation` is written by actions only.
            instance.sudo().write(
                {**instance._under_way(operation), "state_reason": reason or False, **values}
            )
            instance._enqueue_operation(operation)
        return True

    def _check_may(self, operation):
        """Raise AccessError when the user is not of the operation's group."""
        self.check_access("write")
        row = OPERATIONS[operation]
        if row.refusal and not (self.env.su or self.env.user.has_group(row.group)):
            raise AccessError(self.env._(row.refusal))

    def _under_way(self, operation):
        """The values of an instance with which this is done from now on."""
        # sudo: who may have it done need not read the log. A draft has no steps in it.
        lines = self.env["saas.instance.log"].sudo()
        last = lines if self.state == "draft" else lines.search([("instance_id", "=", self.id)], limit=1)
        return {"operation": operation, "operation_after": last.id}

    def action_open(self):
        self.ensure_one()
        if self.state != "active":
            raise InvalidState(self.env._("%s is not active.", self.name))
        self._check_is_running()
        return {"type": "ir.actions.act_url", "url": self.url, "target": "new"}

    def action_view_logs(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("saas_manager.saas_instance_log_action")
        return {**action, "domain": [("instance_id", "=", self.id)], "context": {}}

    def action_view_subscriptions(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("saas_manager.saas_subscription_action")
        context = {
            "default_instance_id": self.id,
            "default_partner_id": self.partner_id.id,
            "default_plan_id": self.plan_id.id,
        }
        return {**action, "domain": [("instance_id", "=", self.id)], "context": context}

    def action_check_health(self):
        self.check_access("write")
        self._check_health()


def _action(operation):
    def action(self):
        return self._intend(operation)

    return action


# One button, and one method over RPC, for each operation that is wanted by its name alone.
for _row in ENGINE.values():
    if _row.takes_name_alone:
        setattr(SaasInstance, f"action_{_row.name}", _action(_row.name))
