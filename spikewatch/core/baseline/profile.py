"""`profile`: the weekly shape of a service and its categories, a slow level, and a bounded share of how busy today is.

Five steps, each for all series at once:

1. Shape. As in `seasonal`: mean of each time-of-week slot, categories shrunk to the shape of their service, hours far above
   normal clipped. Hours before a series was born are unknown, not zero.
2. Level. Recent tickets over what the shape expected, halved every `LEVEL_HALF_LIFE_DAYS`; a category's level is
   (tickets + a x level of its service) / (expected + a), so that few tickets say little.
3. Reconciliation. The sum of many small estimates is biased: categories are scaled so that they sum to their service.
4. Today. The service's tickets of the last hours, clipped, over what was expected, halved every `TODAY_HALF_LIFE_HOURS`,
   shrunk to 1 and bounded; it ends an hour before the epoch, so that a surge cannot explain itself.
5. Spread. Variance over mean from differences of neighbouring hours, which slow errors do not inflate.
"""

import numpy as np

from spikewatch.core.baseline.model import LEAST_MEAN
from spikewatch.core.baseline.seasonal import CHUNK, Grouped, SlotProfile
from spikewatch.core.calendars import SLOTS, Calendar
from spikewatch.core.counts import Bools, Floats, Ints, Panel, Roster
from spikewatch.core.timegrid import HOUR

PASSES = 3
CLIP_FACTOR = 1.3
CLIP_SIGMAS = 3.0

LEVEL_HALF_LIFE_DAYS = 6.0
LEVEL_TICKETS = 20.0
"""Weight, in tickets, of the service's level against a category's own."""

ROLLUP_LEVEL_TICKETS = 200.0
"""Weight, in tickets, of an unchanged level against what a service shows."""

BORN_TICKETS = 7.0
"""A silence in which this many tickets were expected is no chance (e**-7): the series did not exist."""

TODAY_HALF_LIFE_HOURS = 4.0
TODAY_TICKETS = 60.0
"""Weight, in tickets, of an ordinary day against what the last hours show."""

TODAY_LEAST, TODAY_MOST = 0.7, 1.4
TODAY_REACH_HOURS = 48
TODAY_CLIP_FACTOR = 1.4
TODAY_CLIP_SIGMAS = 2.0

LEAST_DISPERSION, MOST_DISPERSION = 1.05, 6.0
DISPERSION_PRIOR = (75.0, 60.0)
"""Squares and expected tickets that the dispersion starts from: 1.25, worth two hours of a busy series."""


def by_profile(hourly: Panel, recent: Panel, *, calendar: Calendar) -> SlotProfile:
    """Return the profile that the epoch after `recent` is judged by.

    hourly  the history that the shape and the level are learnt from
    recent  the same series a little further: up to an hour before the epoch, for how busy today is
    """
    roster = hourly.roster
    slots = calendar.local(hourly.grid.first, hourly.grid.stop, HOUR).slot
    known = _alive(hourly)
    flat = np.ones((len(roster) - roster.n_leaves, SLOTS))
    rollups = slice(roster.n_leaves, len(roster))
    unchanged = np.ones(len(flat))
    totals = _Fit(hourly, rollups, known, slots).run(flat, level_of_service=unchanged, weight=ROLLUP_LEVEL_TICKETS)
    shapes = totals.shape / totals.shape.mean(axis=1, keepdims=True)
    parts = []
    for left in range(0, roster.n_leaves, CHUNK):
        rows = slice(left, min(left + CHUNK, roster.n_leaves))
        service = roster.service_of[rows]
        fitted = _Fit(hourly, rows, known, slots)
        parts.append(
            fitted.run(shapes[service], level_of_service=totals.level[service], weight=LEVEL_TICKETS)
        )
    parts.append(totals)
    mean = np.concatenate([part.shape * part.level[:, None] for part in parts])
    mean = _reconciled(mean, roster)
    dispersion = np.concatenate([part.dispersion for part in parts])
    mean = np.maximum(mean * _today(mean, dispersion, recent, calendar)[:, None], LEAST_MEAN)
    return SlotProfile(mean, dispersion[:, None] * mean, dispersion)


def _alive(hourly: Panel) -> Bools:
    """Return (n_series, n_hours): known, and not before the series was born."""
    seen = hourly.counts > 0
    first = np.where(seen.any(axis=1), seen.argmax(axis=1), 0)
    hours = hourly.counts.shape[1]
    rate = hourly.counts.sum(axis=1) / np.maximum(hours - first, 1)
    born = np.where(rate * first > BORN_TICKETS, first, 0)
    return hourly.known_rows & (np.arange(hours)[None, :] >= born[:, None])


class _Fitted:
    """Shape (n, 168), level (n,) and dispersion (n,) of some series."""

    def __init__(self, shape: Floats, level: Floats, dispersion: Floats) -> None:
        self.shape = shape
        self.level = level
        self.dispersion = dispersion


class _Fit:
    """The fit of some rows of a panel of hours."""

    def __init__(self, hourly: Panel, rows: slice, known: Bools, slots: Ints) -> None:
        self._counts = hourly.counts[rows].astype(np.float64)
        self._known = known[rows]
        self._slots = slots
        age_days = (hourly.grid.length - 1 - np.arange(hourly.grid.length)) / 24.0
        self._recency = self._known * 0.5 ** (age_days / LEVEL_HALF_LIFE_DAYS)
        order = np.argsort(slots, kind="stable")
        self._order = order

    def run(self, borrowed: Floats, *, level_of_service: Floats, weight: float) -> _Fitted:
        """Return the fit; `borrowed` (n, 168) has mean 1, `weight` tickets speak for the level of the service."""
        counts = self._counts
        shape, level = borrowed, level_of_service
        for turn in range(PASSES):
            grouped = Grouped.of(counts, self._known, self._order, self._slots)
            shape = grouped.shrunk(grouped.counts, borrowed)
            around = shape[:, self._slots]
            tickets = (self._recency * counts).sum(axis=1)
            expected = (self._recency * around).sum(axis=1)
            level = (tickets + weight * level_of_service) / (expected + weight)
            if turn < PASSES - 1:
                usual = around * np.maximum(level, 1.0)[:, None]
                most = CLIP_FACTOR * usual + CLIP_SIGMAS * np.sqrt(2.0 * usual) + 2.0
                counts = np.minimum(self._counts, most)
        return _Fitted(shape, level, self._dispersion(counts, shape[:, self._slots]))

    def _dispersion(self, counts: Floats, around: Floats) -> Floats:
        """Return variance over mean (n,) from differences of neighbouring residuals."""
        residual = counts - around
        both = self._known[:, 1:] & self._known[:, :-1]
        expected = around[:, 1:] + around[:, :-1]
        squares = np.minimum((residual[:, 1:] - residual[:, :-1]) ** 2, 32.0 * expected + 4.0)
        prior_squares, prior_tickets = DISPERSION_PRIOR
        ratio = (prior_squares + (squares * both).sum(axis=1) / 2) / (
            prior_tickets + (expected * both).sum(axis=1) / 2
        )
        return np.clip(ratio, LEAST_DISPERSION, MOST_DISPERSION)


def _reconciled(mean: Floats, roster: Roster) -> Floats:
    """Return (n_series, 168) with the categories of each service scaled to sum to it, slot by slot."""
    leaves = roster.n_leaves
    if not leaves:
        return mean
    place = roster.service_of[:leaves]
    sums = np.zeros((len(roster.services), SLOTS))
    np.add.at(sums, place, mean[:leaves])
    factor = mean[leaves:-1] / np.maximum(sums, LEAST_MEAN)
    fleet = mean[leaves:-1].sum(axis=0, keepdims=True)
    return np.concatenate([mean[:leaves] * factor[place], mean[leaves:-1], fleet])


def _today(mean: Floats, dispersion: Floats, recent: Panel, calendar: Calendar) -> Floats:
    """Return (n_series,) how busy the last hours were against expectation, the same for all series of a service."""
    roster = recent.roster
    rollups = slice(roster.n_leaves, len(roster))
    hours = min(TODAY_REACH_HOURS, recent.grid.length)
    slots = calendar.local(recent.grid.stop - hours, recent.grid.stop, HOUR).slot
    expected = mean[rollups][:, slots]
    spread = np.sqrt(dispersion[rollups, None] * expected)
    usual = TODAY_CLIP_FACTOR * expected + TODAY_CLIP_SIGMAS * spread + 1.0
    known = recent.known_rows[rollups, recent.grid.length - hours :]
    weight = known * 0.5 ** (np.arange(hours - 1, -1, -1) / TODAY_HALF_LIFE_HOURS)
    tickets = np.minimum(recent.counts[rollups, recent.grid.length - hours :], usual)
    gain = (TODAY_TICKETS + (weight * tickets).sum(axis=1)) / (TODAY_TICKETS + (weight * expected).sum(axis=1))
    gain = np.clip(gain, TODAY_LEAST, TODAY_MOST)
    # the last row, the fleet, is where -1 points
    return gain[roster.service_of]
