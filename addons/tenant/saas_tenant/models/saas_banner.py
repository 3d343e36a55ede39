from datetime import datetime

from odoo import api, fields, models
from odoo.addons.saas_agreed import PAST_DUE


class SaasBanner(models.AbstractModel):
    """The banners of the provider, at the top of the web client."""

    _name = "saas.banner"
    _description = "Banner of the Provider"

    @api.model
    def _all(self, support_by=None):
        """The current banners, the most urgent first. support_by: the operator in a support session."""
        allowed = self.env["saas.entitlements"]._current()
        link = self.env["saas.entitlements"]._way_on(allowed, self.env._("Open my plan")) if allowed else None
        return [
            *(self._banner(*parts) for parts in self._support(support_by)),
            *([] if support_by else self._password()),
            *(self._banner(*parts, link=link) for parts in self._plan(allowed)),
        ]

    def _banner(self, key, level, text, link=None):
        """key: the browser stores it when the user closes the banner."""
        return {"key": key, "level": level, "text": text, "link": link}

    def _support(self, by):
        if not by:
            return []
        text = self.env._("Support session of %s. It ends 15 minutes after it began, and is recorded.", by)
        return [("support", "support", text)]

    def _password(self):
        """Who came by a link and chose no password cannot come back without another link."""
        if not self.env.user._is_asked_for_password():
            return []
        text = self.env._("You have no password yet: without one you need a new link for each login.")
        link = {"url": "/saas/password", "label": self.env._("Choose a password"), "here": True}
        return [self._banner("password", "warning", text, link=link)]

    def _plan(self, allowed):
        if allowed is None:
            return []
        if not allowed.is_valid:
            return [("unknown", "danger", self.env["saas.entitlements"]._unknown_plan_message())]
        if allowed.state == PAST_DUE:
            text = self.env._("An invoice is overdue. Please pay it, so that your Odoo is not suspended.")
            return [(PAST_DUE, "danger", text)]
        days = self._days_left(allowed.expires_at)
        if days is None or days > 14:
            return []
        level = "info" if days > 7 else "warning" if days > 1 else "danger"
        return [(f"expiry {allowed.expires_at} {level}", level, self._expiry_text(days))]

    def _days_left(self, expires_at):
        """Whole days in the user's time zone; None when nothing expires."""
        if not expires_at:
            return None
        end = fields.Datetime.context_timestamp(self, _as_utc(expires_at)).date()
        return (end - fields.Date.context_today(self)).days

    def _expiry_text(self, days):
        if days < 0:
            return self.env._("Your subscription has expired. Renew it to keep your Odoo running.")
        if days == 0:
            return self.env._("Your subscription expires today. Renew it to keep your Odoo running.")
        if days == 1:
            return self.env._("Your subscription expires tomorrow. Renew it to keep your Odoo running.")
        return self.env._("Your subscription expires in %s days. Renew it to keep your Odoo running.", days)


def _as_utc(text):
    """A datetime as Odoo stores it: in UTC, without a time zone."""
    moment = datetime.fromisoformat(text)
    return (moment - moment.utcoffset()).replace(tzinfo=None)
