"""Mails of instances that come back to a mailbox which the back office reads."""

from odoo.tests import tagged

from .common import SaasCase

REPORT = """\
Return-Path: <>
From: MAILER-DAEMON@mx.example.com (Mail Delivery System)
To: cloud@provider.example
Subject: Undelivered Mail Returned to Sender
Message-ID: <20300131120000.4711@mx.example.com>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain; charset=us-ascii

I am sorry to have to inform you that your message could not be delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com
X-Postfix-Sender: rfc822; cloud@provider.example

Final-Recipient: rfc822; bob@example.org
Original-Recipient: rfc822;bob@example.org
Action: {action}
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 <bob@example.org>: no such
    user here

--b
Content-Type: {kind}

From: Ann <cloud@provider.example>
{header}Subject: Invoice
Message-ID: <4712@acme.example.com>

{body}
--b--
"""
WHOLE = {"kind": "message/rfc822", "body": "Hello Bob"}
HEADERS = {"kind": "text/rfc822-headers", "body": ""}
NOTED = "A mail to bob@example.org came back: 550 5.1.1 <bob@example.org>: no such user here"


@tagged("post_install", "-at_install")
class TestBounces(SaasCase):
    def setUp(self):
        super().setUp()
        self.instance = self._make_instance("acme", "active")

    def _receive(self, instance="acme", action="failed", **parts):
        header = f"X-Tenantry-Instance: {instance}\n" if instance else ""
        text = REPORT.format(action=action, header=header, **(parts or WHOLE))
        self.env["mail.thread"].message_process(False, text)

    def _warnings(self, instance=None):
        lines = [("instance_id", "=", (instance or self.instance).id), ("level", "=", "warning")]
        return self.env["saas.instance.log"].search(lines).mapped("message")

    def test_a_mail_that_came_back_is_in_its_instances_log(self):
        for parts in (WHOLE, HEADERS):
            with self.subTest(**parts):
                self._receive(**parts)
                self.assertEqual(self._warnings(), [NOTED])
                self.env["saas.instance.log"].search([]).sudo().unlink()

    def test_a_mail_that_is_only_late_is_not(self):
        self._receive(action="delayed")
        self.assertEqual(self._warnings(), [])

    def test_a_mail_of_the_back_office_or_of_an_unknown_instance_is_in_no_log(self):
        before = self.env["saas.instance.log"].search_count([])
        self._receive(instance="")
        self._receive(instance="nobody")
        self.assertEqual(self.env["saas.instance.log"].search_count([]), before)

    def test_a_later_instance_of_the_name_has_the_bounces_not_a_former_one(self):
        self.instance.state = "terminated"
        self.instance.flush_recordset()
        later = self._make_instance("acme", "active")
        self._receive()
        self.assertEqual((self._warnings(), self._warnings(later)), ([], [NOTED]))
