"""Captcha challenges: about a second of work for the visitor's browser, signed against forgery."""

import time

from altcha import create_challenge, verify_solution
from odoo import api, models
from odoo.tools import hmac

VALID_S = 3600
COSTS = {"easy": 1_000, "normal": 5_000, "hard": 20_000}
"""Rounds of PBKDF2 per try; on average one try in 256 succeeds."""
_ITS_LANGUAGES = {"fr": "fr-fr"}
_SCOPE = "saas_manager_captcha"
"""As it was called when it was an addon: what browsers solve during an update stays good."""


class SaasSignup(models.AbstractModel):
    _inherit = "saas.signup"

    @api.model
    def _captcha(self):
        """The values for the template `captcha`, if enabled. Other captchas extend it; see `_check_human`."""
        if not self._captcha_setting("enabled"):
            return None
        code = (self.env.lang or "en_US").partition("_")[0]
        return {"challenge": "/signup/captcha", "language": _ITS_LANGUAGES.get(code, code)}

    @api.model
    def _captcha_setting(self, name):
        # sudo: a setting
        return self.env["ir.config_parameter"].sudo().get_param(f"saas_captcha.{name}")

    @api.model
    def _challenge(self):
        cost = COSTS.get(self._captcha_setting("difficulty"), COSTS["normal"])
        challenge = create_challenge(
            "PBKDF2/SHA-256", cost, expires_at=int(time.time()) + VALID_S, hmac_secret=self._captcha_secret()
        )
        return challenge.to_dict()

    @api.model
    def _is_solved(self, solution):
        """Whether the solution is correct, in time and not used before; this marks it as used."""
        if not verify_solution(solution, self._captcha_secret()).verified:
            return False
        # sudo: visitors have no rights
        return self.env["saas.captcha.used"].sudo()._use(solution)

    def _captcha_secret(self):
        # sudo: the database's secret
        return hmac(self.sudo().env, _SCOPE, "challenge")
