"""V1 to V3: where an instance is placed, and when a server cannot be changed."""

from unittest.mock import patch

from odoo.exceptions import UserError, ValidationError
from odoo.modules.module import load_script
from odoo.tests import tagged
from odoo.tools.misc import file_path

from .. import gateway
from .common import SaasCase


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
        with self._jobs() as jobs, self.assertRaisesRegex(UserError, "less than 10 % is free on Server here"):
            self._as("manager", instance).action_provision_instance()
        jobs.assert_jobs_count(0)
        self.assertEqual((instance.state, instance.server_id.id), ("draft", False))

    def test_a_server_without_a_limit_has_room(self):
        self.server.max_instances = 0
        self._fill(self.server, 3)
        self.assertEqual(self.server.available_capacity, 100.0)

    def test_a_missing_server_is_an_error(self):
        for name, value in (
            ("state", "maintenance"),
            ("state", "offline"),
            ("health", "critical"),
            ("health", "unknown"),
            ("series", "18.0"),
            ("runtime", "docker"),
            ("company_id", self.env["res.company"].create({"name": "Elsewhere"}).id),
        ):
            with self.subTest(field=name, value=value):
                before = self.server[name]
                self.server[name] = value
                with self.assertRaisesRegex(UserError, "No server is active and healthy"):
                    self._place()
                self.server[name] = before

    def test_a_template_may_have_a_server_of_its_own(self):
        self._make_server("roomier", max_instances=0)
        self.template.server_id = self.server
        self.assertEqual(self._place(), self.server)

    def test_a_chosen_server_must_be_suitable_too(self):
        chosen = self._make_server("chosen")
        self.assertEqual(self._place(server_id=chosen.id), chosen)
        chosen.state = "maintenance"
        with self.assertRaisesRegex(UserError, "No server is active and healthy"):
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
            self._as("administrator", self.server).action_check_health()
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
        with self._jobs(), self.assertRaisesRegex(UserError, "No server is active and healthy"):
            self._as("manager", self._make_instance("acme")).action_provision_instance()

    def test_the_runtime_is_the_one_the_server_reports(self):
        status = {"health": "healthy", "health_message": False, "runtime": "docker"}
        with patch.object(gateway, "server_status", return_value=status):
            self._as("administrator", self.server).action_check_health()
        self.assertEqual(self.server.runtime, "docker")

    def test_a_runtime_that_is_not_supported_is_reported(self):
        server = self._make_server("boat", runtime="kubernetes")
        self._as("administrator", server).action_check_health()
        self.assertEqual(
            (server.health, server.health_message), ("unknown", "This runtime is not supported yet.")
        )
