"""Rewrite a message's sender. Signatures of the old one are left out; the rest stays as it is."""

from __future__ import annotations

from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.utils import formataddr, parseaddr

MAX_HEADER_BYTES = 128 * 1024
_MAX_FROM_BYTES = 1000
_DROPPED = (b"from", b"sender", b"return-path", b"dkim-signature", b"x-tenantry-instance")

Field = tuple[bytes, bytes]
"""A field's name in lower case, and its lines."""


class BadMessage(Exception):
    """The message cannot be passed on."""


def from_operator(content: bytes, sender: str, instance: str) -> bytes:
    """The message as coming from the operator's address, under the author's name.

    Answers go to the author: their address becomes Reply-To, unless the message has one. Raises BadMessage.
    """
    header, body = _split(content)
    fields = list(_fields(header))
    author = next((lines.partition(b":")[2].strip() for name, lines in fields if name == b"from"), b"")
    if not author:
        raise BadMessage("it has no From")
    new = [f"From: {_named(author, sender)}\r\n".encode()]
    if not any(name == b"reply-to" for name, _lines in fields):
        new.append(b"Reply-To: " + author + b"\r\n")
    new.append(f"X-Tenantry-Instance: {instance}\r\n".encode())
    kept = (lines for name, lines in fields if name not in _DROPPED)
    return b"".join([*new, *kept, b"\r\n", body])


def _split(content: bytes) -> tuple[bytes, bytes]:
    """The header's lines, and what follows the empty line after them."""
    end = content.find(b"\r\n\r\n", 0, MAX_HEADER_BYTES)
    if end < 0:
        raise BadMessage(f"its header has no end within {MAX_HEADER_BYTES} bytes")
    return content[: end + 2], content[end + 4 :]


def _fields(header: bytes) -> Iterator[Field]:
    """The fields. Raises BadMessage for what other programs may take for the end of a line."""
    lines: list[bytes] = []
    for line in [*header.split(b"\r\n")[:-1], b""]:
        if b"\r" in line or b"\n" in line or b"\0" in line:
            raise BadMessage("its header has a control character in a line")
        if lines and not line.startswith((b" ", b"\t")):
            name = lines[0].partition(b":")[0].strip().lower()
            if not name or b":" not in lines[0]:
                raise BadMessage("its header has a line that is no field")
            yield name, b"".join(kept + b"\r\n" for kept in lines)
            lines = []
        lines.append(line)


def _named(author: bytes, sender: str) -> str:
    name = address = ""
    try:
        name, address = parseaddr(author[:_MAX_FROM_BYTES].decode("utf-8", "replace"))
        name = str(make_header(decode_header(name)))
    except (HeaderParseError, UnicodeError, LookupError, ValueError, RecursionError):
        name = ""
    name = " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())
    return formataddr((name or address.partition("@")[0], sender), "utf-8")
