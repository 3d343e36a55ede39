"""Notifies open forms of a record, and the dashboards, when its state changes."""

from odoo import models


class SaasLiveMixin(models.AbstractModel):
    _name = "saas.live.mixin"
    _inherit = "bus.listener.mixin"
    _description = "SaaS Live Update Mixin"

    def write(self, vals):
        result = super().write(vals)
        if "state" in vals or "operation" in vals:
            self._notify_screens()
        return result

    def _notify_screens(self):
        """Refresh open forms and dashboards after the commit."""
        for record in self:
            status = "started" if record._is_under_way() else "finished"
            message = {"id": record.id, "model": record._name, "status": status, "state": record.state}
            record._bus_send("saas.step", message)
        # The group gets no data of the record: not all of its users may read it.
        group = self.env["ir.model.data"]._xmlid_to_res_id("saas_manager.group_saas_user")
        self.env["res.groups"].browse(group)._bus_send("saas.changed", {})

    def _notify_step(self, values):
        """Show a finished step to users who have the record, or its request, open."""
        self.ensure_one()
        for record in (self, *(self.request_ids if "request_ids" in self._fields else ())):
            record._bus_send("saas.step", {"id": record.id, "model": record._name, **values})

    def _is_under_way(self):
        """Whether a job is working on the record, or will soon."""
        if "operation" in self._fields:
            return bool(self.operation)
        return self.state in ("building", "processing")
