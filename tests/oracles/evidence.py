"""Evidence over time of one series: loops over buckets and factors, in logarithms throughout."""

from collections.abc import Sequence
from datetime import timedelta
from math import exp, fsum, lgamma, log, log1p

from spikewatch.core.evidence import BEGINS_A_DAY, FACTORS, LASTS, MOST_EVIDENCE


def log_odds(
    counts: Sequence[int], mean: Sequence[float], *, dispersion: float, step: timedelta
) -> Sequence[float]:
    """Return log10 of the odds of surging over those before anything was seen, at each bucket."""
    begins = BEGINS_A_DAY * (step / timedelta(days=1)) / len(FACTORS)
    ends = step / LASTS
    odds = {factor: log(begins) for factor in FACTORS}
    found = []
    for count, normal in zip(counts, mean, strict=True):
        over = log(1 + ends * fsum(exp(value) for value in odds.values()))
        odds = {
            factor: log(exp(value) * (1 - ends) + begins)
            - over
            + (_likelier(count, normal, factor, dispersion) if normal > 0 else 0.0)
            for factor, value in odds.items()
        }
        most = max(odds.values())  # all of them may be too small for a float
        total = most + log(fsum(exp(value - most) for value in odds.values()))
        found.append(max(total - log(begins * len(FACTORS)), 0.0) / log(10))
    return found


def _likelier(count: int, normal: float, factor: float, dispersion: float) -> float:
    """Return the log likelihood ratio of a negative binomial count at `factor` times its mean, bounded."""
    ratio = _log_likelihood(count, factor * normal, dispersion) - _log_likelihood(count, normal, dispersion)
    return min(ratio, MOST_EVIDENCE)


def _log_likelihood(count: int, mean: float, dispersion: float) -> float:
    spread = dispersion - 1
    size = mean / spread
    return (
        lgamma(count + size)
        - lgamma(size)
        - lgamma(count + 1)
        - size * log1p(spread)
        + count * (log(spread) - log1p(spread))
    )
