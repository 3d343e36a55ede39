"""Instances move to other servers, and back until the move is confirmed."""

from odoo import Command, fields, models
from odoo.exceptions import UserError

from .. import gateway
from ..exceptions import InvalidState


class SaasInstance(models.Model):
    _inherit = "saas.instance"

    target_server_id = fields.Many2one(
        "saas.server", readonly=True, copy=False, ondelete="restrict", help="Where it is being moved to."
    )
    left_server_id = fields.Many2one(
        "saas.server",
        string="Moved From",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
        help="The server keeps its data until the move is confirmed.",
    )
    former_server_ids = fields.Many2many(
        "saas.server",
        "saas_instance_former_server_rel",
        string="Former Servers",
        readonly=True,
        copy=False,
        help="Servers that it has left: they lead its visitors on.",
    )
    moved_at = fields.Datetime(string="Moved", readonly=True, copy=False)
    move_pause_s = fields.Float(
        string="Pause of the Move (s)",
        digits=(12, 1),
        readonly=True,
        copy=False,
        aggregator="avg",
        help="How long its visitors waited.",
    )
    drain_obstacle = fields.Char(
        string="Why It Stayed", readonly=True, copy=False, help="When its server was drained."
    )

    def move_to(self, server):
        """Move it to a server, a record or an id; the record follows when the engine has done it."""
        self.ensure_one()
        self._check_may("move")
        self._check_may_begin("move")
        # sudo: instances of all companies use up a server
        target = self.env["saas.server"].sudo().browse(int(server))
        self._check_target(target)
        return self._intend("move", target_server_id=target.id)

    def _check_target(self, target):
        """Raise UserError for a server that it cannot be moved to."""
        left = self.sudo().left_server_id
        if left and target != left:
            raise self._not_confirmed()
        lack = "" if left else target._objection_to_move(self) or target._lack_of_room()
        if lack:
            raise UserError(
                self.env._(
                    "%(name)s cannot be moved to %(server)s: %(lack)s.",
                    name=self.name,
                    server=target.name,
                    lack=lack,
                )
            )

    def _not_confirmed(self):
        return InvalidState(
            self.env._(
                "Confirm first that %s has moved, or move it back: its former server has its data.", self.name
            )
        )

    def action_move_back(self):
        """Move it back to the server that it left, which may have filled up, or be in maintenance."""
        self.ensure_one()
        self.check_access("write")
        if not self.left_server_id:
            raise self._not_possible_now()
        return self.move_to(self.left_server_id)

    def action_confirm_move(self):
        """Remove what the server that it left still has of it."""
        self._check_may("move")
        with gateway.translated(self.env):
            for instance in self.filtered("left_server_id"):
                instance._confirm()
        return True

    def _confirm_move(self):
        """Job: the same for one of many."""
        with gateway.retrying():
            self.filtered("left_server_id")._confirm()

    def _confirm(self):
        if self.operation:
            raise InvalidState(
                self.env._("Something is being done with %s already. Try again in a moment.", self.name)
            )
        gateway.confirm_move(self)
        left = self.left_server_id
        # sudo: only actions write it
        self.sudo().left_server_id = False
        self.message_post(body=self.env._("Its data on %s was removed.", left.name))

    def _move_in_steps(self, log):
        moved = gateway.move(self, self.target_server_id, log.on_step)
        message = self.env._(
            "Moved from %(former)s to %(present)s. Visitors waited for %(pause).1f s; "
            "%(rows)d rows and %(files)d files were compared.",
            former=self.server_id.name,
            present=self.target_server_id.name,
            pause=moved.pause_s,
            rows=moved.rows,
            files=moved.files,
        )
        log.tell("info", message)
        self._note_moved(moved.instance.url, message, move_pause_s=moved.pause_s)
        return message

    def _note_moved(self, url, message, **values):
        """Let the record follow, and go on with the drain of the server that it left."""
        source, target, before = self.server_id, self.target_server_id, self.url
        self._done(
            "move",
            server_id=target.id,
            left_server_id=source.id,
            former_server_ids=[Command.set(((self.former_server_ids | source) - target).ids)],
            drain_obstacle=False,
            url=url,
            previous_url=before if url != before else self.previous_url,
            **values,
        )
        if url != before:
            message = self.env._(
                "%(moved)s Its address is %(now)s now; %(before)s leads there.",
                moved=message,
                now=url,
                before=before,
            )
        self.message_post(body=message)
        self._enqueue("_measure", self.env._("Measure %s", self.name))
        source._drain_on_later()

    def _follow_move(self):
        """A move whose job was lost may have come to its end."""
        if gateway.has_moved(self, self.target_server_id):
            url = gateway.url_of(self.subdomain, self.target_server_id)
            self._note_moved(url, self.env._("It was moved to %s.", self.target_server_id.name))

    def _give_up_move(self, reason):
        """A move that failed is not tried again by the drain, which goes on with the others."""
        self.write({"target_server_id": False, "drain_obstacle": self.server_id.is_draining and reason})
        self.server_id._drain_on_later()

    def _drain(self):
        """Begin to move it to the server that placement chooses; else note why not, and return False."""
        if self.operation:
            return False
        try:
            with self.env.cr.savepoint():
                self._check_may_begin("move")
                self.move_to(self.server_id._place_moved(self))
        except UserError as error:
            self.drain_obstacle = str(error)
            return False
        return True
