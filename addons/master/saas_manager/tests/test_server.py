"""V1 to V3: where an instance is placed, and when a server cannot be changed."""

from unittest.mock import patch

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.modules.module import load_script
from odoo.tests import tagged
from odoo.tools.misc import file_path

from tenantry import __version__
from tenantry.errors import AgentLost, ContainerEngineFailure, DiskNearlyFull, ProtectionsMissing
from tenantry.model.server import WIRE, Capacity, Check, Condition, Health, ServerFacts

from .. import gateway
from .common import SaasCase, engines_are, recording_engine


def facts_of(server, runtime="shared"):
    """What a server says of itself that agrees with its record."""
    return ServerFacts(
        version=__version__,
        name=server.address or "local",
        series=server.series,
        base_domain="here.example",
        protocol="https",
        reserved_names=frozenset(),
        wire=WIRE,
        runtime=runtime,
    )


@tagged("post_install", "-at_install")
class TestPlacement(SaasCase):
    def _place(self, **values):
        """The server for a manager's new instance."""
        number = self.env["saas.instance"].search_count([])
        instance = self._make_instance(f"placed-{number}", **values)
        with self._jobs():
            self._as("manager", instance).action_provision_instance()
        return instance.server_id

    def _fill(self, server, count):
        for number in range(count):
            self._make_instance(f"on-{server.code}-{number}", "active", server_id=server.id)

    def test_the_server_with_the_most_room_is_chosen(self):
        roomier = self._make_server("roomier", max_instances=10)
        self.server.max_instances = 10
        self._fill(self.server, 1)
        self.assertEqual(self._place(), roomier)
        self._fill(roomier, 3)
        self.assertEqual(self._place(), self.server)

    def test_an_instance_is_placed_on_its_template_s_server(self):
        elsewhere = self._make_server("elsewhere", address="ssh://elsewhere", max_instances=0)
        self.assertEqual(self._place(), self.server)
        self.template.server_id = elsewhere
        self.assertEqual(self._place(), elsewhere)

    def test_a_plan_with_containers_is_placed_on_a_server_with_containers(self):
        boxes = self._make_server("boxes", runtime="docker")
        self.plan.runtime = "docker"
        self.assertEqual(self._place(), boxes)

    def test_suspended_instances_take_up_room_and_terminated_ones_do_not(self):
        for state in ("provisioning", "active", "suspended", "expired", "draft", "failed", "terminated"):
            self._make_instance(f"in-{state}", state, server_id=self.server.id)
        self.assertEqual(self.server.instance_count, 4)
        self.assertEqual(self.server.available_capacity, 96.0)

    def test_a_tenth_of_a_server_must_be_free(self):
        self.server.max_instances = 10
        self._fill(self.server, 9)
        self.assertEqual(self._place(), self.server)
        instance = self._make_instance("too-many")
        with self._jobs() as jobs, self.assertRaisesRegex(UserError, "Server here: less than 10 % is free"):
            self._as("manager", instance).action_provision_instance()
        jobs.assert_jobs_count(0)
        self.assertEqual((instance.state, instance.server_id.id), ("draft", False))

    def test_a_server_without_a_limit_has_room(self):
        self.server.max_instances = 0
        self._fill(self.server, 3)
        self.assertEqual(self.server.available_capacity, 100.0)

    def test_a_missing_server_is_an_error(self):
        for name, value, reason in (
            ("state", "draft", "Server here: its state is Draft"),
            ("state", "maintenance", "Server here: its state is Maintenance"),
            ("state", "offline", "Server here: its state is Offline"),
            ("health", "critical", r"Server here: it is not healthy \(Critical\)"),
            ("health", "unknown", "Server here: it is not healthy"),
            ("series", "18.0", "Server here: it runs Odoo 18.0, the template is of Odoo 19.0"),
            ("runtime", "docker", "Server here: its runtime is Docker, the plan's is Shared Odoo"),
            ("address", "paris", "Server here: the template is built on the installation's own server"),
            ("company_id", self.env["res.company"].create({"name": "Elsewhere"}).id, "No capacity"),
        ):
            with self.subTest(field=name, value=value):
                before = self.server[name]
                self.server[name] = value
                with self.assertRaisesRegex(UserError, reason):
                    self._place()
                self.server[name] = before

    def test_a_refusal_names_each_server_and_why_it_was_not_chosen(self):
        self.server.state = "maintenance"
        self._make_server("full", disk_gb=100, disk_used_gb=91)
        with self.assertRaises(UserError) as refusal:
            self._place()
        message = str(refusal.exception)
        self.assertIn("Server here: its state is Maintenance", message)
        self.assertIn("Server full: less than 10 % of its disk is free", message)

    def test_a_server_whose_disk_or_memory_is_nearly_full_is_not_chosen(self):
        for what in "disk", "memory":
            with self.subTest(what=what):
                room = {f"{what}_gb": 100, f"{what}_used_gb": 89.9}
                self.server.write(room)
                self.assertEqual(self._place(), self.server)
                self.server[f"{what}_used_gb"] = 90.1
                with self.assertRaisesRegex(UserError, f"less than 10 % of its {what} is free"):
                    self._place()
                self.server.write({name: 0 for name in room})

    def test_the_scarcest_of_count_memory_and_disk_decides_which_server_has_the_most_room(self):
        self.server.write({"max_instances": 10, "disk_gb": 100, "disk_used_gb": 80})
        roomier = self._make_server("roomier", max_instances=10, disk_gb=100, disk_used_gb=10)
        self._fill(roomier, 5)
        self.assertEqual((self.server.available_capacity, roomier.available_capacity), (20.0, 50.0))
        self.assertEqual(self._place(), roomier)

    def test_of_servers_on_one_machine_the_one_with_fewer_instances_is_chosen(self):
        machine = {"disk_gb": 100, "disk_used_gb": 80, "max_instances": 10}
        self.server.write(machine)
        self._fill(self.server, 2)
        beside = self._make_server("beside", sequence=20, **machine)
        self.assertEqual(self._place(), beside)

    def test_a_template_may_have_a_server_of_its_own(self):
        self._make_server("roomier", max_instances=0)
        self.template.server_id = self.server
        self.assertEqual(self._place(), self.server)

    def test_a_chosen_server_must_be_suitable_too(self):
        chosen = self._make_server("chosen")
        self.assertEqual(self._place(server_id=chosen.id), chosen)
        chosen.state = "maintenance"
        with self.assertRaisesRegex(UserError, "Server chosen: its state is Maintenance"):
            self._place(server_id=chosen.id)

    def test_instances_of_another_company_take_up_room_too(self):
        company = self.env["res.company"].create({"name": "Elsewhere"})
        self.server.max_instances = 10
        for number in range(9):
            values = {"server_id": self.server.id, "company_id": company.id}
            self._make_instance(f"there-{number}", "active", **values)
        server = self._as("manager", self.server)
        self.assertEqual((server.instance_count, server.available_capacity), (9, 10.0))


@tagged("post_install", "-at_install")
class TestServer(SaasCase):
    def _occupy(self, **values):
        return self._make_instance("acme", "suspended", server_id=self.server.id, **values)

    def test_a_server_with_instances_cannot_be_disabled_archived_or_deleted(self):
        self._occupy()
        server = self._as("administrator", self.server)
        for remove in (
            server.action_disable,
            lambda: server.write({"state": "disabled"}),
            server.action_archive,
            server.unlink,
        ):
            with self.assertRaisesRegex(UserError, "Server here holds 1 instances"):
                remove()

    def test_instances_of_another_company_count_too(self):
        self._occupy(company_id=self.env["res.company"].create({"name": "Elsewhere"}).id)
        with self.assertRaisesRegex(UserError, "holds 1 instances"):
            self._as("administrator", self.server).action_disable()

    def test_maintenance_leaves_its_instances_alone(self):
        instance = self._occupy()
        self._as("administrator", self.server).action_maintenance()
        self.assertEqual((self.server.state, instance.state), ("maintenance", "suspended"))

    def test_a_server_of_a_draft_or_terminated_instance_cannot_be_deleted(self):
        for state in ("draft", "terminated"):
            with self.subTest(state=state), self.cr.savepoint():
                self._make_instance(f"in-{state}", state, server_id=self.server.id)
                with self.assertRaisesRegex(UserError, f"such as In-{state.title()}. Archive it"):
                    self._as("administrator", self.server).unlink()
                self.server.instance_ids.unlink()

    def test_an_empty_server_can_be_disabled_and_deleted(self):
        server = self._as("administrator", self.server)
        server.action_disable()
        self.assertEqual(server.state, "disabled")
        self.assertTrue(server.unlink())

    def test_the_update_reports_ineffective_settings_and_closes_servers_without_address(self):
        named, elsewhere = self._make_server("named"), self._make_server("elsewhere", address="next")
        self.env.flush_all()
        self.env.cr.execute("ALTER TABLE saas_server ADD dsn_sealed text, ADD filestore_root varchar")
        self.env.cr.execute("UPDATE saas_server SET dsn_sealed = 'x' WHERE id = %s", [named.id])
        self.env.cr.execute("UPDATE saas_server SET filestore_root = '/srv' WHERE id = %s", [elsewhere.id])
        path = file_path("saas_manager/migrations/19.0.1.3.0/post-clusters_in_settings.py")
        load_script(path, "clusters_in_settings").migrate(self.env.cr, "19.0.1.2.0")
        states = [server.state for server in (named, elsewhere, self.server)]
        self.assertEqual(states, ["maintenance", "active", "active"])
        for server in named, elsewhere:
            self.assertIn("settings.toml", server.message_ids[0].body)
        self.assertNotIn("settings.toml", "".join(self.server.message_ids.mapped("body")))

    def test_the_base_domain_is_the_one_the_server_reports(self):
        status = {"health": "healthy", "health_message": False, "base_domain": "next.example"}
        with patch.object(gateway, "server_status", return_value=status):
            self.env["saas.server"]._cron_check_health()
        self.assertEqual(self.server.base_domain, "next.example")

    def test_the_address_of_a_server_in_use_cannot_be_changed(self):
        self._occupy()
        with self.assertRaisesRegex(UserError, "holds 1 instances"):
            self.server.address = "paris"
        self.server.address = False  # unchanged
        builder = self._make_server("builder", address="paris")
        self._make_template("bakery", server_id=builder.id, template_version="1.0.0")
        with self.assertRaisesRegex(UserError, "Template bakery is built on this server"):
            builder.address = "rome"

    def test_an_invalid_address_is_refused(self):
        for address in ("10.0.0.2", "ssh://a b", "ssh://-oProxyCommand=x", "../x"):
            with self.subTest(address=address), self.assertRaises(ValidationError):
                self._make_server("elsewhere", address=address)

    def test_activating_a_server_checks_its_health_first(self):
        server = self._make_server("new", state="draft", health="unknown")
        status = {"health": "critical", "health_message": "It does not answer."}
        with patch.object(gateway, "server_status", return_value=status):
            self._as("administrator", server).action_activate()
        self.assertEqual((server.state, server.health), ("active", "critical"))
        self.assertTrue(server.last_check_at)

    def test_a_server_that_stops_answering_gets_no_more_instances(self):
        status = {"health": "critical", "health_message": "It does not answer."}
        with patch.object(gateway, "server_status", return_value=status):
            self.env.ref("saas_manager.ir_cron_check_servers").ir_actions_server_id.run()
        self.assertEqual(self.server.health, "critical")
        with self._jobs(), self.assertRaisesRegex(UserError, "it is not healthy .It does not answer"):
            self._as("manager", self._make_instance("acme")).action_provision_instance()

    def test_the_runtime_is_the_one_the_server_reports(self):
        status = {"health": "healthy", "health_message": False, "runtime": "docker"}
        with patch.object(gateway, "server_status", return_value=status):
            self.env["saas.server"]._cron_check_health()
        self.assertEqual(self.server.runtime, "docker")

    def _tested(self, server, group="administrator", lang="en_US"):
        """The rows that the operator reads."""
        server = self._as(group, server).with_context(lang=lang)
        test = self.env["saas.server.test"].browse(server.action_test_connection()["res_id"])
        return {line.subject: (line.health, line.text or "") for line in test.line_ids}

    def test_a_runtime_that_is_not_supported_is_reported(self):
        server = self._make_server("boat", runtime="kubernetes")
        rows = self._tested(server)
        self.assertEqual(rows, {"Runtime": ("unknown", "This runtime is not supported yet.")})
        self.assertEqual((server.health, server.is_supported), ("unknown", False))

    def test_testing_the_connection_shows_each_check_with_its_remedy_and_notes_what_the_server_has(self):
        engine, facts = recording_engine(), facts_of(self.server, runtime="docker")
        engine.facts.return_value = facts
        engine.condition.return_value = Condition(
            (
                Check("PostgreSQL", "PostgreSQL 15.8"),
                Check("Container engine", "Docker 26.1.5"),
                Check("Image", fault=ContainerEngineFailure("unix:///run/x", "odoo:19.0", "no such image")),
                Check("Isolation", fault=ProtectionsMissing(["cgroups: none"]), gravity=Health.HEALTHY),
            ),
            Capacity(8, 16 * 2**30, 4 * 2**30, 200 * 2**30, 50 * 2**30, "/srv", 3),
        )
        with engines_are(_engine_of=lambda _server: engine):
            rows = self._tested(self.server)
        self.assertEqual(rows["PostgreSQL"], ("healthy", "PostgreSQL 15.8"))
        self.assertEqual(rows["Image"][0], "critical")
        self.assertIn("no such image", rows["Image"][1])
        self.assertIn("TENANTRY_IMAGE", rows["Image"][1])
        self.assertEqual(rows["Isolation"][0], "warning")
        self.assertIn("cgroups", rows["Isolation"][1])
        noted = self.server.read(
            ["health", "runtime", "postgres", "container_engine", "cpu_count", "memory_use", "disk_use"]
        )[0]
        expected = ("critical", "docker", "PostgreSQL 15.8", "Docker 26.1.5", 8, 25.0, 25.0)
        self.assertEqual(tuple(value for name, value in noted.items() if name != "id"), expected)
        self.assertEqual((self.server.awake_count, self.server.available_capacity), (3, 75.0))

    def test_a_server_that_cannot_be_reached_says_so_in_the_operator_s_language(self):
        engine = recording_engine()
        engine.facts.side_effect = AgentLost("it does not run")
        self.env["res.lang"]._activate_lang("fr_FR")
        self.server.write({"memory_gb": 16, "is_measured": True})
        with engines_are(_engine_of=lambda _server: engine):
            (subject, (health, text)), *others = self._tested(self.server, lang="fr_FR").items()
        self.assertEqual((health, others), ("critical", []))
        self.assertNotEqual(subject, "Connection")
        self.assertNotIn("agent does not", text)
        self.assertEqual((self.server.memory_gb, self.server.health), (16, "critical"))
        engine.condition.assert_not_called()

    def test_what_a_server_cannot_measure_stays_as_it_was_typed_in(self):
        engine = recording_engine()
        engine.facts.return_value = facts_of(self.server)
        self.server.write({"cpu_count": 4, "memory_gb": 8})
        with engines_are(_engine_of=lambda _server: engine):
            self._tested(self.server)
        self.assertEqual((self.server.cpu_count, self.server.memory_gb), (4, 8))
        self.assertEqual((self.server.is_measured, self.server.health), (False, "healthy"))

    def test_a_nearly_full_disk_is_a_warning(self):
        engine = recording_engine()
        engine.facts.return_value = facts_of(self.server)
        full = Check("Disk", fault=DiskNearlyFull("/srv", 4, 10), gravity=Health.WARNING)
        engine.condition.return_value = Condition((full,))
        with engines_are(_engine_of=lambda _server: engine):
            self.env["saas.server"]._cron_check_health()
        self.assertEqual(self.server.health, "warning")
        self.assertIn("4 %", self.server.health_text)

    def test_a_template_of_another_series_than_the_server_is_a_warning(self):
        self._make_template("old", server_id=self.server.id, series="18.0", template_version="1.0.0")
        engine = recording_engine()
        engine.facts.return_value = facts_of(self.server)
        with engines_are(_engine_of=lambda _server: engine):
            rows = self._tested(self.server)
        self.assertEqual(rows["Templates"][0], "warning")
        self.assertIn("old", rows["Templates"][1])

    def test_only_administrators_test_a_connection(self):
        with self.assertRaises(AccessError):
            self._tested(self.server, group="manager")
