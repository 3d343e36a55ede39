"""The plain text of our mails: without the logo and the preview, which only the HTML needs."""

import re

from lxml import html
from odoo import models
from odoo.tools.mail import html2plaintext

_CONTENT_ID = "saas_mail_content"
"""The id of the element in `mail_layout.xml` with the content for plain text."""


class MailMail(models.Model):
    _inherit = "mail.mail"

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
