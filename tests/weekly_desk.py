"""A Japanese desk for the laws of detection: ten weeks on a quarter-hour grid that end with Golden Week and a calm week.

Nothing is planted and nothing is odd but what a test does to it; each test judges a day or two through the real replay.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from spikewatch.core.calendars import SLOTS, Calendar, LocalTime, build_calendar
from spikewatch.core.counts import Panel, Roster, SeriesKey
from spikewatch.core.incidents import Incident
from spikewatch.core.settings import CalendarSettings, DetectionSettings, ModelName
from spikewatch.core.timegrid import Grid, bucket_number, bucket_start
from spikewatch.cycle import Detector
from spikewatch.lab.replay import Recording, replay, replay_name

STEP = timedelta(minutes=15)
TOKYO = ZoneInfo("Asia/Tokyo")
JAPAN = build_calendar(CalendarSettings(country="JP"), zone=TOKYO, years=(2025, 2026))
BEGAN = date(2026, 3, 2)
"""A Monday; eight weeks before Golden Week."""

WEEKS = 11
LOGIN, REFUND, CARD = (SeriesKey("payments", name) for name in ("login", "refund", "card"))
PARCEL, RETURN, SIZE = (SeriesKey("shop", name) for name in ("parcel", "return", "size"))

NORMAL: Mapping[SeriesKey, float] = {
    LOGIN: 16.0,
    REFUND: 6.0,
    CARD: 3.0,
    PARCEL: 24.0,
    RETURN: 8.0,
    SIZE: 2 / 24,
}
"""Tickets an hour, on average over a week; questions about sizes come twice a day."""

BACKLOG, BACKLOG_POWER = 0.5, 0.7
"""How much more comes on the morning after a weekend, and how that grows with the days off."""

DAY_SPREAD = 0.06
"""Relative variation that a service's day shares."""

BUDGET = 0.05
"""False alarms a week: so few that what alerts here is systematic."""

Counts = NDArray[np.int64]
Rates = NDArray[np.float64]


def week() -> Rates:
    """A (168,) week with mean 1: quiet nights, busy mornings, half as much at weekends."""
    hour = np.arange(SLOTS) % 24
    shape = np.interp(
        hour, [0, 3, 6, 9, 10, 12, 15, 18, 21, 23], [0.3, 0.1, 0.2, 1.4, 1.7, 1.2, 1.4, 1.2, 0.9, 0.5]
    )
    shape = shape * np.where(np.arange(SLOTS) < 120, 1.0, 0.5)
    return np.asarray(shape / shape.mean())


def backlog(local: LocalTime) -> Rates:
    """How much more comes in each bucket because of the days off before its day."""
    off = local.off.reshape(-1, 96)[:, 48]
    before = np.zeros(len(off))
    for day in range(1, len(off)):
        before[day] = before[day - 1] + 1 if off[day - 1] else 0
    more = np.where(off, 0.0, BACKLOG * (before / 2) ** BACKLOG_POWER)
    morning = (local.slot % 24 >= 8) & (local.slot % 24 < 13)
    return np.asarray(1.0 + np.repeat(more, 96) * morning)


@dataclass
class WeeklyDesk:
    """The counts of a desk, and the rates they were drawn from; both may be changed before it is replayed."""

    grid: Grid
    calendar: Calendar
    rates: dict[SeriesKey, Rates]
    seed: int
    added: dict[SeriesKey, Counts]

    @classmethod
    def of(cls, *, seed: int, calendar: Calendar = JAPAN, began: date = BEGAN) -> "WeeklyDesk":
        """The desk of that seed, whose days follow the calendar as the product reads it."""
        first = bucket_number(midnight(began, calendar), STEP)
        grid = Grid(STEP, first, WEEKS * SLOTS * 4)
        local = calendar.local(grid.first, grid.stop, STEP)
        shape = week()[local.slot] / 4 * backlog(local)
        rates = {key: an_hour * shape for key, an_hour in NORMAL.items()}
        return cls(grid, calendar, rates, seed, {key: np.zeros(grid.length, dtype=np.int64) for key in rates})

    def at(self, day: date, hour: float = 0.0) -> int:
        """The bucket of that local wall time, as a column."""
        return self.grid.column(midnight(day, self.calendar) + timedelta(hours=hour))

    def scale(self, times: float, start: int, stop: int, *, service: str | None = None) -> "WeeklyDesk":
        """So many times the usual tickets in columns `[start, stop)` of a service, or of all."""
        for key, rate in self.rates.items():
            if service in (None, key.service):
                rate[start:stop] *= times
        return self

    def add(self, key: SeriesKey, tickets: int, start: int, buckets: int = 1) -> "WeeklyDesk":
        """So many tickets more in each of some buckets."""
        self.added[key][start : start + buckets] += tickets
        return self

    def counts(self) -> Mapping[SeriesKey, Counts]:
        """What customers wrote."""
        rng = np.random.default_rng(self.seed)
        days = np.arange(self.grid.length) // 96
        drawn = {}
        for service in sorted({key.service for key in self.rates}):
            level = rng.lognormal(0.0, DAY_SPREAD, days[-1] + 1)[days]
            for key in [key for key in self.rates if key.service == service]:
                # one uniform draw a bucket: what happens in one bucket changes no other
                drawn[key] = poisson(rng.random(self.grid.length), self.rates[key] * level) + self.added[key]
        return drawn

    def recording(self, until: int) -> Recording:
        """The counts up to a column, as a backtest reads them."""
        roster = Roster.of(self.rates)
        stop = -(-until // 4) * 4
        counts = self.counts()
        leaves = np.array([counts[key][:stop] for key in roster.keys[: roster.n_leaves]])
        leaves[:, until:] = 0
        grid = Grid(STEP, self.grid.first, stop)
        known = np.ones((len(roster.services), stop), dtype=np.bool_)
        known[:, until:] = False
        rows = np.asarray(roster.roll_up(leaves), dtype=np.int64)
        return Recording(Panel(roster, grid, rows, known), self.instant(until))

    def instant(self, column: int) -> datetime:
        """When a column begins."""
        return bucket_start(self.grid.first + column, STEP)

    def judged(self, start: int, stop: int, *, budget: float = BUDGET) -> tuple[Incident, ...]:
        """The incidents that open in columns `[start, stop)`."""
        detector = detector_of(self.calendar, budget=budget)
        return replay(self.recording(stop), detector, since=self.instant(start)).incidents


def poisson(chance: Rates, mean: Rates) -> Counts:
    """The Poisson counts of those means at these quantiles."""
    counts = np.zeros(len(mean), dtype=np.int64)
    term = np.exp(-mean)
    below = term.copy()
    while (left := chance > below).any():
        counts += left
        term = term * mean / np.maximum(counts, 1)
        below = np.where(left, below + term, below)
        if term.max() <= 0.0:
            break
    return counts


def midnight(day: date, calendar: Calendar) -> datetime:
    """When a local day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=calendar.zone)


def detector_of(
    calendar: Calendar,
    *,
    budget: float = BUDGET,
    name: Callable[[int, str | None, datetime], str] = replay_name,
) -> Detector:
    """A detector with eight weeks of history that learns by profile."""
    windows = (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=3))
    detection = DetectionSettings(model=ModelName.PROFILE, windows=windows, false_alarms_per_week=budget)
    return Detector(calendar, STEP, timedelta(weeks=8), detection, {}, name)
