"""The senders of all mails, and the plain text of ours: without the logo and the preview of the HTML."""

import re

from lxml import html
from odoo import models
from odoo.tools.mail import email_normalize_all, html2plaintext

_CONTENT_ID = "saas_mail_content"
"""The id of the element in `mail_layout.xml` with the content for plain text."""


class MailMail(models.Model):
    _inherit = "mail.mail"

    def send(self, *args, **kwargs):
        self._replace_nobodys_senders()
        return super().send(*args, **kwargs)

    def _replace_nobodys_senders(self):
        """Odoo's own users, such as OdooBot, have addresses that nobody has: send as the provider instead."""
        provider = self.env["saas.provider"]
        for mail in self:
            sender = provider._sender_for(mail.record_company_id or self.env.company)
            for name in ("email_from", "reply_to"):
                # Replies may go to several.
                is_usable = any(map(provider._usable, email_normalize_all(mail[name])))
                if sender and mail[name] and not is_usable:
                    mail[name] = sender

    def _prepare_outgoing_list(self, *args, **kwargs):
        mails = super()._prepare_outgoing_list(*args, **kwargs)
        for mail in mails:
            if f'id="{_CONTENT_ID}"' in mail["body"]:
                mail["body_alternative"] = _plain_text(mail["body"])
        return mails


def _plain_text(body):
    content = html.fromstring(body).get_element_by_id(_CONTENT_ID)
    text = html2plaintext(html.tostring(content, encoding="unicode"))
    return re.sub(r"\n{3,}", "\n\n", text)
