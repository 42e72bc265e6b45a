"""Small worlds for the tests of the core: panels, baselines, surges, incidents; each test states only what it is about."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from spikewatch.core.baseline import Baseline
from spikewatch.core.calendars import SLOTS, Calendar
from spikewatch.core.counts import ALL, FLEET, Panel, Roster, SeriesKey, build_panel
from spikewatch.core.incidents import Incident, Rules, Severity
from spikewatch.core.scoring import Limits, Reading
from spikewatch.core.settings import ModelName
from spikewatch.core.surges import Surge
from spikewatch.core.timegrid import Grid, bucket_number

STEP = timedelta(minutes=5)
NOON = datetime(2026, 5, 11, 12, tzinfo=UTC)
"""A Monday."""

UTC_CALENDAR = Calendar(ZoneInfo("UTC"))
LOGIN = SeriesKey("payments", "login")
REFUND = SeriesKey("payments", "refund")
PAYMENTS = SeriesKey("payments", ALL)
PARCEL = SeriesKey("shop", "parcel")
SHOP = SeriesKey("shop", ALL)


def panel(
    counts: Mapping[SeriesKey, Sequence[int]],
    *,
    until: datetime = NOON,
    step: timedelta = STEP,
    known: Mapping[str, Sequence[bool]] | None = None,
) -> Panel:
    """The panel of these leaves, whose newest bucket ends at `until`; what `known` does not name is known."""
    roster = Roster.of(counts)
    length = max(len(row) for row in counts.values())
    grid = Grid(step, bucket_number(until, step) - length, length)
    flags = np.ones((len(roster.services), length), dtype=np.bool_)
    for service, row in (known or {}).items():
        flags[roster.services.index(service)] = row
    cells = (
        (roster.rows[key], grid.first + place, tickets)
        for key, row in counts.items()
        for place, tickets in enumerate(row)
    )
    return build_panel(roster, grid, cells, known=flags)


def baseline(
    roster: Roster,
    an_hour: Mapping[SeriesKey, float],
    *,
    step: timedelta = STEP,
    overdispersion: float = 1.1,
    day_spread: float = 0.0,
) -> Baseline:
    """A baseline that expects the same all week: tickets an hour of each leaf, roll-ups their sums."""
    leaves = np.array([[an_hour[key]] * SLOTS for key in roster.keys[: roster.n_leaves]]).reshape(-1, SLOTS)
    mean: NDArray[np.float64] = np.asarray(roster.roll_up(leaves), dtype=np.float64)
    n_series = len(roster)
    per_day = timedelta(days=1) // step
    return Baseline(
        roster=roster,
        epoch=0,
        name=ModelName.SEASONAL_ZSCORE,
        calendar=UTC_CALENDAR,
        slot_mean=mean,
        slot_variance=overdispersion * mean,
        day_spread=np.full(n_series, day_spread),
        dispersion=np.full(n_series, overdispersion),
        learned=np.ones(n_series, dtype=np.bool_),
        within=np.ones((len(roster.services) + 1, 2, per_day)),
        modelled=np.ones(n_series, dtype=np.bool_),
        warm=True,
    )


def limits(
    roster: Roster,
    *,
    cutoff: float = 5.0,
    min_tickets: int = 5,
    min_ratio: float = 1.5,
    critical: float = 2.0,
) -> Limits:
    """The same limits for every series."""
    n_series = len(roster)
    return Limits(
        roster=roster,
        cutoff=np.full(n_series, cutoff),
        min_tickets=np.full(n_series, min_tickets, dtype=np.int64),
        min_ratio=np.full(n_series, min_ratio),
        critical_score=np.full(n_series, critical),
        enabled=np.ones(n_series, dtype=np.bool_),
        runbook=(None,) * n_series,
    )


def reading(score: float = 1.2, *, window_minutes: int = 15) -> Reading:
    """A reading of that score."""
    return Reading(window_minutes, observed=12, expected=3.0, upper=10, score=score)


def surge(series: SeriesKey = LOGIN, *, at: datetime = NOON, score: float = 1.2) -> Surge:
    """A surge that opens at that instant and began a quarter of an hour before."""
    seen = reading(score)
    return Surge(series, at - timedelta(minutes=15), at, seen, seen, seen, last_surging=at, excess=9.0)


def incident(*surges: Surge, id: str = "1") -> Incident:  # noqa: A002 -- the name of the field
    """An open incident of the first surge's service."""
    first = surges[0]
    service = None if first.series == FLEET else first.series.service
    return Incident(id, service, first.opened_at, first.began, Severity.WARNING, surges)


def rules(*, critical_score: float = 2.0) -> Rules:
    """Rules that number incidents."""
    return Rules(critical_score=lambda _: critical_score, name=lambda number, _service, _at: str(number))


def quiet(surge: Surge) -> Surge:
    """The surge once it is over."""
    return replace(surge, ended=surge.last_surging + timedelta(minutes=30), quiet=timedelta(minutes=30))
