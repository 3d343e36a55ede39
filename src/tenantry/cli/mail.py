"""`tenantry mail`: the mail server by which instances send."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tenantry.cli import left
from tenantry.cli.common import JsonOption, asked_secret, command, engine
from tenantry.cli.groups import Commands
from tenantry.cli.output import Columns, Output, said_when_interrupted, utc_minute
from tenantry.errors import MailServerNotSet
from tenantry.model.mail import DEFAULT_PER_HOUR, Security, Smarthost
from tenantry.model.secret import Secret

app = Commands(help="Let instances send mail by your mail server.")

_TRAFFIC: Columns = {
    "NAME": lambda row: row.name,
    "THIS HOUR": lambda row: f"{row.sent} of {row.per_hour}",
    "REFUSED": lambda row: row.refused or "",
    "LAST": lambda row: utc_minute(row.last_refused_at) if row.refused else "",
    "ANSWER": lambda row: row.last_refusal,
}
_DEFAULT_PORTS = {Security.STARTTLS: 587, Security.TLS: 465, Security.NONE: 25}


@app.command("set", "tenantry mail set smtp.example.com --sender mail@example.com --user mail")
@command
def set_(
    host: Annotated[str, typer.Argument(help="Your mail server, such as smtp.example.com.")],
    sender: Annotated[
        str,
        typer.Option(help="The address that all mails come from; the server must be allowed to send for it."),
    ],
    user: Annotated[
        str, typer.Option(help="Its login; the password is asked for, or read from a pipe.")
    ] = "",
    security: Annotated[Security, typer.Option(help="How the connection is encrypted.")] = Security.STARTTLS,
    port: Annotated[int, typer.Option(help="Default: 587, with tls 465, with none 25.")] = 0,
    per_hour: Annotated[
        int, typer.Option(help="How many recipients each instance may write to in an hour.")
    ] = DEFAULT_PER_HOUR,
    test: Annotated[
        str, typer.Option(help="First send a mail to this address; if it fails, set nothing.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Let instances send by it, without giving them its password."""
    output = Output(as_json=as_json)
    password = asked_secret("Its password") if user else Secret("")
    port = port or _DEFAULT_PORTS[security]
    smarthost = Smarthost(host, port, sender, security, user, password, per_hour)
    mail = engine(output).mail
    with said_when_interrupted(left.of_mail_server(mail)):
        if test:
            with said_when_interrupted(left.of_test_mail(mail, test), goes_on=True):
                mail.test(smarthost, test)
        mail.set(smarthost)
    sent = f"A test mail is on its way to {test}. " if test else ""
    output.result(_facts(smarthost), f"{sent}Instances send by {host} from their next waking on.")


@app.command("show")
@command
def show(as_json: JsonOption = False) -> None:
    """Show the mail server, without its password."""
    output = Output(as_json=as_json)
    smarthost = engine(output).mail.get()
    if smarthost is None:
        output.result(
            {}, "No mail server is set: instances cannot send mail. See `tenantry mail set --help`."
        )
        return
    facts = _facts(smarthost)
    output.result(
        facts, *(f"  {name.replace('_', ' ').capitalize():<10}{value}" for name, value in facts.items())
    )


@app.command("status")
@command
def status(as_json: JsonOption = False) -> None:
    """List the instances that sent mail in the last hour, or whose mails the mail server refused."""
    output = Output(as_json=as_json)
    told = [row for row in engine(output).mail.traffic() if row.sent or row.refused]
    output.table(told, _TRAFFIC, "No instance sent a mail in the last hour, and none was refused.")


@app.command("test", "tenantry mail test me@example.com")
@command
def send_test(
    recipient: Annotated[str, typer.Argument(help="Your own address.")], as_json: JsonOption = False
) -> None:
    """Send a mail by the mail server that is set."""
    output = Output(as_json=as_json)
    mail = engine(output).mail
    smarthost = mail.get()
    if smarthost is None:
        raise MailServerNotSet
    with said_when_interrupted(left.of_mail(recipient)):
        mail.test(smarthost, recipient)
    output.result({"recipient": recipient}, f"{smarthost.host} took a mail to {recipient}.")


@app.command("off")
@command
def off(as_json: JsonOption = False) -> None:
    """Forget the mail server and its password: instances can send no mail then."""
    output = Output(as_json=as_json)
    mail = engine(output).mail
    with said_when_interrupted(left.of_mail_server(mail)):
        mail.unset()
    output.result({}, "Instances send no mail any more, unless their administrators set a server.")


def _facts(smarthost: Smarthost) -> dict[str, Any]:
    return {
        "host": smarthost.host,
        "port": smarthost.port,
        "security": str(smarthost.security),
        "user": smarthost.user,
        "sender": smarthost.sender,
        "per_hour": smarthost.per_hour,
    }
