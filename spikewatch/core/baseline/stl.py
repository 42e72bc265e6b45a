"""`stl`: the last weekly season and the trend of STL, carried into the hours to come.

The mean of a slot is the season that STL gives its last cycle plus the trend at its end (non-robust STL, period 168, windows
as in statsmodels), so that a series which grows or shifts is followed within weeks. STL needs a plain weekly rhythm without
holes, on which a surge of the past has no hold; the series is completed first:

- the axis is local wall time, so that daylight saving does not move the rhythm; whole weeks, counted back from the end;
- an hour is replaced by the week's level x the seasonal profile where it is unknown, where its day behaved like another
  weekday (a day off, the Monday after it), and where it lies far above that value: a robust STL would do the last, but
  takes every ticket of a sparse series for an outlier. A level that lasts most of a week stays, for it is the new normal;
- an expectation is read by the weekday that a day behaves like, so a day off is expected like the Sundays that STL saw.

The spread is that of the residuals around level x profile, shrunk as in the seasonal model, times what the extrapolation
itself adds: an STL mean is a weighted sum of counts, w'y, so its error adds w'w (about 0.6) of an hour's variance.

That error is why a sparse series keeps its seasonal rows: eight counts averaged beat a season that leans on the last one.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spikewatch.core.baseline.decomposition import last_cycle
from spikewatch.core.baseline.model import LEAST_MEAN
from spikewatch.core.baseline.seasonal import SlotProfile, most_usual, shrunk_spread
from spikewatch.core.calendars import SLOTS, Calendar
from spikewatch.core.counts import Bools, Floats, Ints, Panel
from spikewatch.core.timegrid import HOUR

LEAST_RATE = 2.0
"""Tickets an hour below which a series is too sparse: there a three-hour window is expected as well either way, on simulated
counts that grow by 5 % a week or wander by 15 %. Steady series are always expected better by the seasonal model."""

LEAST_WEEKS = 2
"""Known weeks below which nothing is periodic yet."""

LEVEL_TICKETS = 10.0
"""Tickets that a level of 1 is worth against what a week shows."""

LEAST_SHARE = 0.5
"""Of its seasonal mean, a slot is expected to bring at least this; noise can pull a season through zero."""

CHUNK = 500


def by_stl(hourly: Panel, *, calendar: Calendar, seasonal: SlotProfile) -> tuple[SlotProfile, Bools]:
    """Return the seasonal profile with the rows that STL can model replaced, and which (n_series,) those are."""
    weeks = _Weeks.of(hourly, calendar)
    known = hourly.learnt_rows
    enough = known.sum(axis=1) >= LEAST_WEEKS * SLOTS
    modelled = enough & (seasonal.mean.mean(axis=1) >= LEAST_RATE) & (len(weeks.column) >= LEAST_WEEKS)
    profile = replace(
        seasonal,
        mean=seasonal.mean.copy(),
        variance=seasonal.variance.copy(),
        dispersion=seasonal.dispersion.copy(),
    )
    chosen = np.flatnonzero(modelled)
    for left in range(0, len(chosen), CHUNK):
        rows = chosen[left : left + CHUNK]
        series = _Series.of(hourly.counts[rows], known[rows], weeks, usual=seasonal.mean[rows])
        mean, variance, dispersion = series.extrapolated()
        profile.mean[np.ix_(rows, weeks.slot)] = mean
        profile.variance[np.ix_(rows, weeks.slot)] = variance
        profile.dispersion[rows] = dispersion
    return profile, modelled


@dataclass(frozen=True, slots=True)
class _Weeks:
    """The whole weeks of local wall time at the end of a grid of hours; an hour that was repeated stands once.

    column  (n_weeks, 168) of each wall hour in the grid; any where the hour was skipped
    usable  (n_weeks, 168) False where the hour was skipped, or its day behaved like another weekday
    slot    (168,) time-of-week slot of each column
    """

    column: Ints
    usable: Bools
    slot: Ints

    @classmethod
    def of(cls, hourly: Panel, calendar: Calendar) -> "_Weeks":
        """Return the weeks from the first hour that is known for any service."""
        seen = np.flatnonzero(hourly.known.any(axis=0))
        if not len(seen):
            return cls(np.zeros((0, SLOTS), np.int64), np.zeros((0, SLOTS), np.bool_), np.arange(SLOTS))
        before = int(seen[0])
        span = (hourly.grid.first + before, hourly.grid.stop, HOUR)
        like, plain = calendar.local(*span).slot, Calendar(calendar.zone).local(*span).slot
        from_end = _wall_hours(plain)
        n_weeks = int(from_end[0]) // SLOTS
        inside = from_end <= n_weeks * SLOTS
        place = n_weeks * SLOTS - from_end[inside]
        column, usable = np.zeros(n_weeks * SLOTS, dtype=np.int64), np.zeros(n_weeks * SLOTS, dtype=np.bool_)
        column[place] = before + np.flatnonzero(inside)
        usable[place] = (like == plain)[inside]
        slot = (plain[-1] + 1 + np.arange(SLOTS)) % SLOTS
        return cls(column.reshape(-1, SLOTS), usable.reshape(-1, SLOTS), slot)


def _wall_hours(plain: Ints) -> Ints:
    """Return how many hours of wall time each slot lies before the end, 1 for the last; equal where an hour repeats."""
    half = SLOTS // 2
    since_first = np.cumsum((np.diff(plain, prepend=plain[0]) + half) % SLOTS - half)
    return since_first[-1] - since_first + 1


@dataclass(frozen=True, slots=True)
class _Series:
    """Some series in weeks, completed.

    filled   (n_rows, n_weeks, 168) tickets, with the level's expectation where an hour cannot be used as it is
    squares  (n_rows, 168) sums over the weeks of squared residuals around the level's expectation
    hours    (n_rows, 168) how many residuals each sums
    usual    (n_rows, 168) seasonal mean
    """

    filled: Floats
    squares: Floats
    hours: Floats
    usual: Floats

    @classmethod
    def of(cls, counts: NDArray[np.integer], known: Bools, weeks: _Weeks, *, usual: Floats) -> "_Series":
        """Complete the series: counts and known (n_rows, n_hours), usual (n_rows, 168) by time-of-week slot."""
        seen = counts[:, weeks.column].astype(np.float64)
        trusted = known[:, weeks.column] & weeks.usable
        by_place = usual[:, weeks.slot]
        expected = _levels(seen, trusted, by_place) * by_place[:, None, :]
        most = most_usual(expected)
        residual = np.where(trusted, np.minimum(seen, most) - expected, 0.0)
        return cls(
            filled=np.where(trusted & (seen <= most), seen, expected),
            squares=(residual**2).sum(axis=1),
            hours=trusted.sum(axis=1, dtype=np.float64),
            usual=by_place,
        )

    def extrapolated(self) -> tuple[Floats, Floats, Floats]:
        """Return mean and variance (n_rows, 168) of the week after the end, and the dispersion (n_rows,)."""
        n_rows, n_weeks, _ = self.filled.shape
        parts = last_cycle(n_weeks * SLOTS)
        weights = parts.season + parts.trend
        forecast = self.filled.reshape(n_rows, -1) @ weights.T
        mean = np.maximum(forecast, np.maximum(LEAST_SHARE * self.usual, LEAST_MEAN))
        variance, dispersion = shrunk_spread(self.squares, self.hours, self.usual)
        own_error = (weights**2).sum(axis=1)
        return mean, variance / self.usual * mean * (1.0 + own_error), dispersion


def _levels(seen: Floats, trusted: Bools, usual: Floats) -> Floats:
    """Return (n_rows, n_weeks, 1): each week's tickets over its usual ones, by the hours that can be trusted."""
    expected = np.where(trusted, usual[:, None, :], 0.0).sum(axis=2, keepdims=True)
    tickets = np.where(trusted, np.minimum(seen, most_usual(usual)[:, None, :]), 0.0).sum(
        axis=2, keepdims=True
    )
    return (tickets + LEVEL_TICKETS) / (expected + LEVEL_TICKETS)
