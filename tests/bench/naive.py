"""What one series at a time costs: statsmodels STL and scipy tails as their documentation shows them, on samples."""

import numpy as np
from scipy import stats
from statsmodels.tsa.seasonal import STL

from tests.bench.stopwatch import timed

HOURS = 8 * 168
TAILS = 500
"""Windows whose tail is taken for each series of the sample."""


def measure(*, sample: int) -> dict[str, float]:
    """Return the seconds that one series and one window take, on the average of a sample of eight weeks of hourly counts."""
    rng = np.random.default_rng(1)
    shape = 5.0 + 4.0 * np.sin(2 * np.pi * np.arange(HOURS) / 24)
    series = rng.poisson(shape, size=(sample, HOURS)).astype(np.float64)
    STL(series[0, : 4 * 168], period=168).fit()
    seconds, _ = timed(lambda: [STL(counts, period=168).fit() for counts in series])
    return {
        "one series": seconds / sample,
        "one window": _tail_seconds(rng, TAILS * sample),
        "sample": sample,
    }


def _tail_seconds(rng: np.random.Generator, number: int) -> float:
    """Return the seconds that the tail of one window takes."""
    windows = rng.poisson(3.0, size=number).tolist()
    seconds, _ = timed(lambda: [stats.nbinom.sf(count - 1, 5.5, 0.6) for count in windows])
    return seconds / number
