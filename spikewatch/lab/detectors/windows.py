"""Looking back, for all series at once: sums of the newest buckets, the same bucket of past days and weeks.

Everything is causal: column t of a result depends on columns up to t alone. Where the past does not reach, it is NaN.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from spikewatch.core.counts import Floats
from spikewatch.core.timegrid import Grid, seconds

Counts: TypeAlias = NDArray[np.integer]
"""Tickets of all series of a roster, (n_series, n_buckets)."""


def buckets_in(grid: Grid, *, minutes: int) -> int:
    """Return how many buckets a span has, at least one."""
    return max(1, minutes * 60 // seconds(grid.step))


def trailing(values: Floats | Counts, width: int) -> Floats:
    """Return (n_series, n_buckets) the sum of the newest `width` buckets; fewer at the beginning.

    >>> trailing(np.array([[1, 2, 3, 4]]), 2).tolist()
    [[1.0, 3.0, 5.0, 7.0]]
    """
    total = np.cumsum(values, axis=1, dtype=np.float64)
    return total - lagged(total, width, fill=0.0)


def lagged(values: Floats, by: int, *, fill: float = np.nan) -> Floats:
    """Return the values as they were `by` buckets ago.

    >>> lagged(np.array([[1.0, 2.0, 3.0]]), 1, fill=0.0).tolist()
    [[0.0, 1.0, 2.0]]
    """
    shifted = np.full(values.shape, fill)
    if by < values.shape[1]:
        shifted[:, by:] = values[:, : values.shape[1] - by]
    return shifted


def same_slot(values: Floats, *, every: int, times: int, skip: int = 0) -> Floats:
    """Return (times, n_series, n_buckets) the same slot of the past: 1 + skip, 2 + skip, … periods of `every` ago."""
    return np.stack([lagged(values, every * (skip + back + 1)) for back in range(times)])


def mean_and_sd(past: Floats, *, least: int = 3) -> tuple[Floats, Floats]:
    """Return mean and standard deviation over the first axis; NaN where fewer than `least` values are there."""
    known = np.isfinite(past)
    n = known.sum(axis=0)
    enough = n >= least
    filled = np.where(known, past, 0.0)
    mean = filled.sum(axis=0) / np.maximum(n, 1)
    squares = (np.where(known, past - mean, 0.0) ** 2).sum(axis=0) / np.maximum(n - 1, 1)
    return np.where(enough, mean, np.nan), np.where(enough, np.sqrt(squares), np.nan)


def settled(score: Floats) -> Floats:
    """Return the score with 0 where it could not be told, so that nothing is compared with NaN."""
    return np.nan_to_num(score, nan=0.0, posinf=1e9, neginf=0.0)
