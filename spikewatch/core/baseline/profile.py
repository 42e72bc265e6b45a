"""`profile`: the weekly shape of a service and its categories, a slow level, and a bounded share of how busy today is.

Five steps, each for all series at once:

1. Shape. As in `seasonal`: mean of each time-of-week slot, shrunk to what weekdays that are alike have in common, and
   categories to the shape of their service; hours far above normal count as normal ones, so that an incident leaves nothing
   behind. Hours before a series was born are unknown.
2. Level. Recent tickets, clipped, over what the shape expected, halved every `LEVEL_HALF_LIFE_DAYS`; a category's level is
   (tickets + a x level of its service) / (expected + a), so that few tickets say little. Shape and level are learnt without
   the hours of a fall (`falls`), or the return to normal would look like a surge.
3. Reconciliation. The sum of many small estimates is biased: categories are scaled so that they sum to their service.
4. Today. The service's tickets of the last hours, clipped and without hours of a fall, over what was expected, halved every
   `TODAY_HALF_LIFE_HOURS`, shrunk to 1 and bounded; it ends an hour before the epoch, so that a surge cannot explain itself.
5. Spread. How far hours lay from what shape and their own day's gain made of them: see `noise`.
"""

from itertools import pairwise
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from spikewatch.core.baseline.daytypes import fitted_to_day
from spikewatch.core.baseline.falls import LONG_HOURS, MOST_HOURS, fallen
from spikewatch.core.baseline.model import LEAST_MEAN, Factors
from spikewatch.core.baseline.noise import noise_of
from spikewatch.core.baseline.seasonal import PRIOR_TICKETS, SlotProfile, slot_means
from spikewatch.core.calendars import SLOTS, Calendar
from spikewatch.core.counts import Bools, Floats, Ints, Panel, Roster
from spikewatch.core.timegrid import HOUR

PASSES = 3
CLIP_FACTOR = 1.3
CLIP_SIGMAS = 3.0

FLOOD_FACTOR = 10.0
FLOOD_TICKETS = 20.0
FLOOD_WEEKS = 3
"""An hour above 10 x the mean of the same slot in other weeks + 20 is cut to that before anything is learnt from it: an
import or a spam wave. Where a slot has been seen in fewer weeks nobody can tell."""

ALIKE_DAYS, BUSINESS_DAYS = slice(1, 5), slice(0, 5)
"""Weekdays whose hours go alike: of a service Tuesday to Friday, for a Monday has a backlog; of a category, against its
service, Monday to Friday."""

NEIGHBOUR_TICKETS = 120.0
"""Weight, in tickets, of what the weekdays have in common against what a slot of the week shows by itself: the same hour of
two weekdays differs by about 9 % (1 / 0.09**2)."""

DAY_TICKETS = 30.0
"""Weight, in tickets, of days being alike against what a weekday shows."""

LEVEL_HALF_LIFE_DAYS = 6.0
LEVEL_TICKETS = 20.0
"""Weight, in tickets, of the service's level against a category's own."""

ROLLUP_LEVEL_TICKETS = 200.0
"""Weight, in tickets, of an unchanged level against what a service shows."""

GONE_HOURS = 48
"""A category of which nothing comes any more for longer has been retired: nobody waits for its return."""

BORN_TICKETS = 7.0
"""A silence in which this many tickets were expected is no chance (e**-7): the series did not exist."""

TODAY_HALF_LIFE_HOURS = 4.0
TODAY_TICKETS = 60.0
"""Weight, in tickets, of an ordinary day against what the last hours show."""

TODAY_LEAST, TODAY_MOST = 0.8, 1.4
TODAY_REACH_HOURS = 48
TODAY_CLIP_FACTOR = 1.4
TODAY_CLIP_SIGMAS = 2.0

AT_ONCE = 250
"""Rows that are fitted together: their hours stay in the processor's cache."""


def by_profile(hourly: Panel, recent: Panel, *, calendar: Calendar) -> SlotProfile:
    """Return the profile that the epoch after `recent` is judged by.

    hourly  the history that the shape and the level are learnt from
    recent  the same series a little further: up to an hour before the epoch, for how busy today is
    """
    roster = hourly.roster
    hours = _Hours(calendar.local(hourly.grid.first, hourly.grid.stop, HOUR).slot)
    rollups = slice(roster.n_leaves, len(roster))
    flat = np.ones((len(roster) - roster.n_leaves, SLOTS))
    totals = _Fit(hourly, rollups, hours).run(
        flat, level_of_service=np.ones(len(flat)), weight=ROLLUP_LEVEL_TICKETS, alike=ALIKE_DAYS
    )
    shapes = totals.shape / totals.shape.mean(axis=1, keepdims=True)
    parts = []
    for left in range(0, roster.n_leaves, AT_ONCE):
        rows = slice(left, min(left + AT_ONCE, roster.n_leaves))
        service = roster.service_of[rows]
        fitted = _Fit(hourly, rows, hours, without=totals.fallen[service])
        parts.append(
            fitted.run(
                shapes[service],
                level_of_service=totals.level[service],
                weight=LEVEL_TICKETS,
                alike=BUSINESS_DAYS,
            )
        )
    parts.append(totals)
    mean = np.concatenate([part.shape * part.level[:, None] for part in parts])
    mean = _reconciled(mean, roster)
    dispersion, spread = _noise(parts, hourly, hours)
    mean = fitted_to_day(mean, hourly, calendar=calendar, hour=recent.grid.stop + 1)
    today = todays_gain(mean, dispersion, recent, calendar)
    mean = np.maximum(mean * today[:, None], LEAST_MEAN)
    factors = Factors(level=np.concatenate([part.level for part in parts]), today=today)
    return SlotProfile(mean, dispersion[:, None] * mean, dispersion, factors, spread)


Cell = TypeVar("Cell", bound=np.generic)


class _Hours:
    """The hours of a history in order of slot.

    order    (n_hours,) which hour stands at each place
    slots    (n_hours,) ascending
    recency  (n_hours,) weight of each for the level, 1 for the newest
    """

    def __init__(self, slots: Ints) -> None:
        self.in_time = slots
        self.order = np.argsort(slots, kind="stable")
        self.slots = slots[self.order]
        age_days = (len(slots) - 1 - self.order) / 24.0
        self.recency = 0.5 ** (age_days / LEVEL_HALF_LIFE_DAYS)
        self._present, self._starts = np.unique(self.slots, return_index=True)

    def sorted(self, values: NDArray[Cell]) -> NDArray[Cell]:
        """Return (n, n_hours) values in order of slot; taking is several times as fast as indexing."""
        return np.take(values, self.order, axis=1)

    def spread_out(self, by_slot: Floats) -> Floats:
        """Return (n, n_hours) in order of slot from (n, 168).

        Taken and not indexed, which would lay columns side by side, so that a row's sums depended on its neighbours.
        """
        return np.take(by_slot, self.slots, axis=1)

    def per_slot(self, values: Floats) -> Floats:
        """Return (n, 168) sums of (n, n_hours) values over the hours of each slot."""
        return self._reduced(np.add, values)

    def largest(self, values: Floats) -> Floats:
        """Return (n, 168) the largest of (n, n_hours) values >= 0 in each slot."""
        return self._reduced(np.maximum, values)

    def _reduced(self, how: np.ufunc, values: Floats) -> Floats:
        reduced = np.zeros((values.shape[0], SLOTS))
        if len(self._present):
            reduced[:, self._present] = how.reduceat(values, self._starts, axis=1)
        return reduced


class _Fitted(NamedTuple):
    """Shape (n, 168) and level (n,) of some series; hours (n, n_hours) in which they had fallen, and those learnt from."""

    shape: Floats
    level: Floats
    fallen: Bools
    known: Bools


class _Fit:
    """The fit of some rows of a panel of hours."""

    def __init__(self, hourly: Panel, rows: slice, hours: _Hours, *, without: Bools | None = None) -> None:
        self._lasting = MOST_HOURS if without is None else GONE_HOURS
        seen = hourly.learnt_rows[rows]
        if without is not None:
            seen = seen & ~without
        counts = np.where(seen, hourly.counts[rows], 0.0)
        self._hours = hours
        self._came = counts
        self._know(_alive(counts, seen))
        self._counts = self._without_floods(hours.sorted(counts))

    def _know(self, known: Bools) -> None:
        """Learn from these hours (n, n_hours) alone from now on."""
        self._known = known
        sorted_known = self._hours.sorted(known).astype(np.float64)
        self._n_known = self._hours.per_slot(sorted_known)
        self._recent = self._hours.per_slot(sorted_known * self._hours.recency)

    def run(self, borrowed: Floats, *, level_of_service: Floats, weight: float, alike: slice) -> _Fitted:
        """Return the fit; `borrowed` (n, 168) has mean 1, `weight` tickets speak for the level of the service.

        alike  the weekdays that borrow from each other what the borrowed shape does not know
        """
        hours, counts = self._hours, self._counts
        ordinary, shape, level = counts, borrowed, level_of_service
        gone = np.zeros(self._known.shape, dtype=np.bool_)
        for turn in range(PASSES):
            sums = hours.per_slot(ordinary)
            ours = _neighbourly(sums, self._n_known, borrowed, alike=alike)
            shape = slot_means(sums, self._n_known, ours, tickets=NEIGHBOUR_TICKETS)
            tickets = np.einsum("ij,j->i", counts, hours.recency)
            level = (tickets + weight * level_of_service) / ((self._recent * shape).sum(axis=1) + weight)
            if turn == PASSES - 2:
                gone = self._fallen(shape, level)
                if gone.any():
                    self._know(self._known & ~gone)
                    self._counts = np.where(hours.sorted(gone), 0.0, self._counts)
            if turn < PASSES - 1:
                usual = shape * np.maximum(level, 1.0)[:, None]
                most = hours.spread_out(CLIP_FACTOR * usual + CLIP_SIGMAS * np.sqrt(2.0 * usual) + 2.0)
                counts = np.minimum(self._counts, most)
                ordinary = np.where(self._counts > most, hours.spread_out(usual), self._counts)
        # who never wrote weighs nothing in what the parts sum to: such a series may not exist yet
        seen = self._counts.any(axis=1)
        return _Fitted(shape, np.where(seen, level, 0.0), gone, self._known)

    def _fallen(self, shape: Floats, level: Floats) -> Bools:
        """Return (n, n_hours) where the series had fallen against a first shape and level."""
        expected = np.take(shape * level[:, None], self._hours.in_time, axis=1) * self._known
        return fallen(self._came, expected, lasting=self._lasting, windows=LONG_HOURS)

    def _without_floods(self, counts: Floats) -> Floats:
        """Return the counts with hours cut that are beyond all measure, judged by the other weeks of their slot."""
        largest = self._hours.largest(counts)
        others = (self._hours.per_slot(counts) - largest) / np.maximum(self._n_known - 1.0, 1.0)
        most = FLOOD_FACTOR * others + FLOOD_TICKETS
        flooded = (largest > most) & (self._n_known >= FLOOD_WEEKS)
        if not flooded.any():
            return counts
        return np.minimum(counts, self._hours.spread_out(np.where(flooded, most, np.inf)))


def _neighbourly(sums: Floats, hours: Floats, borrowed: Floats, *, alike: slice) -> Floats:
    """Return (n, 168) the borrowed shape with the hours of the day that the series itself shows, over weekdays alike.

    sums, hours  (n, 168) tickets in the known hours of each slot, and how many those are

    An hour's factor is common to the weekdays that are alike, a weekday's to its hours; the rest is left out.
    """
    level = (sums.sum(axis=1) + 0.5) / np.maximum((borrowed * hours).sum(axis=1), 1.0)
    came = sums.reshape(-1, 7, 24)
    usual = (level[:, None] * borrowed * hours).reshape(-1, 7, 24)
    factor = (came + PRIOR_TICKETS) / (usual + PRIOR_TICKETS)
    together = (came[:, alike].sum(axis=1) + PRIOR_TICKETS) / (usual[:, alike].sum(axis=1) + PRIOR_TICKETS)
    expected = (usual[:, alike] * together[:, None]).sum(axis=2)
    by_day = (came[:, alike].sum(axis=2) + DAY_TICKETS) / (expected + DAY_TICKETS)
    factor[:, alike] = together[:, None] * by_day[:, :, None]
    return np.asarray(borrowed * factor.reshape(-1, SLOTS))


def _noise(parts: list[_Fitted], hourly: Panel, hours: _Hours) -> tuple[Floats, Floats]:
    """Return dispersion and spread (n_series,) of the hours around what would have been expected on the days they came."""
    roster = hourly.roster
    totals = parts[-1]
    gain = _past_gain(
        hourly.counts[roster.n_leaves :], np.take(totals.shape, hours.in_time, axis=1) * totals.known
    )
    found, left = [], 0
    for part in parts:
        rows = slice(left, left + len(part.level))
        expected = np.take(part.shape, hours.in_time, axis=1) * gain[roster.service_of[rows]]
        found.append(noise_of(hourly.counts[rows].astype(np.float64), expected, part.known))
        left = rows.stop
    dispersion, spread = zip(*found, strict=True)
    return np.concatenate(dispersion), np.concatenate(spread)


def _past_gain(tickets: NDArray[np.number], expected: Floats) -> Floats:
    """Return (n, n_hours) how busy it was by what the hours up to two before say; expected is 0 where they say nothing."""
    usual = TODAY_CLIP_FACTOR * expected + TODAY_CLIP_SIGMAS * np.sqrt(1.5 * expected) + 1.0
    keeps = 0.5 ** (1.0 / TODAY_HALF_LIFE_HOURS)
    counted = np.where(expected > 0, np.minimum(tickets, usual), 0.0)
    seen, wanted = np.split(_lagging(np.concatenate([counted, expected]), keeps=keeps), 2)
    return np.clip((TODAY_TICKETS + seen) / (TODAY_TICKETS + wanted), TODAY_LEAST, TODAY_MOST)


def _lagging(values: Floats, *, keeps: float) -> Floats:
    """Return (n, n_hours) fading sums that end two hours before; each hour keeps that share of the one before.

    scipy.signal.lfilter gives the same, but importing it brings scipy.stats: 49 MB in a daemon.
    """
    sums = np.zeros(values.shape[::-1])
    sums[2:] = values.T[:-2]
    for before, hour in pairwise(sums):
        np.add(hour, keeps * before, out=hour)
    return np.ascontiguousarray(sums.T)


def _alive(counts: Floats, known: Bools) -> Bools:
    """Return (n, n_hours): known, and not before the series was born."""
    if not counts.shape[1]:
        return known
    seen = counts > 0
    first = np.where(seen.any(axis=1), seen.argmax(axis=1), 0)
    before = np.arange(counts.shape[1]) < first[:, None]
    silent = (known & before).sum(axis=1)
    rate = counts.sum(axis=1) / np.maximum(known.sum(axis=1) - silent, 1)
    return known & ~(before & (rate * silent > BORN_TICKETS)[:, None])


def _reconciled(mean: Floats, roster: Roster) -> Floats:
    """Return (n_series, 168) with the categories of each service scaled to sum to it, slot by slot."""
    leaves = roster.n_leaves
    if not leaves:
        return mean
    services = mean[leaves:-1]
    sums = np.add.reduceat(mean[:leaves], roster.first_leaves, axis=0)
    factor = services / np.maximum(sums, LEAST_MEAN)
    parts = mean[:leaves] * factor[roster.service_of[:leaves]]
    return np.concatenate([parts, _with_total(services)])


def todays_gain(mean: Floats, dispersion: Floats, recent: Panel, calendar: Calendar) -> Floats:
    """Return (n_series,) how busy the last hours were against expectation, the same for all series of a service."""
    if not len(recent.roster):
        return np.ones(0)
    roster = recent.roster
    services = slice(roster.n_leaves, len(roster) - 1)
    hours = min(TODAY_REACH_HOURS, recent.grid.length)
    newest = slice(recent.grid.length - hours, recent.grid.length)
    slots = calendar.local(recent.grid.stop - hours, recent.grid.stop, HOUR).slot
    # the fleet is busy as its known services are, in every hour
    known = recent.known[:, newest]
    if recent.masked is not None:
        known = known & ~recent.masked[services, newest]
    expected = _with_total(mean[services][:, slots] * known)
    tickets = _with_total(np.where(known, recent.counts[services, newest], 0.0))
    spread = np.sqrt(dispersion[roster.n_leaves :, None] * expected)
    usual = TODAY_CLIP_FACTOR * expected + TODAY_CLIP_SIGMAS * spread + 1.0
    weight = np.where(
        fallen(tickets, expected), 0.0, 0.5 ** (np.arange(hours - 1, -1, -1) / TODAY_HALF_LIFE_HOURS)
    )
    seen = (weight * np.minimum(tickets, usual)).sum(axis=1)
    gain = (TODAY_TICKETS + seen) / (TODAY_TICKETS + (weight * expected).sum(axis=1))
    gain = np.clip(gain, TODAY_LEAST, TODAY_MOST)
    # the last row, the fleet, is where -1 points
    return gain[roster.service_of]


def _with_total(services: Floats) -> Floats:
    return np.concatenate([services, services.sum(axis=0, keepdims=True)])
