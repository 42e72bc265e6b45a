"""Tails: how improbable a count is, and the largest count that is not.

Counts follow a negative binomial with a mean and a variance. What is said is a logarithm and finite for any count.
"""

import numpy as np
from scipy import special

from spikewatch.core.counts import Bools, Floats, Ints

UNDERFLOWS = 1e-250
"""Tails below this are computed as logarithms: from 1e-260 on the incomplete beta function loses its digits."""


def surprise_of(observed: Ints, mean: Floats, variance: Floats) -> Floats:
    """Return -log10 P(X >= observed) for a negative binomial X; 0 where observed is not above its mean.

    observed  counts, >= 0
    mean      > 0
    variance  >= 1.02 * mean

    The tail is the regularised incomplete beta function I_q(observed, size), q = 1 - mean / variance, size = mean**2 /
    (variance - mean). Where that underflows, the first term of the tail and the geometric bound of the rest are summed as
    logarithms, so the result is finite for any surge.

    >>> surprise_of(np.array([10, 25, 9000]), np.array([10.0, 10.0, 10.0]), np.array([10.2, 10.2, 10.2])).round(1).tolist()
    [0.0, 4.2, 14524.7]
    """
    result = np.zeros(observed.shape)
    rows = observed > mean
    if not rows.any():
        return result
    k, m, v = observed[rows].astype(np.float64), mean[rows], variance[rows]
    q, size = 1.0 - m / v, m * m / (v - m)
    tail = special.betainc(k, size, q)
    tiny = tail < UNDERFLOWS
    with np.errstate(divide="ignore"):
        surprise = -np.log10(tail)
    if tiny.any():
        surprise[tiny] = -_log_tail(k[tiny], size[tiny], q[tiny]) / np.log(10.0)
    result[rows] = surprise
    return result


def _log_tail(k: Floats, size: Floats, q: Floats) -> Floats:
    first = special.gammaln(k + size) - special.gammaln(size) - special.gammaln(k + 1.0)
    first = first + size * np.log1p(-q) + k * np.log(q)
    ratio = np.minimum((k + size) / (k + 1.0) * q, 1.0 - 1e-9)
    return first - np.log1p(-ratio)


def largest_normal(mean: Floats, variance: Floats, *, cutoff: Floats) -> Ints:
    """Return (n,) the largest counts whose surprise stays below the cut-off.

    Found by bisection on the exact tail, 40 to 60 evaluations at most, between the mean and a bound that is doubled until
    it surprises enough.
    """

    def normal(count: Ints, rows: Ints) -> Bools:
        return np.asarray(surprise_of(count, mean[rows], variance[rows]) < cutoff[rows])

    low = np.floor(mean).astype(np.int64)
    high = (mean + 6.0 * np.sqrt(variance) + 4.0).astype(np.int64)
    # only rows still open are evaluated: most are sparse and close at once
    rows = np.arange(len(mean))
    while len(rows := rows[normal(high[rows], rows)]):
        low[rows] = high[rows]
        high[rows] *= 2
    while len(rows := np.flatnonzero(high - low > 1)):
        middle = (low[rows] + high[rows]) // 2
        below = normal(middle, rows)
        low[rows[below]], high[rows[~below]] = middle[below], middle[~below]
    return low
