"""Certificates are checked for the host name, not the address; one timeout applies to the whole request."""

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from itertools import repeat
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from odoo.tests import tagged

from .. import webhook_network, webhook_sender
from .webhook_case import WebhookCase


def certificate(host, folder):
    """A file with a key and a self-signed certificate for that name."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    file = Path(folder, f"{host}.pem")
    file.write_bytes(private + made.public_bytes(pem))
    return file


@tagged("post_install", "-at_install")
class TestWebhookNetwork(WebhookCase):
    def _over_tls(self, host, trusted=True):
        """Send a message to https://hooks.example, where a server has a certificate for `host`."""
        file = certificate(host, self.enterContext(TemporaryDirectory()))
        served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        served.load_cert_chain(file)
        self.receiver.wrap(served)
        known = ssl.create_default_context(cafile=file if trusted else None)
        delivery = self._happen()
        self.webhook.url = f"https://hooks.example:{self.receiver.port}/hooks"
        self._allow_private(False)
        with (
            patch.object(webhook_network, "public_address", lambda *_: "127.0.0.1"),
            patch.object(webhook_sender, "_ssl_context", lambda: known),
        ):
            self._deliver(delivery)
        return delivery

    def test_a_certificate_for_the_name_is_accepted_though_the_address_is_called(self):
        self.assertEqual(self._over_tls("hooks.example").state, "delivered")
        self.assertEqual(self.receiver.messages[0].headers["host"], f"hooks.example:{self.receiver.port}")

    def test_a_certificate_for_another_name_is_refused(self):
        self.assertIn("certificate", self._over_tls("other.example").error)
        self.assertFalse(self.receiver.messages)

    def test_an_untrusted_certificate_is_refused(self):
        self.assertIn("self-signed certificate", self._over_tls("hooks.example", trusted=False).error)
        self.assertFalse(self.receiver.messages)

    def test_the_usual_certificate_authorities_are_trusted_and_names_are_checked(self):
        context = webhook_sender._ssl_context()
        self.assertTrue(context.check_hostname)
        self.assertEqual(context.verify_mode, ssl.CERT_REQUIRED)
        self.assertTrue(context.get_ca_certs())

    def test_a_slow_receiver_is_given_up_in_time(self):
        delivery = self._happen()
        self.webhook.url = f"http://127.0.0.1:{self._dripping_port()}/"
        with patch.object(webhook_sender, "_TIMEOUT_S", 0.5):
            self._deliver(delivery)
        self.assertEqual((delivery.state, delivery.status), ("pending", 0))
        self.assertIn("No answer", delivery.error)

    def _dripping_port(self):
        """A port that sends byte after byte soon, but ends the headers only after many."""
        server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(server.close)
        slow, over = [b"HTTP/1.1 200 OK\r\nX: ", *repeat(b"x", 100), b"\r\n\r\n"], threading.Event()
        self.addCleanup(over.set)

        def drip():
            connection, _address = server.accept()
            with connection:
                for part in slow:
                    try:
                        connection.sendall(part)
                    except OSError:
                        return
                    over.wait(0.1)

        threading.Thread(target=drip, daemon=True).start()
        return server.getsockname()[1]
