"""W1: what the visitor is told of their request; the page, the API and the mails all follow its state."""

from odoo import fields, models
from odoo.addons.saas_manager import gateway

_STAGE_AFTER = {
    "prepare": 0,
    "database": 0,
    "files": 1,
    "sanitize": 1,
    "customize": 2,
    "admin": 3,
    "publish": 3,
    "probe": 3,
    "activate": 3,
}
"""The stage that is under way once the engine has done that step."""
_ENTER_WITHIN_H = 1


class SaasInstanceRequest(models.Model):
    _inherit = "saas.instance.request"

    def _signup_state(self):
        """How far it is, for the page and its polls."""
        self.ensure_one()
        state = self._told_state()
        return {
            "state": state,
            "percent": 100 if state == "ready" else int(self.progress),
            "stage": 4 if state == "ready" else _STAGE_AFTER.get(self.progress_step, 0),
            "sentence": self._page_sentence(state),
        }

    def _stages(self):
        return [
            self.env._("Preparing your database"),
            self.env._("Making it yours"),
            self.env._("Creating your login"),
            self.env._("Opening your address"),
        ]

    def _page_sentence(self, state):
        if state == "creating":
            return self._stages()[_STAGE_AFTER.get(self.progress_step, 0)]
        return {
            "unconfirmed": self.env._("Waiting for your confirmation"),
            "ready": self.env._("Your Odoo is ready"),
            "delayed": self.env._("It takes a little longer"),
            "failed": self.env._("Your Odoo could not be created"),
            "gone": self.env._("This Odoo does not exist any more"),
        }[state]

    # ------------------------------------------------------------ into it

    def _may_be_entered(self):
        """Only soon after it was made: later the customer logs in like everybody."""
        instance = self.instance_id
        since = fields.Datetime.subtract(fields.Datetime.now(), hours=_ENTER_WITHIN_H)
        if self._told_state() == "creating":
            return True
        return self._told_state() == "ready" and instance.state == "active" and instance.activated_at > since

    def _login_link(self, origin):
        """I7: a link that lets its bearer in once; None if there is none to be had.

        origin: of the page that may send them in with it.
        """
        if self._told_state() != "ready":
            return None
        try:
            return gateway.login_link(self.instance_id, origin=origin).reveal()
        except gateway.EngineError:
            return None
