"""The number of samples of each measurement."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """The repetitions of one run.

    at_once: creations that start together, with `spares` waiting. floors: databases the plain Odoo loads.
    storm: wakes in all, `storm_at_once` at the same moment. pages: warm login pages. awake: tenants with an
    administrator's work behind them. asleep: tenants that sleep, `watch_s` long. cron_wakes: of real tenants.
    container_wakes: on top, of containers. job_tenants: real ones, with a job a minute each, so many rounds.
    backup_mb: the size of the large tenant that is backed up, so many times. backup_tenants: small ones that
    are backed up, of whose backups so many are proved.
    with_office: whether the back office, its API and the signup page are measured.
    """

    name: str
    warm: int
    cold: int
    at_once: int
    spares: int
    peers: int
    floors: int
    first_pages: int
    wakes: int
    storm: int
    storm_at_once: int
    pages: int
    busy_s: float
    awake: int
    asleep: int
    watch_s: float
    cron_wakes: int
    container_wakes: int
    job_tenants: int
    job_rounds: int
    tenants_in_memory: int
    clones: int
    posts: int
    polls: int
    signups: int
    backup_mb: int
    backup_turns: int
    backup_tenants: int
    backup_proofs: int
    with_office: bool


FULL = Plan(
    name="full",
    warm=20,
    cold=10,
    at_once=50,
    spares=10,
    peers=3,
    floors=20,
    first_pages=10,
    wakes=40,
    storm=500,
    storm_at_once=20,
    pages=100,
    busy_s=5,
    awake=50,
    asleep=1000,
    watch_s=31,
    cron_wakes=12,
    container_wakes=500,
    job_tenants=200,
    job_rounds=6,
    tenants_in_memory=30,
    clones=10,
    posts=40,
    polls=200,
    signups=10,
    backup_mb=1024,
    backup_turns=3,
    backup_tenants=50,
    backup_proofs=10,
    with_office=True,
)
QUICK = Plan(
    name="quick",
    warm=10,
    cold=4,
    at_once=12,
    spares=4,
    peers=1,
    floors=10,
    first_pages=3,
    wakes=10,
    storm=60,
    storm_at_once=20,
    pages=30,
    busy_s=2,
    awake=8,
    asleep=100,
    watch_s=5,
    cron_wakes=4,
    container_wakes=20,
    job_tenants=20,
    job_rounds=1,
    tenants_in_memory=8,
    clones=4,
    posts=0,
    polls=0,
    signups=0,
    backup_mb=100,
    backup_turns=1,
    backup_tenants=4,
    backup_proofs=1,
    with_office=False,
)
PLANS = {plan.name: plan for plan in (FULL, QUICK)}
