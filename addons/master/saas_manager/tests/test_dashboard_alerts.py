"""Alerts appear when something needs attention, for users who may see it."""

from odoo.tests import tagged

from .dashboard_case import DashboardCase


@tagged("post_install", "-at_install")
class TestDashboardAlerts(DashboardCase):
    def test_healthy_instances_cause_no_alert(self):
        self._instance("fine", user_count=7, storage_mb=100)
        self.assertIsNone(self._alert("Instances in trouble"))
        self.assertIsNone(self._alert("Instances above 80 % of their plan"))

    def test_usage_alerts_from_80_percent_and_again_over_the_limit(self):
        self._instance("half", user_count=5, storage_mb=500)
        nearly = self._instance("nearly", user_count=8) + self._instance("disk", storage_mb=900)
        nearly += self._instance("at-limit", user_count=10)
        over = self._instance("over")
        over.write({"user_count": 11, "storage_mb": 900})
        self.assertEqual(self._listed(self._alert("Instances above 80 % of their plan")), nearly.sorted())
        self.assertEqual(self._listed(self._alert("Instances over their plan's limits")), over)

    def test_a_plan_without_limits_never_alerts(self):
        self.plan.write({"max_users": 0, "max_storage_gb": 0})
        self._instance("huge").write({"user_count": 5000, "storage_mb": 10**7})
        self.assertIsNone(self._alert("Instances over their plan's limits"))

    def test_alerts_are_sorted_by_severity(self):
        self._instance("down", health="critical")
        self._instance("slow", health="warning")
        self.server.health = "critical"
        self.template.write({"state": "failed"})
        alerts = self._figures()["alerts"]
        labels = {alert["label"] for alert in alerts}
        expected = {
            "Servers in trouble",
            "Instances in trouble",
            "Instances with a warning",
            "Templates that could not be built",
        }
        self.assertLessEqual(expected, labels)
        levels = [alert["level"] for alert in alerts]
        self.assertEqual(levels, sorted(levels), "danger before warning")

    def test_a_template_with_too_few_spares_causes_an_alert(self):
        self.template.write({"state": "ready", "spare_count": 1})
        self.assertIn(self.template, self._listed(self._alert("Templates short of spares")))
        self.template.spare_count = 2
        alert = self._alert("Templates short of spares")
        self.assertNotIn(self.template, self._listed(alert) if alert else self.template.browse())

    def test_users_who_may_read_jobs_get_an_alert_of_failed_ones(self):
        job = self.env["saas.instance"].with_company(self.company).with_delay()._cron_check_health()
        job.db_record().write({"state": "failed"})
        self.assertIsNone(self._alert("Jobs that failed"))
        self.operator.group_ids += self.env.ref("queue_job.group_queue_job_manager")
        self.assertIn(job.db_record(), self._listed(self._alert("Jobs that failed")))
