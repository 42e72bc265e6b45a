"""What fitting one series at a time costs: statsmodels STL as its documentation shows it, on a sample of series."""

import numpy as np
from statsmodels.tsa.seasonal import STL

from tests.bench.stopwatch import timed

HOURS = 8 * 168


def measure(*, sample: int) -> dict[str, float]:
    """Return the seconds that one series takes, on the average of a sample of eight weeks of hourly counts."""
    rng = np.random.default_rng(1)
    shape = 5.0 + 4.0 * np.sin(2 * np.pi * np.arange(HOURS) / 24)
    series = rng.poisson(shape, size=(sample, HOURS)).astype(np.float64)
    STL(series[0, : 4 * 168], period=168).fit()
    seconds, _ = timed(lambda: [STL(counts, period=168).fit() for counts in series])
    return {"one series": seconds / sample, "sample": sample}
