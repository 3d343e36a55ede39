"""What a customer sees first: their own app instead of a chat, and what to do next."""

from datetime import timedelta

from odoo import api, fields, models
from odoo.release import series

_PARAMETER = "saas_tenant.welcome_closed"
_SHOWN_DAYS = 30
_LAST = (
    "contacts.menu_contacts",
    "calendar.mail_menu_calendar",
    "project_todo.menu_todo_todos",
    "spreadsheet_dashboard.spreadsheet_dashboard_menu_root",
    "base.menu_management",
    "base.menu_administration",
    "base.menu_tests",
    "mail.menu_root_discuss",
)
"""The apps that come with others, and those that nobody has their Odoo for: Odoo's own tests, the chat."""
_TRANSLATED = ("de", "es", "fr", "it", "ja", "ko", "nl", "pt_BR", "zh_CN", "zh_TW")
"""The languages of Odoo's documentation, besides English."""


class SaasWelcome(models.AbstractModel):
    _name = "saas.welcome"
    _description = "Welcome to a New Odoo"

    @api.model
    def _home_action(self):
        """The action of the first app, of `_LAST` only if there is no other; False: Odoo decides."""
        menus = self.env["ir.ui.menu"].load_web_menus(False)
        apps = [menus[app] for app in menus["root"]["children"]]
        own = [app for app in apps if app["xmlid"] not in _LAST]
        others = sorted(
            (app for app in apps if app["xmlid"] in _LAST), key=lambda app: _LAST.index(app["xmlid"])
        )
        return next((app["actionID"] for app in (*own, *others) if app["actionID"]), False)

    @api.model
    def _for_user(self):
        """The welcome's content for the administrator of a new Odoo; None: there is none any more."""
        user = self.env.user
        if user != self._administrator() or not self._is_new():
            return None
        name, contact = self.env["saas.entitlements"]._provider()
        invite = {"text": self.env._("Invite your colleagues"), "action": "base.action_res_users"}
        read = {"text": self.env._("Read how Odoo works"), "url": self._documentation()}
        steps = [{**invite, "icon": "fa-user-plus"}, *self._import_step(), {**read, "icon": "fa-book"}]
        if contact:
            text = self.env._("Ask %s for help", name or contact)
            steps.append({"text": text, "url": f"mailto:{contact}", "icon": "fa-life-ring"})
        return {"title": self.env._("Welcome, %s", user.name), "steps": steps}

    def _documentation(self):
        """Odoo's, in the user's language if there is one in it."""
        spoken = self.env.user.lang or ""
        found = [code for code in (spoken, spoken.partition("_")[0]) if code in _TRANSLATED]
        return "/".join(["https://www.odoo.com/documentation", series, *found[:1], ""])

    def _import_step(self):
        if "base_import.import" not in self.env:
            return []
        action = {"type": "ir.actions.client", "tag": "import", "params": {"active_model": "res.partner"}}
        return [{"text": self.env._("Import your contacts"), "action": action, "icon": "fa-upload"}]

    def _administrator(self):
        return self.env.ref("base.user_admin", raise_if_not_found=False)

    def _is_new(self):
        # sudo: settings
        parameters = self.env["ir.config_parameter"].sudo()
        created = parameters.get_param("database.create_date")
        if not created:
            return False
        age = fields.Datetime.now() - fields.Datetime.to_datetime(created)
        # Not `get_param`: a request that began before the closing can put the old value into its cache.
        return age < timedelta(days=_SHOWN_DAYS) and not parameters.search_count([("key", "=", _PARAMETER)])

    @api.model
    def close(self):
        """Do not show the welcome again."""
        if self.env.user == self._administrator():
            # sudo: a mark of ours, nobody's setting
            self.env["ir.config_parameter"].sudo().set_param(_PARAMETER, "1")
        return True
