"""`tenantry login`, `logout`, `whoami`: the master that commands act on, and the user."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Annotated

import typer

from tenantry import interrupts
from tenantry.cli.common import JsonOption, command
from tenantry.cli.output import Output, plain_text
from tenantry.model.secret import Secret
from tenantry.remote.errors import KeyMissing, NotLoggedIn
from tenantry.remote.login import Login, LoginSettings, api_key, master_address
from tenantry.remote.master import RemoteMaster
from tenantry.remote.results import Me


@command
def login(
    url: Annotated[
        str, typer.Argument(help="The back office's address, such as https://office.example.com.")
    ],
    key_stdin: Annotated[
        bool, typer.Option("--key-stdin", help="Read the API key from standard input.")
    ] = False,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Allow http://, where others may read the key.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Let `create`, `instance` and `request` act on a master, until `tenantry logout`.

    The command asks for the API key; programs give it with --key-stdin or in TENANTRY_API_KEY. With
    TENANTRY_MASTER and TENANTRY_API_KEY no login is needed.
    """
    output = Output(as_json=as_json)
    settings = LoginSettings.from_environment()
    address = master_address(url, insecure=insecure)
    found = Login(address, _key(settings, key_stdin))
    me = RemoteMaster(found.url, found.key).me()
    interrupts.finish()  # the login is written, or it is not
    settings.keep(replace(found, user=me.name))
    output.result({"master": address, **_facts(me)}, *_lines(f"Logged in to {address}", me))


@command
def logout(as_json: JsonOption = False) -> None:
    """Delete the login: commands act on the engine of this machine again."""
    output = Output(as_json=as_json)
    interrupts.finish()
    was_there = LoginSettings.from_environment().forget()
    output.result({"logged_out": was_there}, "Logged out." if was_there else "Nobody was logged in.")
    if was_there:
        output.say(
            "The key is still valid. If it is not needed, delete it in Odoo: My Preferences, Security."
        )


@command
def whoami(as_json: JsonOption = False) -> None:
    """Show the master that commands act on, the user, and the user's permissions there."""
    output = Output(as_json=as_json)
    current = LoginSettings.from_environment().current()
    if not current:
        raise NotLoggedIn
    me = RemoteMaster(current.url, current.key).me()
    output.result({"master": current.url, **_facts(me)}, *_lines(current.url, me))


def _key(settings: LoginSettings, key_stdin: bool) -> Secret:
    """The API key. It is never an argument: arguments are in the process list and in the shell's history."""
    if key_stdin:
        return api_key(sys.stdin.readline())
    if settings.key:
        return settings.key
    if not sys.stdin.isatty():
        raise KeyMissing
    return api_key(typer.prompt("API key", hide_input=True, err=True))


def _facts(me: Me) -> dict[str, object]:
    return {"name": me.name, "login": me.login, "company": me.company, "may": me.may}


def _lines(head: str, me: Me) -> list[str]:
    return [
        plain_text(f"{head} as {me.name} ({me.login}), {me.company}"),
        f"May: {', '.join(me.may) or 'nothing'}",
    ]
