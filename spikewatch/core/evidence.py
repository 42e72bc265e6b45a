"""Evidence over time: the odds that a series surges, bucket by bucket.

A filter over {nothing, up by one of FACTORS}: a surge begins rarely, ends after `LASTS` on average, and multiplies the rate
while it lasts. It sees what no window sees, that a rise is spread over many buckets and goes on.
"""

from datetime import timedelta

import numpy as np
from scipy import special

from spikewatch.core.counts import Floats, Ints

FACTORS = (1.5, 2.5, 5.0, 15.0)
"""Multiples of the normal rate that a surge may have."""

BEGINS_A_DAY = 2.9e-4
"""Chance that a series begins to surge on a day; only the differences between series depend on it, and little."""

LASTS = timedelta(hours=2)
MOST_EVIDENCE = 50.0
"""One bucket says at most this (log likelihood ratio), so that no single import decides."""


def log_odds(counts: Ints, mean: Floats, dispersion: Floats, *, step: timedelta, n_judged: int) -> Floats:
    """Return (n_series, n_judged) log10 of the odds that each series surges, over its odds before anything was seen; >= 0.

    counts      (n_series, n_buckets) oldest first; the last n_judged are judged, those before them are remembered
    mean        like counts: expected tickets; 0 where the bucket is unknown and says nothing
    dispersion  (n_series,), or (n_series, n_buckets) where it changes: variance over mean, > 1

    Likelihood of a bucket: negative binomial with size factor * mean / (dispersion - 1), so that sums over buckets keep the
    dispersion. Recursion over odds o_f: o_f <- L_f (o_f (1 - e) + b / F) / (1 + e sum(o)), with b the chance to begin, e to
    end in a bucket, and F factors.

    >>> quiet, rising = np.full((1, 12), 1), np.array([[2, 2, 2, 2, 2, 2, 7, 8, 9, 8, 9, 9]])
    >>> normal, spread, step = np.full((1, 12), 2.0), np.array([1.2]), timedelta(minutes=5)
    >>> float(log_odds(quiet, normal, spread, step=step, n_judged=1)[0, 0].round(1))
    0.0
    >>> float(log_odds(rising, normal, spread, step=step, n_judged=1)[0, 0].round(1))
    9.4
    """
    begins = BEGINS_A_DAY * (step / timedelta(days=1)) / len(FACTORS)
    ends = step / LASTS
    likelier = _likelihood_ratios(counts, mean, dispersion)
    n_factors, n_series, n_buckets = likelier.shape
    odds = np.full((n_factors, n_series), begins)
    total = np.empty((n_series, n_judged))
    for column in range(n_buckets):
        odds = likelier[:, :, column] * (odds * (1.0 - ends) + begins) / (1.0 + ends * odds.sum(axis=0))
        if column >= n_buckets - n_judged:
            total[:, column - n_buckets + n_judged] = odds.sum(axis=0)
    return np.maximum(np.log10(np.maximum(total, begins) / (begins * n_factors)), 0.0)


def _likelihood_ratios(counts: Ints, mean: Floats, dispersion: Floats) -> Floats:
    """Return (n_factors, n_series, n_buckets) NB(count; factor x mean) / NB(count; mean); 1 where the mean is 0."""
    spread = (dispersion if dispersion.ndim == mean.ndim else dispersion[:, None]) - 1.0
    size = mean / spread
    silence = size * np.log1p(spread)
    some = (counts > 0) & (mean > 0)
    x, r = counts[some], size[some]
    usual = special.gammaln(x + r) - special.gammaln(r)
    ratios = np.empty((len(FACTORS), *counts.shape))
    for place, factor in enumerate(FACTORS):
        ratio = -(factor - 1.0) * silence
        ratio[some] += special.gammaln(x + factor * r) - special.gammaln(factor * r) - usual
        ratios[place] = np.exp(np.minimum(ratio, MOST_EVIDENCE))
    return ratios
