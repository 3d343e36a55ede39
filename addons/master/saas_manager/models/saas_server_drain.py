"""Draining a server: its instances are moved away, one after the other, to where placement chooses."""

from markupsafe import Markup
from odoo import api, fields, models

from .. import gateway
from ..exceptions import NoCapacity


class SaasServer(models.Model):
    _inherit = "saas.server"

    is_draining = fields.Boolean(readonly=True, copy=False)
    drain_total = fields.Integer(
        string="To Move", readonly=True, copy=False, help="How many instances it held when the drain began."
    )
    drain_percent = fields.Float(string="Moved (%)", compute="_compute_drain", compute_sudo=True)
    stayed_ids = fields.Many2many("saas.instance", string="Could Not Be Moved", compute="_compute_stayed_ids")
    kept_count = fields.Integer(
        string="Moves to Confirm",
        compute="_compute_drain",
        compute_sudo=True,
        help="Instances that have left it, whose data it keeps until their moves are confirmed.",
    )

    @api.depends("drain_total", "instance_count")
    def _compute_drain(self):
        groups = self.env["saas.instance"]._read_group(
            [("left_server_id", "in", self.ids)], ["left_server_id"], ["__count"]
        )
        kept = {server.id: count for server, count in groups}
        for server in self:
            moved, total = server.drain_total - server.instance_count, server.drain_total
            server.drain_percent = max(0.0, 100.0 * moved / total) if total else 0.0
            server.kept_count = kept.get(server.id, 0)

    @api.depends("instance_ids.drain_obstacle")
    def _compute_stayed_ids(self):
        for server in self:
            server.stayed_ids = server.instance_ids.filtered("drain_obstacle")

    def action_drain(self):
        """Put it into maintenance and move everything away; pressed again, it tries once more what stayed."""
        self.check_access("write")
        for server in self:
            there = server._instances_there()
            there.drain_obstacle = False
            # sudo: only actions write whether it is drained
            server.sudo().write({"state": "maintenance", "is_draining": True, "drain_total": len(there)})
            server._drain_on_later()
        return True

    def action_stop_drain(self):
        """Begin no further move; one that is under way comes to its end."""
        self.check_access("write")
        # sudo: only actions write whether it is drained
        self.sudo().is_draining = False
        return True

    def action_confirm_moves(self):
        """Confirm the moves of all instances that have left it; each in a job of its own."""
        self.check_access("write")
        # sudo: as for instances of other companies
        for instance in self.env["saas.instance"].sudo().search([("left_server_id", "in", self.ids)]):
            instance._enqueue("_confirm_move", self.env._("Confirm the move of %s", instance.name))
        return True

    def _instances_there(self):
        # sudo: instances of other companies are moved, too
        there = [("server_id", "=", self.id), ("occupies_server", "=", True)]
        return self.env["saas.instance"].sudo().search(there, order="id")

    def _drain_on_later(self):
        for server in self.filtered("is_draining"):
            # sudo: it notes on instances and servers what only actions write
            server.sudo()._with_a_job("_drain_on", self.env._("Drain %s", server.name))._drain_on()

    def _drain_on(self):
        """Job: begin the next move, or end the drain when there is none to come."""
        there = self._instances_there()
        if not self.is_draining or "move" in there.mapped("operation"):
            return
        waiting = there.filtered(lambda instance: not instance.drain_obstacle)
        if not any(instance._drain() for instance in waiting) and not waiting.filtered("operation"):
            self._end_drain(there)

    def _end_drain(self, there):
        self.is_draining = False
        told = self.env._(
            "Drained: %(moved)d of %(total)d instances were moved.",
            moved=self.drain_total - len(there),
            total=self.drain_total,
        )
        rows = Markup().join(Markup("<li>%s: %s</li>") % (it.name, it.drain_obstacle) for it in there)
        self.message_post(body=Markup("<p>%s</p><ul>%s</ul>") % (told, rows))

    def _place_moved(self, instance):
        """The server to which an instance of this one is moved; raise NoCapacity if there is none."""
        lacks = self._lacks_of_targets(instance)
        targets = self.browse(
            place.id for place, lack in lacks.items() if not lack and place.runtime == self.runtime
        )
        if not targets:
            others = {place: lack or self._other_runtime(place) for place, lack in lacks.items()}
            raise NoCapacity(self._no_capacity_message(others))
        return targets._roomiest()

    def _other_runtime(self, place):
        return self.env._("its runtime is %s", self._label_of("runtime", place.runtime))

    def _lacks_of_targets(self, instance):
        """By server: why the instance cannot be moved there, "" if it can."""
        company = instance.company_id
        domain = [
            ("state", "!=", "disabled"),
            ("company_id", "in", (False, company.id)),
            ("id", "!=", self.id),
        ]
        return {
            place: place._objection_to_move(instance) or place._lack_of_room()
            for place in self.search(domain)
        }

    def _objection_to_move(self, instance):
        """Why the instance cannot be moved here, however much room there is."""
        if not self._can("move"):
            return gateway.refusal(self)
        if not gateway.in_one_installation(self, instance.server_id):
            return self.env._("it is the same place, or belongs to another installation")
        return self._objection_to_series(instance.series) or self._not_in_service()
