"""`engine.mail`."""

from __future__ import annotations

from tenantry.engine.parts import Noun
from tenantry.model import keys
from tenantry.model.mail import Smarthost, checked
from tenantry.relay import program
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
        program.save(settings, RelaySettings(key, checked(smarthost)))
        self._parts.runtime.follow_mail_server()

    def unset(self) -> None:
        """Forget it, with its password. Raises ServerNotStarted."""
        program.forget(self._parts.settings)
        self._parts.runtime.follow_mail_server()

    def test(self, smarthost: Smarthost, recipient: str) -> None:
        """Send a mail by a mail server, whether it is set or not. Raises InvalidValue, MailServerFailed."""
        from tenantry.relay.delivery import send_test

        send_test(checked(smarthost), recipient)
