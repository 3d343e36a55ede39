"""The dashboard's figures match their lists, and include only what the user may see."""

from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged

from .dashboard_case import DashboardCase


@tagged("post_install", "-at_install")
class TestDashboardFigures(DashboardCase):
    def test_states_are_counted_and_open_their_instances(self):
        active = self._instance("one") + self._instance("two")
        self._instance("three", state="suspended")
        self._instance("gone", state="terminated")
        states = {row["state"]: row for row in self._figures()["states"]}
        self.assertLessEqual(active, self._listed(states["active"]))
        for row in states.values():
            self.assertEqual(row["count"], len(self._listed(row)), row["label"])
        self.assertNotIn("terminated", states)

    def test_growth_compares_with_the_period_before(self):
        before = self._figures(7)["created"]["count"], self._created_before(7)
        self.assertEqual(before, (0, 0), "the test needs a quiet fortnight")
        for name, days in (("a-1", 1), ("a-2", 2), ("a-3", 3), ("b-1", 8), ("b-2", 13), ("old", 40)):
            self._instance(name, activated_at=self._days_ago(days))
        created = self._figures(7)["created"]
        self.assertEqual((created["count"], created["growth_percent"]), (3, 50.0))
        self.assertEqual(len(self._listed(created)), 3)

    def _created_before(self, days):
        domain = [
            ("activated_at", ">=", self._days_ago(2 * days)),
            ("activated_at", "<", self._days_ago(days)),
        ]
        return self.env["saas.instance"].with_user(self.operator).search_count(domain)

    def test_growth_is_unknown_without_a_period_before(self):
        self._instance("first", activated_at=self._days_ago(1))
        self.assertIsNone(self._figures(7)["created"]["growth_percent"])

    def test_an_unknown_period_falls_back_to_thirty_days(self):
        self.assertEqual(self._figures(period="1; DROP TABLE")["period"], 30)

    def test_creation_time_is_the_median_and_the_95th_percentile(self):
        for number in range(1, 101):
            self._instance(f"c-{number}x", activated_at=self._days_ago(2), provisioning_s=number / 100)
        self._instance("slow-once", activated_at=self._days_ago(50), provisioning_s=900)
        times = self._figures()["creation_time"]
        self.assertAlmostEqual(times["p50"], 0.505, 3)
        self.assertAlmostEqual(times["p95"], 0.9505, 3)
        self.assertEqual(len(self._listed(times)), 100)

    def test_each_week_counts_what_its_list_shows(self):
        for number, days in enumerate((0, 3, 7, 20, 20, 60, 100)):
            self._instance(f"w-{number}x", activated_at=self._days_ago(days), provisioning_s=0.5)
        weeks = self._figures()["weeks"]
        self.assertEqual(len(weeks), 12)
        self.assertEqual([week["count"] for week in weeks], [len(self._listed(week)) for week in weeks])
        self.assertEqual(sum(week["count"] for week in weeks), 6)

    def test_weeks_begin_on_monday_in_the_users_time_zone(self):
        self.operator.tz = "Asia/Ho_Chi_Minh"
        monday = fields.Date.context_today(self.env["saas.dashboard"].with_user(self.operator))
        monday -= timedelta(days=monday.weekday())
        # 18:00 UTC on Sunday is 01:00 on Monday there.
        sunday_evening = fields.Datetime.to_datetime(monday) - timedelta(hours=6)
        self._instance("early", activated_at=sunday_evening)
        this_week = self._figures()["weeks"][-1]
        self.assertEqual((this_week["count"], self._listed(this_week).name), (1, "early"))

    def test_revenue_counts_current_periods_in_the_company_s_currency(self):
        euro = self.env.ref("base.EUR")
        euro.active = True
        other = self.env["res.currency"].create({"name": "ZZZ", "symbol": "Z"})
        self.env["res.currency.rate"].create(
            {"currency_id": other.id, "rate": 2.0, "company_id": self.company.id, "name": "2020-01-01"}
        )
        foreign = self.plan.copy({"code": "foreign", "currency_id": other.id, "price_monthly": 100})
        for name, plan, period, state in (
            ("monthly", self.plan, "monthly", "active"),
            ("yearly", self.plan, "yearly", "past_due"),
            ("foreign", foreign, "monthly", "active"),
            ("on-trial", self.plan, "monthly", "trial"),
            ("cancelled", self.plan, "monthly", "cancelled"),
        ):
            self._subscription(name, plan, period, state)
        revenue = self._figures()["revenue"]
        self.assertEqual(revenue["amount"], 30 + 240 / 12 + 100 / 2)
        self.assertEqual([plan["amount"] for plan in revenue["plans"]], [50, 50])
        self.assertEqual(revenue["converted"], ["ZZZ"])
        self.assertEqual(len(self._listed(revenue)), 3)

    def _subscription(self, name, plan, period, state, days=1, ended=None):
        instance = self._instance(name, plan_id=plan.id)
        return self.env["saas.subscription"].create(
            {
                "instance_id": instance.id,
                "partner_id": instance.partner_id.id,
                "company_id": self.company.id,
                "plan_id": plan.id,
                "period": period,
                "state": state,
                "date_start": self._days_ago(days),
                "date_end": self._days_ago(days - 365 if ended is None else ended),
                "period_count": 1,
            }
        )

    def test_revenue_uses_the_periods_prices_not_the_plans_current_ones(self):
        self._subscription("old", self.plan, "monthly", "active", days=100)
        self._subscription("ended", self.plan, "yearly", "active", days=100, ended=40)
        self._periods_noted(days=400)
        before = self._figures()["revenue"]
        self.plan.write(
            {"price_monthly": 90, "price_yearly": 900, "currency_id": self.env.ref("base.CHF").id}
        )
        revenue = self._figures()["revenue"]
        self.assertEqual(revenue, before)
        amounts = [month["amount"] for month in revenue["months"]]
        self.assertEqual((len(amounts), amounts[-1], amounts[-2]), (12, 30, 30))
        self.assertEqual((amounts[-4], amounts[0], revenue["growth_percent"]), (50, 0, 0.0))

    def _periods_noted(self, days):
        """Let all records of the company be some days old."""
        self.env.flush_all()
        noted = "UPDATE saas_subscription_period SET create_date = %s WHERE company_id = %s"
        self.env.cr.execute(noted, [self._days_ago(days), self.company.id])

    def test_revenue_before_the_first_recorded_period_is_unknown(self):
        self._subscription("old", self.plan, "monthly", "active", days=200)
        revenue = self._figures()["revenue"]
        self.assertEqual([month["amount"] for month in revenue["months"]], [None] * 11 + [30])
        self.assertIsNone(revenue["growth_percent"])
        self._periods_noted(days=45)
        revenue = self._figures()["revenue"]
        amounts = [month["amount"] for month in revenue["months"]]
        self.assertEqual((amounts[-2], amounts[-5], revenue["growth_percent"]), (30, None, 0.0))

    def test_each_month_s_revenue_equals_the_sum_of_its_list(self):
        self._subscription("old", self.plan, "monthly", "active", days=100)
        self._subscription("older", self.plan, "yearly", "active", days=200)
        self._periods_noted(days=400)
        for month in self._figures()["revenue"]["months"]:
            self.assertEqual(month["amount"], sum(self._listed(month).mapped("mrr")), month["label"])

    def test_failures_are_grouped_by_reason_without_their_steps(self):
        instance = self._instance("sad")
        self._log(instance, "The disk is full.")
        self._log(instance, "The disk is full.")
        self._log(instance, "PostgreSQL does not answer.")
        self._log(instance, "provision: database failed", step="database")
        self._log(instance, "Just so you know.", level="info")
        failures = self._figures()["failures"]
        reasons = [(reason["label"], reason["count"]) for reason in failures["reasons"]]
        self.assertEqual(reasons, [("The disk is full.", 2), ("PostgreSQL does not answer.", 1)])
        self.assertEqual((failures["count"], len(self._listed(failures))), (3, 3))
        self.assertEqual(len(self._listed(failures["reasons"][0])), 2)

    def _log(self, instance, message, **values):
        defaults = {"instance_id": instance.id, "company_id": self.company.id, "level": "error"}
        self.env["saas.instance.log"].create({**defaults, "message": message, **values})

    def test_a_server_counts_instances_of_all_companies(self):
        self._instance("here")
        self._instance("asleep", state="suspended")
        self._instance("broken", state="failed")
        self._instance("elsewhere", company_id=self.env.ref("base.main_company").id)
        row = next(row for row in self._figures()["servers"]["rows"] if row["label"] == "Lyon")
        self.assertEqual((row["count"], row["limit"], row["percent"]), (3, 4, 75.0))

    def test_expiries_within_two_weeks_are_listed_the_earliest_first(self):
        today = fields.Date.today()
        for name, days in (("later", 13), ("soon", 1), ("overdue", -2), ("far", 20)):
            self._instance(name, expires_on=today + timedelta(days=days))
        expiries = self._figures()["expiries"]
        rows = [(row["label"], row["days"]) for row in expiries["rows"]]
        self.assertEqual(rows, [("overdue", -2), ("soon", 1), ("later", 13)])
        self.assertEqual(expiries["count"], len(self._listed(expiries)))

    def test_the_first_steps_know_what_is_done_and_who_may_do_the_rest(self):
        self.env["ir.mail_server"].search([]).unlink()
        self.env["ir.config_parameter"].set_param("saas.base_domain", "localhost")
        first = self._figures()["first_steps"]
        self.assertTrue(first["is_shown"])
        self.assertEqual([step["is_done"] for step in first["steps"]], [False, False, False, True, False])
        self.assertFalse(any(step["action"] for step in first["steps"]))
        self.operator.group_ids += self.env.ref("saas_manager.group_saas_administrator")
        actions = [step["action"] for step in self._figures()["first_steps"]["steps"]]
        self.assertEqual([bool(action) for action in actions], [False, False, True, True, False])
        self.operator.group_ids += self.env.ref("base.group_system")
        self.template.state = "ready"
        for step in self._figures()["first_steps"]["steps"]:
            self.assertTrue(self.env.ref(step["action"]), step["label"])

    def test_the_first_steps_go_when_all_is_done(self):
        self.operator.company_id.email = "hello@operator.example"
        self.env["ir.mail_server"].create({"name": "Ours", "smtp_host": "smtp.operator.example"})
        self.env["ir.config_parameter"].set_param("saas.base_domain", "cloud.example.com")
        self.template.state = "ready"
        self.assertTrue(self._figures()["first_steps"]["is_shown"])
        self._instance("first")
        self.assertFalse(self._figures()["first_steps"]["is_shown"])

    def test_an_administrator_alone_hides_the_first_steps(self):
        dashboard = self.env["saas.dashboard"].with_user(self.operator)
        with self.assertRaises(AccessError):
            dashboard.hide_first_steps()
        self.operator.group_ids += self.env.ref("saas_manager.group_saas_administrator")
        dashboard.hide_first_steps()
        self.assertFalse(self._figures()["first_steps"]["is_shown"])

    def test_stopped_instances_are_counted_apart_from_active_ones(self):
        self._instance("awake", run_state="running")
        self._instance("resting", run_state="stopped")
        counts = {row["state"]: row["count"] for row in self._figures()["states"]}
        self.assertEqual((counts["active"], counts["stopped"]), (1, 1))

    def test_revenue_is_in_the_currency_of_the_periods(self):
        euro = self.env.ref("base.EUR")
        self.assertNotEqual(self.company.currency_id, euro)
        self.plan.currency_id = euro
        self._subscription("paying", self.plan, "monthly", "active")
        revenue = self._figures()["revenue"]
        self.assertEqual((revenue["amount"], revenue["currency_id"]), (30, euro.id))
        self.assertFalse(revenue["converted"] or revenue["without_rate"])

    def test_a_currency_without_a_rate_is_named_and_not_added(self):
        other = self.env["res.currency"].create({"name": "ZZZ", "symbol": "Z"})
        foreign = self.plan.copy({"code": "foreign", "currency_id": other.id, "price_monthly": 100})
        self._subscription("ours", self.plan, "monthly", "active")
        self._subscription("theirs", foreign, "monthly", "active")
        revenue = self._figures()["revenue"]
        self.assertEqual((revenue["amount"], revenue["without_rate"]), (30, ["ZZZ"]))
        self.assertEqual(revenue["currency_id"], self.company.currency_id.id)

    def test_trials_are_no_revenue_and_counted_with_what_they_would_bring(self):
        paying = self._subscription("paying", self.plan, "monthly", "active")
        trial = self._subscription("trying", self.plan, "yearly", "trial")
        revenue = self._figures()["revenue"]
        self.assertEqual(revenue["amount"], 30)
        self.assertEqual((revenue["trials"]["count"], revenue["trials"]["amount"]), (1, 20))
        self.assertEqual(self._listed(revenue["trials"]), trial)
        self.assertEqual((paying.revenue, trial.revenue, trial.mrr), (30, 0, 20))


@tagged("post_install", "-at_install")
class TestDashboardAccess(DashboardCase):
    def test_users_without_access_to_instances_see_no_figures(self):
        stranger = new_test_user(self.env, "stranger", groups="base.group_user")
        with self.assertRaises(AccessError):
            self._figures(user=stranger)

    def test_a_company_does_not_see_another_company_s_figures(self):
        self._instance("ours", activated_at=self._days_ago(1), expires_on=fields.Date.today())
        other = self.env["res.company"].create({"name": "Other Co"})
        figures = self._figures(user=self._new_operator("other-operator", other))
        self.assertEqual(sum(row["count"] for row in figures["states"]), 0)
        self.assertEqual((figures["created"]["count"], figures["expiries"]["count"]), (0, 0))
        self.assertEqual(sum(week["count"] for week in figures["weeks"]), 0)
