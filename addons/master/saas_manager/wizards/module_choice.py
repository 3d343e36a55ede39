"""What dialogs that choose modules have in common."""

from odoo import fields


def chosen_modules():
    """The field in which modules of `server_id` are chosen by their names for people."""
    return fields.Many2many(
        "saas.module",
        string="Modules",
        required=True,
        domain="[('server_id', '=', server_id)]",
        help="Search by name, such as CRM.",
    )
