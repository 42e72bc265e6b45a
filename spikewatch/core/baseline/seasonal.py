"""`seasonal_zscore`: a robust mean and spread for each time-of-week slot.

Counts are few, so a series borrows from its service: the slot's rate gets a Gamma prior around (level of the series) x
(shape of its service), worth `PRIOR_TICKETS` tickets, and the estimate is the posterior mean
(sum + a) / (n + a / prior). Hours far above the first estimate are clipped before the second, so that a past incident
does not become normal. The spread of a slot is the mean squared residual, shrunk towards the series' own dispersion.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikewatch.core.baseline.model import LEAST_DISPERSION, LEAST_MEAN, Factors
from spikewatch.core.calendars import SLOTS
from spikewatch.core.counts import Bools, Floats, Ints, Panel

PRIOR_TICKETS = 10.0
"""Weight of the service's shape: series differ from their service's shape by about 30 % (1 / 0.3**2)."""

SPREAD_WEEKS = 8.0
"""Weight of the series' dispersion against a slot's own residuals, in weeks."""

CLIP_SIGMAS = 3.0
PASSES = 2
CHUNK = 1000
MOST_DISPERSION = 6.0


@dataclass(frozen=True, slots=True)
class SlotProfile:
    """Mean and variance of the hourly count by time-of-week slot.

    mean        (n_series, 168) > 0
    variance    (n_series, 168) >= mean
    dispersion  (n_series,) variance over mean, in [1.05, 6]
    factors     what the mean holds beside the weekly shape; None where it holds nothing else
    spread      (n_series,) relative variation beyond that, which buckets of a day share; None where it was not measured
    """

    mean: Floats
    variance: Floats
    dispersion: Floats
    factors: Factors | None = None
    spread: Floats | None = None


def slot_profile(hourly: Panel, slots: Ints) -> SlotProfile:
    """Return the profile of each series from hourly counts (n_series, n_hours); slots is (n_hours,) in [0, 168).

    Roll-ups come first, for they are the shapes that their leaves borrow; leaves follow in chunks, to bound memory.
    """
    roster = hourly.roster
    order = np.argsort(slots, kind="stable")
    known = hourly.learnt_rows
    parts = []
    flat = np.ones((len(roster) - roster.n_leaves, SLOTS))
    rollups = slice(roster.n_leaves, len(roster))
    totals = _profile(Grouped.of(hourly.counts[rollups], known[rollups], order, slots), flat)
    shapes = totals.mean / totals.mean.mean(axis=1, keepdims=True)
    for left in range(0, roster.n_leaves, CHUNK):
        rows = slice(left, min(left + CHUNK, roster.n_leaves))
        grouped = Grouped.of(hourly.counts[rows], known[rows], order, slots)
        parts.append(_profile(grouped, shapes[roster.service_of[rows]]))
    parts.append(totals)
    return SlotProfile(
        mean=np.concatenate([part.mean for part in parts]),
        variance=np.concatenate([part.variance for part in parts]),
        dispersion=np.concatenate([part.dispersion for part in parts]),
    )


def most_usual(around: Floats) -> Floats:
    """Return the largest hourly count that may shape what is normal, for any array of estimates of it."""
    return around + CLIP_SIGMAS * np.sqrt(2.0 * around + (0.15 * around) ** 2) + 2.0


def shrunk_spread(squares: Floats, hours: Floats, mean: Floats) -> tuple[Floats, Floats]:
    """Return each slot's variance and each series' dispersion.

    squares  (n_series, 168) sums of squared residuals
    hours    (n_series, 168) how many residuals each sums
    mean     (n_series, 168) > 0

    The variance (n_series, 168) is the mean square, shrunk towards dispersion * mean; the dispersion (n_series,) is the
    series' variance over mean, in [1.05, 6].

    >>> variance, dispersion = shrunk_spread(np.full((1, 168), 16.0), np.full((1, 168), 8.0), np.ones((1, 168)))
    >>> variance[0, :2].round(2), dispersion.round(2)
    (array([2., 2.]), array([2.]))
    """
    # two tickets of prior keep the dispersion of a sparse series near Poisson's
    dispersion = (squares.sum(axis=1) + 2.0) / ((mean * hours).sum(axis=1) + 2.0)
    dispersion = np.clip(dispersion, LEAST_DISPERSION, MOST_DISPERSION)
    expected = dispersion[:, None] * mean
    variance = (squares + SPREAD_WEEKS * expected) / (hours + SPREAD_WEEKS)
    return np.maximum(variance, LEAST_DISPERSION * mean), dispersion


def slot_means(sums: Floats, hours: Floats, shape: Floats, *, tickets: float = PRIOR_TICKETS) -> Floats:
    """Return the posterior mean (n_series, 168) of each slot's hourly rate.

    sums     (n_series, 168) tickets in the known hours of each slot
    hours    (n_series, 168) how many hours those are
    shape    (n_series, 168) that the series borrows, of any height
    tickets  that the borrowed shape is worth in each slot

    >>> sums, hours = np.full((1, 168), 16.0), np.full((1, 168), 8.0)
    >>> slot_means(sums, hours, np.ones((1, 168)))[0, :2].round(2).tolist()
    [2.0, 2.0]
    """
    level = (sums.sum(axis=1) + 0.5) / np.maximum((shape * hours).sum(axis=1), 1.0)
    prior = np.maximum(level[:, None] * shape, LEAST_MEAN)
    return np.maximum((sums + tickets) / (hours + tickets / prior), LEAST_MEAN)


def _profile(grouped: "Grouped", shape: Floats) -> SlotProfile:
    mean = grouped.shrunk(grouped.counts, shape)
    clipped = grouped.counts
    for _ in range(PASSES):
        clipped = np.minimum(grouped.counts, grouped.spread_out(most_usual(mean)))
        mean = grouped.shrunk(clipped, shape)
    return grouped.profile(clipped, mean)


@dataclass(frozen=True, slots=True)
class Grouped:
    """Hourly counts with the hours sorted by slot.

    slots  (n_hours,) ascending
    hours  (n_series, 168) known hours of each slot
    """

    counts: Floats
    known: Bools
    slots: Ints
    hours: Floats

    @classmethod
    def of(cls, counts: NDArray[np.number], known: Bools, order: Ints, slots: Ints) -> "Grouped":
        """Return the rows with their hours put in order of slot."""
        known, slots = known[:, order], slots[order]
        hours = _per_slot(known.astype(np.float64), slots)
        return cls(counts[:, order].astype(np.float64), known, slots, hours)

    def spread_out(self, by_slot: Floats) -> Floats:
        """Return (n_series, n_hours) from (n_series, 168)."""
        return by_slot[:, self.slots]

    def shrunk(self, counts: Floats, shape: Floats) -> Floats:
        """Return the posterior mean (n_series, 168) of each slot's hourly rate; shape (n_series, 168) has mean 1."""
        return slot_means(_per_slot(np.where(self.known, counts, 0.0), self.slots), self.hours, shape)

    def profile(self, counts: Floats, mean: Floats) -> SlotProfile:
        """Return mean and spread from clipped counts and their mean."""
        residual = np.where(self.known, counts - self.spread_out(mean), 0.0) ** 2
        variance, dispersion = shrunk_spread(_per_slot(residual, self.slots), self.hours, mean)
        return SlotProfile(mean, variance, dispersion)


def _per_slot(values: Floats, slots: Ints) -> Floats:
    """Return (n_series, 168) sums of (n_series, n_hours) over the hours of each slot; slots (n_hours,) ascending."""
    present, starts = np.unique(slots, return_index=True)
    sums = np.zeros((values.shape[0], SLOTS))
    if len(present):
        sums[:, present] = np.add.reduceat(values, starts, axis=1)
    return sums
