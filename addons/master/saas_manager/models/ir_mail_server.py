"""Instances send by the provider's mail server, wherever it is changed; and subjects keep their spaces."""

from contextlib import contextmanager
from email.header import Header

from odoo import api, models
from odoo.addons.base.models.ir_mail_server import IdentificationFieldsNoFoldPolicy


class _WholeSubjects(IdentificationFieldsNoFoldPolicy):
    """Python 3.11 loses a space where it breaks a long subject that is not ASCII."""

    def _fold(self, name, value, *args, **kwargs):
        if name.lower() == "subject" and not str(value).isascii():
            coded = Header(str(value), "utf-8", header_name=name).encode(linesep=self.linesep)
            return f"{name}: {coded}{self.linesep}"
        return super()._fold(name, value, *args, **kwargs)


class IrMailServer(models.Model):
    _inherit = "ir.mail_server"

    @api.model_create_multi
    def create(self, vals_list):
        with self._told_to_servers():
            return super().create(vals_list)

    def write(self, vals):
        with self._told_to_servers():
            return super().write(vals)

    def unlink(self):
        with self._told_to_servers():
            return super().unlink()

    def _build_email__(self, *args, **kwargs):
        message = super()._build_email__(*args, **kwargs)
        message.policy = _WholeSubjects(linesep=message.policy.linesep)
        return message

    @contextmanager
    def _told_to_servers(self):
        """Tell servers of the change, unless there is none and was none: they may have one of their own."""
        provider = self.env["saas.provider"]
        before = provider._mail_server()
        yield
        if before or provider._mail_server():
            provider._tell_mail_server()
