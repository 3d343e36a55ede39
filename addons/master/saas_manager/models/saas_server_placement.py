"""V2: chooses the server of a new instance."""

import functools

from odoo import SUPERUSER_ID, api, models
from odoo.tools import plaintext2html

from ..exceptions import NoCapacity

MIN_FREE_PERCENT = 10.0
"""A server with less room than this gets no new instances."""


class SaasServer(models.Model):
    _inherit = "saas.server"

    @api.model
    def _place(self, template, plan, company, server=None):
        """The active, healthy server of the right kind with the most room; raise NoCapacity if there is none.

        server: if given, the only one considered.
        """
        candidates = self.search_fetch(self._placement_domain(template, plan, company, server))
        with_room = candidates.filtered(lambda server: server.available_capacity >= MIN_FREE_PERCENT)
        if not with_room:
            message = self._no_capacity_message(candidates)
            self._alert_no_capacity(candidates[:1] or template, message)
            raise NoCapacity(message)
        return max(with_room, key=lambda server: (server.available_capacity, -server.sequence))

    @api.model
    def _placement_domain(self, template, plan, company, server):
        only = [("id", "=", wanted.id) for wanted in (template.server_id, server) if wanted]
        if not template.server_id:  # the template is built on the installation's own server
            only.append(("address", "in", (False, "")))
        return [
            ("state", "=", "active"),
            ("health", "in", ("healthy", "warning")),
            ("runtime", "=", plan.runtime or "shared"),
            ("series", "=", template.series),
            ("company_id", "in", (False, company.id)),
            *only,
        ]

    def _no_capacity_message(self, full):
        if full:
            return self.env._(
                "No capacity: less than %(percent)d %% is free on %(servers)s. "
                "Raise the limit, or add a server.",
                servers=", ".join(full.mapped("name")),
                percent=MIN_FREE_PERCENT,
            )
        return self.env._(
            "No server is active and healthy for this template and plan. Activate one, or add one."
        )

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
