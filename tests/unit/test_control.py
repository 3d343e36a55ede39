"""Who asks a spawner gets an answer, or hears in time that there is none."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from tenantry.spawner.control import SpawnerAway, ask


def test_one_that_is_not_there_is_told_of_at_once(tmp_path: Path):
    with pytest.raises(SpawnerAway):
        ask(tmp_path / "spawner.sock", {"do": "ps"})


def test_one_that_hangs_is_waited_for_as_long_as_was_said(tmp_path: Path):
    file = tmp_path / "spawner.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(file))
        listener.listen()
        began = time.monotonic()
        with pytest.raises(SpawnerAway):
            ask(file, {"do": "ps"}, timeout_s=0.1)
    assert 0.1 <= time.monotonic() - began < 5
