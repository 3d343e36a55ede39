"""Every action opens in every kind of view, for each group; every filter finds."""

from lxml import etree
from odoo.tests import Form, tagged
from odoo.tools.safe_eval import safe_eval

from .common import SaasCase

GROUPS = ("user", "manager", "administrator")
BIG_MODELS = ("saas.instance", "saas.instance.request", "saas.subscription", "saas.instance.log")


@tagged("post_install", "-at_install")
class TestViews(SaasCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.instance = cls._make_instance("acme", state="active", url="http://acme.localhost")
        cls.subscription = cls._make_subscription(cls.instance)
        cls.env["saas.instance.request"].create(cls._request_values("acme-two"))
        cls.env["saas.instance.log"].create({"instance_id": cls.instance.id, "message": "Done"})
        data = cls.env["ir.model.data"].search(
            [("module", "=", "saas_manager"), ("model", "=", "ir.actions.act_window")]
        )
        cls.actions = cls.env["ir.actions.act_window"].browse(data.mapped("res_id"))
        cls.menu_actions = cls.actions.filtered(
            lambda action: action.target == "current" and action.res_model != "res.config.settings"
        )

    def _views(self, group, action):
        modes = [*action.view_mode.split(","), "search"]
        model = self.env[action.res_model].with_user(self.users[group])
        options = {"action_id": action.id, "toolbar": True}
        return model.get_views([(False, mode) for mode in modes], options)["views"]

    def _arch(self, group, xmlid):
        view = self.env.ref(xmlid)
        model = self.env[view.model].with_user(self.users[group])
        return etree.fromstring(model.get_views([(view.id, view.type)])["views"][view.type]["arch"])

    def _buttons(self, group, xmlid):
        return {button.get("string") for button in self._arch(group, xmlid).iter("button")}

    def _groups(self, model, grouping):
        """As the web client groups: dates by month unless the filter says otherwise."""
        is_date = ":" not in grouping and model._fields[grouping].type in ("date", "datetime")
        return model.formatted_read_group([], [f"{grouping}:month" if is_date else grouping], ["__count"])

    def test_every_action_of_a_menu_opens_in_every_kind_of_view_for_each_group(self):
        self.assertEqual(len(self.menu_actions), 7)
        for action in self.menu_actions:
            for group in GROUPS:
                with self.subTest(action=action.name, group=group):
                    kinds = {*action.view_mode.split(","), "search"}
                    self.assertEqual(set(self._views(group, action)), kinds)

    def test_no_kind_of_view_is_made_up_by_odoo(self):
        """What an action offers has a view of ours, not Odoo's default one."""
        for action in self.menu_actions:
            ours = {view.type for view in self.env["ir.ui.view"].search([("model", "=", action.res_model)])}
            self.assertLessEqual({*action.view_mode.split(","), "search"}, ours, action.name)

    def test_every_form_shows_a_record_to_each_group(self):
        for action in self.menu_actions:
            record = self.env[action.res_model].search([], limit=1)
            for group in GROUPS:
                with self.subTest(model=action.res_model, group=group):
                    self.assertTrue(Form(self._as(group, record)).id)

    def test_every_list_and_card_can_be_read_by_a_user(self):
        for action in self.menu_actions:
            views = self._views("user", action)
            for kind in {"list", "kanban"} & set(views):
                names = {node.get("name") for node in etree.fromstring(views[kind]["arch"]).iter("field")}
                model = self.env[action.res_model].with_user(self.users["user"])
                rows = model.web_search_read([], {name: {} for name in names}, limit=80)
                self.assertTrue(rows["records"], f"{action.name} as {kind}")

    def test_every_filter_finds_and_every_grouping_groups(self):
        for action in self.menu_actions:
            model = self.env[action.res_model].with_user(self.users["user"])
            for node in etree.fromstring(self._views("user", action)["search"]["arch"]).iter("filter"):
                with self.subTest(model=action.res_model, filter=node.get("name")):
                    values = {"uid": self.env.uid, "allowed_company_ids": self.env.companies.ids}
                    model.search(safe_eval(node.get("domain") or "[]", values), limit=1)
                    grouping = safe_eval(node.get("context") or "{}").get("group_by")
                    if grouping:
                        self.assertTrue(self._groups(model, grouping))

    def test_lists_that_grow_show_stored_columns_only_unless_asked(self):
        for name in BIG_MODELS:
            fields = self.env[name]._fields
            arch = self._arch("administrator", f"saas_manager.{name.replace('.', '_')}_view_list")
            shown = [
                node.get("name") for node in arch.xpath("./field[not(@optional='hide')]") if node.get("name")
            ]
            for field in shown:
                if field != "currency_id":
                    self.assertTrue(fields[field].store, f"{name}.{field}")

    def test_a_user_has_no_button_that_changes_an_instance(self):
        buttons = self._buttons("user", "saas_manager.saas_instance_view_form")
        self.assertIn("Open", buttons)
        self.assertFalse(buttons & {"Create", "Suspend", "Reactivate", "Change Plan", "Log In as Support"})

    def test_only_an_administrator_has_the_button_to_terminate(self):
        form = "saas_manager.saas_instance_view_form"
        self.assertNotIn("Terminate", self._buttons("manager", form))
        self.assertIn("Terminate", self._buttons("administrator", form))

    def test_an_operation_s_button_is_shown_where_it_can_be_done(self):
        always = {"Suspend", "Terminate"}
        running = {"Restart", "Stop", "Install Modules", "Change Subdomain"}
        shown = {
            ("draft", "unknown"): set(),
            ("provisioning", "unknown"): set(),
            ("active", "running"): always | running,
            ("active", "unknown"): always | running,
            ("active", "stopped"): always | {"Start Now"},
            ("suspended", "stopped"): {"Reactivate", "Terminate"},
            ("expired", "stopped"): {"Reactivate", "Terminate"},
            ("failed", "unknown"): set(),
            ("terminated", "stopped"): set(),
        }
        arch = self._arch("administrator", "saas_manager.saas_instance_view_form")
        buttons = [it for it in arch.iter("button") if it.get("string") in set().union(*shown.values())]
        for (state, run_state), expected in shown.items():
            for operation, meant in ((False, expected), ("restart", set())):
                values = {"state": state, "run_state": run_state, "operation": operation}
                with self.subTest(**values):
                    found = [it for it in buttons if not safe_eval(it.get("invisible"), values)]
                    self.assertEqual({it.get("string") for it in found}, meant)
                    self.assertFalse([it for it in found if it.get("data-operation")])

    def test_a_user_has_no_button_on_a_subscription(self):
        self.assertFalse(self._buttons("user", "saas_manager.saas_subscription_view_form"))
        self.assertIn("Renew Now", self._buttons("manager", "saas_manager.saas_subscription_view_form"))

    def test_a_manager_creates_for_a_customer_from_the_list_and_a_user_does_not(self):
        instances = "saas_manager.saas_instance_view_list"
        self.assertIn("Create for a Customer", self._buttons("manager", instances))
        self.assertNotIn("Create for a Customer", self._buttons("user", instances))

    def test_the_customers_form_counts_instances_for_saas_users_only(self):
        view = "base.view_partner_form"
        counts = "//button[@name='action_view_saas_instances']"
        self.assertTrue(self._arch("user", view).xpath(counts))
        self.assertFalse(self._arch("nobody", view).xpath(counts))

    def test_a_customers_button_opens_his_instances(self):
        partner = self._as("user", self.customer)
        action = partner.action_view_saas_instances()
        self.assertEqual(self.env["saas.instance"].search(action["domain"]), self.instance)

    def test_the_menus_are_for_saas_users_and_configuration_for_administrators(self):
        def sees(group, menu):
            visible = self.env["ir.ui.menu"].with_user(self.users[group])._visible_menu_ids()
            return self.env.ref(f"saas_manager.{menu}").id in visible

        self.assertFalse(sees("nobody", "menu_saas_root"))
        self.assertTrue(sees("user", "saas_instance_menu"))
        self.assertFalse(sees("manager", "menu_saas_configuration"))
        self.assertTrue(sees("administrator", "menu_saas_configuration"))

    def test_instances_over_eighty_percent_of_their_users_are_found(self):
        self.plan.max_users = 10
        unlimited = self._make_instance("free", user_count=9, plan_id=self._make_plan("x", max_users=0).id)
        for count, found in ((8, False), (9, True)):
            self.instance.user_count = count
            over = self.env["saas.instance"].search([("user_percent", ">", 80)])
            self.assertEqual(self.instance in over, found)
            self.assertNotIn(unlimited, over)

    def test_instances_over_eighty_percent_of_their_storage_are_found(self):
        self.plan.max_storage_gb = 1
        for megabytes, found in ((800, False), (900, True)):
            self.instance.storage_mb = megabytes
            over = self.env["saas.instance"].search([("storage_percent", ">", 80)])
            self.assertEqual(self.instance in over, found)
