"""The values of baselines: history in, baseline out, expectation for any bucket."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from spikewatch.core.calendars import SLOTS, Calendar
from spikewatch.core.counts import Bools, Floats, Ints, Panel, Roster
from spikewatch.core.events import Mask, expected_factor, masked_hours
from spikewatch.core.settings import ModelName
from spikewatch.core.timegrid import HOUR, Grid

WARM_DAYS = 14
"""Known days of history before anything is judged."""

LEAST_DISPERSION = 1.05
"""Variance over mean: real counts are never narrower than Poisson, and the negative binomial needs a little more."""

LEAST_MEAN = 1e-4
"""Tickets an hour: no expectation is smaller, so that ratios and logarithms exist."""


def cutoff_hour(epoch: int, *, longest_window: timedelta) -> int:
    """Return the hour number before which a baseline for that epoch is fitted: no judged window reaches behind it."""
    return epoch - -(-longest_window // HOUR)


def recent_hour(epoch: int) -> int:
    """Return the hour number before which a baseline for that epoch may look at how busy today is."""
    return epoch - 1


@dataclass(frozen=True)
class History:
    """What a baseline is learnt from: hours of every series, and buckets of every service.

    hourly    panel on the grid of whole hours, late tickets included; what it masks is not learnt from
    services  (n_services, n_buckets) tickets of each service on `grid`, which spans the same hours
    """

    hourly: Panel
    grid: Grid
    services: NDArray[np.integer]

    def before(self, hour: int, *, hours: int) -> "History":
        """Return the last `hours` hours before that hour (views, no copies)."""
        first = max(self.hourly.grid.first, hour - hours)
        stop = max(first, min(hour, self.hourly.grid.stop))
        per_hour = int(HOUR / self.grid.step)
        grid = Grid(self.grid.step, first * per_hour, (stop - first) * per_hour)
        left = grid.first - self.grid.first
        return History(self.hourly.cut(first, stop), grid, self.services[:, left : left + grid.length])

    def without(self, masks: Sequence[Mask]) -> "History":
        """Return the same history in which the hours of these masks, and no others, are not learnt from."""
        masked = masked_hours(masks, self.hourly) if masks else None
        return replace(self, hourly=replace(self.hourly, masked=masked))


@dataclass(frozen=True)
class Expectation:
    """What is normal in a run of buckets.

    mean        (n_series, n_buckets) expected tickets, > 0
    variance    (n_series, n_buckets) of independent variation, >= mean
    day_spread  (n_series,) relative variation that a whole day shares, >= 0; a window's variance is
                sum(variance) + (day_spread * sum(mean))**2
    dispersion  (n_series,) variance over mean within a day, > 1
    """

    mean: Floats
    variance: Floats
    day_spread: Floats
    dispersion: Floats

    def taken(self, rows: Ints) -> "Expectation":
        """Return what is normal for some rows."""
        return Expectation(self.mean[rows], self.variance[rows], self.day_spread[rows], self.dispersion[rows])


@dataclass(frozen=True)
class Factors:
    """What a model multiplied its weekly shape by, for those who want to know; all arrays are (n_series,).

    level  how high the last days were against the whole history
    today  how busy the last hours were against that
    """

    level: Floats
    today: Floats

    def taken(self, rows: Ints) -> "Factors":
        """Return the factors of some rows; a row below 0 was not multiplied."""
        return Factors(*(np.where(rows >= 0, values[rows], 1.0) for values in (self.level, self.today)))


@dataclass(frozen=True)
class Learnt:
    """What a baseline was learnt from; all arrays are (n_series,).

    until        the hour before which it was learnt
    known_hours  how many hours were known
    age_hours    how long before `until` the first ticket came; 0: never
    """

    until: int
    known_hours: Ints
    age_hours: Ints

    def taken(self, rows: Ints) -> "Learnt":
        """Return the same of some rows; a row below 0 was never seen."""
        known, age = (np.where(rows >= 0, values[rows], 0) for values in (self.known_hours, self.age_hours))
        return Learnt(self.until, known, age)


@dataclass(frozen=True)
class Baseline:
    """What is normal for every series in one epoch.

    slot_mean      (n_series, 168) expected tickets an hour by time-of-week slot, > 0
    slot_variance  (n_series, 168) of the hourly count around it, >= slot_mean
    day_spread     (n_series,) relative variation that a day shares, >= 0
    dispersion     (n_series,) variance over mean within a day, > 1
    learned        (n_series,) False where there is too little history to judge
    within         (n_services + 1, 2, buckets a day) how an hour's tickets spread over its buckets, mean 1 over each hour;
                   by service (last: the fleet) and by business day or day off
    modelled       (n_series,) True where the configured model was used, False where the series was too sparse for it
    factors        what slot_mean holds beside the weekly shape; None where the model has a shape alone
    learnt         what it was learnt from; None where that is not known
    """

    roster: Roster
    epoch: int
    name: ModelName
    calendar: Calendar
    slot_mean: NDArray[np.floating]
    slot_variance: NDArray[np.floating]
    day_spread: Floats
    dispersion: Floats
    learned: Bools
    within: Floats
    modelled: Bools
    warm: bool
    factors: Factors | None = None
    learnt: Learnt | None = None

    def expect(self, first: int, stop: int, step: timedelta) -> Expectation:
        """Return what is normal in buckets `[first, stop)`."""
        local = self.calendar.local(first, stop, step)
        per_hour = int(HOUR / step)
        share = self.within[:, local.off.astype(np.int64), local.bucket_of_day] / per_hour
        # -1, the fleet, indexes the last row
        share = share[self.roster.service_of]
        mean = np.maximum(self.slot_mean[:, local.slot] * share, LEAST_MEAN / per_hour)
        variance = np.maximum(self.slot_variance[:, local.slot] * share, mean)
        factor = expected_factor(
            self.calendar.events, self.roster, Grid(step, first, max(0, stop - first)), mean
        )
        if factor is not None:
            mean, variance = mean * factor, variance * factor
        return Expectation(mean, variance, self.day_spread, self.dispersion)

    def for_roster(self, roster: Roster) -> "Baseline":
        """Return the baseline with the rows of another roster; series it does not know are not learned."""
        if roster.keys == self.roster.keys:
            return self
        if not len(self.roster):
            return self._unlearned(roster)
        rows = roster.rows_in(self.roster)
        known = rows >= 0
        services = np.array(
            [_place(self.roster.services, service) for service in roster.services] + [-1], dtype=np.int64
        )
        return Baseline(
            roster=roster,
            epoch=self.epoch,
            name=self.name,
            calendar=self.calendar,
            slot_mean=np.where(known[:, None], self.slot_mean[rows], LEAST_MEAN),
            slot_variance=np.where(known[:, None], self.slot_variance[rows], LEAST_MEAN),
            day_spread=np.where(known, self.day_spread[rows], 0.0),
            dispersion=np.where(known, self.dispersion[rows], LEAST_DISPERSION),
            learned=known & self.learned[rows],
            within=self.within[services],
            modelled=known & self.modelled[rows],
            warm=self.warm,
            factors=self.factors and self.factors.taken(rows),
            learnt=self.learnt and self.learnt.taken(rows),
        )

    def _unlearned(self, roster: Roster) -> "Baseline":
        n_series = len(roster)
        return replace(
            self,
            roster=roster,
            slot_mean=no_slots(n_series),
            slot_variance=no_slots(n_series),
            day_spread=np.zeros(n_series),
            dispersion=np.full(n_series, LEAST_DISPERSION),
            learned=np.zeros(n_series, dtype=np.bool_),
            within=np.repeat(self.within[-1:], len(roster.services) + 1, axis=0),
            modelled=np.zeros(n_series, dtype=np.bool_),
            factors=None,
            learnt=None,
        )


def _place(services: tuple[str, ...], service: str) -> int:
    return services.index(service) if service in services else -1


def no_slots(n_series: int) -> Floats:
    """Return a (n_series, 168) array of the least expectation."""
    return np.full((n_series, SLOTS), LEAST_MEAN)
