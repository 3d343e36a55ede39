"""What a bounce says of an instance's mail. This file needs no Odoo."""

from dataclasses import dataclass

_INSTANCE = "X-Tenantry-Instance"
"""The mail relay adds it to each mail of an instance, and leaves out any other of that name."""
_HEADERS_ONLY = "text/rfc822-headers"
_MOST_CHARACTERS = 300


@dataclass(frozen=True)
class Bounce:
    """instance: its database. recipient: the address. reason: in the words of the server that refused it."""

    instance: str
    recipient: str
    reason: str

    @classmethod
    def of(cls, report):
        """Read a delivery report (RFC 3464); None if it is not of an instance's mail, or no failure."""
        status, instance = {}, ""
        for part in report.walk():
            if part.get_content_type() == "message/delivery-status":
                for group in part.get_payload() if part.is_multipart() else ():
                    status |= {name.lower(): _one_line(value) for name, value in group.items()}
            elif part is not report:
                instance = instance or _one_line(_header(part))
        if not instance or status.get("action", "").lower() != "failed":
            return None
        recipient = _value(status.get("original-recipient") or status.get("final-recipient", ""))
        reason = _value(status.get("diagnostic-code", "")) or status.get("status", "")
        return cls(instance, recipient, reason)


def _header(part):
    """The header of the mail that bounced, which the report has wholly or without its body."""
    if part.get_content_type() != _HEADERS_ONLY:
        return part.get(_INSTANCE, "")
    text = part.get_payload(decode=True).decode("utf-8", "replace")
    found = (line.partition(":") for line in text.splitlines())
    return next((value for name, _colon, value in found if name.strip().lower() == _INSTANCE.lower()), "")


def _value(field):
    """Without the type that stands before it, such as `rfc822;` or `smtp;`."""
    return field.partition(";")[2].strip() if field.partition(";")[0].isidentifier() else field


def _one_line(value):
    text = " ".join(str(value).split())
    return "".join(letter for letter in text if letter.isprintable())[:_MOST_CHARACTERS]
