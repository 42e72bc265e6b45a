"""Keeping: the baselines of a replay, so that another replay of the same recording needs no fits.

A baseline knows a whole week, and the hour that it judges looks at a few hours of it: those are kept, and the rest of it is
not a number when it is taken out again. A fleet of hundreds of series over months so fits into the memory.
"""

from dataclasses import dataclass, field, replace
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from spikewatch.core.baseline import Baseline, History
from spikewatch.core.calendars import SLOTS
from spikewatch.core.counts import Ints
from spikewatch.core.timegrid import HOUR, seconds
from spikewatch.cycle import Detector

_Number = TypeVar("_Number", bound=np.floating)

_DAY_S = 86400


@dataclass(frozen=True, slots=True)
class _Part:
    """A baseline with what some buckets look at alone.

    thin     holds of slots and of the buckets of a day only those below
    slots    (n_slots,) time-of-week slots, ascending
    buckets  (n_buckets,) buckets of the day, ascending
    per_day  how many buckets a day has
    """

    thin: Baseline
    slots: Ints
    buckets: Ints
    per_day: int

    @classmethod
    def of(cls, baseline: Baseline, detector: Detector) -> "_Part":
        """Return what judging the hour of a baseline looks at."""
        per_hour = int(HOUR / detector.step)
        first = baseline.epoch * per_hour
        local = baseline.calendar.local(detector.reach(first), first + per_hour, detector.step)
        slots, buckets = np.unique(local.slot), np.unique(local.bucket_of_day)
        thin = replace(
            baseline,
            slot_mean=baseline.slot_mean[:, slots],
            slot_variance=baseline.slot_variance[:, slots],
            within=baseline.within[:, :, buckets],
        )
        return cls(thin, slots, buckets, _DAY_S // seconds(detector.step))

    def whole(self) -> Baseline:
        """Return the baseline; what was not kept of it is not a number."""
        return replace(
            self.thin,
            slot_mean=_spread(self.thin.slot_mean, self.slots, length=SLOTS),
            slot_variance=_spread(self.thin.slot_variance, self.slots, length=SLOTS),
            within=_spread(self.thin.within, self.buckets, length=self.per_day),
        )


def _spread(values: NDArray[_Number], places: Ints, *, length: int) -> NDArray[_Number]:
    """Return an array of that length in the last axis, with the values at these places of it."""
    spread = np.full((*values.shape[:-1], length), np.nan, dtype=values.dtype)
    spread[..., places] = values
    return spread


@dataclass(frozen=True)
class Keeping(Detector):
    """A detector for one recording that keeps its baselines: a replay under other limits or windows needs no fits.

    The longest window stays as it is: it says what a baseline may look at.
    """

    kept: dict[int, _Part] = field(default_factory=dict)

    @classmethod
    def of(cls, detector: Detector) -> Self:
        """Return the same detector, keeping."""
        return cls(**{name: getattr(detector, name) for name in Detector.__dataclass_fields__})

    def fit(self, history: History, *, epoch: int) -> Baseline:
        """Return the baseline of an epoch, fitted the first time; later it knows the hours that the epoch looks at alone."""
        if epoch in self.kept:
            return self.kept[epoch].whole()
        fitted = super().fit(history, epoch=epoch)
        self.kept[epoch] = _Part.of(fitted, self)
        return fitted
