"""Run by Odoo's own Python: what evaluated code and fetched URLs give, before the guards and after.

python guards_in_odoo.py GUARDS_FOLDER QUESTION < question.json > answer.json
"""

from __future__ import annotations

import ipaddress
import json
import os
import smtplib
import socket
import sys
import threading
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

SECRET = "what only the process knows"

# A loopback address that stands for one on the internet, and a name that leads there.
PUBLIC_ADDRESS = "127.0.0.2"
ANSWERS = {
    "public.example": [[PUBLIC_ADDRESS]],
    "private.example": [["10.1.2.3"]],
    "both.example": [["127.0.0.1", PUBLIC_ADDRESS]],
    "rebinding.example": [[PUBLIC_ADDRESS], ["127.0.0.1"]],
}


class Thing:
    """A stand-in for a record in evaluated code: an object with a name and methods."""

    name = "Azure Interior"
    _note = some__thing = "for the process only"

    def greet(self) -> str:
        return f"Hello {self.name}"

    def browse(self, _ids: list[int]) -> Thing:
        return self


class Currency:
    def format(self, amount: float) -> str:
        return f"{amount} EUR"


# ---------------------------------------------------------------- evaluated code


def evaluate(expressions: dict[str, str]) -> dict[str, dict[str, str]]:
    """For each expression its value or its error, before and after."""
    before = {label: _value(code) for label, code in expressions.items()}
    install_guards()
    return {label: {"before": before[label], "after": _value(code)} for label, code in expressions.items()}


def _value(code: str) -> str:
    from markupsafe import Markup
    from odoo.tools import func, safe_eval

    context = {
        "thing": Thing(),
        "currency": Currency(),
        "Markup": Markup,
        "lazy_text": func.lazy(lambda: "{0.greet.__func__.__globals__[SECRET]}"),
        "json": safe_eval.json,
        "datetime": safe_eval.datetime,
    }
    try:
        if "result =" not in code:
            return repr(safe_eval.safe_eval(code, context))
        safe_eval.safe_eval(code, context, mode="exec")
        return repr(context["result"])
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def generate(sources: dict[str, str]) -> dict[str, str]:
    """What becomes of a module that QWeb has written, with the guards."""
    from odoo.addons.base.models import ir_qweb

    install_guards()

    def compiled(source: str) -> str:
        try:
            return type(ir_qweb.compile(source, "<template>", "exec")).__name__
        except Exception as error:
            return f"{type(error).__name__}: {error}"

    return {label: compiled(source) for label, source in sources.items()}


# ---------------------------------------------------------------- data files


def call_from_data_file(names: list[str]) -> dict[str, str]:
    """What `<function name=...>` gives for each name, with the guards."""
    install_guards()
    return {name: _called(name) for name in names}


def _called(name: str) -> str:
    from lxml import etree
    from odoo.tools import convert

    node = etree.fromstring(f'<function model="thing" name="{name}"><value type="list"/></function>')
    try:
        return str(convert._eval_xml(None, node, {"thing": Thing()}))
    except Exception as error:
        return f"{type(error).__name__}: {error}"


# ---------------------------------------------------------------- methods of models


class Move(Thing):
    """The parts of an entry that its model needs to format a sequence's next number."""

    _sequence_index = None

    def _get_sequence_cache(self) -> dict[object, int]:
        return defaultdict(int, {(string, None): 6 for string in (SECRET, "INV/00000")})


def format_arguments(strings: list[str]) -> dict[str, str]:
    """The result of a formatting method of `account` for each string, with the guards."""
    install_guards()
    from odoo.addons.account.models.sequence_mixin import SequenceMixin

    def formatted(string: str) -> str:
        try:
            return str(SequenceMixin._locked_increment(Move(), string, {"x": Thing(), "seq": 0}))
        except Exception as error:
            return f"{type(error).__name__}: {error}"

    return {string: formatted(string) for string in strings}


# ---------------------------------------------------------------- fetched URLs


class Server:
    """Answers at all addresses of this machine, and records the requests with their address."""

    def __init__(self) -> None:
        server = self
        self.seen: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.seen.append(f"{self.connection.getsockname()[0]} {self.path.split('?')[0]}")
                target = parse_qs(urlsplit(self.path).query).get("to")
                self.send_response(302 if target else 200)
                if target:
                    self.send_header("Location", target[0])
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            do_POST = do_GET

            def log_message(self, *_arguments: object) -> None:
                return

        self._server = ThreadingHTTPServer(("0.0.0.0", 0), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()


def fetch(urls: dict[str, str]) -> dict[str, Any]:
    """For each URL the result of `requests`, and the requests that the server saw; PORT: the server's."""
    server = _with_guards_and_fake_names()
    return {label: _outcome(server, lambda url=url: _get(url, server)) for label, url in urls.items()}


def fetch_as_odoo(names: list[str]) -> dict[str, Any]:
    """The same for Odoo's own fetchers, and for other programs, at loopback."""
    server = _with_guards_and_fake_names()
    ways = _ways(f"http://127.0.0.1:{server.port}/secret", server.port)
    return {name: _outcome(server, ways[name]) for name in names}


def _with_guards_and_fake_names() -> Server:
    fetchers = install_guards().fetchers
    is_public, getaddrinfo = fetchers.is_public, socket.getaddrinfo

    def fake(host: str, port: int, *arguments: Any, **options: Any) -> list[Any]:
        answers = ANSWERS.get(host, [[host]])
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [found for address in addresses for found in getaddrinfo(address, port, *arguments, **options)]

    fetchers.is_public = lambda address: address == PUBLIC_ADDRESS or is_public(address)
    socket.getaddrinfo = fake
    return Server()


def _outcome(server: Server, ask: Callable[[], object]) -> dict[str, Any]:
    server.seen.clear()
    try:
        answer = str(ask())
    except Exception as error:
        bases = [base.__module__ + "." + base.__name__ for base in type(error).__mro__]
        return {"error": str(error), "bases": bases, "seen": list(server.seen)}
    return {"answer": answer, "seen": list(server.seen)}


def _get(url: str, server: Server) -> int:
    import requests

    return requests.get(url.replace("PORT", str(server.port)), timeout=2).status_code


def _ways(url: str, port: int) -> dict[str, Callable[[], object]]:
    import requests
    import urllib3
    from odoo.addons.account.tools import LegacyHTTPAdapter
    from odoo.addons.iap.tools import iap_tools
    from odoo.addons.mail.tools.link_preview import get_link_preview_from_url

    def with_adapter(adapter: object) -> int:
        session = requests.Session()
        session.mount("http://", adapter)
        return session.get(url, timeout=2).status_code

    def by_proxy(target: str) -> int:
        return requests.get(target, proxies={"http": f"http://127.0.0.1:{port}"}, timeout=2).status_code

    retrying = requests.adapters.HTTPAdapter(max_retries=urllib3.Retry(2, backoff_factor=0))
    return {
        "link preview": lambda: get_link_preview_from_url(url),
        "link preview of a bad name": lambda: get_link_preview_from_url(f"http://{'a' * 64}.example/"),
        "iap": lambda: iap_tools.iap_jsonrpc(url),
        "webhook": lambda: requests.post(url, data="{}", timeout=1),
        "an adapter of Odoo's": lambda: with_adapter(LegacyHTTPAdapter()),
        "an adapter that retries": lambda: with_adapter(retrying),
        "the operator's proxy": lambda: by_proxy("http://public.example/page"),
        "the operator's proxy for a name it knows": lambda: by_proxy("http://nowhere.invalid/page"),
        "the operator's proxy for loopback": lambda: by_proxy(url),
        "urllib3": lambda: urllib3.PoolManager().request("GET", url).status,
        "smtp": _smtp,
    }


def _smtp() -> str:
    """The greeting of a mail relay on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            connection, _ = listener.accept()
            connection.sendall(b"220 relay\r\n")
            with suppress(OSError):
                connection.recv(1)

        threading.Thread(target=greet, daemon=True).start()
        relay = smtplib.SMTP()
        code, greeting = relay.connect("127.0.0.1", listener.getsockname()[1])
        relay.close()
        return f"{code} {greeting.decode()}"


def judge(addresses: list[str]) -> dict[str, bool]:
    fetchers = install_guards().fetchers
    return {address: fetchers.is_public(str(ipaddress.ip_address(address))) for address in addresses}


# ---------------------------------------------------------------- the program


def install_guards() -> Any:
    import guards

    guards.install()
    guards.install()
    return guards


def load_odoo(guards_folder: str) -> None:
    """Odoo as far as it goes without a database."""
    sys.path.insert(0, str(Path(guards_folder).parent))
    from odoo.modules.module import initialize_sys_path
    from odoo.tools import config

    config.parse_config(["--no-http", f"--data-dir={os.environ['TENANTRY_TEST_DATA']}"], setup_logging=False)
    initialize_sys_path()


if __name__ == "__main__":
    load_odoo(sys.argv[1])
    questions = (evaluate, generate, call_from_data_file, format_arguments, fetch, fetch_as_odoo, judge)
    question = {function.__name__: function for function in questions}[sys.argv[2]]
    json.dump(question(json.load(sys.stdin)), sys.stdout)
