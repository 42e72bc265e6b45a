"""Comparators that know about time of day and week: z-scores, STL with MAD, S-H-ESD."""

from typing import Final

import numpy as np
from statsmodels.tsa.seasonal import STL

from spikewatch.core.counts import Floats, Roster
from spikewatch.core.timegrid import Grid
from spikewatch.lab.detectors.windows import Counts, buckets_in, mean_and_sd, same_slot, settled, trailing

_WEEK_MIN: Final = 7 * 24 * 60
_MAD_TO_SD: Final = 1.4826
_WEEK_H: Final = 168
_STL_WEEKS: Final = 6
_STL_LOOPS: Final = 2  # as in R; the five of statsmodels take longer and change nothing that shows


def bucket_zscore(counts: Counts, grid: Grid, roster: Roster) -> Floats:
    """Return the z-score of each bucket against the same bucket of up to eight past weeks."""
    return _zscore(counts, grid, roster, minutes=5)


def hour_zscore(counts: Counts, grid: Grid, roster: Roster) -> Floats:
    """Return the z-score of the newest hour against the same hour of up to eight past weeks."""
    return _zscore(counts, grid, roster, minutes=60)


def _zscore(counts: Counts, grid: Grid, roster: Roster, *, minutes: int) -> Floats:
    del roster  # every row is a series of its own here
    now = trailing(counts, buckets_in(grid, minutes=minutes))
    mean, sd = mean_and_sd(same_slot(now, every=buckets_in(grid, minutes=_WEEK_MIN), times=8))
    return settled((now - mean) / np.maximum(sd, 1.0))


def hybrid_esd(counts: Counts, grid: Grid, roster: Roster) -> Floats:
    """Return S-H-ESD's statistic of the newest hour: less season and median, over the MAD of the four weeks before.

    The season is the lower median of the same hour of six past weeks (Hochenbaum et al. 2017, made causal); median and
    MAD are renewed once a day.
    """
    del roster  # as above
    hour, day = buckets_in(grid, minutes=60), buckets_in(grid, minutes=24 * 60)
    now = trailing(counts, hour)
    season = np.sort(same_slot(now, every=7 * day, times=6), axis=0)[2]
    residual = now - season
    score = np.zeros(counts.shape)
    for start in range(49 * day, counts.shape[1], day):
        past = residual[:, start - 28 * day : start : hour]
        centre = np.nanmedian(past, axis=1, keepdims=True)
        spread = _MAD_TO_SD * np.nanmedian(np.abs(past - centre), axis=1, keepdims=True)
        judged = slice(start, start + day)
        score[:, judged] = (residual[:, judged] - centre) / np.maximum(spread, 1.0)
    return settled(score)


def stl_mad(counts: Counts, grid: Grid, roster: Roster) -> Floats:
    """Return the residual of each finished hour against STL, over its MAD; fitted once a day on six weeks before it.

    The newest trend and the last weekly cycle are carried on over the day that is judged.
    """
    del roster  # as above
    width = buckets_in(grid, minutes=60)
    lead = -grid.first % width
    n_hours = max(0, (counts.shape[1] - lead) // width)
    hourly = counts[:, lead : lead + n_hours * width].reshape(len(counts), n_hours, width).sum(axis=2)
    score = np.zeros(counts.shape)
    for day in range(_STL_WEEKS * _WEEK_H, n_hours, 24):
        hours = np.arange(day, min(day + 24, n_hours))
        ends = lead + (hours + 1) * width - 1
        for row, series in enumerate(hourly):
            score[row, ends] = _against_stl(series[day - _STL_WEEKS * _WEEK_H : day], series[hours])
    return settled(score)


def _against_stl(past: Counts, now: Counts) -> Floats:
    if not past.any():
        return np.asarray(now, dtype=np.float64)
    fit = STL(
        past.astype(np.float64), period=_WEEK_H, seasonal=7, seasonal_jump=4, trend_jump=24, low_pass_jump=24
    ).fit(inner_iter=_STL_LOOPS)
    expected = fit.seasonal[-_WEEK_H : -_WEEK_H + len(now)] + fit.trend[-1]
    spread = _MAD_TO_SD * np.median(np.abs(fit.resid - np.median(fit.resid)))
    return np.asarray((now - expected) / max(float(spread), 1.0))
