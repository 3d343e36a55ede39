"""A company with servers and plans, and an operator with read access only."""

from datetime import timedelta

from odoo import Command, fields
from odoo.tests import TransactionCase, new_test_user


class DashboardCase(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.env["res.company"].create({"name": "Dashboard Co"})
        cls.operator = cls._new_operator("operator", cls.company)
        cls.now = fields.Datetime.now()
        cls.server = cls.env["saas.server"].create(
            {"name": "Lyon", "code": "lyon", "max_instances": 4, "state": "active"}
        )
        cls.template = cls.env["saas.template"].create(
            {"name": "Bakery", "code": "bakery", "pool_size": 2, "company_id": cls.company.id}
        )
        cls.plan = cls.env["saas.plan"].create(
            {
                "name": "Small",
                "code": "small",
                "max_users": 10,
                "max_storage_gb": 1,
                "price_monthly": 30,
                "price_yearly": 240,
                "currency_id": cls.company.currency_id.id,
            }
        )

    @classmethod
    def _new_operator(cls, login, company):
        user = new_test_user(cls.env, login, groups="saas_manager.group_saas_user", company_id=company.id)
        user.company_ids = [Command.set(company.ids)]
        return user

    @classmethod
    def _instance(cls, name, **values):
        defaults = {
            "name": name,
            "subdomain": name,
            "partner_id": cls.env.user.partner_id.id,
            "company_id": cls.company.id,
            "template_id": cls.template.id,
            "plan_id": cls.plan.id,
            "server_id": cls.server.id,
            "admin_email": f"{name}@example.com",
            "state": "active",
            "health": "healthy",
        }
        return cls.env["saas.instance"].create({**defaults, **values})

    def _days_ago(self, days):
        return self.now - timedelta(days=days)

    def _figures(self, period=30, user=None):
        return self.env["saas.dashboard"].with_user(user or self.operator).figures(period)

    def _listed(self, figure, user=None):
        """The records in the list of a figure."""
        link = figure["list"]
        return self.env[link["model"]].with_user(user or self.operator).search(link["domain"])

    def _alert(self, label):
        return next((alert for alert in self._figures()["alerts"] if alert["label"] == label), None)
