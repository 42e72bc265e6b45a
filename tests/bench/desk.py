"""Simulated desks: sparse series with a day's and a week's shape, as help desks show them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from spikewatch.core.counts import Floats, Ints, Roster, SeriesKey, Ticket
from spikewatch.core.timegrid import seconds

STEP = timedelta(minutes=5)
BEGINS = datetime(2026, 8, 31, tzinfo=UTC)
"""A Monday."""

AN_HOUR = 3600 // seconds(STEP)
A_WEEK = 168 * AN_HOUR
_SKEW = 0.4
_MOST_A_SERVICE = 400
_NIGHT, _WEEKEND = 0.25, 0.6


@dataclass(frozen=True)
class Desk:
    """The tickets of a desk: for each its row in the roster and its bucket since `BEGINS`, in order of time."""

    roster: Roster
    row: Ints
    bucket: Ints

    def between(self, first: int, stop: int) -> Iterator[Ticket]:
        """Yield the tickets of buckets `[first, stop)`, spread over their buckets."""
        left, right = np.searchsorted(self.bucket, [first, stop])
        for number in range(left, right):
            created = BEGINS + int(self.bucket[number]) * STEP + timedelta(seconds=number % seconds(STEP))
            service, category = self.roster.keys[self.row[number]]
            yield Ticket(str(number), created, service, category, version=1)


def simulated(n_series: int, *, weeks: int, tickets_an_hour: float, seed: int = 1) -> Desk:
    """Return a desk of so many categories, whose mean levels are gamma-distributed around `tickets_an_hour`."""
    rng = np.random.default_rng(seed)
    n_services = max(2, min(10, n_series // 4), n_series // _MOST_A_SERVICE)
    keys = [
        SeriesKey(f"service-{place % n_services:02d}", f"category-{place:05d}") for place in range(n_series)
    ]
    roster = Roster.of(keys)
    level = rng.gamma(_SKEW, tickets_an_hour / _SKEW, size=n_series)
    n_buckets = weeks * A_WEEK
    rate = _week_shape()[np.arange(n_buckets) % A_WEEK]
    total = rng.poisson(level * rate.sum() / AN_HOUR)
    row = np.repeat(np.arange(n_series), total)
    bucket = np.searchsorted(np.cumsum(rate) / rate.sum(), rng.random(len(row)))
    order = np.argsort(bucket, kind="stable")
    return Desk(roster, row[order], bucket[order])


def _week_shape() -> Floats:
    """Return (buckets a week,) the rate over its mean, so that it averages 1."""
    hour = np.arange(A_WEEK) / AN_HOUR
    day = _NIGHT + np.maximum(0.0, np.sin(np.pi * (hour % 24 - 7) / 16))
    shape = day * np.where(hour // 24 >= 5, _WEEKEND, 1.0)
    return np.asarray(shape / shape.mean())
