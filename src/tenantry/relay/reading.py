"""Read a mail, within bounds of what it may cost."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

MAX_MESSAGE_BYTES = 20 * 2**20
MAX_LINES = 500_000
"""Passing a mail on costs some 100 bytes for a line, however short it is."""


class Refused(Exception):
    """The mail was read to its end, and is not kept. Its text: the answer."""


class Space:
    """The bytes of all mails that are being read or passed on, and of one instance's mails."""

    def __init__(self, of_all: int, of_one: int) -> None:
        self._of_all, self._of_one = of_all, of_one
        self._taken: Counter[str] = Counter()
        self._total = 0

    @contextmanager
    def lent(self, instance: str) -> Iterator[Callable[[int], bool]]:
        """Yields what takes that many more bytes, or gives them back; it tells whether there were so many."""
        mine = 0

        def take(size: int) -> bool:
            nonlocal mine
            if self._total + size > self._of_all or self._taken[instance] + size > self._of_one:
                return False
            mine += size
            self._total += size
            self._taken[instance] += size
            return True

        try:
            yield take
        finally:
            self._total -= mine
            self._taken[instance] -= mine
            self._taken += Counter()  # forgets those that have nothing


async def read_mail(reader: asyncio.StreamReader, take: Callable[[int], bool]) -> bytearray:
    """Read to the line that has only a dot. take: see `Space.lent`. Raises Refused, at that line, too."""
    content, taken, refusal, is_at_line = bytearray(), 0, "", True
    while True:
        try:
            part = await reader.readuntil(b"\r\n")
        except asyncio.LimitOverrunError as overrun:
            part, refusal = await reader.read(overrun.consumed), refusal or "500 5.5.2 A line is too long"
        if is_at_line and part == b".\r\n":
            break
        if not refusal and len(content) + len(part) > MAX_MESSAGE_BYTES:
            refusal = f"552 5.3.4 The mail has more than {MAX_MESSAGE_BYTES} bytes"
        if not refusal and not take(len(part)):
            refusal = "452 4.3.1 Too many large mails are being sent; please send it later"
        if refusal:
            content.clear()
            take(-taken)  # at once: or mails that come at the same time could all be refused
            taken = 0
        else:
            taken += len(part)
            content += part[1:] if is_at_line and part.startswith(b".") else part
        is_at_line = part.endswith(b"\r\n")
    if not refusal and content.count(b"\n") + content.count(b"\r") > 2 * MAX_LINES:
        refusal = f"552 5.3.4 The mail has more than {MAX_LINES} lines"
    if refusal:
        raise Refused(refusal)
    return content
