"""Messages go to public addresses, and never into our own network."""

import os
import socket
from unittest.mock import patch

from odoo.tests import tagged

from ..webhook_network import public_address
from ..webhook_sender import UrlRefused
from .webhook_case import WebhookCase

PRIVATE = (
    "127.0.0.1",
    "0.0.0.0",
    "10.0.0.7",
    "172.16.3.4",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fd00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
)


def leads_to(*addresses):
    """A DNS that answers with one address after the other."""
    left = list(addresses)

    def answer(_host, port, *_args, **_kwargs):
        address = left.pop(0) if len(left) > 1 else left[0]
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (address, port))]

    return patch.object(socket, "getaddrinfo", answer)


@tagged("post_install", "-at_install")
class TestWebhookUrls(WebhookCase):
    def _save(self, url):
        return self.env["saas.webhook"].create({"name": "Any", "url": url})

    def test_public_https_urls_are_accepted(self):
        self._allow_private(False)
        for url in ("https://www.example.com/a?b=c", "https://example.com:8443", "https://93.184.215.14/"):
            with self.subTest(url):
                self.assertTrue(self._save(url))

    def test_other_urls_are_refused(self):
        self._allow_private(False)
        for url in (
            "www.example.com",
            "https://",
            "https://example.com:99999",
            "https://exa mple.com",
            "https://example.com/\n",
            "http://example.com",
            "ftp://example.com",
            "file:///etc/passwd",
            "https://ann:secret@example.com",
            "https://ann@example.com",
            *(f"https://[{ip}]/" if ":" in ip else f"https://{ip}/" for ip in PRIVATE),
        ):
            with self.subTest(url), self.assertRaises(UrlRefused):
                self._save(url)

    def test_private_addresses_and_plain_http_can_be_allowed_but_passwords_cannot(self):
        for url in ("http://10.0.0.7/hooks", "http://crm.internal", "https://127.0.0.1"):
            self.assertTrue(self._save(url))
        with self.assertRaises(UrlRefused):
            self._save("http://ann:secret@10.0.0.7")

    def test_names_of_private_addresses_are_refused(self):
        for address in PRIVATE:
            with self.subTest(address), leads_to(address), self.assertRaises(Exception) as caught:
                public_address("www.example.com", 443)
            self.assertEqual(type(caught.exception).__name__, "InvalidIPAddress")

    def test_a_name_that_resolves_to_a_private_address_later_is_not_called(self):
        delivery = self._happen()
        self._allow_private(False)
        self.env.cr.execute(
            "UPDATE saas_webhook SET url = %s", [f"https://rebound.example:{self.receiver.port}/"]
        )
        self.env.invalidate_all()
        with leads_to("127.0.0.1"):
            self._deliver(delivery)
        self.assertFalse(self.receiver.messages)
        self.assertIn("private address", delivery.error)

    def test_the_checked_address_is_the_one_that_is_called(self):
        """A DNS that answers differently the second time has no effect."""
        delivery = self._happen()
        self._allow_private(False)
        self.env.cr.execute("UPDATE saas_webhook SET url = 'https://rebound.example/'")
        self.env.invalidate_all()
        called = []
        connect = socket.create_connection

        def note(address, *args, **kwargs):
            called.append(address[0])
            return connect(("127.0.0.1", self.receiver.port), *args, **kwargs)

        with leads_to("93.184.215.14", "127.0.0.1"), patch.object(socket, "create_connection", note):
            self._deliver(delivery)
        self.assertEqual(called, ["93.184.215.14"])

    def test_disallowing_private_addresses_applies_to_existing_endpoints(self):
        delivery = self._happen()
        self._allow_private(False)
        self._deliver(delivery)
        self.assertFalse(self.receiver.messages)
        self.assertEqual(delivery.state, "pending")
        self.assertTrue(delivery.error)

    def test_a_proxy_of_the_environment_is_not_used(self):
        delivery = self._happen()
        proxy = "http://127.0.0.1:1"
        with patch.dict(os.environ, {"HTTP_PROXY": proxy, "http_proxy": proxy, "ALL_PROXY": proxy}):
            self._deliver(delivery)
        self.assertEqual(delivery.state, "delivered")

    def test_an_invalid_name_is_an_error_of_the_attempt(self):
        delivery = self._happen()
        for url in ("http://no-such-name.invalid", f"http://{'a' * 70}.example", "http://a..b"):
            self.webhook.url = url
            self._deliver(delivery)
            with self.subTest(url):
                self.assertEqual((delivery.state, delivery.status), ("pending", 0))
                self.assertTrue(delivery.error)
