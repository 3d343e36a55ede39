"""Ask the relay what it counted: one more command of its SMTP, for the engine's login only."""

from __future__ import annotations

import json
import smtplib
from collections.abc import Sequence
from typing import NamedTuple

from tenantry.model.keys import ENGINES_MAIL_LOGIN, mail_password
from tenantry.model.secret import Secret

_COMMAND = "XCOUNTED"
_DONE = 250


class Counted(NamedTuple):
    """oid: of the instance's database. The rest: see `model.mail.Traffic`."""

    oid: int
    sent: int
    refused: int
    last_refusal: str
    last_refused_at: float


def answer_with(rows: Sequence[Counted]) -> str:
    """The answer in SMTP: a line for each instance, and a last one."""
    return "\r\n".join([*(f"{_DONE}-{json.dumps(row)}" for row in rows), f"{_DONE} that is all"])


def counted(host: str, port: int, key: Secret, timeout_s: float) -> list[Counted]:
    """key: see `keys.mail_key`. Raises OSError, of which SMTPException is one."""
    # Without a name it would ask for this machine's own, and wait as long as the name server likes.
    with smtplib.SMTP(host, port, local_hostname="localhost", timeout=timeout_s) as relay:
        relay.login(ENGINES_MAIL_LOGIN, mail_password(key, ENGINES_MAIL_LOGIN).reveal())
        code, text = relay.docmd(_COMMAND)
    if code != _DONE:
        raise smtplib.SMTPResponseException(code, text)
    return [Counted(*json.loads(line)) for line in text.decode().splitlines()[:-1]]
