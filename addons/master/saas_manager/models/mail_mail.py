"""The senders of all mails, and the plain text of ours: without the logo and the preview of the HTML."""

import re

from lxml import html
from lxml.html import builder
from odoo import models
from odoo.tools.mail import email_normalize_all, html2plaintext

_CONTENT_ID = "saas_mail_content"
"""The id of the element in `mail_layout.xml` with the content for plain text."""
_END = "\ue000"
"""Stands for the end of a paragraph while HTML becomes text; no text has it."""


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
    """The mail for programs that show no HTML: paragraphs, and each address below its words."""
    content = html.fromstring(body).get_element_by_id(_CONTENT_ID)
    for link in list(content.iter("a")):
        address, words = link.attrib.pop("href", ""), link.text_content().strip()
        if words and _shown(address) != _shown(words):
            link[:] = [builder.BR()]
            link.text, link[0].tail = words, address
    for bold in list(content.iter("b", "strong")):
        bold.drop_tag()
    for block in content.iter("p", "table", "ul", "ol"):
        block.tail = _END + (block.tail or "")
    text = html2plaintext(html.tostring(content, encoding="unicode"))
    return re.sub(rf"\s*{_END}[\s{_END}]*|\n{{3,}}", "\n\n", text).strip() + "\n"


def _shown(address):
    """The address as people write it."""
    return address.removeprefix("mailto:").rstrip("/")
