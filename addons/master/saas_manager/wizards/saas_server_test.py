"""What became of testing the connection to a server: a row for each check."""

from odoo import fields, models

_HEALTH = [("healthy", "In Order"), ("warning", "Warning"), ("critical", "Wrong"), ("unknown", "Unknown")]


class SaasServerTest(models.TransientModel):
    _name = "saas.server.test"
    _description = "Test of a Server's Connection"

    server_id = fields.Many2one("saas.server", required=True, readonly=True, ondelete="cascade")
    health = fields.Selection(related="server_id.health", related_sudo=False)
    line_ids = fields.One2many("saas.server.test.line", "test_id", string="Checks", readonly=True)


class SaasServerTestLine(models.TransientModel):
    _name = "saas.server.test.line"
    _description = "Check of a Server"
    _order = "id"

    test_id = fields.Many2one("saas.server.test", required=True, readonly=True, ondelete="cascade")
    subject = fields.Char(string="Check", readonly=True)
    health = fields.Selection(_HEALTH, string="Result", readonly=True)
    text = fields.Char(string="What Was Found", readonly=True)
