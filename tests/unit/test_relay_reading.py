"""A mail is read to its end, and costs no more than it may."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tenantry.relay import reading
from tenantry.relay.reading import MAX_LINES, MAX_MESSAGE_BYTES, Refused, Space, read_mail

NEXT = b"NOOP\r\n"


def read(sent: bytes, take: Callable[[int], bool] = lambda _size: True) -> tuple[bytes | str, bytes]:
    """The mail or the answer, and what is left for the next command."""

    async def run() -> tuple[bytes | str, bytes]:
        reader = asyncio.StreamReader(limit=1001)
        reader.feed_data(sent + NEXT)
        reader.feed_eof()
        try:
            result: bytes | str = bytes(await read_mail(reader, take))
        except Refused as refused:
            result = str(refused)
        return result, await reader.read()

    return asyncio.run(run())


def test_a_mail_ends_at_the_dot_and_dots_that_were_added_are_taken_away():
    assert read(b"A: b\r\n\r\n..\r\n..x\r\n.\n.\r\r\n.\r\n") == (b"A: b\r\n\r\n.\r\n.x\r\n\n.\r\r\n", NEXT)


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"x" * 5000 + b".\r\n" + b"more\r\n", "500 5.5.2"),
        ((b"x" * 998 + b"\r\n") * (MAX_MESSAGE_BYTES // 1000 + 1), "552 5.3.4"),
        (b"\r\n" * (MAX_LINES + 1), "552 5.3.4"),
        ((b"\n" * 900 + b"\r\n") * (2 * MAX_LINES // 900), "552 5.3.4"),
    ],
)
def test_what_costs_too_much_is_refused_and_read_to_its_end(sent: bytes, answer: str):
    result, rest = read(sent + b".\r\n")
    assert isinstance(result, str)
    assert result.startswith(answer)
    assert rest == NEXT


def test_a_long_line_that_ends_like_a_mail_does_not_end_it():
    result, rest = read(b"x" * 1001 + b".\r\nMAIL FROM:<boss@bank.example>\r\n.\r\n")
    assert (str(result)[:3], rest) == ("500", NEXT)


def test_a_mail_for_which_there_is_no_space_is_to_be_sent_later():
    space = Space(of_all=100, of_one=60)
    with space.lent("17") as first, space.lent("17") as second, space.lent("18") as others:
        assert first(50)
        result, rest = read(b"x" * 20 + b"\r\n.\r\n", second)
        assert (str(result)[:9], rest) == ("452 4.3.1", NEXT)
        assert others(50)
        assert not others(10)
    with space.lent("17") as again:
        assert again(60)


def test_a_mail_that_is_refused_leaves_its_space_to_others_while_the_rest_of_it_comes():
    space = Space(of_all=100, of_one=60)
    with space.lent("17") as refused, space.lent("18") as others:

        async def run() -> None:
            reader = asyncio.StreamReader(limit=1001)
            reader.feed_data(b"x" * 48 + b"\r\n" + b"x" * 48 + b"\r\n")
            reading_on = asyncio.create_task(read_mail(reader, refused))
            await asyncio.sleep(0)
            assert others(60)
            assert not reading_on.done()
            reader.feed_data(b".\r\n")
            with pytest.raises(Refused):
                await reading_on

        asyncio.run(run())


def test_a_mail_of_empty_lines_takes_no_more_memory_than_it_has_bytes(monkeypatch: pytest.MonkeyPatch):
    import tracemalloc

    monkeypatch.setattr(reading, "MAX_LINES", 10**9)
    sent = b"\r\n" * 200_000
    tracemalloc.start()
    try:
        read(sent + b".\r\n")
        assert tracemalloc.get_traced_memory()[1] < 10 * len(sent)
    finally:
        tracemalloc.stop()
