"""A PDF has its own instance's styles and pictures, wherever the instance's public address points."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.support.odoo_client import OdooClient
from tests.support.tenants import create

from tenantry.engine import Engine

_REPORT = "test.greeting"


@pytest.fixture(scope="module")
def acme(engine: Engine) -> Iterator[OdooClient]:
    yield OdooClient(engine, create(engine))
    engine.instances.terminate("acme")


@contextmanager
def a_neighbour() -> Iterator[tuple[str, list[str]]]:
    """The address of another server on this machine, and the paths that were requested from it."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def make_report(acme: OdooClient, body: str) -> None:
    page = f"<t t-call='web.internal_layout'><div class='page'>{body}</div></t>"
    arch = f"<t t-name='{_REPORT}'><t t-call='web.html_container'>{page}</t></t>"
    view = {"name": _REPORT, "type": "qweb", "key": _REPORT, "arch": arch}
    acme.call("ir.ui.view", "create", [view])
    report = {"name": "Greeting", "model": "res.partner", "report_name": _REPORT, "report_type": "qweb-pdf"}
    acme.call("ir.actions.report", "create", [report])


def test_a_pdf_uses_its_own_instances_styles_and_requests_no_other_server(engine: Engine, acme: OdooClient):
    with a_neighbour() as (address, asked):
        socket = f"<script>new WebSocket('{address.replace('http', 'ws')}/socket')</script>"
        make_report(acme, f"<h1>Hello</h1><img src='{address}/secret.png'/>{socket}")
        answer = acme.http.get(f"/report/pdf/{_REPORT}/1", timeout=120)
    assert (answer.status_code, answer.content[:5]) == (200, b"%PDF-")
    log = "\n".join(engine.instances.logs("acme", 500))
    assert 'web.report_assets_common.autoprefixed.min.css HTTP/1.1" 200' in log
    assert asked == []
