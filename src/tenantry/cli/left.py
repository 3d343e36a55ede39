"""What is left of an operation that the user interrupted, and how to go on: by looking, not by guessing."""

from __future__ import annotations

from tenantry.cli.output import WhatIsLeft
from tenantry.engine import Engine
from tenantry.engine.mail import Mail
from tenantry.errors import InstanceNotFound
from tenantry.model.names import LOCAL_SERVER

_AGAIN = "Run the same command again to finish it."


def _tenantry(engine: Engine) -> str:
    """The command for the engine's server."""
    server = engine.settings.name
    return "tenantry" if server == LOCAL_SERVER else f"tenantry --server {server}"


def of_creation(engine: Engine, name: str) -> WhatIsLeft:
    """For what makes an instance: a creation, or the loading of an archive."""

    def left() -> tuple[str, str]:
        if name not in engine.instances.taken([name]):
            return f"nothing of {name} is left", ""
        state = engine.instances.state(name)
        if state in ("", "provisioning"):
            removing = f"`{_tenantry(engine)} instance terminate {name}` removes it."
            return f"{name} is half made", f"{_AGAIN} {removing}"
        look = f"See `{_tenantry(engine)} instance show {name}`."
        return f"{name} was finished before, and is {state}", look

    return left


def of_change(engine: Engine, name: str) -> WhatIsLeft:
    """For what changes an instance, or removes it."""

    def left() -> tuple[str, str]:
        try:
            state = engine.instances.state(name)
        except InstanceNotFound:
            state = ""
        if not state and name not in engine.instances.taken([name]):
            return f"nothing of {name} is left", ""
        return f"{name} is {state or 'half gone'}", _AGAIN

    return left


def of_rename(engine: Engine, old: str, new: str) -> WhatIsLeft:
    def left() -> tuple[str, str]:
        state = engine.instances.state(old)
        if state:
            return f"{old} is {state} and has its old name", _AGAIN
        return of_change(engine, new)()

    return left


def of_build(engine: Engine, code: str) -> WhatIsLeft:
    """For what makes a version of a template: a build, or the end of an edit."""

    def left() -> tuple[str, str]:
        if engine.templates.is_being_built(code):
            return f"what was built of {code} is kept", _AGAIN
        return f"nothing of this build of {code} is left", ""

    return left


def of_edit(code: str) -> WhatIsLeft:
    return lambda: (f"the template {code} serves as before", _AGAIN)


def of_filling(engine: Engine, code: str) -> WhatIsLeft:
    def left() -> tuple[str, str]:
        spares = sum(pool.usable for pool in engine.pool.status() if pool.template == code)
        return f"{code} has {spares} finished {'spare' if spares == 1 else 'spares'}", _AGAIN

    return left


def of_start(engine: Engine, command: str = "tenantry up") -> WhatIsLeft:
    def left() -> tuple[str, str]:
        running = engine.running()
        if not running:
            return "nothing was started", ""
        verb = "runs" if len(running) == 1 else "run"
        remedy = (
            f"`{command}` goes on, `tenantry stop` stops what runs. If no password of the back office was"
            " shown: `tenantry master password`."
        )
        return f"{' and '.join(running)} {verb}", remedy

    return left


def of_pruning() -> WhatIsLeft:
    return lambda: ("some backups may be removed", _AGAIN)


def of_dump(name: str) -> WhatIsLeft:
    return lambda: (f"{name} is as it was, and no archive was finished", _AGAIN)


def of_request(request_id: str) -> WhatIsLeft:
    follow = f"Follow it with `tenantry request show {request_id} --follow`."
    return lambda: ("the creation goes on at the master", follow)


def of_mail_server(mail: Mail) -> WhatIsLeft:
    def left() -> tuple[str, str]:
        smarthost = mail.get()
        return (f"instances send by {smarthost.host}" if smarthost else "no mail server is set"), _AGAIN

    return left


def of_test_mail(mail: Mail, recipient: str) -> WhatIsLeft:
    """For a test before a mail server is set."""

    def left() -> tuple[str, str]:
        then, remedy = of_mail_server(mail)()
        return f"a test mail to {recipient} may be on its way, and {then}", remedy

    return left


# Nobody can tell whether somebody else's machine has got a mail or a question that was interrupted.


def of_mail(recipient: str) -> WhatIsLeft:
    return lambda: (f"a mail to {recipient} may be on its way", "")


def of_login_link(name: str, *, send: bool) -> WhatIsLeft:
    said = f"a login link of {name} may have been made{' and mailed' if send else ''}"
    return lambda: (said, "Run the same command again for another one.")


def of_password(name: str, *, send: bool) -> WhatIsLeft:
    if send:
        return of_mail(f"the administrator of {name}")
    return lambda: (
        f"the password of {name} may have been reset",
        "Run the same command again for a new one.",
    )


def of_action_on_request(request_id: str, said: str) -> WhatIsLeft:
    return lambda: (said, f"See `tenantry request show {request_id}`.")
