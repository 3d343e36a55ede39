import time
from datetime import timedelta

import psycopg2
from odoo import api, fields, models
from odoo.addons.saas_agreed import LOGIN, SUPPORT, SUPPORT_PARAMETER
from odoo.tools import mute_logger

from ..tools import provider
from ..tools.signed import InvalidToken, verify

SUPPORT_SESSION_S = 15 * 60


class LinkRefused(Exception):
    """A login link cannot be used. status: the HTTP status of the answer."""

    def __init__(self, status, title, message):
        super().__init__(title)
        self.status, self.title, self.message = status, title, message


class SaasTenantAccess(models.Model):
    """Logins by links of the provider. A record also marks its link as used."""

    _name = "saas.tenant.access"
    _description = "Access by Link"
    _order = "id desc"
    _rec_name = "operator"

    kind = fields.Selection([("login", "Login link"), ("support", "Support")], required=True, readonly=True)
    operator = fields.Char(string="By", readonly=True, help="Who at the provider made the link.")
    user_id = fields.Many2one("res.users", string="Logged in as", readonly=True, ondelete="set null")
    address = fields.Char(string="Network Address", readonly=True)
    date = fields.Datetime(required=True, readonly=True, default=fields.Datetime.now)
    ends_at = fields.Datetime(string="Session Ends", readonly=True)
    serial = fields.Char(required=True, readonly=True)

    _serial_uniq = models.Constraint("unique (serial)", "A login link can be used only once.")

    @api.model
    def _read_link(self, token):
        """The signed facts of a link that can be used now. Raises LinkRefused."""
        try:
            facts = verify(provider.public_key(), token, provider.identity(), LOGIN, SUPPORT)
            if facts["name"] != self.env.cr.dbname or facts["issued_at"] < provider.links_since():
                raise InvalidToken("the instance had another name since")
        except (InvalidToken, KeyError) as error:
            message = self.env._(
                "It is incomplete, or was made for another address. Please ask for a new one."
            )
            raise LinkRefused(403, self.env._("This link is not valid"), message) from error
        if facts["expires_at"] <= time.time() * 1_000_000:
            message = self.env._("Such links are valid for a short time only. Please ask for a new one.")
            raise LinkRefused(410, self.env._("This link has expired"), message)
        if self.sudo().search_count([("serial", "=", facts["jti"])]):  # visitors may not read this model
            raise self._used_up()
        return facts

    @api.model
    def _use_link(self, token, address):
        """Use a link, once; return the record of the access. Raises LinkRefused."""
        facts = self._read_link(token)
        self._check_consent(facts)
        user = self.env.ref("base.user_admin", raise_if_not_found=False)
        if not user or not user.sudo().active:  # a visitor may not read users
            message = self.env._("The administrator of this Odoo was archived. Please contact your provider.")
            raise LinkRefused(403, self.env._("There is no user to log in as"), message)
        ends_at = fields.Datetime.now() + timedelta(seconds=SUPPORT_SESSION_S)
        return self._record(
            {
                "kind": facts["purpose"],
                "operator": facts["by"],
                "user_id": user.id,
                "address": address,
                "ends_at": ends_at if facts["purpose"] == SUPPORT else False,
                "serial": facts["jti"],
            }
        )

    def _record(self, values):
        """Create the record. If a link is used twice at the same time, the unique constraint refuses one."""
        try:
            with mute_logger("odoo.sql_db"), self.env.cr.savepoint():
                return self.sudo().create(values)  # nobody is logged in yet: the signature authorizes it
        except psycopg2.errors.UniqueViolation as error:
            raise self._used_up() from error

    def _check_consent(self, facts):
        parameters = self.env["ir.config_parameter"].sudo()  # a visitor may not read them
        consent = parameters.get_param(SUPPORT_PARAMETER)
        if facts["purpose"] == SUPPORT and not consent:
            message = self.env._(
                "The owner of this Odoo has not allowed it. An administrator can allow it in Settings, "
                "General Settings, Support access; then the link works again."
            )
            raise LinkRefused(403, self.env._("Support may not log in here"), message)

    def _used_up(self):
        message = self.env._(
            "It can be used only once. Please ask for a new one, or log in with your password."
        )
        return LinkRefused(410, self.env._("This link was used already"), message)
