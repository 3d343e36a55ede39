"""What each function of the gateway calls in the engine.

Other tests patch the gateway; here it has a recording engine, which knows each method's parameters.
"""

import inspect
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock, call, patch

from odoo.addons.queue_job.exception import RetryableJobError
from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged

from tenantry import __version__
from tenantry.errors import (
    AgentLost,
    InstanceNotFound,
    InvalidValue,
    MailServerNotSet,
    NotYet,
    PostgresUnreachable,
    RailwayTokenRefused,
    ServerNotFound,
    ServerNotStarted,
    TemplateNotFound,
    TenantServerSilent,
)
from tenantry.model.activity import Activity
from tenantry.model.entitlements import Entitlements
from tenantry.model.mail import Security, Traffic
from tenantry.model.module import Module
from tenantry.model.progress import StepEvent, StepStatus
from tenantry.model.recipe import Recipe
from tenantry.model.server import WIRE, Check, Condition
from tenantry.model.usage import Usage

from .. import gateway
from .common import SaasCase, engines_are, recording_engine

SERVED = ["live.acme.example", "verified.acme.example"]
_taken, _engine_of = gateway.taken, gateway.engines._engine_of
"""The original functions, before any patch."""


@tagged("post_install", "-at_install")
class TestGateway(SaasCase):
    def setUp(self):
        super().setUp()
        self.engine = recording_engine()
        self.engine.facts.return_value = SimpleNamespace(
            name="local",
            version=__version__,
            wire=WIRE,
            series=self.template.series,
            base_domain="here.example",
            runtime="shared",
        )
        self.asked_for = []
        self.enterContext(engines_are(_engine_of=self._engine_of))
        self.engine.unseal.return_value = "unsealed"
        self.instance = self._make_instance(
            "acme",
            "active",
            database_name="acme-db",
            country_id=self.env.ref("base.fr").id,
            language_id=self.env.ref("base.lang_en").id,
            tz="Europe/Paris",
            hostname_ids=[
                (0, 0, {"name": f"{state}.acme.example", "state": state})
                for state in ("pending", "verified", "live", "failing")
            ],
        )
        self.plan.write({"max_users": 7, "sleep_after_minutes": 3, "memory_limit_mb": 512})

    def _engine_of(self, server):
        self.asked_for.append(server)
        return self.engine

    def test_each_function_calls_the_engine_s_method(self):
        told, acme = object(), "acme-db"
        for function, arguments, method, expected in (
            (gateway.operate, ["suspend", told], "instances.operate", [acme, "suspend", told]),
            (gateway.operate, ["expire", told], "instances.operate", [acme, "suspend", told]),
            (gateway.operate, ["reactivate", told], "instances.operate", [acme, "reactivate", told]),
            (gateway.operate, ["stop", told], "instances.operate", [acme, "stop", told]),
            (gateway.operate, ["start", told], "instances.operate", [acme, "start", told]),
            (gateway.operate, ["restart", told], "instances.operate", [acme, "restart", told]),
            (gateway.rename, ["zenith", told], "instances.rename", [acme, "zenith", told]),
            (gateway.restore_backup, ["acme-1", told], "backups.restore", ["acme-1", acme, told]),
            (gateway.put_back, [told], "backups.put_back", [acme, told]),
            (gateway.confirm_restore, [], "backups.confirm", [acme]),
            (gateway.abandon, [], "instances.abandon", [acme, self.instance.reference]),
            (gateway.set_hostnames, [], "instances.set_hostnames", [acme, SERVED]),
            (gateway.check_hostnames, [SERVED], "instances.check_hostnames", [acme, SERVED]),
            (gateway.install_modules, [["crm"]], "instances.install_modules", [acme, ["crm"]]),
            (gateway.check_modules, [["crm"]], "instances.check_modules", [["crm"]]),
            (gateway.find, [], "instances.find_by_reference", [self.instance.reference]),
        ):
            with self.subTest(function=function.__name__):
                self.engine.reset_mock()
                self.asked_for.clear()
                answer = function(self.instance, *arguments)
                self.assertEqual([call[0] for call in self.engine.method_calls], [method])
                asked = attrgetter(method)(self.engine)
                asked.assert_called_once_with(*expected)
                if answer is not None:
                    self.assertEqual(answer, asked.return_value)
                self.assertEqual(self.asked_for, [self.server])

    def test_the_modules_of_a_server_are_values_for_records(self):
        self.engine.instances.modules.return_value = (Module("crm", "CRM", "Leads", is_application=True),)
        self.assertEqual(
            gateway.modules_of(self.server),
            [{"name": "crm", "title": "CRM", "summary": "Leads", "is_application": True}],
        )

    def test_the_log_of_a_build_has_no_control_characters_and_is_empty_without_its_server(self):
        self.engine.templates.logs.return_value = ["installing", "\x1b[31mred"]
        self.assertEqual(gateway.build_log(self.template), "installing\n\N{REPLACEMENT CHARACTER}[31mred")
        self.engine.templates.logs.side_effect = AgentLost("gone")
        self.assertEqual(gateway.build_log(self.template), "")

    def test_the_counts_of_mails_are_values_for_records_by_database(self):
        self.engine.mail.traffic.return_value = [Traffic("acme", 7, 100, 1, "554 Spam", 1896091200.5)]
        told = gateway.mail_traffic(self.server, ["acme"])
        self.engine.mail.traffic.assert_called_once_with(["acme"], timeout_s=2)
        facts = {"mail_sent": 7, "mail_per_hour": 100, "mail_refused": 1, "mail_refusal": "554 Spam"}
        self.assertEqual(told, {"acme": {**facts, "mail_refused_at": datetime(2030, 1, 31, 12)}})
        for error, answer in ((MailServerNotSet(), None), (AgentLost("gone"), {})):
            self.engine.mail.traffic.side_effect = error
            self.assertEqual(gateway.mail_traffic(self.server), answer)

    def test_the_log_of_an_installation_is_cleaned_likewise(self):
        self.engine.instances.install_logs.return_value = ["loading", "\x1b[31mred"]
        self.assertEqual(gateway.install_log(self.instance), "loading\n\N{REPLACEMENT CHARACTER}[31mred")
        self.engine.instances.install_logs.assert_called_once_with(self.instance.database_name)
        self.engine.instances.install_logs.side_effect = AgentLost("gone")
        self.assertEqual(gateway.install_log(self.instance), "")

    def test_a_creation_passes_all_values_of_the_customer(self):
        self.env.company.write({"name": "Corner Hosting", "email": "Help <help@corner.example>"})
        self.instance.admin_name = "Léa Dupont"
        with engines_are(_engine=lambda: self.engine):
            gateway.provisioning(self.instance, on_step := object())
        self.engine.instances.provisioning.assert_called_once_with(
            self.engine.instances.spec.return_value, on_step
        )
        self.engine.instances.spec.assert_called_once_with(
            name="acme",
            email=self.instance.admin_email,
            company=self.instance.name,
            admin_name="Léa Dupont",
            template=self.template.code,
            language="en_US",
            country="FR",
            timezone="Europe/Paris",
            hostnames=SERVED,
            password="unsealed",
            reference=self.instance.reference,
            entitlements=Entitlements(
                users=7,
                storage_gb=self.plan.max_storage_gb,
                plan=self.plan.name,
                **self.instance._provider_facts(),
            ),
            limits={"idle_s": 180, "memory_mb": 512},
            recipe=None,
        )

    def test_a_plan_is_sent_to_the_instance_and_to_its_process(self):
        gateway.entitle(self.instance)
        self.engine.instances.set_limits.assert_called_once_with("acme-db", {"idle_s": 180, "memory_mb": 512})
        name, told = self.engine.instances.entitle.call_args.args
        self.assertEqual((name, told.users), ("acme-db", 7))

    def test_a_token_for_railway_goes_to_the_engine_that_keeps_the_server_s_settings(self):
        cloud = self._make_server("cloud", runtime="railway", address="ssh://tenantry@paris:2200/cloud")
        with patch.object(gateway.engines, "_engine_at", return_value=self.engine) as engine_at:
            gateway.keep_railway(cloud, "railway-token-0123456789", None)
            self.engine.keep_railway.side_effect = RailwayTokenRefused("cloud", "Not Authorized")
            with self.assertRaisesRegex(UserError, "refused the token") as refusal:
                gateway.keep_railway(cloud, "railway-token-0123456789", "Acme")
        self.assertEqual(engine_at.mock_calls, [call("ssh://tenantry@paris:2200")] * 2)
        name, token, workspace = self.engine.keep_railway.call_args_list[0].args
        self.assertEqual((name, token.reveal(), workspace), ("cloud", "railway-token-0123456789", None))
        self.assertNotIn("railway-token", str(refusal.exception))

    def test_what_a_runtime_cannot_do_is_refused_with_the_name_of_the_server(self):
        self.assertIn("'Server here', whose instances run on Railway", gateway.refusal(self.server))

    def test_a_login_link_has_a_user_a_purpose_and_an_origin(self):
        gateway.login_link(self.instance, by="ann", support=True, origin="https://office.example.com")
        self.engine.instances.login_link.assert_called_once_with(
            "acme-db", by="ann", support=True, origin="https://office.example.com"
        )

    def test_a_password_is_reset_in_the_instance_s_own_database(self):
        new = gateway.reset_password(self.instance)
        self.engine.instances.reset_password.assert_called_once_with("acme-db")
        self.assertEqual(new, self.engine.instances.reset_password.return_value)

    def test_a_template_is_built_from_its_recipe_and_rebuilt_only_on_request(self):
        recipe, on_step = Recipe.from_mapping("shop", self.template._recipe()), object()
        gateway.build_template(self.template, on_step)
        self.engine.templates.build.assert_called_once_with(recipe, on_step, patience_s=60)
        self.engine.reset_mock()
        gateway.rebuild_template(self.template, on_step)
        self.engine.templates.build.assert_called_once_with(recipe, on_step, rebuild=True, patience_s=60)
        gateway.edit_template(self.template)
        self.engine.templates.edit.assert_called_once_with("shop")
        gateway.finish_editing(self.template, on_step)
        self.engine.templates.finish_editing.assert_called_once_with("shop", on_step, patience_s=60)
        gateway.clone_template(self.template, "acme")
        self.engine.templates.clone.assert_called_once_with("shop", "acme")
        self.engine.pool.status.return_value = []
        gateway.fill_pool(self.template)
        self.engine.pool.fill.assert_called_once_with("shop", self.template.pool_size)

    def test_the_pages_of_a_server_get_the_provider(self):
        gateway.show_provider(self.server, "Acme", "hello@acme.example", "https://acme.example", "Call us.")
        self.engine.keep_provider.assert_called_once_with(
            "Acme", "hello@acme.example", "https://acme.example", "Call us."
        )

    def test_the_state_of_backups_is_asked_of_the_instance_s_server(self):
        told, kept = object(), [SimpleNamespace(name="acme-db")]
        self.engine.backups.kept.return_value = kept
        taken = gateway.back_up(self.instance, "asked", told)
        self.engine.backups.take.assert_called_once_with("acme-db", told, reason="asked")
        self.assertEqual(taken, self.engine.backups.take.return_value.backup)
        self.assertEqual(gateway.backups_of(self.instance), {}, "it is not known by which identity")
        # SaasCase has replaced gateway.identity_of.
        self.instance.identity = gateway.backups.identity_of(self.instance)
        self.engine.backups.all.return_value = ()
        self.assertEqual(gateway.backups_of(self.instance), {})
        self.engine.backups.all.assert_called_once_with(identity=self.instance.identity)
        self.assertTrue(gateway.has_former_data(self.instance))
        self.assertEqual(gateway.sweep_kept(self.server), ["acme-db"])
        self.engine.backups.sweep.assert_called_once_with()
        self.engine.backups.kept.side_effect = AgentLost("it ended")
        self.assertFalse(gateway.has_former_data(self.instance), "what is known stays")

    def test_what_a_proof_found_and_what_plans_keep_travels(self):
        self.engine.backups.prove.return_value = None
        found = gateway.prove_backup(self.instance, "acme-1", object())
        self.assertEqual((found["proof_state"], found["proved_at"]), ("not_yet", False))
        gateway.prune_backups(self.server, {"1a2b": self.plan}, 30)
        (kept,) = self.engine.backups.prune.call_args.kwargs["of"].values()
        self.assertEqual((kept.daily, kept.final_days), (self.plan.backup_retention_days, 30))

    def test_terminating_takes_a_final_backup_unless_none_is_wanted(self):
        told = object()
        for unwanted in (False, True):
            gateway.terminate(self.instance, told, without_backup=unwanted)
            self.engine.instances.terminate.assert_called_with(
                "acme-db", told, self.instance.reference, without_backup=unwanted
            )

    def test_terminating_a_missing_instance_is_not_an_error(self):
        self.engine.instances.terminate.side_effect = InstanceNotFound("acme-db")
        gateway.terminate(self.instance, object())
        self.engine.instances.find_by_reference.side_effect = InstanceNotFound("acme-db")
        self.assertIsNone(gateway.find(self.instance))
        self.engine.templates.get.side_effect = TemplateNotFound("shop")
        self.engine.pool.status.return_value = []
        ((_template, values, stale),) = gateway.pool_status(self.template)
        self.assertEqual((values, "shop" in stale), ({"spare_count": 0}, True))

    def test_a_template_s_record_gets_the_languages_and_the_chart(self):
        self.engine.pool.status.return_value = [SimpleNamespace(template="shop", usable=2)]
        self.engine.templates.get.return_value = SimpleNamespace(
            languages=("en_US", "fr_FR"), chart_country="FR", size_bytes=3 * 2**20, stale=""
        )
        ((_template, values, stale),) = gateway.pool_status(self.template)
        offered = {"loaded_languages": "en_US fr_FR", "chart_country_code": "FR", "size_mb": 3}
        self.assertEqual((values, stale), ({"spare_count": 2, **offered}, ""))

    def test_names_in_use_are_read_from_the_engine_and_are_none_while_it_is_down(self):
        self.engine.instances.taken.return_value = frozenset({"acme"})
        with engines_are(_engine=lambda: self.engine):
            self.assertEqual(_taken(["acme", "beta"]), {"acme"})
            self.engine.instances.taken.assert_called_once_with(["acme", "beta"])
            self.engine.instances.taken.side_effect = InstanceNotFound("acme")
            self.assertEqual(_taken(["acme"]), frozenset())

    def test_a_name_and_its_address_are_read_from_the_instance_s_server(self):
        away = self._make_server("away", address="ssh://away")
        self.engine.instances.taken.return_value = frozenset({"acme"})
        self.asked_for.clear()
        self.assertEqual(_taken(["acme"], away), {"acme"})
        self.assertEqual(self.asked_for, [away])

        draft = self._make_instance("beta", template_id=self._make_template("there", server_id=away.id).id)
        moved = self._make_instance("gamma", "active", server_id=away.id)
        request = self.env["saas.instance.request"].create(
            self._request_values("delta", template_id=draft.template_id.id)
        )
        wizards = self.env["saas.instance.create"], self.env["saas.instance.change.subdomain"]
        created = wizards[0].new({"template_id": draft.template_id.id, "subdomain": "delta"})
        changed = wizards[1].new({"instance_id": moved.id, "subdomain": "delta"})
        for ask, server in (
            (lambda: draft._judge_subdomain("delta"), away),
            (lambda: moved._judge_subdomain("delta"), away),
            (request._check_can_begin, away),
            (lambda: created.subdomain_free, away),
            (lambda: changed.subdomain_free, away),
            (lambda: self.instance._judge_subdomain("delta"), self.server),
            (lambda: self.env["saas.instance"]._judge_subdomain("delta"), self.env["saas.server"]),
        ):
            with patch.object(gateway, "taken", return_value=frozenset()) as taken:
                ask()
            taken.assert_called_once_with(["delta"], server)

    def test_an_address_on_another_machine_is_known_without_asking_it(self):
        away = self._make_server("away", address="ssh://away", base_domain="away.example")
        gone = self._make_server("gone", address="gone", base_domain="gone.example")
        self.engine.facts.return_value = SimpleNamespace(base_domain="here.example", protocol="https")
        self.engine.instances.url_of.return_value = "https://acme.near.example:8069"
        self.asked_for.clear()
        with engines_are(_engine=lambda: self.engine):
            self.assertEqual(gateway.url_of("acme", away), "https://acme.away.example")
            self.assertEqual(self.asked_for, [])
            self.assertEqual(gateway.url_of("acme", gone), "https://acme.near.example:8069")
            with engines_are(_engine_of=Mock(side_effect=ServerNotFound("gone", ["local"]))):
                self.assertEqual(gateway.url_of("acme", gone), "https://acme.gone.example")
                self.assertEqual(_taken(["acme"], gone), frozenset())
            self.assertEqual(gateway.base_domain_of(away), "away.example")
            self.server.base_domain = "before.example"
            self.assertEqual(gateway.base_domain_of(self.server), "here.example")
            for name, server in (("away.example", away), ("x.away.example", away), ("x.here.example", None)):
                with self.subTest(name=name), self.assertRaises(InvalidValue):
                    gateway.check_outside(name, server)
            gateway.check_outside("notaway.example", away)

    def test_a_server_that_is_away_does_not_keep_the_others_templates_from_being_looked_at(self):
        away = self._make_server("away", address="ssh://away")
        there = self._make_template("bakery", server_id=away.id)
        self.engine.pool.status.return_value = [SimpleNamespace(template="shop", usable=2)]
        self.engine.templates.get.return_value = SimpleNamespace(
            languages=(), chart_country="", size_bytes=0, stale=""
        )
        lost = recording_engine()
        lost.pool.status.side_effect = AgentLost("it ended")
        with (
            engines_are(_engine_of=lambda server: lost if server == away else self.engine),
            self.assertLogs(gateway.__name__, "WARNING"),
        ):
            found = [template for template, _values, _stale in gateway.pool_status(there | self.template)]
        self.assertEqual(found, [self.template])

    def test_a_server_that_cannot_be_reached_terminates_no_instance(self):
        lost = Mock(side_effect=ServerNotFound("paris", ["local"]))
        with engines_are(_engine_of=lost):
            with self.assertRaises(ServerNotFound):
                gateway.terminate(self.instance, object())
            self.assertEqual(gateway.measure(self.instance)["health"], "critical")

    def test_a_server_s_address_chooses_the_engine(self):
        asked = []
        with patch.object(gateway.engines, "_engine_at", asked.append):
            for number, address in enumerate((False, "paris", "ssh://odoo@rome")):
                _engine_of(self._make_server(f"at-{number}", address=address))
            _engine_of(self.env["saas.server"])
        self.assertEqual(asked, ["", "paris", "ssh://odoo@rome", ""])

    def test_a_password_is_unsealed_here_wherever_the_instance_is(self):
        sealed = gateway.seal("a secret")
        self.instance.admin_password_sealed = sealed
        gateway.provisioning(self.instance, object())
        self.assertEqual(self.engine.instances.spec.call_args.kwargs["password"].reveal(), "a secret")
        self.engine.unseal.assert_not_called()

    def test_a_measurement_has_usage_health_and_address(self):
        moment = "2031-03-09T11:00:00+01:00"
        self.engine.instances.usage.return_value = Usage(
            users=3, storage_bytes=5 * 2**20, last_activity=moment
        )
        self.engine.instances.is_serving.return_value = True
        self.engine.instances.url_of.return_value = "http://acme.localhost"
        found = gateway.measure(self.instance)
        self.engine.instances.usage.assert_called_once_with("acme-db")
        self.engine.instances.is_serving.assert_called_once_with("acme-db")
        self.engine.instances.url_of.assert_called_once_with("acme-db")
        use = {"user_count": 3, "storage_mb": 5, "last_activity_at": datetime(2031, 3, 9, 10)}
        health = {"health": "healthy", "health_message": False, "url": "http://acme.localhost"}
        self.assertEqual(found, {**use, **health})
        self.engine.instances.is_serving.return_value = False
        self.assertEqual(gateway.measure(self.instance)["health"], "critical")
        self.engine.instances.usage.side_effect = InstanceNotFound("acme-db")
        self.assertIn("acme-db", gateway.measure(self.instance)["health_message"])

    def test_a_process_s_state_is_read_with_a_short_timeout(self):
        awake = Activity(name="acme-db", is_awake=True, is_broken=True, memory_bytes=2**20)
        self.engine.instances.activities.return_value = [awake]
        self.assertEqual(gateway.activities(self.instance)[self.instance]["process_memory_mb"], 1)
        self.engine.instances.activities.assert_called_once_with(["acme-db"], timeout_s=2)
        self.assertEqual(gateway.broken_databases(self.server), ["acme-db"])
        self.engine.instances.activities.assert_called_with(timeout_s=2)
        self.engine.instances.logs.return_value = ["a line", "b\x1b[2J"]
        self.assertEqual(gateway.process_log(self.instance), "a line\nb\N{REPLACEMENT CHARACTER}[2J")
        self.engine.instances.logs.assert_called_once_with("acme-db", 200)

    def test_a_server_is_healthy_when_its_cluster_and_its_tenant_server_answer(self):
        for fault, health in ((None, "healthy"), (TenantServerSilent("local"), "critical")):
            self.engine.condition.return_value = Condition((Check("Tenant server", fault=fault),))
            status = gateway.server_status(self.server)
            self.assertEqual((status["health"], status["base_domain"]), (health, "here.example"))
        self.engine.condition.side_effect = PostgresUnreachable("here", "refused")
        self.assertEqual(gateway.server_status(self.server)["health"], "critical")
        self.engine.condition.side_effect = None
        for facts, word in (
            ({"version": "0.0.1"}, "upgrade"),
            ({"wire": 0}, "upgrade the older one"),
            ({"series": "17.0"}, "17.0"),
            ({"name": "next"}, "next"),
        ):
            right = {"name": "local", "version": __version__, "wire": WIRE, "series": self.server.series}
            told = {"base_domain": "", "runtime": "shared", **right, **facts}
            self.engine.facts.return_value = SimpleNamespace(**told)
            status = gateway.server_status(self.server)
            self.assertEqual((status["health"], word in status["health_message"]), ("critical", True))
        told = {**right, "base_domain": "", "runtime": "docker"}
        self.engine.facts.return_value = SimpleNamespace(**told)
        self.assertEqual(gateway.server_status(self.server)["runtime"], "docker")
        self.server.runtime = "kubernetes"
        self.assertEqual(gateway.server_status(self.server)["health"], "unknown")

    def test_testing_a_connection_makes_a_row_for_each_check(self):
        values, rows = gateway.test_connection(self.server)
        self.assertEqual(values, gateway.server_status(self.server))
        self.assertEqual(
            {row["health"] for row in rows}, {"critical"} if values["health_message"] else {"healthy"}
        )

    def test_an_instance_is_moved_between_the_engines_of_two_servers(self):
        other = self._make_server("other", address="other")
        engines, steps = {self.server: Mock(), other: Mock()}, []
        self.instance.left_server_id = other
        with engines_are(_engine_of=engines.__getitem__), patch("tenantry.engine.moving.move") as move:
            moved = gateway.move(self.instance, other, steps.append)
            on_step = move.call_args.args[3]
            for step in "copy", "freeze", "verify":
                on_step(StepEvent("move", "acme-db", step, StepStatus.DONE, 0.5, 0.1))
            with patch("tenantry.engine.moving.confirm") as confirm:
                gateway.confirm_move(self.instance)
        self.assertIs(moved, move.return_value)
        move.assert_called_once_with(engines[self.server], engines[other], "acme-db", on_step)
        self.assertEqual([event.step for event in steps], ["copy", "hold", "compare"])
        confirm.assert_called_once_with(engines[other], "acme-db")

    def test_an_instance_has_moved_when_its_server_says_so(self):
        other = self._make_server("other", address="other")
        for moved_to, has_moved in (("", False), ("third", False), ("other", True)):
            self.engine.instances.find_by_reference.return_value = SimpleNamespace(moved_to=moved_to)
            self.assertIs(gateway.has_moved(self.instance, other), has_moved)
        self.engine.instances.find_by_reference.return_value = None
        self.assertFalse(gateway.has_moved(self.instance, other))

    def test_servers_of_one_installation_are_reached_at_one_machine(self):
        addresses = (False, "paris", "ssh://odoo@rome", "ssh://odoo@rome/two", "ssh://odoo@oslo/two")
        servers = [self._make_server(f"at-{number}", address=it) for number, it in enumerate(addresses)]
        together = {
            (addresses[one], addresses[other])
            for one in range(5)
            for other in range(5)
            if gateway.in_one_installation(servers[one], servers[other])
        }
        pairs = {(False, "paris"), ("ssh://odoo@rome", "ssh://odoo@rome/two")}
        self.assertEqual(together, pairs | {(other, one) for one, other in pairs})

    def test_secrets_are_encrypted_and_passwords_are_new(self):
        sealed = gateway.seal("a secret")
        self.assertNotIn("a secret", sealed)
        self.assertEqual(gateway.unseal(sealed), "a secret")
        self.assertNotEqual(gateway.unseal(gateway.new_password()), gateway.unseal(gateway.new_password()))

    def test_names_and_addresses_are_checked_by_the_engine_s_rules(self):
        self.assertEqual(gateway.subdomain_fault("www", set()), "reserved")
        self.assertEqual(gateway.subdomain_fault("mine", {"mine"}), "reserved")
        self.assertIsNone(gateway.malformed("www"))
        self.assertEqual(gateway.malformed("a"), "too_short")
        self.assertEqual((gateway.is_label("acme"), gateway.is_label("a.b")), (True, False))
        self.assertEqual((gateway.is_email("a@b.example"), gateway.is_email("a@b")), (True, False))
        self.assertEqual((gateway.is_caption("Acme"), gateway.is_caption("http://a.example")), (True, False))
        self.assertEqual(gateway.tidy_email("Ann@Acme.Example"), "ann@acme.example")
        self.assertEqual(gateway.tidy_hostname("Shop.Acme.Example."), "shop.acme.example")
        self.assertEqual(gateway.tidy_caption("  Acme   Ltd "), "Acme Ltd")
        self.assertEqual(
            (gateway.suggest_code("2. Łódź Shop"), gateway.suggest_code(False)), ("lodz-shop", "")
        )
        self.assertEqual(gateway.suggest_subdomains("Łódź", set(), {"lodz"}.__contains__, 1), ["lodz-2"])
        plan = SimpleNamespace(sleep_after_minutes=-1, memory_limit_mb=0, runtime="shared", env=self.env)
        for check, *wrong in (
            (gateway.check_slug, self.env, "My Shop"),
            (gateway.check_hostname, self.env, "shop"),
            (gateway.check_server_address, self.env, "ssh://a b"),
            (gateway.check_recipe, self.template.new({"code": "shop", "modules": "No Module"})),
            (gateway.check_limits, plan),
        ):
            with self.subTest(check=check.__name__), self.assertRaises(ValidationError):
                check(*wrong)

    def test_addresses_use_the_running_servers_settings(self):
        self.engine.facts.return_value = SimpleNamespace(base_domain="acme.example", protocol="https")
        self.engine.instances.url_of.return_value = "https://shop.acme.example:8069"
        with engines_are(_engine=lambda: self.engine):
            known = {"base_domain": "acme.example", "protocol": "https"}
            self.assertEqual(gateway.address_settings(), known)
            self.assertEqual(gateway.url_of("shop"), "https://shop.acme.example:8069")
            self.engine.instances.url_of.side_effect = ServerNotStarted("The front", "it was never", "log")
            self.assertEqual(gateway.url_of("shop"), "https://shop.acme.example")
            gateway.save_address_settings("new.example", "http")
        self.engine.keep_address.assert_called_once_with("new.example", "http")

    def test_the_mail_server_of_instances_is_set_as_the_engine_takes_it_or_unset(self):
        values = {
            "host": "smtp.acme.example",
            "port": 587,
            "sender": "mail@acme.example",
            "security": "starttls",
            "user": "mail",
            "password": "s3cret",
            "per_hour": 30,
        }
        gateway.check_mail_server(self.env, values)
        with self.assertRaisesRegex(ValidationError, "unencrypted"):
            gateway.check_mail_server(self.env, {**values, "security": "none"})
        with engines_are(_engine_of=lambda _server: self.engine):
            gateway.set_mail_server(self.server, values)
            gateway.set_mail_server(self.server, None)
        (smarthost,) = self.engine.mail.set.call_args.args
        self.assertEqual((smarthost.password.reveal(), smarthost.security), ("s3cret", Security.STARTTLS))
        self.engine.mail.unset.assert_called_once_with()

    def test_another_country_s_chart_is_found_among_the_templates(self):
        self.template.chart_country_code = "US"
        bakery = self._make_template("bakery", chart_country_code="FR")
        found = gateway.foreign_chart(self.template, self.env.ref("base.fr"), bakery)
        self.assertEqual((found.chart_country, found.templates), ("US", ("bakery",)))
        self.assertEqual(gateway.offered(self._built_template())["chart_country_code"], "FR")

    def _built_template(self):
        return SimpleNamespace(languages=("en_US",), chart_country="FR", size_bytes=0)

    def test_errors_of_the_engine_become_sentences_and_retryable_ones_are_retried(self):
        error = InstanceNotFound("acme")
        self.assertEqual(gateway.retold(gateway.sentence(error), "en_US", "en_US"), gateway.sentence(error))
        self.assertEqual(gateway.retold("No error.", "en_US", "fr_FR"), "")
        self.assertIn(str(error), gateway.sentence(error))
        with self.assertRaises(UserError), gateway.translated(self.env):
            raise error
        with self.assertRaises(InstanceNotFound), gateway.retrying():
            raise error
        with self.assertRaises(RetryableJobError), gateway.retrying():
            raise PostgresUnreachable("here", "refused")

    def test_a_job_that_waits_for_its_turn_is_retried_soon_without_counting(self):
        with self.assertRaises(RetryableJobError) as raised, gateway.retrying():
            raise NotYet("The creation of acme", "its turn", 2)
        self.assertEqual((raised.exception.seconds, raised.exception.ignore_retry), (2, True))

    def test_countries_and_time_zones_are_those_of_the_engine(self):
        self.assertEqual(gateway.time_zone_of(self.env.ref("base.vn")), "Asia/Ho_Chi_Minh")
        self.assertFalse(gateway.time_zone_of(self.env["res.country"]))
        self.assertEqual(gateway.country_of_time_zone("Asia/Saigon"), "VN")
        self.assertTrue(gateway.is_time_zone("Europe/Paris"))
        self.assertFalse(gateway.is_time_zone("Mars/Olympus"))

    def test_each_function_has_a_test_here(self):
        text = Path(__file__).read_text(encoding="utf-8")
        ours = {
            name
            for name, it in vars(gateway).items()
            if inspect.isfunction(it) and it.__module__.startswith(gateway.__name__)
        }
        self.assertGreater(len(ours), 40)
        self.assertEqual({name for name in ours if f"gateway.{name}" not in text}, set())
