"""Shared by the tests of mails: an instance with its customer, and a mail server."""

import socket
from contextlib import contextmanager
from unittest.mock import patch

from odoo.addons.base.models.ir_mail_server import IrMail_Server
from odoo.addons.mail.tests.common import MailCase
from odoo.tests import new_test_user

from tenantry.model.secret import Secret

from .. import gateway

PREFIX = "saas_manager.mail_template_"
PASSWORD = "Tq4-<rather>&secret"
LINK = "https://acme.example/saas/login?token=once-only"
URL = "https://dupont.acme.example"
LANGUAGES = ("en_US", "fr_FR", "vi_VN")


def closed_port():
    """A port without a listener."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class SaasMailCase(MailCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for code in LANGUAGES:
            cls.env["res.lang"]._activate_lang(code)
        cls.env["ir.module.module"]._load_module_terms(["saas_manager"], ["fr_FR", "vi_VN"])
        cls.env.company.email = "hello@acme.example"
        cls.manager = cls._make_user("manager")
        cls.administrator = cls._make_user("administrator")
        cls.partner = cls.env["res.partner"].create(
            {"name": "Dupont", "email": "anne@dupont.example", "lang": "en_US"}
        )
        cls.plan = cls.env["saas.plan"].create({"name": "Corner Shop", "code": "corner"})
        cls.template = cls.env["saas.template"].create({"name": "Shop", "code": "corner"})
        cls.instance = cls._make_instance()
        cls.subscription = cls.env["saas.subscription"].create(
            {
                "instance_id": cls.instance.id,
                "partner_id": cls.partner.id,
                "plan_id": cls.plan.id,
                "date_end": "2031-05-17",
            }
        )
        cls.request = cls.env["saas.instance.request"].create(
            {
                "customer_name": "Anne",
                "customer_email": "anne@dupont.example",
                "company_name": "Dupont",
                "subdomain": "dupont-again",
                "plan_id": cls.plan.id,
                "template_id": cls.template.id,
            }
        )
        cls.registry_enter_test_mode_cls()

    @classmethod
    def _make_user(cls, group):
        login = f"{group}@acme.example"
        return new_test_user(cls.env, login, f"saas_manager.group_saas_{group}", email=login)

    @classmethod
    def _make_instance(cls):
        return cls.env["saas.instance"].create(
            {
                "name": "Dupont Bakery",
                "partner_id": cls.partner.id,
                "subdomain": "dupont",
                "template_id": cls.template.id,
                "plan_id": cls.plan.id,
                "admin_email": "boss@dupont.example",
                "admin_password_sealed": gateway.seal(PASSWORD),
                "url": URL,
                "previous_url": "https://anne.acme.example",
                "state": "active",
                "reactivated_at": "2031-03-09 10:00:00",
                "terminated_at": "2031-03-09 10:00:00",
                "database_name": "dupont",
            }
        )

    def _deliver(self, record, template, secrets=None):
        """Run the mail's job; return what the mail server received."""
        with self._mail_server_up(), patch.object(gateway, "login_link", lambda *_: Secret(LINK)):
            record._deliver_mail(PREFIX + template)
        ours = [mail for mail in self._mails if "saas_mail_content" in mail["body"]]
        return ours[-1] if ours else None

    def _mail_server_up(self):
        return self.mock_mail_gateway(mail_unlink_sent=True)

    @contextmanager
    def _mail_server_down(self):
        values = {"name": "Dead", "smtp_host": "127.0.0.1", "smtp_port": closed_port()}
        self.env["ir.mail_server"].create(values)
        with (
            patch.object(IrMail_Server, "_disable_send", lambda *_: False),
            patch.object(gateway, "login_link", lambda *_: Secret(LINK)),
        ):
            yield

    def _set_delivery(self, how):
        self.env["ir.config_parameter"].set_param("saas.credential_delivery", how)

    def _history(self, record=None):
        return "".join((record or self.instance).message_ids.mapped(lambda message: str(message.body)))

    def _levels(self):
        return self.instance.log_ids.mapped("level")

    def _alerts(self, record=None):
        return (record or self.instance).activity_ids.filtered(lambda a: a.summary == "Mail not sent")
