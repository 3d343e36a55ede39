"""M4: an endpoint: the URL of another program, which gets the events of instances."""

import json
from datetime import UTC, datetime

from odoo import SUPERUSER_ID, api, fields, models
from odoo.fields import Domain
from odoo.tools import plaintext2html

from ..webhook_events import PING, PingNews
from ..webhook_sender import check_url

_FAILING_FROM = 3
"""After so many failed events in a row, operators are warned."""


class SaasWebhook(models.Model):
    _name = "saas.webhook"
    _description = "SaaS Webhook"
    _inherit = ["saas.readonly.mixin", "mail.thread", "mail.activity.mixin"]
    _order = "name, id"

    name = fields.Char(required=True, tracking=True)
    description = fields.Text()
    active = fields.Boolean(default=True, tracking=True)
    url = fields.Char(string="URL", required=True, tracking=True)
    company_id = fields.Many2one(
        "res.company", required=True, index=True, default=lambda self: self.env.company
    )
    partner_id = fields.Many2one(
        "res.partner",
        string="Customer",
        index="btree_not_null",
        ondelete="cascade",
        tracking=True,
        help="It gets events of this customer's instances only. Empty: of all the company's instances.",
    )
    event_ids = fields.Many2many(
        "saas.webhook.event", string="Events", help="The events that it gets. Empty: all."
    )
    delivery_ids = fields.One2many("saas.webhook.delivery", "webhook_id")
    delivery_count = fields.Integer(compute="_compute_delivery_counts")
    failed_count = fields.Integer(
        string="Failed in a Row",
        compute="_compute_delivery_counts",
        help="Failed messages since the last one that arrived.",
    )
    is_failing = fields.Boolean(compute="_compute_delivery_counts")

    @api.constrains("url")
    def _check_url(self):
        allow_private = self._is_private_allowed()
        for webhook in self:
            check_url(self.env, webhook.url, allow_private)

    @api.depends("delivery_ids.state")
    def _compute_delivery_counts(self):
        """In a row: since the last one that arrived."""
        deliveries = self.env["saas.webhook.delivery"]
        mine, arrived = Domain("webhook_id", "in", self.ids), Domain("state", "=", "delivered")
        counts = dict(deliveries._read_group(mine, ["webhook_id"], ["__count"]))
        last = dict(deliveries._read_group(mine & arrived, ["webhook_id"], ["id:max"]))
        for webhook in self:
            since = Domain("webhook_id", "=", webhook.id) & Domain("id", ">", last.get(webhook, 0))
            webhook.delivery_count = counts.get(webhook, 0)
            webhook.failed_count = deliveries.search_count(since & Domain("state", "=", "failed"))
            webhook.is_failing = webhook.failed_count >= _FAILING_FROM

    def copy_data(self, default=None):
        vals_list = super().copy_data(default)
        names = [self.env._("%s (copy)", webhook.name) for webhook in self]
        return [{**vals, "name": name} for vals, name in zip(vals_list, names, strict=True)]

    # ------------------------------------------------------------ buttons

    def action_test(self):
        """Send a ping at once, and show the answer. If it does not arrive, jobs try again as usual."""
        self.ensure_one()
        self.check_access("write")
        # sudo: only code writes deliveries
        delivery = self.sudo()._record(PING, PingNews(message=self.env._("It works.")))
        delivery._deliver()
        has_arrived = delivery.state == "delivered"
        params = {
            "type": "success" if has_arrived else "danger",
            "title": self.env._("The test has arrived") if has_arrived else self.env._("It did not arrive"),
            "message": delivery._result(),
            "sticky": not has_arrived,
            "next": {"type": "ir.actions.client", "tag": "soft_reload"},
        }
        return {"type": "ir.actions.client", "tag": "display_notification", "params": params}

    def action_view_deliveries(self):
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "saas_manager_webhook.saas_webhook_delivery_action"
        )
        return {**action, "domain": [("webhook_id", "in", self.ids)], "context": {}}

    # ------------------------------------------------------------ events

    @api.model
    def _endpoints_for(self, event, instance):
        """The endpoints that get an event of that instance."""
        customer = instance.partner_id.commercial_partner_id
        return self.search(
            [
                ("company_id", "=", instance.company_id.id),
                "|",
                ("partner_id", "=", False),
                ("partner_id.commercial_partner_id", "=", customer.id),
                "|",
                ("event_ids", "=", False),
                ("event_ids.name", "=", event),
            ]
        )

    def _tell(self, event, news, instance=None):
        """Create a message for each endpoint; jobs send them only after this transaction is committed."""
        self._record(event, news, instance)._enqueue()

    def _record(self, event, news, instance=None):
        """Create a message for each endpoint, without sending it."""
        happened_at = f"{datetime.now(UTC).isoformat(timespec='microseconds').removesuffix('+00:00')}Z"
        return self.env["saas.webhook.delivery"].create(
            [
                {
                    "webhook_id": webhook.id,
                    "event": event,
                    "instance_id": instance.id if instance else False,
                    "payload": _payload(event, happened_at, news),
                }
                for webhook in self
            ]
        )

    @api.model
    def _is_private_allowed(self):
        # sudo: a setting
        value = self.env["ir.config_parameter"].sudo().get_param("saas_api.webhooks_allow_private")
        return (value or "").lower() in ("1", "true", "yes", "on")

    def _switch_off(self, reason):
        """Switch the endpoint off, as it requested."""
        self.active = False
        self._ask_operators(self.env._("%s was switched off", self.name), reason)

    def _ask_operators(self, summary, note):
        """Create an activity for each user who sees the endpoint, unless one is open."""
        webhook = self.with_user(SUPERUSER_ID)
        if summary in webhook.activity_ids.mapped("summary"):
            return
        administrators = self.env.ref("saas_manager.group_saas_administrator").sudo().all_user_ids
        for user in administrators.filtered(lambda u: u.active and webhook.company_id in u.company_ids):
            webhook.activity_schedule(
                "mail.mail_activity_data_warning",
                user_id=user.id,
                summary=summary,
                note=plaintext2html(note),
            )


def _payload(event, happened_at, news):
    return json.dumps({"type": event, "timestamp": happened_at, "data": news.model_dump(mode="json")})
