"""I1 to I3, P1, P3: names of instances, plans, and transitions by managers."""

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from ..exceptions import SubdomainTaken
from ..lifecycle import after
from ..models.saas_lifecycle_mixin import TABLES
from .common import SaasCase

# button: a state in which it is refused, although the record itself could be written
BUTTONS = {
    "provision": "action_provision_instance",
    "suspend": "action_suspend",
    "reactivate": "action_reactivate",
    "terminate": "action_terminate",
    "discard": "action_discard",
}


@tagged("post_install", "-at_install")
class TestLifecycle(SaasCase):
    def test_each_allowed_transition_leads_to_the_state_of_the_table(self):
        for number, ((action, before), state) in enumerate(TABLES["saas.instance"].items()):
            with self.subTest(action=action, before=before):
                instance = self._make_instance(f"moved-{number}", before)
                self._as("manager", instance)._move(action)
                self.assertEqual(instance.state, state)

    def test_each_other_action_is_refused_with_a_message(self):
        labels = dict(self.env["saas.instance"]._fields["state"].selection)
        for state, label in labels.items():
            instance = self._make_instance(f"in-{state}", state)
            for action, button in BUTTONS.items():
                discards = (action, state) == ("terminate", "failed")
                if after(TABLES["saas.instance"], action, state) or discards:
                    continue
                with self.subTest(button=button, state=state), self.assertRaises(UserError) as refused:
                    getattr(self._as("administrator", instance), button)()
                sentence = f"{instance.name} is {label.lower()}: this action is not possible now."
                self.assertEqual(str(refused.exception), sentence)
                self.assertEqual(instance.state, state)

    def test_only_an_administrator_terminates(self):
        instance = self._make_instance("acme", "active")
        with self.assertRaisesRegex(AccessError, "Only a SaaS administrator"):
            self._as("manager", instance).action_terminate()
        with self._jobs() as jobs:
            self._as("administrator", instance).action_terminate()
        jobs.assert_enqueued_job(instance._operate, args=("terminate",))

    def test_a_failed_instance_is_discarded_without_a_job(self):
        instance = self._make_instance("acme", "failed")
        with self._jobs() as jobs:
            self._as("administrator", instance).action_terminate()
        self.assertEqual(instance.state, "terminated")
        jobs.assert_jobs_count(0)

    def test_only_drafts_and_terminated_instances_can_be_deleted(self):
        for state in ("provisioning", "active", "suspended", "expired", "failed"):
            instance = self._make_instance(f"in-{state}", state)
            with self.subTest(state=state), self.assertRaisesRegex(UserError, "Terminate it first"):
                self._as("administrator", instance).unlink()
        for state in ("draft", "terminated"):
            with self.subTest(state=state):
                self.assertTrue(self._as("administrator", self._make_instance(f"in-{state}", state)).unlink())

    def test_only_active_instances_can_be_opened(self):
        instance = self._make_instance("acme", "active", url="http://acme.localhost")
        self.assertEqual(self._as("user", instance).action_open()["url"], "http://acme.localhost")
        instance.state = "suspended"
        with self.assertRaisesRegex(UserError, "is not active"):
            self._as("user", instance).action_open()


@tagged("post_install", "-at_install")
class TestSubdomain(SaasCase):
    def _refused(self, subdomain, why):
        instances = self._as("manager", self.env["saas.instance"])
        with self.subTest(subdomain=subdomain), self.assertRaisesRegex(ValidationError, why):
            instances.create(self._instance_values(subdomain))

    def test_an_invalid_subdomain_is_refused_with_the_reason(self):
        for subdomain, why in (
            ("ab", "at least 3"),
            ("a" * 51, "at most 50"),
            ("Acme", "lower-case letters"),
            ("-acme", "single dashes"),
            ("acme-", "single dashes"),
            ("ac--me", "single dashes"),
            ("ac_me", "single dashes"),
            ("ac.me", "single dashes"),
            ("ac me", "single dashes"),
            ("café", "single dashes"),
            ("12345", "at least one letter"),
            ("admin", "reserved"),
            ("www", "reserved"),
        ):
            self._refused(subdomain, why)

    def test_the_shortest_and_the_longest_subdomain_are_accepted(self):
        for subdomain in ("abc", "a" * 50, "a-1-b"):
            with self.subTest(subdomain=subdomain):
                self.assertTrue(self._make_instance(subdomain))

    def test_the_operator_can_reserve_further_names(self):
        self.env["ir.config_parameter"].set_param("saas.reserved_names", "Intranet, acme")
        self._refused("intranet", "reserved")
        self._refused("acme", "reserved")

    def test_a_taken_subdomain_is_refused_until_its_instance_is_terminated(self):
        first = self._make_instance("acme", "active")
        with mute_logger("odoo.sql_db"), self.assertRaises(SubdomainTaken) as refused:
            self._as("manager", self.env["saas.instance"]).create(self._instance_values("acme"))
        self.assertEqual(refused.exception.suggestions[0], "acme-2")
        first.state = "terminated"
        self.env.flush_all()
        self.assertTrue(self._as("manager", self.env["saas.instance"]).create(self._instance_values("acme")))

    def test_the_origin_of_a_created_instance_cannot_be_changed(self):
        instance = self._as("administrator", self._make_instance("acme", "active"))
        for field in ("subdomain", "template_id", "plan_id", "server_id"):
            with self.subTest(field=field), self.assertRaisesRegex(UserError, "cannot be changed here"):
                instance.write({field: False})

    def test_a_suggestion_is_valid_and_free(self):
        instances = self._as("manager", self.env["saas.instance"])
        self.assertEqual(instances._suggest_subdomain("Café de l'Étoile & Co."), "cafe-de-l-etoile-co")
        self._make_instance("acme-ltd")
        self.assertEqual(instances._suggest_subdomain("Acme Ltd"), "acme-ltd-2")

    def test_choosing_a_customer_fills_the_form(self):
        form = Form(self._as("manager", self.env["saas.instance"]))
        form.partner_id = self.customer
        self.assertEqual(form.name, "Acme Ltd")
        self.assertEqual(form.subdomain, "acme-ltd")
        self.assertEqual(form.admin_email, "info@acme.example")

    def test_the_administrator_s_address_must_be_valid(self):
        instances = self._as("manager", self.env["saas.instance"])
        with self.assertRaises(ValidationError):
            instances.create(self._instance_values("acme", admin_email="nobody"))


@tagged("post_install", "-at_install")
class TestNames(SaasCase):
    def test_an_address_is_kept_in_lower_case_and_a_name_in_one_line(self):
        instance = self._make_instance("acme", admin_email="Ann@Acme.Example", name=" Acme \u2028 Ltd ")
        self.assertEqual((instance.admin_email, instance.name), ("ann@acme.example", "Acme Ltd"))
        instance.admin_email = "BOB@acme.example"
        self.assertEqual(instance.admin_email, "bob@acme.example")

    def test_a_name_that_is_unsafe_in_mails_is_refused(self):
        for number, name in enumerate(("Win at https://evil.example", "a\u202eb")):
            with self.subTest(name=name), self.assertRaisesRegex(ValidationError, "web address"):
                self._make_instance(f"acme-{number}", name=name)

    def test_activities_show_names_as_text(self):
        instance = self._make_instance("acme", name="<b>Acme</b> & Co")
        instance._ask_operator("Look", f"{instance.name} is odd")
        self.assertIn("&lt;b&gt;Acme&lt;/b&gt; &amp; Co is odd", instance.activity_ids.note)


class TestPlanLimits(SaasCase):
    def test_a_template_outside_of_the_plan_is_refused(self):
        self.plan.template_ids = self._make_template("bakery")
        with self.assertRaisesRegex(ValidationError, "Plan small does not include Template shop"):
            self._as("manager", self.env["saas.instance"]).create(self._instance_values("acme"))

    def test_a_full_plan_accepts_no_further_instance(self):
        self.plan.max_instances = 1
        self._make_instance("first", "active")
        second = self._make_instance("second")
        with self._jobs() as jobs, self.assertRaisesRegex(UserError, "Plan small is full: 1 "):
            self._as("manager", second).action_provision_instance()
        jobs.assert_jobs_count(0)
        self.assertEqual(second.state, "draft")

    def test_failed_and_terminated_instances_do_not_count_for_the_plan(self):
        self.plan.max_instances = 1
        for number, state in enumerate(("terminated", "failed", "failed", "draft")):
            self._make_instance(f"first-{number}", state)
        self.assertEqual(self.plan.instance_count, 0)
        with self._jobs():
            self._as("manager", self._make_instance("second")).action_provision_instance()

    def test_a_downgrade_below_the_users_is_refused_with_the_numbers(self):
        instance = self._make_instance("acme", "active", user_count=5)
        smaller = self._make_plan("smaller", max_users=2)
        with self.assertRaisesRegex(UserError, "has 5 users, the plan Plan smaller allows 2"):
            self._as("manager", instance).change_plan(smaller)
        self.assertEqual(instance.plan_id, self.plan)

    def test_a_downgrade_below_the_storage_is_refused_with_the_numbers(self):
        instance = self._make_instance("acme", "active", storage_mb=3 * 1024)
        smaller = self._make_plan("smaller", max_storage_gb=2)
        with self.assertRaisesRegex(UserError, r"uses 3\.0 GB, the plan Plan smaller allows 2\.0 GB"):
            self._as("manager", instance).change_plan(smaller)

    def test_writing_the_plan_does_not_bypass_the_limits(self):
        instance = self._make_instance("acme", "active", user_count=5)
        smaller = self._make_plan("smaller", max_users=2)
        with self.assertRaisesRegex(UserError, "cannot be changed here"):
            self._as("manager", instance).write({"plan_id": smaller.id})
        with self.assertRaisesRegex(UserError, "has 5 users"):
            instance.sudo().write({"plan_id": smaller.id})

    def test_a_changed_plan_is_signed_and_applies_to_the_subscription(self):
        instance = self._make_instance("acme", "active", user_count=5)
        subscription = self._make_subscription(instance)
        larger = self._make_plan("larger", max_users=50)
        with self._jobs() as jobs:
            self._as("manager", instance).change_plan(larger)
        self.assertEqual(instance.plan_id, larger)
        self.assertEqual(subscription.plan_id, larger)
        jobs.assert_enqueued_job(instance._entitle)

    def test_a_plan_s_new_limits_are_signed_for_its_live_instances_only(self):
        live, waiting = self._make_instance("live"), self._make_instance("waiting")
        live.sudo().state = "active"
        with trap_jobs() as jobs:
            self.plan.with_user(self.users["administrator"]).max_users = 7
            jobs.assert_jobs_count(1)
            jobs.assert_enqueued_job(live._entitle)
        with trap_jobs() as jobs:
            self.plan.with_user(self.users["administrator"]).sequence = 7
            jobs.assert_jobs_count(0)
        self.assertEqual(waiting.state, "draft")

    def test_no_limit_means_none(self):
        instance = self._make_instance(
            "acme", "active", user_count=500, plan_id=self._make_plan("free", max_users=0).id
        )
        self.assertEqual(instance.user_percent, 0.0)
