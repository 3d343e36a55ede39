"""X2: a company's records are its own; only users of all companies change shared records."""

from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged

from .common import GROUPS, SaasCase
from .test_access import ACCESS


@tagged("post_install", "-at_install")
class TestCompanies(SaasCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.env["res.company"].create({"name": "Elsewhere"})
        there = {"company_id": cls.company.id}
        cls.stranger = new_test_user(
            cls.env,
            "saas-stranger",
            GROUPS["administrator"],
            company_id=cls.company.id,
            company_ids=[(6, 0, cls.company.ids)],
        )
        instance = cls._make_instance("there", "active", **there)
        subscription = cls._make_subscription(instance, **there)
        cls.records = {
            "saas.server": cls._make_server("there", **there),
            "saas.template": cls._make_template("there", **there),
            "saas.plan": cls._make_plan("there", **there),
            "saas.instance": instance,
            "saas.subscription": subscription,
            "saas.subscription.period": subscription._note_period(
                "period", "2027-01-01", "2027-02-01", subscription.plan_id._terms("monthly")
            ),
            "saas.instance.hostname": cls.env["saas.instance.hostname"].create(
                {"name": "shop.there.example", "instance_id": instance.id}
            ),
            "saas.instance.request": cls.env["saas.instance.request"].create(
                cls._request_values("there-too", **there)
            ),
            "saas.instance.log": cls.env["saas.instance.log"].create(
                {"message": "Hello", "instance_id": instance.id, **there}
            ),
            "saas.backup": cls.env["saas.backup"]._follow(
                instance, {"there-1": {"made_at": "2026-11-29 21:30:00", "reason": "schedule"}}
            ),
        }

    def test_every_stored_model_with_a_company_is_tested(self):
        models = {
            name
            for name in ACCESS
            if "company_id" in self.env[name]._fields
            and self.env[name]._auto
            and not self.env[name].is_transient()
        }
        self.assertEqual(models, set(self.records))

    def test_records_of_another_company_are_not_found(self):
        for model, record in self.records.items():
            with self.subTest(model=model):
                found = self._as("administrator", self.env[model]).search([("id", "in", record.ids)])
                self.assertFalse(found)
                self.assertTrue(record.with_user(self.stranger).search([("id", "in", record.ids)]))

    def test_a_subscription_does_not_move_the_end_of_another_companys_instance(self):
        theirs = self.records["saas.instance"]
        subscription = self._make_subscription(theirs, company_id=self.env.company.id)
        with self.assertRaises(AccessError):
            self._as("administrator", subscription).date_end = "2099-01-01"
        self.assertFalse(theirs.expires_on)

    def test_records_of_another_company_cannot_be_opened(self):
        for model, record in self.records.items():
            with self.subTest(model=model), self.assertRaises(AccessError):
                self._as("administrator", record).read(["display_name"])

    def test_what_wizards_show_of_a_record_is_read_with_the_user_s_own_rights(self):
        """Odoo reads related fields as the superuser otherwise, so those of another company, too."""
        shown = [
            field
            for model in ACCESS
            if self.env[model].is_transient()
            for field in self.env[model]._fields.values()
            if field.related and not field.inherited
        ]
        self.assertGreater(len(shown), 10)
        self.assertEqual([str(field) for field in shown if field.compute_sudo], [])

    def test_records_without_a_company_are_visible_to_all(self):
        for record in (self.server, self.template, self.plan):
            with self.subTest(model=record._name):
                record.company_id = False
                self.assertTrue(record.with_user(self.stranger).has_access("read"))

    def test_a_user_of_one_company_cannot_change_shared_records(self):
        for record in (self.server, self.template, self.plan):
            record.company_id = False
            mine = record.with_user(self.stranger)
            with self.subTest(model=record._name):
                with self.assertRaises(AccessError):
                    mine.write({"name": "Mine"})
                with self.assertRaises(AccessError):
                    mine.unlink()
                own = self.records[record._name].with_user(self.stranger)
                own.name = "Ours"
                with self.assertRaises(AccessError):
                    own.company_id = False

    def test_records_created_by_a_user_belong_to_their_company(self):
        plan = self.env["saas.plan"].with_user(self.stranger).create({"name": "Mine", "code": "mine"})
        self.assertEqual(plan.company_id, self.company)
        with self.assertRaises(AccessError):
            plan.copy({"code": "shared", "company_id": False})

    def test_a_copy_of_a_shared_record_belongs_to_the_user_s_company(self):
        self.plan.company_id = False
        mine = self.plan.with_user(self.stranger).copy({"code": "mine-too"})
        self.assertEqual(mine.company_id, self.company)
        self.assertFalse(self.plan.copy({"code": "all-too"}).company_id)

    def test_a_user_of_all_companies_can_share_records_and_change_shared_ones(self):
        self.stranger.company_ids = self.env["res.company"].search([])
        plans = self.env["saas.plan"].with_user(self.stranger)
        plan = plans.create({"name": "All", "code": "all"})
        self.assertFalse(plan.company_id)
        plan.name = "Everybody"

    def test_a_taken_subdomain_is_taken_in_every_company(self):
        manager = self._as("manager", self.env["saas.instance"])
        self.assertTrue(manager._is_taken("there"))

    def test_instances_are_told_when_their_provider_has_another_name_or_address(self):
        ours = self._make_instance("ours", "active")
        for values, told in (
            ({"email": "help@there.example"}, True),
            ({"email": "help@there.example"}, False),
            ({"phone": "+33 1"}, False),
        ):
            with self._jobs() as jobs:
                self.company.write(values)
                jobs.assert_jobs_count(int(told), only=self.records["saas.instance"]._entitle)
                jobs.assert_jobs_count(0, only=ours._entitle)
