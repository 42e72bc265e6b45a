"""Detectors to compare with: each gives (n_series, n_buckets) alarm scores for the whole fleet, and none looks ahead.

They are yardsticks, not the product: the usual methods as people would write them, and the limit that knows the truth.
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from spikewatch.core.counts import Floats, Roster
from spikewatch.core.timegrid import Grid
from spikewatch.lab.detectors.adjacent import rolling_zscore, spike_ratio, ten_minute_difference
from spikewatch.lab.detectors.limit import likelihood_ratio
from spikewatch.lab.detectors.seasonal import bucket_zscore, hour_zscore, hybrid_esd, stl_mad
from spikewatch.lab.detectors.surveillance import ears_c2, farrington
from spikewatch.lab.detectors.windows import Counts

Detector: TypeAlias = Callable[[Counts, Grid, Roster], Floats]
"""Counts (n_series, n_buckets) of a roster on a grid, 0 where unknown, into finite scores of the same shape."""

COMPARATORS: Final[Mapping[str, Detector]] = {
    "farrington": farrington,
    "hybrid_esd": hybrid_esd,
    "hour_zscore": hour_zscore,
    "bucket_zscore": bucket_zscore,
    "ears_c2": ears_c2,
    "stl_mad": stl_mad,
    "ten_minute_difference": ten_minute_difference,
    "rolling_zscore": rolling_zscore,
    "spike_ratio": spike_ratio,
}
"""The usual methods by name, best first as they measured on simulated worlds."""

__all__ = [
    "COMPARATORS",
    "Detector",
    "bucket_zscore",
    "ears_c2",
    "farrington",
    "hour_zscore",
    "hybrid_esd",
    "likelihood_ratio",
    "rolling_zscore",
    "spike_ratio",
    "stl_mad",
    "ten_minute_difference",
]
