"""The tail of a negative binomial as a plain sum of its terms, in logarithms."""

from math import exp, fsum, inf, lgamma, log, log1p


def surprise(observed: int, mean: float, variance: float) -> float:
    """Return -log10 P(X >= observed), summed term by term; 0 where observed is not above the mean."""
    if observed <= mean:
        return 0.0
    size = mean * mean / (variance - mean)
    log_p, log_q = log(mean / variance), log1p(-mean / variance)
    terms: list[float] = []
    count, term, most = observed, 0.0, -inf
    while term > most - 45.0 or count < observed + 10:
        term = lgamma(count + size) - lgamma(size) - lgamma(count + 1.0) + size * log_p + count * log_q
        most = max(most, term)
        terms.append(term)
        count += 1
    return -(most + log(fsum(exp(term - most) for term in terms))) / log(10.0)


def largest_normal(mean: float, variance: float, cutoff: float) -> int:
    """Return the largest count that surprises less than the cut-off, by trying one after the other."""
    count = 0
    while surprise(count + 1, mean, variance) < cutoff:
        count += 1
    return count
