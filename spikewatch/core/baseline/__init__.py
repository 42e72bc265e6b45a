"""Baselines: what is normal, learnt from hourly history for all series at once.

A model turns a `History` into a `Baseline`; nothing here knows about thresholds or surges. A baseline belongs to one
epoch (an hour) and is fitted only on data before every window that it will judge, so that a surge cannot explain itself.
"""

from spikewatch.core.baseline.fitting import fit, gain_of_today
from spikewatch.core.baseline.model import Baseline, Expectation, History, cutoff_hour, recent_hour

__all__ = ["Baseline", "Expectation", "History", "cutoff_hour", "fit", "gain_of_today", "recent_hour"]
