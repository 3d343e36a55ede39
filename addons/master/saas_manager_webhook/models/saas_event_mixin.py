"""M4: sends events to other programs."""

from odoo import models
from odoo.addons.saas_manager.events import EVENTS

from ..webhook_events import InstanceNews, SubscriptionNews

_TOLD = ("previous_subdomain", "previous_plan", "modules", "backup")
"""The facts of an event that its message has."""


class SaasEventMixin(models.AbstractModel):
    _inherit = "saas.event.mixin"

    def _emit(self, event, **facts):
        result = super()._emit(event, **facts)
        if EVENTS[event].is_public:
            # sudo: users who cause an event need not see the endpoints that get it
            for record in self.sudo():
                instance = record._event_instance()
                webhooks = record.env["saas.webhook"]._endpoints_for(event, instance)
                if webhooks:
                    webhooks._tell(event, record._event_data(event, **facts), instance)
        return result

    def _event_instance(self):
        return self.instance_id

    def _event_data(self, event, **facts):
        """The content of the message: never a password or a login link. facts: as of `_emit`."""
        raise NotImplementedError

    def _event_parts(self, instance, reason=None):
        return {
            "request_id": instance.request_ids[:1].reference or None,
            "instance": {
                "id": instance.reference,
                "subdomain": instance.subdomain,
                "name": instance.name,
                "state": instance.state,
                "url": instance.url or None,
                "plan": instance.plan_id.code,
                "domains": instance.hostname_ids._served_names(),
            },
            "customer": {
                "name": instance.partner_id.display_name,
                "email": instance.partner_id.email or None,
            },
            "reason": reason or None,
        }


class SaasInstance(models.Model):
    _inherit = "saas.instance"

    def _event_instance(self):
        return self

    def _event_data(self, event, **facts):
        # Only operators may know why a creation failed; customers are told why they were suspended.
        reason = self.state_reason if event == "instance.suspended" else None
        told = {name: facts[name] for name in _TOLD if name in facts}
        return InstanceNews(**self._event_parts(self, reason), **told)


class SaasSubscription(models.Model):
    _inherit = "saas.subscription"

    def _event_data(self, event, **facts):
        subscription = {
            "number": self.name,
            "state": self.state,
            "plan": self.plan_id.code,
            "period": self.period,
            "ends_on": self.date_end or None,
            "auto_renew": self.auto_renew,
            "payment_state": self.payment_state,
        }
        return SubscriptionNews(**self._event_parts(self.instance_id), subscription=subscription)
