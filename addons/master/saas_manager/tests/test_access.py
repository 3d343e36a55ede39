"""X1, X2: who may read, write, create and delete what."""

from odoo.exceptions import AccessError, UserError
from odoo.models import MAGIC_COLUMNS
from odoo.service.model import call_kw
from odoo.tests import tagged

from .common import GROUPS, SaasCase

ALL = "read write create unlink"
KEEP = "read write create"
NONE = ""

# model: what each group may do with it, in the order of `GROUPS`; add a line for each new model
ACCESS = {
    "saas.template": (NONE, NONE, "read", "read", ALL),
    "saas.plan": (NONE, NONE, "read", "read", ALL),
    "saas.server": (NONE, NONE, "read", "read", ALL),
    "saas.instance": (NONE, "read", "read", KEEP, ALL),
    "saas.instance.hostname": (NONE, NONE, "read", ALL, ALL),
    "saas.instance.request": (NONE, NONE, "read", KEEP, ALL),
    "saas.instance.log": (NONE, NONE, "read", "read", "read"),
    "saas.backup": (NONE, NONE, "read", "read", "read"),
    "saas.instance.restore": (NONE, NONE, NONE, KEEP, KEEP),
    "saas.subscription": (NONE, "read", "read", KEEP, ALL),
    "saas.subscription.period": (NONE, NONE, "read", "read", "read"),
    "saas.instance.create": (NONE, NONE, NONE, KEEP, KEEP),
    "saas.instance.access": (NONE, NONE, NONE, KEEP, KEEP),
    "saas.module": (NONE, NONE, "read", "read", "read"),
    "saas.instance.bulk": (NONE, NONE, NONE, KEEP, KEEP),
    "saas.instance.bulk.line": (NONE, NONE, NONE, KEEP, KEEP),
    "saas.instance.suspend": (NONE, NONE, NONE, KEEP, KEEP),
    "saas.instance.change.plan": (NONE, NONE, NONE, KEEP, KEEP),
    "saas.instance.change.subdomain": (NONE, NONE, NONE, KEEP, KEEP),
    "saas.instance.install.modules": (NONE, NONE, NONE, KEEP, KEEP),
    "saas.instance.move": (NONE, NONE, NONE, KEEP, KEEP),
    "saas.instance.process.log": (NONE, NONE, NONE, KEEP, KEEP),
    "saas.instance.terminate": (NONE, NONE, NONE, NONE, KEEP),
    "saas.server.test": (NONE, NONE, NONE, NONE, "read create"),
    "saas.server.test.line": (NONE, NONE, NONE, NONE, "read create"),
    "saas.template.choose.modules": (NONE, NONE, NONE, NONE, KEEP),
}


@tagged("post_install", "-at_install")
class TestAccess(SaasCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.own = cls._make_instance("acme", "active")
        cls.own_subscription = cls._make_subscription(cls.own)
        cls.other_customer = cls.env["res.partner"].create({"name": "Other Ltd", "is_company": True})
        cls.others = cls._make_instance("other", "active", partner_id=cls.other_customer.id)
        cls.others_subscription = cls._make_subscription(cls.others)
        cls.users["portal"].partner_id.parent_id = cls.customer

    def test_every_model_has_a_line_in_the_table(self):
        models = {
            name
            for name, model in self.registry.items()
            if model._original_module == "saas_manager" and not model._abstract
        }
        self.assertEqual(models, set(ACCESS), "add a line to ACCESS for each model, and its access rights")

    def test_each_group_may_do_what_the_table_says(self):
        for model, allowed_by_group in ACCESS.items():
            for group, allowed in zip(GROUPS, allowed_by_group, strict=True):
                for operation in ALL.split():
                    with self.subTest(model=model, group=group, operation=operation):
                        may = self.env[model].with_user(self.users[group]).has_access(operation)
                        self.assertEqual(may, operation in allowed.split())

    def test_the_public_user_sees_nothing(self):
        for model in ACCESS:
            with self.subTest(model=model):
                self.assertFalse(
                    self.env[model].with_user(self.env.ref("base.public_user")).has_access("read")
                )

    def test_a_customer_reads_only_their_own_instances(self):
        instances = self._as("portal", self.env["saas.instance"])
        self.assertEqual(instances.search([]), self.own)
        with self.assertRaises(AccessError):
            instances.browse(self.others.id).read(["name"])

    def test_a_customer_reads_only_their_own_subscriptions(self):
        subscriptions = self._as("portal", self.env["saas.subscription"])
        self.assertEqual(subscriptions.search([]), self.own_subscription)
        with self.assertRaises(AccessError):
            subscriptions.browse(self.others_subscription.id).read(["name"])

    def test_a_customer_reads_the_allowed_fields_and_no_internal_ones(self):
        own = self._as("portal", self.own)
        allowed = own.read(list(own.fields_get()))[0]
        self.assertEqual(allowed["subdomain"], "acme")
        self.assertEqual(allowed["plan_id"][1], "Plan small")
        for name in ("log_ids", "state_reason", "database_name", "server_id", "request_ids", "message_ids"):
            with self.subTest(field=name), self.assertRaises(AccessError):
                own.read([name])
            self.assertNotIn(name, allowed)

    def test_a_customer_cannot_search_by_internal_fields(self):
        with self.assertRaises(AccessError):
            self._as("portal", self.env["saas.instance"]).search([("database_name", "=", "acme")])

    def test_a_customer_cannot_call_actions(self):
        own = self._as("portal", self.own)
        for action in ("action_suspend", "action_terminate", "action_check_health", "action_discard"):
            with self.subTest(action=action), self.assertRaises(AccessError):
                getattr(own, action)()

    def test_users_without_a_group_can_read_contacts(self):
        contact = self._as("nobody", self.customer)
        self.assertEqual(contact.read(["name"])[0]["name"], "Acme Ltd")
        self.assertNotIn("saas_instance_ids", contact.fields_get())

    def test_only_actions_change_the_state(self):
        for name, values in (
            ("manager", {"state": "terminated"}),
            ("manager", {"database_name": "other"}),
            ("manager", {"operation": False}),
            ("manager", {"run_state": "stopped"}),
            ("manager", {"subdomain": "other", "database_name": "other"}),
            ("administrator", {"url": "http://elsewhere.example"}),
        ):
            with self.subTest(name=name, values=values), self.assertRaises(AccessError):
                self._as(name, self.own).write(values)

    def test_nobody_writes_over_rpc_what_actions_note(self):
        request = self.env["saas.instance.request"].create(self._request_values("bakery"))
        template, server = self.own.template_id, self.own.server_id
        for record, values in (
            (self.own, {"state_reason": "Nothing at all"}),
            (self.own, {"failure": False}),
            (self.own, {"expires_on": "2099-01-01"}),
            (self.own, {"health": "healthy", "user_count": 1}),
            (self.own_subscription, {"period_count": 12}),
            (self.own_subscription, {"owed_since": False}),
            (request, {"error": False}),
            (request, {"source": "signup"}),
            (template, {"state_reason": False}),
            (server, {"health": "healthy"}),
        ):
            before = record.read(list(values))
            for name in ("manager", "administrator"):
                with self.subTest(name=name, values=values), self.assertRaises(AccessError):
                    call_kw(self._as(name, record).browse(), "write", [record.ids, values], {})
            self.assertEqual(record.read(list(values)), before)

    def test_no_record_of_ours_is_created_with_what_actions_note(self):
        checked = 0
        for name, model in self.registry.items():
            if not (model._original_module or "").startswith("saas_manager") or not model._auto:
                continue
            records = self._as("administrator", self.env[name])
            fields = (field for field in records._fields.values() if field.store and field.readonly)
            noted = [field for field in fields if field.name not in MAGIC_COLUMNS]
            for field in () if model._transient else noted:
                with self.subTest(model=name, field=field.name), self.assertRaises(UserError):
                    call_kw(records, "create", [[{field.name: False}]], {})
                checked += 1
        self.assertGreater(checked, 80)

    def test_records_are_created_in_the_first_state_only(self):
        instances = self._as("manager", self.env["saas.instance"])
        with self.assertRaises(AccessError):
            instances.create(self._instance_values("born-active", state="active"))
        with self.assertRaises(AccessError):
            instances.with_context(default_state="active").create(self._instance_values("born-active"))
