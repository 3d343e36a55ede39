"""What ends the wait of a tenant's main thread."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.tenant_side import load

_NEVER_S = 20


@pytest.fixture
def alarm() -> Iterator[Any]:
    alarm = load("saas_process.alarm").Alarm()
    before = signal.signal(signal.SIGUSR1, lambda _number, _frame: None)
    yield alarm
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGUSR1, before)


def test_a_signal_that_another_thread_received_ends_the_wait(alarm: Any):
    alarm.ring_on_signals()
    is_over = threading.Event()
    other = threading.Thread(target=is_over.wait)
    other.start()
    threading.Timer(0.2, lambda: signal.pthread_kill(other.ident or 0, signal.SIGUSR1)).start()
    assert alarm.wait(_NEVER_S)
    is_over.set()


def test_a_signal_before_the_wait_ends_it(alarm: Any):
    alarm.ring_on_signals()
    signal.raise_signal(signal.SIGUSR1)
    assert alarm.wait(_NEVER_S)
    assert not alarm.wait(0)


def test_a_call_ends_one_wait(alarm: Any):
    alarm.ring()
    alarm.ring()
    assert alarm.wait(_NEVER_S)
    assert not alarm.wait(0)
