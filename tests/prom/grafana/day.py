"""A day of a desk as a Prometheus that scraped the daemon would hold it: OpenMetrics with timestamps, for promtool.

What is exposed is rendered by the daemon's own code; only what happens is made up: a quiet night, a surge in the
afternoon and one that lasts, and an hour in which the help desk does not answer.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from spikewatch.adapters.clock import ManualClock
from spikewatch.adapters.prometheus.exposition import Exposition
from spikewatch.adapters.prometheus.fleet import FleetRenderer
from spikewatch.adapters.prometheus.health import HealthMetrics, new_registry
from spikewatch.core.counts import Floats, Roster, SeriesKey
from spikewatch.core.incidents import Incident, Severity
from spikewatch.core.scoring import Reading
from spikewatch.core.snapshot import Snapshot, WindowReadings
from spikewatch.core.surges import Surge
from spikewatch.ports import PageOutcome, Quota, StoreStats

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
STEP = 2 * MINUTE
QUARTER = 15 * MINUTE
TARGET = 'job="spikewatch",instance="desk-1:9463"'

_USUAL_AN_HOUR = {
    SeriesKey("shop", "配送"): 24.0,
    SeriesKey("shop", "返品"): 9.0,
    SeriesKey("shop", "クーポン"): 4.0,
    SeriesKey("pay", "login"): 12.0,
    SeriesKey("pay", "refund"): 5.0,
    SeriesKey("game", "crash"): 7.0,
}
_SURGES = {
    SeriesKey("game", "crash"): (13 * HOUR, 15 * HOUR),
    SeriesKey("pay", "login"): (22 * HOUR, 25 * HOUR),
}
_BLIND = (9 * HOUR, 10 * HOUR)
_SAMPLE = re.compile(r"(?P<name>[\w:]+)(?:\{(?P<labels>.*)\})? (?P<number>\S+)")
_SOURCE, _CHANNEL = "desk", "#support"


def _within(since: timedelta, span: tuple[timedelta, timedelta]) -> bool:
    return span[0] <= since < span[1]


@dataclass
class Desk:
    """What happens in the day that begins at an instant, and the metrics that tell of it."""

    begun: datetime

    def __post_init__(self) -> None:
        """Start the metrics, as the daemon does."""
        self.clock = ManualClock(self.begun)
        registry = new_registry()
        self.health = HealthMetrics(
            registry, clock=self.clock, version="1.2.3", sources=[_SOURCE], channels=[_CHANNEL]
        )
        self.shown = Exposition(FleetRenderer(), registry=registry, clock=self.clock, stale_after=10 * MINUTE)
        self.roster = Roster.of(_USUAL_AN_HOUR)
        self.chance = np.random.default_rng(7)
        self.totals = np.zeros(len(self.roster), dtype=np.int64)
        self.health.configured(digest="5f2c", schema="1")
        self.health.poll_interval(_SOURCE, interval=STEP)

    def turn(self, since: timedelta) -> None:
        """Let a poll and a pass of judging happen, so long after the day began."""
        if _within(since, _BLIND):
            self.health.poll_failed(_SOURCE, seconds=10.0, reason="timeout")
            self.health.request(_SOURCE, code="error")
            return
        self._polled(since)
        self.shown.publish(self._snapshot(since))
        self.health.cycle(seconds=float(self.chance.uniform(0.05, 0.2)), buckets=1)
        self._kept_and_told(since)

    def _polled(self, since: timedelta) -> None:
        took = float(self.chance.gamma(4, 0.3))
        self.health.poll(_SOURCE, seconds=took, tickets=6, outcome=PageOutcome(added=4, moved=2))
        self.health.request(_SOURCE, code="200")
        left = 400 - int(180 * np.sin(since / DAY * np.pi) ** 2)
        self.health.quota(_SOURCE, Quota(400, left, resets_at=self.clock.now() + MINUTE))
        self.health.clock_skew(_SOURCE, ahead=timedelta(seconds=0.4))
        self.health.backfilled(_SOURCE, fraction=1.0, left=None)

    def _kept_and_told(self, since: timedelta) -> None:
        with self.health.store_write():
            pass
        used = int(2e8 + 3e6 * (since / HOUR))
        self.health.store(
            StoreStats(
                used,
                int(2e10) - used,
                volume_bytes=int(4e10),
                tickets=90_000,
                count_rows=50_000,
                oldest=self.begun,
            )
        )
        self.health.heartbeat(worked=True)
        if since % HOUR == timedelta(0):
            self.health.refit(seconds=1.2)
            self.health.delivered(_CHANNEL, seconds=0.4)
        if _within(since, (22 * HOUR, 22.1 * HOUR)):
            self.health.delivery_failed(_CHANNEL, reason="rate_limited")

    def _snapshot(self, since: timedelta) -> Snapshot:
        expected = self._expected(since)
        surging = np.array([key in _SURGES and _within(since, _SURGES[key]) for key in self.roster.keys])
        observed = self._sums(self.chance.poisson(expected * np.where(surging, 5.0, 1.0)).astype(np.float64))
        expected = self._sums(expected)
        upper = np.ceil(expected + 3 * np.sqrt(expected) + 3).astype(np.int64)
        self.totals = self.totals + np.round(observed * (STEP / QUARTER)).astype(np.int64)
        readings = WindowReadings(
            QUARTER,
            observed.astype(np.int64),
            expected,
            upper,
            observed / upper,
            np.ones(len(upper), np.bool_),
        )
        return Snapshot(
            roster=self.roster,
            judged_until=self.clock.now() - MINUTE,
            readings={15: readings},
            surging=surging,
            learned=np.array([key.category != "クーポン" for key in self.roster.keys]),
            incidents=self._incidents(since),
            opened_total={Severity.WARNING: sum(since >= began for began, _ in _SURGES.values())},
            tickets_total=self.totals,
            watermarks={_SOURCE: self.clock.now()},
        )

    def _expected(self, since: timedelta) -> Floats:
        """Return (n_series,) tickets in a quarter of an hour; roll-ups are 0 here."""
        shape = 0.15 + np.sin(np.clip((since / HOUR - 9) / 17, 0, 1) * np.pi)
        usual = [_USUAL_AN_HOUR.get(key, 0.0) for key in self.roster.keys]
        return np.array(usual) * shape / 4

    def _sums(self, leaves: Floats) -> Floats:
        """Return (n_series,) the same with roll-ups as the sums of what is below them."""
        below = [
            [
                not part.is_rollup and (key.is_fleet or part.service == key.service)
                for part in self.roster.keys
            ]
            if key.is_rollup
            else [part == key for part in self.roster.keys]
            for key in self.roster.keys
        ]
        return np.array(below, dtype=np.float64) @ leaves

    def _incidents(self, since: timedelta) -> tuple[Incident, ...]:
        return tuple(
            self._incident(f"SW-{number}", key, self.begun + span[0])
            for number, (key, span) in enumerate(_SURGES.items(), start=7)
            if _within(since, span)
        )

    def _incident(self, name: str, key: SeriesKey, opened: datetime) -> Incident:
        reading = Reading(15, 40, 6.0, 17, 2.5)
        surge = Surge(key, opened, opened, reading, reading, reading, opened)
        return Incident(name, key.service, opened, opened, Severity.WARNING, (surge,))

    def scraped(self) -> Iterator[str]:
        """Yield every sample with the labels of the scrape and the time."""
        at, samples = int(self.clock.now().timestamp()), 0
        for line in self.shown.scrape("all", openmetrics=True, gzipped=False).decode().splitlines():
            found = _SAMPLE.fullmatch(line)
            if found is not None:
                labels = f"{found['labels']},{TARGET}" if found["labels"] else TARGET
                yield f"{found['name']}{{{labels}}} {found['number']} {at}"
                samples += 1
        yield f"up{{{TARGET}}} 1 {at}"
        yield f"scrape_samples_scraped{{{TARGET}}} {samples} {at}"


def day(*, ended: datetime) -> Iterator[str]:
    """Yield the lines of a day that ends at an instant."""
    desk = Desk(ended - DAY)
    for turn in range(int(DAY / STEP) + 1):
        desk.turn(turn * STEP)
        yield from desk.scraped()
        desk.clock.advance(STEP)
    yield "# EOF"
