"""Shared by the tests of webhooks: endpoints, and a real HTTP server that receives messages."""

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from odoo import fields
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.addons.saas_manager import gateway
from odoo.addons.saas_manager.tests.common import SaasCase


@dataclass(frozen=True)
class Message:
    headers: dict
    body: str


class Receiver:
    """An HTTP server that keeps the requests it gets and gives the planned answers in order; then 200."""

    def __init__(self):
        self.messages = []
        self.answers = []
        self.paths = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                receiver.paths.append(self.path)
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                receiver.messages.append(Message({k.lower(): v for k, v in self.headers.items()}, body))
                receiver._answer(self)

            def log_message(self, *_args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _answer(self, handler):
        status, body, headers = self.answers.pop(0) if self.answers else (200, b"ok", {})
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    def wrap(self, tls):
        """Use TLS from now on."""
        self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._server.handle_error = lambda *_: None  # a client that does not trust it hangs up

    def will_answer(self, *statuses, body=b"", **headers):
        self.answers += [(status, body, headers) for status in statuses]

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class WebhookCase(SaasCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["saas.webhook"].search([]).active = False
        cls._allow_private(True)
        cls.instance = cls._make_instance("acme", "active", url="https://acme.example")
        cls.subscription = cls._make_subscription(cls.instance, state="active", date_end="2031-05-17")
        cls.other_customer = cls.env["res.partner"].create({"name": "Other Ltd", "is_company": True})

    def setUp(self):
        super().setUp()
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.jobs = self.enterContext(trap_jobs())
        self.webhook = self._make_webhook()

    @classmethod
    def _allow_private(cls, allowed):
        cls.env["ir.config_parameter"].set_param("saas_api.webhooks_allow_private", allowed and "1")

    def _make_webhook(self, **values):
        url = f"http://127.0.0.1:{self.receiver.port}/hooks"
        return self.env["saas.webhook"].create({"name": "CRM", "url": url, **values})

    def _happen(self, event="instance.suspended", record=None):
        """Return the messages that were created for the event."""
        before = self._deliveries()
        (record or self.instance)._emit(event, reason="It is said so.")
        return self._deliveries() - before

    def _deliveries(self):
        return self.env["saas.webhook.delivery"].search([])

    def _deliver(self, delivery):
        """Run the job's next attempt, as if it were due."""
        delivery.next_attempt_at = fields.Datetime.now()
        return delivery._deliver()

    def _secret(self, webhook=None):
        return gateway.unseal((webhook or self.webhook).secret_sealed)

    @contextmanager
    def _nobody_listens(self):
        self.receiver.close()
        yield
