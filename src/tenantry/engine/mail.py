"""`engine.mail`."""

from __future__ import annotations

from collections.abc import Collection

from tenantry.engine.parts import Noun
from tenantry.errors import MailServerNotSet
from tenantry.model import keys
from tenantry.model.catalog import Kind
from tenantry.model.mail import Smarthost, Traffic, checked
from tenantry.postgres import databases
from tenantry.relay import program
from tenantry.relay.asking import Counted
from tenantry.relay.settings import RelaySettings


class Mail(Noun):
    """`engine.mail`: the operator's mail server, by which this server's instances send mail."""

    def get(self) -> Smarthost | None:
        """None: there is none, and instances send by the servers that their administrators set."""
        known = program.current(self._parts.settings)
        return known.smarthost if known else None

    def set(self, smarthost: Smarthost) -> None:
        """Let instances send by it from their next waking on. Raises InvalidValue, ServerNotStarted."""
        settings, key = self._parts.settings, keys.mail_key(self._parts.keys.instances)
        runtime = self._parts.runtime  # one that sends no mail refuses before the password is written
        program.save(settings, RelaySettings(key, checked(smarthost)))
        runtime.follow_mail_server()

    def unset(self) -> None:
        """Forget it, with its password. Raises ServerNotStarted."""
        program.forget(self._parts.settings)
        self._parts.runtime.follow_mail_server()

    def traffic(self, names: Collection[str] = (), timeout_s: float = 10) -> list[Traffic]:
        """This hour's mails of these instances, or of all, and what was refused; by name.

        Raises MailServerNotSet; ServerNotStarted, after `timeout_s` at the latest.
        """
        known = self.get()
        if known is None:
            raise MailServerNotSet
        counted = {row.oid: row for row in self._parts.runtime.counted_mails(timeout_s)}
        with self._context.maintenance() as connection:
            there = databases.oids(connection, Kind.INSTANCE)
        return [
            _traffic(name, known.per_hour, counted.get(oid))
            for name, oid in there.items()
            if not names or name in names
        ]

    def test(self, smarthost: Smarthost, recipient: str) -> None:
        """Send a mail by a mail server, whether it is set or not. Raises InvalidValue, MailServerFailed."""
        from tenantry.relay.delivery import send_test

        send_test(checked(smarthost), recipient)


def _traffic(name: str, per_hour: int, row: Counted | None) -> Traffic:
    if row is None:
        return Traffic(name, 0, per_hour)
    return Traffic(name, row.sent, per_hour, row.refused, row.last_refusal, row.last_refused_at)
