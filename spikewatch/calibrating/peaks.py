"""Peaks: the incidents that a replay of the past would have raised, each by its highest score."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from spikewatch.core.calibration import Peaks, fit_tail
from spikewatch.core.counts import Bools, Floats, Ints, Roster
from spikewatch.core.incidents import JOIN_WITHIN

LEAST_SCORE = 2.0
"""Lower totals are of no interest: one window in a hundred, and no evidence."""

PEAKS_A_WEEK = 100.0
"""Incidents are formed at a level that yields this many, so that one lull does not make two of them."""

HIGHEST_LEVEL, LEVEL_STEP = 12.0, 0.25


@dataclass(frozen=True)
class Crossings:
    """Where a series came far above normal, one entry a series and bucket; all arrays (n,).

    total  surprise and evidence, as the score before it is divided by a cut-off
    day    number of the day among those replayed
    """

    row: Ints
    bucket: Ints
    total: Floats
    day: Ints

    @classmethod
    def joined(cls, parts: Iterable["Crossings"]) -> "Crossings":
        """Return all entries of some crossings, at least one."""
        kept = list(parts)
        return cls(
            *(np.concatenate([getattr(part, name) for part in kept]) for name in cls.__dataclass_fields__)
        )


def weighted_peaks_of(
    crossings: Crossings, roster: Roster, *, log_weight: Floats, step: timedelta, n_days: int
) -> Peaks:
    """Return the peaks with the weights of their series: a weight moves a score by the scale of the tail without any.

    log_weight  (n_series,) logarithms of the weights
    """
    peaks = peaks_of(crossings, roster, step=step, n_days=n_days)
    tail = fit_tail(peaks) if log_weight.any() else None
    if tail is None:
        return peaks
    moved = replace(crossings, total=crossings.total + tail.scale * log_weight[crossings.row])
    return peaks_of(moved, roster, step=step, n_days=n_days)


def peaks_of(crossings: Crossings, roster: Roster, *, step: timedelta, n_days: int) -> Peaks:
    """Return the peak of each incident that these crossings make above the highest level with enough incidents."""
    enough = PEAKS_A_WEEK * n_days / 7.0
    levels = np.arange(HIGHEST_LEVEL, LEAST_SCORE - LEVEL_STEP / 2, -LEVEL_STEP)
    score, day = np.empty(0), np.empty(0, dtype=np.int64)
    for level in levels:
        score, day = _incidents(crossings, roster, level=float(level), step=step)
        if len(score) >= enough:
            break
    return Peaks(score, day, n_days)


def _incidents(crossings: Crossings, roster: Roster, *, level: float, step: timedelta) -> tuple[Floats, Ints]:
    """Return peak and day of each incident above a level."""
    join = JOIN_WITHIN // step
    chosen = np.flatnonzero(crossings.total >= level)
    service = roster.service_of[crossings.row[chosen]]
    order = np.lexsort((crossings.bucket[chosen], service))
    chosen, service = chosen[order], service[order]
    bucket, total = crossings.bucket[chosen], crossings.total[chosen]
    first = np.flatnonzero((np.diff(service, prepend=-2) != 0) | (np.diff(bucket, prepend=0) > join))
    if not len(first):
        return np.empty(0), np.empty(0, dtype=np.int64)
    peak = np.maximum.reduceat(total, first)
    ends = np.append(bucket[first[1:] - 1], bucket[-1])
    kept = _told_once(service[first] < 0, bucket[first], ends, peak, join=join)
    return peak[kept], crossings.day[chosen[first]][kept]


def _told_once(fleet: Bools, begins: Ints, ends: Ints, peak: Floats, *, join: int) -> Bools:
    """Tell which incidents stand for themselves: the fleet's and what happens in a service meanwhile are one, the higher."""
    kept = np.ones(len(peak), dtype=np.bool_)
    for place in np.flatnonzero(fleet):
        beside = ~fleet & (begins <= ends[place] + join) & (ends >= begins[place] - join)
        if (peak[beside] >= peak[place]).any():
            kept[place] = False
        else:
            kept &= ~beside
    return kept
