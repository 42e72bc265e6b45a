"""The limit: a detector that is told the true rates of a simulated world, and must only infer how busy today is.

Nobody has these rates in life; what it reaches bounds what any way of learning them can.
"""

from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from scipy.special import gammaln

from spikewatch.core.counts import ALL, Floats, Ints, Roster, SeriesKey
from spikewatch.core.timegrid import Grid
from spikewatch.lab.detectors.windows import Counts, buckets_in, lagged, trailing
from spikewatch.lab.synthetic.seasons import LocalTime

FACTORS: Final = (1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
"""Multiples of the normal rate that a surge may have."""

_BEGINS: Final = 1e-6
_ENDS: Final = 1.0 / 24
_MOST_EVIDENCE: Final = 50.0
_LEAST_RATE: Final = 1e-4
_LARGEST_GAIN: Final = 1.5


def likelihood_ratio(
    counts: Counts,
    grid: Grid,
    roster: Roster,
    *,
    rates: Floats,
    dispersion: Floats,
    day_cv: float,
    zone: ZoneInfo,
) -> Floats:
    """Return the log odds that a series surges now, against its odds before anything was seen.

    counts, rates  (n_series, n_buckets) with rates true, before the day's chance; 0 where unknown
    dispersion     (n_series,) variance over mean
    day_cv         relative spread of a day; its level is followed by Gamma-Poisson, an hour behind
    zone           whose midnight begins a day

    A filter over {nothing, up by one of FACTORS}, where a surge begins with odds `_BEGINS` a bucket and ends after two hours
    on average; negative binomial in each bucket. Unknown buckets (rate 0) say nothing.
    """
    gain = day_gain(counts, grid, roster, rates=rates, dispersion=dispersion, day_cv=day_cv, zone=zone)
    normal = np.maximum(rates * gain, _LEAST_RATE)
    spread = np.maximum(dispersion, 1.01)[:, None] - 1.0
    ratio = np.stack(
        [_log_ratio(counts, normal / spread, factor=factor, spread=spread) for factor in FACTORS]
    )
    score: Floats = _filtered(np.where(rates > 0, ratio, 0.0)) - np.log(_BEGINS)
    score[roster.service_of < 0] = 0.0
    return score


def _log_ratio(counts: Counts, size: Floats, *, factor: float, spread: Floats) -> Floats:
    """Return log NB(x; factor m) / NB(x; m) by bucket, where NB has size m / spread and so a constant dispersion."""
    ratio = -(factor - 1.0) * size * np.log1p(spread)
    some = counts > 0
    x, r = counts[some], size[some]
    ratio[some] += gammaln(x + factor * r) - gammaln(factor * r) - gammaln(x + r) + gammaln(r)
    return np.asarray(ratio)


def _filtered(ratio: Floats) -> Floats:
    """Return (n_series, n_buckets) the log odds of surging, from (n_factors, n_series, n_buckets) log likelihood ratios."""
    likelier = np.ascontiguousarray(np.exp(np.minimum(ratio, _MOST_EVIDENCE)).transpose(2, 0, 1))
    odds = np.full(likelier.shape[1:], _BEGINS / len(ratio))
    total = np.empty((likelier.shape[0], ratio.shape[1]))
    for column, evidence in enumerate(likelier):
        odds = evidence * (odds * (1.0 - _ENDS) + _BEGINS / len(ratio)) / (1.0 + _ENDS * odds.sum(axis=0))
        total[column] = odds.sum(axis=0)
    return np.log(np.maximum(total.T, _BEGINS / 10.0))


def day_gain(
    counts: Counts,
    grid: Grid,
    roster: Roster,
    *,
    rates: Floats,
    dispersion: Floats,
    day_cv: float,
    zone: ZoneInfo,
) -> Floats:
    """Return (n_series, n_buckets) how busy each service is today, from its own tickets up to an hour ago.

    gain = (a + N / phi) / (a + M / phi) with a = 1 / day_cv**2, N tickets and M expected since midnight; an hour that holds
    more than half as much again as expected counts as no more, so that a surge cannot explain itself.
    """
    hour = buckets_in(grid, minutes=60)
    rows = np.array([roster.rows[SeriesKey(service, ALL)] for service in roster.services])
    expected = rates[rows]
    usual = np.maximum(trailing(expected, hour), _LEAST_RATE)
    cap = _LARGEST_GAIN + 3.0 * np.sqrt(dispersion[rows, None] / usual)
    share = np.minimum(1.0, cap / np.maximum(trailing(counts[rows], hour) / usual, 1e-9))
    begins = _day_begins(grid, zone)
    tickets = _since_midnight(np.where(expected > 0, counts[rows], 0) * share, begins, lag=hour)
    normal = _since_midnight(expected, begins, lag=hour)
    weight = 1.0 / day_cv**2
    phi = dispersion[rows, None]
    gain = np.clip((weight + tickets / phi) / (weight + normal / phi), 1.0 / _LARGEST_GAIN, _LARGEST_GAIN)
    fleet = np.ones((1, counts.shape[1]))
    return np.concatenate([gain, fleet])[roster.service_of]


def _since_midnight(values: Floats, begins: Ints, *, lag: int) -> Floats:
    """Return the sums since the local day began, of buckets at least `lag` old; 0 while there are none.

    begins  (n_buckets,) column at which each bucket's day begins
    """
    total = np.cumsum(values, axis=1)
    old = lagged(total, lag, fill=0.0)
    before = np.where(begins > 0, total[:, np.maximum(begins - 1, 0)], 0.0)
    return np.maximum(old - before, 0.0)


def _day_begins(grid: Grid, zone: ZoneInfo) -> Ints:
    day = LocalTime.of(grid, zone=zone, country=None).day
    starts = np.diff(day, prepend=day[0]) != 0
    return np.maximum.accumulate(np.where(starts, np.arange(grid.length), 0))
