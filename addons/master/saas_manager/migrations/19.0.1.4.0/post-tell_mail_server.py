"""Instances send by the mail server that was set before they could."""

from odoo import SUPERUSER_ID, api


def migrate(cr, _version):
    provider = api.Environment(cr, SUPERUSER_ID, {})["saas.provider"]
    if provider._mail_server():
        provider._tell_mail_server()
