"""What the back office asks of the engine, function by function: nothing is left out, nothing is mixed up.

Elsewhere the gateway is patched away; here a recording engine, which knows each method's parameters, stands
behind it.
"""

from types import SimpleNamespace
from unittest.mock import create_autospec, patch

from odoo.tests import tagged

from tenantry.engine import Engine
from tenantry.errors import InstanceNotFound, TemplateNotFound
from tenantry.model.entitlements import Entitlements
from tenantry.model.recipe import Recipe

from .. import gateway
from .common import SaasCase


@tagged("post_install", "-at_install")
class TestGateway(SaasCase):
    def setUp(self):
        super().setUp()
        self.engine = create_autospec(Engine, instance=True)
        self.engine.settings = SimpleNamespace(odoo_series=self.template.series)
        self.asked_for = []
        real = patch.object(gateway, "_engine_of", self._engine_of)
        real.start()
        self.addCleanup(real.stop)
        self.engine.unseal.return_value = "unsealed"
        self.instance = self._make_instance(
            "acme",
            "active",
            database_name="acme-db",
            country_id=self.env.ref("base.fr").id,
            language_id=self.env.ref("base.lang_en").id,
            tz="Europe/Paris",
            hostname_ids=[(0, 0, {"name": "shop.acme.example"})],
        )
        self.plan.write({"max_users": 7, "sleep_after_minutes": 3, "memory_limit_mb": 512})

    def _engine_of(self, server):
        self.asked_for.append(server)
        return self.engine

    def test_each_function_asks_for_what_it_is_called(self):
        told, acme = object(), "acme-db"
        for function, arguments, method, expected in (
            (gateway.suspend, [told], "suspend", [acme, told]),
            (gateway.reactivate, [told], "reactivate", [acme, told]),
            (gateway.stop, [told], "stop_instance", [acme, told]),
            (gateway.start, [told], "start_instance", [acme, told]),
            (gateway.restart, [told], "restart_instance", [acme, told]),
            (gateway.rename, ["zenith", told], "rename", [acme, "zenith", told]),
            (gateway.terminate, [told], "terminate", [acme, told, self.instance.reference]),
            (gateway.abandon, [], "abandon", [acme, self.instance.reference]),
            (gateway.set_hostnames, [], "set_hostnames", [acme, ["shop.acme.example"]]),
            (gateway.check_hostnames, [], "check_hostnames", [acme, ["shop.acme.example"]]),
            (gateway.install_modules, [["crm"]], "install_modules", [acme, ["crm"]]),
            (gateway.check_modules, [["crm"]], "check_modules", [["crm"]]),
            (gateway.find, [], "find_by_reference", [self.instance.reference]),
        ):
            with self.subTest(function=function.__name__):
                self.engine.reset_mock()
                self.asked_for.clear()
                answer = function(self.instance, *arguments)
                self.assertEqual([call[0] for call in self.engine.method_calls], [method])
                asked = getattr(self.engine, method)
                asked.assert_called_once_with(*expected)
                if answer is not None:
                    self.assertEqual(answer, asked.return_value)
                self.assertEqual(self.asked_for, [self.server])

    def test_a_creation_has_all_the_customer_wished_for(self):
        gateway.provisioning(self.instance, on_step := object())
        self.engine.provisioning.assert_called_once_with(self.engine.spec.return_value, on_step)
        self.engine.spec.assert_called_once_with(
            name="acme",
            email=self.instance.admin_email,
            company=self.instance.name,
            template=self.template.code,
            language="en_US",
            country="FR",
            timezone="Europe/Paris",
            hostnames=["shop.acme.example"],
            password="unsealed",
            reference=self.instance.reference,
            entitlements=Entitlements(users=7, storage_gb=self.plan.max_storage_gb, plan=self.plan.name),
            limits={"idle_s": 180, "memory_mb": 512},
        )

    def test_a_plan_is_told_to_the_instance_and_to_its_process(self):
        gateway.entitle(self.instance)
        self.engine.set_limits.assert_called_once_with("acme-db", {"idle_s": 180, "memory_mb": 512})
        name, told = self.engine.entitle.call_args.args
        self.assertEqual((name, told.users), ("acme-db", 7))

    def test_a_login_link_says_by_whom_for_what_and_from_where(self):
        gateway.login_link(self.instance, by="ann", support=True, origin="https://office.example.com")
        self.engine.login_link.assert_called_once_with(
            "acme-db", by="ann", support=True, origin="https://office.example.com"
        )

    def test_a_template_is_built_from_its_recipe_and_anew_only_when_it_is_asked_for(self):
        recipe, on_step = Recipe.from_mapping("shop", self.template._recipe()), object()
        gateway.build_template(self.template, on_step)
        self.engine.build_template.assert_called_once_with(recipe, on_step)
        self.engine.reset_mock()
        gateway.rebuild_template(self.template, on_step)
        self.engine.build_template.assert_called_once_with(recipe, on_step, rebuild=True)
        gateway.edit_template(self.template)
        self.engine.edit_template.assert_called_once_with("shop")
        gateway.finish_editing(self.template, on_step)
        self.engine.finish_editing.assert_called_once_with("shop", on_step)
        gateway.clone_template(self.template, "acme")
        self.engine.clone.assert_called_once_with("shop", "acme")
        self.engine.pools.return_value = []
        gateway.fill_pool(self.template)
        self.engine.fill_pool.assert_called_once_with("shop", self.template.pool_size)

    def test_what_is_gone_already_is_no_failure(self):
        self.engine.terminate.side_effect = InstanceNotFound("acme-db")
        gateway.terminate(self.instance, object())
        self.engine.find_by_reference.side_effect = InstanceNotFound("acme-db")
        self.assertIsNone(gateway.find(self.instance))
        self.engine.template.side_effect = TemplateNotFound("shop")
        self.engine.pools.return_value = []
        with patch.object(gateway, "_engine", lambda: self.engine):
            ((_template, values, stale),) = gateway.pool_status(self.template)
        self.assertEqual((values, "shop" in stale), ({"spare_count": 0}, True))

    def test_a_template_s_record_learns_what_it_offers(self):
        self.engine.pools.return_value = [SimpleNamespace(template="shop", usable=2)]
        self.engine.template.return_value = SimpleNamespace(
            languages=("en_US", "fr_FR"), chart_country="FR", size_bytes=3 * 2**20, stale=""
        )
        with patch.object(gateway, "_engine", lambda: self.engine):
            ((_template, values, stale),) = gateway.pool_status(self.template)
        offered = {"loaded_languages": "en_US fr_FR", "chart_country_code": "FR", "size_mb": 3}
        self.assertEqual((values, stale), ({"spare_count": 2, **offered}, ""))
