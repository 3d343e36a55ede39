"""V2: chooses the server of a new instance."""

import functools

from odoo import SUPERUSER_ID, api, models
from odoo.tools import plaintext2html

from .. import gateway
from ..exceptions import NoCapacity
from .saas_server import free_percent

MIN_FREE_PERCENT = gateway.MIN_FREE_PERCENT


class SaasServer(models.Model):
    _inherit = "saas.server"

    @api.model
    def _place(self, template, plan, company, server=None):
        """The active, healthy server of the right kind with the most room; raise NoCapacity if there is none.

        server: if given, the only one considered.
        """
        places = self.search([("state", "!=", "disabled"), ("company_id", "in", (False, company.id))])
        if server:
            places &= server
        objections = {place: place._objection(template, plan) for place in places}
        fitting = places.filtered(lambda place: not objections[place])
        with_room = fitting.filtered(lambda place: not place._lack_of_room())
        if not with_room:
            lacks = {place: objections[place] or place._lack_of_room() for place in places}
            message = self._no_capacity_message(lacks)
            self._alert_no_capacity(fitting[:1] or template, message)
            raise NoCapacity(message)
        return with_room._roomiest()

    @api.model
    def _can_take_any(self):
        """Whether any server can take an instance now."""
        places = self.search([("state", "=", "active")])
        return any(not (place._not_in_service() or place._lack_of_room()) for place in places)

    def _roomiest(self):
        return max(
            self,
            key=lambda place: (
                place.available_capacity,
                free_percent(place.max_instances, place.instance_count),
                -place.sequence,
            ),
        )

    def _objection(self, template, plan):
        """Why an instance of this template and plan cannot be created here, however much room there is."""
        if self._can(gateway.Ability.TEMPLATES):
            if template.server_id and template.server_id != self:
                return self.env._("the template is built on %s", template.server_id.name)
            if not template.server_id and self.address:
                return self.env._("the template is built on the installation's own server")
        wanted = plan.runtime or "shared"
        if self.runtime != wanted:
            return self.env._(
                "its runtime is %(there)s, the plan's is %(wanted)s",
                there=self._label_of("runtime", self.runtime),
                wanted=self._label_of("runtime", wanted),
            )
        return self._objection_to_series(template.series) or self._not_in_service()

    def _objection_to_series(self, series):
        if self.series != series:
            return self.env._(
                "it runs Odoo %(there)s, the template is of Odoo %(wanted)s", there=self.series, wanted=series
            )
        return ""

    def _not_in_service(self):
        """Why it gets no new instances at all."""
        if self.state != "active":
            return self.env._("its state is %s", self._label_of("state", self.state))
        if self.health not in ("healthy", "warning"):
            why = self.health_text or self._label_of("health", self.health)
            return self.env._("it is not healthy (%s)", why)
        return ""

    def _lack_of_room(self):
        """V2: a tenth of everything must be free."""
        percent = {"percent": MIN_FREE_PERCENT}
        if free_percent(self.max_instances, self.instance_count) < MIN_FREE_PERCENT:
            return self.env._(
                "less than %(percent)d %% is free of the %(limit)d instances that it may hold",
                **percent,
                limit=self.max_instances,
            )
        if free_percent(self.disk_gb, self.disk_used_gb) < MIN_FREE_PERCENT:
            return self.env._("less than %(percent)d %% of its disk is free", **percent)
        if free_percent(self.memory_gb, self.memory_used_gb) < MIN_FREE_PERCENT:
            return self.env._("less than %(percent)d %% of its memory is free", **percent)
        return ""

    def _label_of(self, field, value):
        return dict(self._fields[field]._description_selection(self.env))[value]

    def _no_capacity_message(self, lacks):
        """lacks: by server, why it cannot take the instance."""
        if not lacks:
            return self.env._("No capacity: there is no server for it. Add one.")
        reasons = "; ".join(f"{place.name}: {lack}" for place, lack in lacks.items())
        return self.env._("No capacity: no server can take it. %s", reasons)

    def _alert_no_capacity(self, record, message):
        """Create an activity for operators after this transaction, which the error rolls back."""
        summary = self.env._("No capacity for new instances")
        leave = functools.partial(_leave_activity, self.env.registry, record._name, record.id)
        self.env.cr.postrollback.add(functools.partial(leave, summary, message))


def _leave_activity(registry, model, record, summary, note):
    """Create an activity, unless the same one is open."""
    with registry.cursor() as cursor:
        found = api.Environment(cursor, SUPERUSER_ID, {})[model].browse(record).exists()
        if found and summary not in found.activity_ids.mapped("summary"):
            note = plaintext2html(note)
            found.activity_schedule("mail.mail_activity_data_warning", summary=summary, note=note)
