"""Comparators that compare now with just before: rolling z-score, ten-minute difference, spike ratio."""

import numpy as np

from spikewatch.core.counts import Floats, Roster
from spikewatch.core.timegrid import Grid
from spikewatch.lab.detectors.windows import Counts, buckets_in, lagged, settled, trailing


def rolling_zscore(counts: Counts, grid: Grid, roster: Roster) -> Floats:
    """Return the z-score of the newest hour against the hours that ended in the 24 hours before it."""
    del roster  # every row is a series of its own here
    hour, day = buckets_in(grid, minutes=60), buckets_in(grid, minutes=24 * 60)
    now = trailing(counts, hour)
    before = lagged(now, hour)
    known = np.nan_to_num(before)
    mean = trailing(known, day) / day
    spread = np.sqrt(np.maximum(trailing(known**2, day) / day - mean**2, 0.0))
    score = (now - mean) / np.maximum(spread, 1.0)
    score[:, : hour + day] = 0.0
    return settled(score)


def ten_minute_difference(counts: Counts, grid: Grid, roster: Roster) -> Floats:
    """Return the tickets of the newest ten minutes less those of the ten minutes before."""
    del roster  # as above
    width = buckets_in(grid, minutes=10)
    now = trailing(counts, width)
    return settled(now - lagged(now, width))


def spike_ratio(counts: Counts, grid: Grid, roster: Roster) -> Floats:
    """Return the spike height of adjacent hours, as alerting rules on logs have it: the newest over the one before.

    0 below five tickets in the newest hour or one in the hour before, the usual floors of such rules.
    """
    del roster  # as above
    hour = buckets_in(grid, minutes=60)
    now = trailing(counts, hour)
    before = np.nan_to_num(lagged(now, hour))
    enough = (now >= 5) & (before >= 1)  # noqa: PLR2004 -- the floors of the docstring
    return settled(np.where(enough, now / np.maximum(before, 1.0), 0.0))
