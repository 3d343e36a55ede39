"""R5: instances move to other servers and back, one by one or all of a server."""

from contextlib import contextmanager, suppress
from types import SimpleNamespace
from unittest.mock import patch

from odoo.addons.queue_job.exception import RetryableJobError
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from tenantry.errors import Busy, MoveDiffers, PostgresUnreachable

from .. import gateway
from ..exceptions import InvalidState
from .common import SaasCase, engines_are, recording_engine


class MoveCase(SaasCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other = cls._make_server("other", address="other")
        cls.acme = cls._on_here("acme")

    @classmethod
    def _on_here(cls, name, state="active", **values):
        url = f"https://{name}.here.example"
        return cls._make_instance(name, state, server_id=cls.server.id, url=url, **values)

    @contextmanager
    def _moving(self, **failures):
        """An engine that moves what it is asked to; the moves as (instance, target). failures: by name."""
        moves = []

        def move(instance, target, on_step):
            self.assertTrue(callable(on_step))
            moves.append((instance, target))
            if instance.subdomain in failures:
                raise failures[instance.subdomain]
            url = f"https://{instance.subdomain}.{target.code}.example"
            return SimpleNamespace(instance=SimpleNamespace(url=url), pause_s=1.5, rows=1200, files=7)

        with (
            patch.object(gateway, "move", move),
            patch.object(gateway, "has_moved", return_value=False),
            patch.object(gateway, "confirm_move") as self.confirm,
            self._jobs() as self.jobs,
        ):
            yield moves

    def _move(self, instance, target):
        with self._moving() as moves:
            self._as("manager", instance).move_to(target)
            self.assertEqual(instance.operation, "move")
            instance.sudo()._operate("move")
        self.assertEqual(moves, [(instance, target)])


@tagged("post_install", "-at_install")
class TestMove(MoveCase):
    def test_the_record_follows_a_moved_instance(self):
        self._move(self.acme, self.other)
        self.assertEqual((self.acme.server_id, self.acme.left_server_id), (self.other, self.server))
        self.assertEqual((self.acme.state, self.acme.operation), ("active", False))
        self.assertEqual(self.acme.url, "https://acme.other.example")
        self.assertEqual(self.acme.previous_url, "https://acme.here.example")
        self.assertEqual((self.acme.move_pause_s, bool(self.acme.moved_at)), (1.5, True))
        told = self.acme.message_ids[0].body
        for fact in (
            "1.5 s",
            "1200 rows",
            "is https://acme.other.example now",
            "acme.here.example leads there",
        ):
            self.assertIn(fact, told)
        logged = self.env["saas.instance.log"].search([("instance_id", "=", self.acme.id)])
        self.assertIn("Server here to Server other", "".join(logged.mapped("message")))

    def test_it_moves_back_to_the_server_that_it_left_even_in_maintenance_and_full(self):
        self._move(self.acme, self.other)
        self.server.write({"state": "maintenance", "disk_gb": 10, "disk_used_gb": 10})
        with self._moving() as moves:
            self._as("manager", self.acme).action_move_back()
            self.acme.sudo()._operate("move")
        self.assertEqual(moves, [(self.acme, self.server)])
        self.assertEqual((self.acme.server_id, self.acme.left_server_id), (self.server, self.other))
        self.assertEqual(self.acme.former_server_ids, self.other)

    def test_it_is_not_moved_where_it_cannot_be(self):
        places = {
            "the same place": self._make_server("same"),
            "another installation": self._make_server("far", address="ssh://far"),
            "its state is Maintenance": self._make_server("kept", address="a", state="maintenance"),
            "it runs Odoo 18.0": self._make_server("older", address="b", series="18.0"),
            "less than 10 % of its disk": self._make_server("full", address="c", disk_gb=9, disk_used_gb=9),
        }
        for lack, place in places.items():
            with self.subTest(lack=lack), self.assertRaisesRegex(UserError, lack):
                self._as("manager", self.acme).move_to(place)
        self.assertFalse(self.acme.operation)

    def test_the_dialog_offers_the_possible_servers_and_says_why_not_the_others(self):
        self._make_server("kept", address="kept", state="maintenance")
        wizard = self._as("manager", self.env["saas.instance.move"]).create({"instance_id": self.acme.id})
        self.assertEqual(wizard.allowed_server_ids.ids, self.other.ids)
        self.assertIn("Server kept: its state is Maintenance", wizard.others)
        self.other.base_domain = "there.example"
        wizard.target_id = self.other
        with patch.object(gateway, "url_of", return_value="https://acme.there.example"):
            self.assertEqual(wizard.new_url, "https://acme.there.example")
        with self._moving():
            wizard.action_move()
        self.assertEqual((self.acme.operation, self.acme.target_server_id), ("move", self.other))

    def test_only_a_running_instance_is_moved(self):
        for number, values in enumerate(
            ({"state": "suspended"}, {"run_state": "stopped"}, {"operation": "restart"})
        ):
            instance = self._on_here(f"number-{number}")
            instance.sudo().write(values)
            with self.subTest(**values), self.assertRaises(InvalidState):
                self._as("manager", instance).move_to(self.other)

    def test_until_the_move_is_confirmed_it_keeps_its_name_and_goes_nowhere_else(self):
        third = self._make_server("third", address="third")
        self._move(self.acme, self.other)
        acme = self._as("manager", self.acme)
        for attempt in (lambda: acme.move_to(third), lambda: acme.change_subdomain("acme-two")):
            with self.assertRaisesRegex(InvalidState, "Confirm first"):
                attempt()
        with self._moving():
            acme.action_confirm_move()
            self.confirm.assert_called_once()
            acme.move_to(third)
        self.assertEqual((self.acme.left_server_id.id, self.acme.target_server_id), (False, third))

    def test_a_server_that_keeps_moved_data_cannot_be_disabled_until_the_moves_are_confirmed(self):
        self._move(self.acme, self.other)
        server = self._as("administrator", self.server)
        self.assertEqual((server.instance_count, server.kept_count), (0, 1))
        with self.assertRaisesRegex(UserError, "Confirm their moves first"):
            server.action_disable()
        with self._moving():
            server.action_confirm_moves()
            self.jobs.perform_enqueued_jobs()
        self.assertEqual(server.kept_count, 0)
        server.action_disable()

    def test_a_failed_move_leaves_the_record_and_says_why(self):
        with self._moving(acme=MoveDiffers("acme", "other", ["res_partner"])):
            self._as("manager", self.acme).move_to(self.other)
            self.acme.sudo()._operate("move")
        self.assertEqual((self.acme.server_id, self.acme.target_server_id.id), (self.server, False))
        self.assertEqual((self.acme.state, self.acme.operation), ("active", False))
        self.assertIn("res_partner", self.acme.failure)

    def test_a_move_whose_job_was_lost_at_its_end_is_followed(self):
        for has_moved, server in ((False, self.server), (True, self.other)):
            with self._moving(), patch.object(gateway, "has_moved", return_value=has_moved):
                self._as("manager", self.acme).move_to(self.other)
                with patch.object(gateway, "url_of", return_value="https://acme.other.example"):
                    self.acme.sudo()._on_job_failed("lost")
            self.assertEqual((self.acme.server_id, self.acme.operation), (server, False))

    def test_a_moved_instance_is_terminated_at_all_servers_where_it_was_even_if_one_is_gone(self):
        self._move(self.acme, self.other)
        with self._moving():
            self._as("manager", self.acme).action_confirm_move()
        engines = {self.server: recording_engine(), self.other: recording_engine()}
        engines[self.server].instances.terminate.side_effect = PostgresUnreachable("here", "refused")
        with engines_are(_engine_of=engines.__getitem__), self._jobs():
            self._as("administrator", self.acme).action_terminate()
            self.acme.sudo()._operate("terminate")
        for engine in engines.values():
            engine.instances.terminate.assert_called_once()
        self.assertEqual((self.acme.state, self.acme.left_server_id.id), ("terminated", False))

    def test_readers_move_nothing(self):
        for act in (lambda it: it.move_to(self.other), lambda it: it.action_confirm_move()):
            with self.assertRaises(AccessError):
                act(self._as("user", self.acme))


@tagged("post_install", "-at_install")
class TestDrain(MoveCase):
    def _drain(self, **failures):
        """Drain the server until nothing is to be done any more; return the moves."""
        with self._moving(**failures) as moves:
            self._as("administrator", self.server).action_drain()
            for _turn in range(10):
                self.server.sudo()._drain_on()
                under_way = self.server.instance_ids.filtered(lambda it: it.operation == "move")
                self.assertLessEqual(len(under_way), 1)
                if under_way:
                    under_way.sudo()._operate("move")
        return moves

    def test_all_instances_are_moved_one_after_the_other(self):
        beta = self._on_here("beta")
        moves = self._drain()
        self.assertEqual(moves, [(self.acme, self.other), (beta, self.other)])
        self.assertEqual((self.server.state, self.server.is_draining), ("maintenance", False))
        self.assertEqual((self.server.instance_count, self.server.drain_percent), (0, 100.0))
        self.assertIn("2 of 2 instances were moved", self.server.message_ids[0].body)

    def test_each_goes_to_the_server_with_the_most_room(self):
        self.other.max_instances = 10
        beside = self._make_server("beside", address="beside", max_instances=10)
        self._make_instance("there", "active", server_id=beside.id)
        beta = self._on_here("beta")
        self.assertEqual(self._drain(), [(self.acme, self.other), (beta, beside)])

    def test_what_cannot_be_moved_is_listed_with_its_reason_and_does_not_stop_the_others(self):
        beta, gamma = self._on_here("beta"), self._on_here("gamma", "suspended")
        moves = self._drain(acme=MoveDiffers("acme", "other", ["res_partner"]))
        self.assertEqual(moves, [(self.acme, self.other), (beta, self.other)])
        self.assertEqual(self.server.stayed_ids, self.acme | gamma)
        self.assertIn("res_partner", self.acme.drain_obstacle)
        self.assertIn("suspended", gamma.drain_obstacle)
        self.assertIn("1 of 3 instances were moved", self.server.message_ids[0].body)
        self.assertIn("Gamma", self.server.message_ids[0].body)
        self.assertEqual(self._drain(), [(self.acme, self.other)])  # pressed again
        self.assertEqual(self.server.stayed_ids, gamma)

    def test_without_another_server_each_reason_names_the_servers(self):
        self.other.state = "maintenance"
        self._make_server("boxes", address="boxes", runtime="docker")
        self.assertEqual(self._drain(), [])
        self.assertIn("Server other: its state is Maintenance", self.acme.drain_obstacle)
        self.assertIn("Server boxes: its runtime is Docker", self.acme.drain_obstacle)

    def test_a_stopped_drain_begins_no_further_move(self):
        self._on_here("beta")
        with self._moving() as moves:
            self._as("administrator", self.server).action_drain()
            self.server.sudo()._drain_on()
            self._as("administrator", self.server).action_stop_drain()
            self.acme.sudo()._operate("move")
            self.server.sudo()._drain_on()
        self.assertEqual(moves, [(self.acme, self.other)])
        self.assertEqual((self.server.state, self.server.instance_count), ("maintenance", 1))

    def test_activating_a_server_stops_its_drain(self):
        with self._moving(), patch.object(gateway, "server_status", return_value={"health": "healthy"}):
            self._as("administrator", self.server).action_drain()
            self._as("administrator", self.server).action_activate()
        self.assertEqual((self.server.state, self.server.is_draining), ("active", False))

    def test_a_drain_whose_job_was_lost_goes_on(self):
        with self._moving():
            self._as("administrator", self.server).action_drain()
        with (
            patch.object(gateway, "server_status", return_value={"health": "healthy"}),
            patch.object(gateway, "broken_databases", return_value=[]),
            self._jobs() as jobs,
        ):
            self.env["saas.server"]._cron_check_health()
            jobs.assert_enqueued_job(self.server.sudo()._drain_on)

    def test_an_instance_with_something_under_way_is_waited_for(self):
        self.acme.sudo().operation = "restart"
        self.assertEqual(self._drain(), [])
        self.assertTrue(self.server.is_draining)
        self.acme.sudo().operation = False
        self.assertEqual(self._drain(), [(self.acme, self.other)])

    def test_a_busy_instance_is_tried_again_by_its_job_and_not_given_up(self):
        # Not `assertRaises`, which would roll back what is looked at here.
        with suppress(RetryableJobError):
            self._drain(acme=Busy("instance acme"))
            self.fail("Its job was not told to try again.")
        self.assertEqual((self.acme.operation, self.acme.drain_obstacle), ("move", False))

    def test_only_administrators_drain(self):
        for name in ("user", "manager"):
            with self.assertRaises(AccessError):
                self._as(name, self.server).action_drain()
