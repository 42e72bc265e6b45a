"""Sharing: who shares the budget of false alarms, and by which weights; kept beside the cut-offs that came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

import numpy as np

from spikewatch.core.counts import Bools, Floats
from spikewatch.core.settings import SeriesRule


@dataclass(frozen=True, eq=False)
class Sharing:
    """How a fleet shares its budget; arrays are (n_series,).

    rules   of each series
    judged  the series that share it
    """

    rules: Sequence[SeriesRule]
    judged: Bools
    windows: Sequence[timedelta]
    false_alarms_per_week: float

    @cached_property
    def weights(self) -> Floats:
        """The weight of each series, > 0."""
        return np.array([rule.weight for rule in self.rules], dtype=np.float64)
