"""Zygotes are started ahead of demand, one at a time, and not repeatedly after failures."""

from __future__ import annotations

import dataclasses
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tenantry.model.catalog import Kind, Label, State
from tenantry.spawner import zygotes
from tenantry.spawner.catalog import Entry
from tenantry.spawner.config import Config
from tenantry.spawner.tenants import Tenant
from tenantry.spawner.zygotes import PLAIN, Key, Zygote, Zygotes

_OLD, _NEW, _OTHER = ("blank", "1.0.9"), ("blank", "1.0.10"), ("shop", "1.0.0")


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Zygotes]:
    """Zygotes that only sleep, of two templates, one of them in two versions."""
    monkeypatch.setattr(Zygote, "became_ready", lambda zygote: setattr(zygote, "is_ready", True))
    found = Zygotes(a_config(), tmp_path / "zygotes.log", lambda _role: "-", lambda _zygote: None)
    found.follow_templates({_OLD: "old", _OTHER: "other", _NEW: "new"})
    yield found
    found.end_all()


def a_config() -> Config:
    blank = {field.name: "" for field in dataclasses.fields(Config) if field.default is dataclasses.MISSING}
    return Config(**{**blank, "zygote": ("sh", "-c", "sleep 600"), "options": {}, "zygote_environment": {}})


def tenant_of(key: Key) -> Tenant:
    template, version = key
    label = Label(Kind.INSTANCE, State.ACTIVE, template=template, version=version)
    return Tenant(Entry(1, "acme", label), "acme.example.com")


def all_ahead(found: Zygotes) -> list[Zygote]:
    """Each is ready before the next is asked for."""
    begun: list[Zygote] = []
    while True:
        found.start_ahead()
        new = [zygote for zygote in found._running.values() if zygote not in begun]
        if not new:
            return begun
        (zygote,) = new
        zygote.became_ready()
        begun.append(zygote)


def test_zygotes_of_the_newest_versions_are_started_ahead(started: Zygotes):
    assert {zygote.key for zygote in all_ahead(started)} == {_NEW, _OTHER}


def test_one_zygote_loads_at_a_time(started: Zygotes):
    started.start_ahead()
    started.start_ahead()
    assert len(started._running) == 1


def test_a_zygote_of_an_older_version_is_started_on_demand(started: Zygotes):
    zygote = started.find_or_start(tenant_of(_OLD))
    assert zygote.key == _OLD
    assert started.find_or_start(tenant_of(_OLD)) is zygote


def test_a_tenant_without_a_fitting_zygote_gets_the_plain_one(started: Zygotes):
    zygote = started.find_or_start(tenant_of(("gone", "1.0.0")))
    assert zygote.key == PLAIN


def test_a_zygote_that_never_loaded_is_not_restarted_at_once(started: Zygotes):
    zygote = started.find_or_start(tenant_of(_NEW))
    started.forget(zygote)
    instead = started.find_or_start(tenant_of(_NEW))
    assert instead.key == PLAIN
    assert _NEW not in {ahead.key for ahead in all_ahead(started)}


def test_a_zygote_that_ends_repeatedly_is_restarted_after_longer_pauses(
    started: Zygotes, monkeypatch: pytest.MonkeyPatch
):
    rests = []
    now = time.monotonic()
    monkeypatch.setattr(zygotes.time, "monotonic", lambda: now)
    for _ in range(12):
        zygote = started.find_or_start(tenant_of(_NEW))
        zygote.began, zygote.is_ready = now, True
        started.forget(zygote)
        before = now
        while not started._may_start(_NEW):
            now += 0.05
        rests.append(now - before)
    assert rests == sorted(rests)
    assert rests[0] < 0.2
    assert 29 < rests[-1] < 31


def test_a_zygote_that_served_for_a_while_is_replaced_at_once(started: Zygotes):
    zygote = started.find_or_start(tenant_of(_NEW))
    zygote.became_ready()
    zygote.began -= 60
    started.forget(zygote)
    assert started.find_or_start(tenant_of(_NEW)).key == _NEW


def test_a_failed_start_leaves_no_descriptor_open(started: Zygotes, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_arguments: object, **_options: object) -> None:
        raise OSError("no")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    before = open_descriptors()
    with pytest.raises(OSError, match="no"):
        started.find_or_start(tenant_of(_NEW))
    assert open_descriptors() == before


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
