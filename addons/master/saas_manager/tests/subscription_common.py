"""Subscriptions of active instances, a frozen clock, and nightly runs."""

from contextlib import contextmanager
from datetime import date, timedelta

from freezegun import freeze_time
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.tests import TransactionCase, new_test_user


class SubscriptionCase(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.template = cls.env.ref("saas_manager.saas_template_blank")
        cls.plan = cls.env["saas.plan"].create(
            {
                "name": "Test",
                "code": "test-periods",
                "price_monthly": 10,
                "price_yearly": 100,
                "trial_days": 0,
                "grace_days": 3,
                "max_users": 5,
                "max_instances": 0,
            }
        )
        cls.partner = cls.env["res.partner"].create({"name": "Acme", "email": "acme@example.com"})
        cls.manager = new_test_user(cls.env, "subscription manager", "saas_manager.group_saas_manager")
        cls.env.ref("base.user_admin").tz = "Europe/Paris"
        cls.set_parameter("saas.collect_payments", False)

    @classmethod
    def set_parameter(cls, key, value):
        cls.env["ir.config_parameter"].set_param(key, value)

    def setUp(self):
        super().setUp()
        self.jobs = self.enterContext(trap_jobs())
        self.mails = []
        self.patch(
            type(self.env["saas.subscription"]),
            "_enqueue_mail",
            lambda records, template: self.mails.extend((record.name, template) for record in records),
        )

    def make(self, count=1, **values):
        """Subscriptions of active instances, not started."""
        vals_list = [
            {
                "name": f"Acme {number}",
                "partner_id": self.partner.id,
                "subdomain": f"acme-periods-{number}",
                "template_id": self.template.id,
                "plan_id": self.plan.id,
                "admin_email": "acme@example.com",
            }
            for number in range(count)
        ]
        instances = self.env["saas.instance"].create(vals_list)
        instances.write({"state": "active"})
        return self.env["saas.subscription"].create(
            [
                {
                    "instance_id": instance.id,
                    "partner_id": self.partner.id,
                    "plan_id": self.plan.id,
                    **values,
                }
                for instance in instances
            ]
        )

    def started(self, day, count=1, **values):
        """Subscriptions that started on that day."""
        subscriptions = self.make(count, **values)
        with self.on(day):
            subscriptions._start()
        return subscriptions.with_user(self.manager)

    @contextmanager
    def on(self, day):
        """Set the clock to noon of that day in Paris."""
        with freeze_time(f"{day} 11:00:00"):
            yield

    def run_cron(self, name, at):
        """Run a cron as the scheduler does, at a time in UTC."""
        cron = self.env.ref(f"saas_manager.ir_cron_{name}")
        with freeze_time(at), self.enter_registry_test_mode():
            cron.method_direct_trigger()

    def night(self, day):
        """Run the crons at 01:00 and 02:00 of that day in Paris, in winter."""
        self.run_cron("renew", f"{day} 00:00:30")
        self.run_cron("expire", f"{day} 01:00:30")

    def nights(self, first, last):
        day, last = date.fromisoformat(first), date.fromisoformat(last)
        while day <= last:
            self.night(day)
            day += timedelta(days=1)

    def wanted(self, kind, instance):
        """The jobs that wait for an instance; kind: the operation, or the method of another job."""
        jobs = self.jobs.enqueued_jobs
        return [job for job in jobs if kind in (*job.args, job.method_name) and job.recordset == instance]

    def job_is_done(self, instance, state):
        """Change the instance as its job would."""
        instance.sudo().write({"state": state, "operation": False, "suspended_at": "2027-01-01 00:00:00"})

    def assertDates(self, subscription, start, end):
        self.assertEqual((str(subscription.date_start), str(subscription.date_end)), (start, end))
