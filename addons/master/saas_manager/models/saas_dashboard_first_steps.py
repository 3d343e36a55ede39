"""The first steps of a new installation: which are done, and where each of the others is done."""

from collections.abc import Callable
from dataclasses import dataclass

from odoo import api, models
from odoo.exceptions import AccessError
from odoo.tools.translate import LazyTranslate

_lt = LazyTranslate(__name__)

_HIDDEN = "saas.first_steps_hidden"
_ADMINISTRATOR = "saas_manager.group_saas_administrator"
_LOCAL = ("", "localhost")


def _domain_is_chosen(env):
    # sudo: users of the back office need not see parameters
    return (env["ir.config_parameter"].sudo().get_param("saas.base_domain") or "") not in _LOCAL


def _has_template(env):
    return bool(env["saas.template"].search_count([("is_template_ready", "=", True)], limit=1))


@dataclass(frozen=True)
class Step:
    """action: the XML id of where it is done. group: who does it. is_possible: whether it can be done now."""

    label: object
    hint: object
    is_done: Callable
    action: str
    group: str
    is_possible: Callable = lambda _env: True


_STEPS = (
    Step(
        _lt("Set an outgoing mail server"),
        _lt("Without one, no customer gets a login, and nobody can sign up."),
        lambda env: not env["saas.provider"]._mail_obstacle(),
        "saas_manager.res_config_settings_action",
        "base.group_system",
    ),
    Step(
        _lt("Choose the base domain"),
        _lt("Instances answer below it. Until then they answer on this machine only."),
        _domain_is_chosen,
        "saas_manager.res_config_settings_action",
        "base.group_system",
    ),
    Step(
        _lt("Build a template"),
        _lt("New instances are made from it. It takes a minute or two."),
        _has_template,
        "saas_manager.saas_template_action",
        _ADMINISTRATOR,
    ),
    Step(
        _lt("Make a plan"),
        _lt("What customers pay, and what they get for it."),
        lambda env: bool(env["saas.plan"].search_count([], limit=1)),
        "saas_manager.saas_plan_action",
        _ADMINISTRATOR,
    ),
    Step(
        _lt("Create your first instance"),
        _lt("For yourself, or for your first customer."),
        lambda env: bool(env["saas.instance"].search_count([], limit=1)),
        "saas_manager.saas_instance_create_action",
        "saas_manager.group_saas_manager",
        is_possible=_has_template,
    ),
)


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
        """Each with its action, if this user can do it now."""
        return [
            {
                "label": self.env._(step.label),
                "hint": self.env._(step.hint),
                "is_done": step.is_done(self.env),
                "action": self.env.user.has_group(step.group) and step.is_possible(self.env) and step.action,
            }
            for step in _STEPS
        ]
