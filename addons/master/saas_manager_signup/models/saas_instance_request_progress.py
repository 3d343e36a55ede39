"""W1: the progress that visitors see. The page, the API and the mails all follow the request's state."""

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
"""The stage that begins once the engine has done that step."""
_ENTER_WITHIN_H = 1


class SaasInstanceRequest(models.Model):
    _inherit = "saas.instance.request"

    def _signup_state(self):
        """The progress, for the page and for its polling."""
        self.ensure_one()
        state = self._public_state()
        return {
            "state": state,
            "percent": 100 if state == "ready" else int(self.progress),
            "stage": 4 if state == "ready" else _STAGE_AFTER.get(self.progress_step, 0),
            "sentence": self._page_sentence(state),
            "mail": self._link_state() if state == "unconfirmed" else "sent",
        }

    def _link_state(self):
        """What became of the mail with the link, by its job: `sending`, `sent`, `delayed` or `failed`.

        `delayed`: the mail server did not take it so far, and it is tried again.
        """
        job = self._link_job()
        if job.state == "done":
            return "sent"
        if job.state in ("failed", "cancelled"):
            return "failed"
        return "delayed" if job.retry else "sending"

    def _link_job(self):
        # sudo: visitors cannot see jobs
        jobs = self.env["queue.job"].sudo()
        return jobs.search([("uuid", "=", self.link_job)], limit=1) if self.link_job else jobs

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

    # ------------------------------------------------------------ logging in

    def _may_be_entered(self):
        """Only soon after the creation: later the customer logs in like everybody."""
        instance = self.instance_id
        since = fields.Datetime.subtract(fields.Datetime.now(), hours=_ENTER_WITHIN_H)
        if self._public_state() == "creating":
            return True
        return (
            self._public_state() == "ready" and instance.state == "active" and instance.activated_at > since
        )

    def _login_link(self, origin):
        """I7: a link for one login; None if the instance gives none.

        origin: of the page that may use it.
        """
        if self._public_state() != "ready":
            return None
        try:
            return gateway.login_link(self.instance_id, origin=origin).reveal()
        except gateway.EngineError:
            return None
