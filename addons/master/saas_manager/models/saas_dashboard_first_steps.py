"""The first steps of a new installation: which are done, and where each of the others is done."""

from odoo import api, models
from odoo.exceptions import AccessError

_HIDDEN = "saas.first_steps_hidden"
_ADMINISTRATOR = "saas_manager.group_saas_administrator"
_LOCAL = ("", "localhost")


class SaasDashboard(models.AbstractModel):
    _inherit = "saas.dashboard"  # pylint: disable=consider-merging-classes-inherited

    def _first_steps(self):
        """The list is shown until all is done, or an administrator hides it."""
        # sudo: users of the back office need not see parameters
        is_hidden = bool(self.env["ir.config_parameter"].sudo().get_param(_HIDDEN))
        steps = [] if is_hidden else self._steps()
        return {
            "has_instance": bool(self.env["saas.instance"].search_count([], limit=1)),
            "is_shown": any(not step["is_done"] for step in steps),
            "may_hide": self.env.user.has_group(_ADMINISTRATOR),
            "steps": steps,
        }

    @api.model
    def hide_first_steps(self):
        if not self.env.user.has_group(_ADMINISTRATOR):
            raise AccessError(self.env._("Only a SaaS administrator may hide the first steps."))
        self.env["ir.config_parameter"].sudo().set_param(_HIDDEN, "1")

    def _steps(self):
        may_set = self.env.user.has_group("base.group_system")
        is_administrator = self.env.user.has_group(_ADMINISTRATOR)
        templates, plans, instances = (
            self.env[model] for model in ("saas.template", "saas.plan", "saas.instance")
        )
        # sudo: users of the back office need not see parameters
        base_domain = self.env["ir.config_parameter"].sudo().get_param("saas.base_domain") or ""
        has_template = bool(templates.search_count([("is_template_ready", "=", True)], limit=1))
        return [
            self._step(
                self.env._("Set an outgoing mail server"),
                self.env._("Without one, no customer gets a login, and nobody can sign up."),
                not self.env["saas.provider"]._mail_obstacle(),
                may_set and "saas_manager.res_config_settings_action",
            ),
            self._step(
                self.env._("Choose the base domain"),
                self.env._("Instances answer below it. Until then they answer on this machine only."),
                base_domain not in _LOCAL,
                may_set and "saas_manager.res_config_settings_action",
            ),
            self._step(
                self.env._("Build a template"),
                self.env._("New instances are made from it. It takes a minute or two."),
                has_template,
                is_administrator and "saas_manager.saas_template_action",
            ),
            self._step(
                self.env._("Make a plan"),
                self.env._("What customers pay, and what they get for it."),
                bool(plans.search_count([], limit=1)),
                is_administrator and "saas_manager.saas_plan_action",
            ),
            self._step(
                self.env._("Create your first instance"),
                self.env._("For yourself, or for your first customer."),
                bool(instances.search_count([], limit=1)),
                has_template
                and instances.has_access("create")
                and "saas_manager.saas_instance_create_action",
            ),
        ]

    def _step(self, label, hint, is_done, action):
        """action: the XML id of where it is done; false if this user cannot do it, or not yet."""
        return {"label": label, "hint": hint, "is_done": is_done, "action": action}
