"""A history in another order: one that ends with a past day and does not hold what came after it.

First come the hours from `HELD_OUT_DAYS` after the day, then those before it, so that a baseline has as long a history as
in life, and its level follows what came just before. The moved hours keep their local time.
"""

from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from spikewatch.core.baseline import Baseline, History, fit, gain_of_today, recent_hour
from spikewatch.core.calendars import Calendar, Turned
from spikewatch.core.counts import Bools, Floats, Ints, Panel
from spikewatch.core.settings import ModelName
from spikewatch.core.timegrid import HOUR, Grid

DAY = 24
"""Hours; days here begin at local midnight, give or take an hour where daylight saving changes."""

HELD_OUT_DAYS = 9
"""The day itself and those after it: a surge that lasts, or a new level, would betray the day."""

RECENT_HOURS = 72
"""Enough to tell how busy it is."""


@dataclass(frozen=True)
class Past:
    """A history that can be put in another order.

    hours    how long a history is learnt from in life, whole weeks
    rotated  calendar of the rotated hours
    offset   (2 * hours,) hours that local time is ahead, from `hours` before the window on
    """

    history: History
    calendar: Calendar
    hours: int
    rotated: Calendar
    offset: Ints

    @classmethod
    def of(cls, history: History, calendar: Calendar, *, hours: int) -> "Past":
        """Return the past that this history tells; it may be shorter than `hours`, never longer."""
        start = history.hourly.grid.stop - hours
        zone, shift = calendar.zone, timedelta(hours=hours)
        around = Grid(HOUR, start - hours, 2 * hours)
        ahead = [(around.start + hour * HOUR).astimezone(zone).utcoffset() for hour in range(around.length)]
        turned = Turned((around.start + shift).astimezone(zone).date(), shift)
        return cls(
            history=history,
            calendar=calendar,
            hours=hours,
            rotated=replace(calendar, turned=turned),
            offset=np.array([round((part or timedelta(0)) / HOUR) for part in ahead], dtype=np.int64),
        )

    def baseline(self, day: int, *, model: ModelName) -> Baseline:
        """Return what the other days say is normal on the day that begins with that hour, however busy it is."""
        fitted = fit(self.without(day), calendar=self.rotated, model=model, epoch=day, learn_until=day)
        return replace(fitted, calendar=self.calendar)

    def gain(self, baseline: Baseline, *, hour: int) -> Floats:
        """Return (n_series,) what a day's baseline is to be multiplied by in an hour, to follow how busy it was by then."""
        hourly = self.history.hourly
        stop = max(hourly.grid.first, min(recent_hour(hour), hourly.grid.stop))
        return gain_of_today(baseline, hourly.cut(max(hourly.grid.first, stop - RECENT_HOURS), stop))

    def without(self, day: int) -> History:
        """Return the history that ends with that hour: what came a while after it is put before all else."""
        hourly, services = self.history.hourly, self.history.services
        start = hourly.grid.stop - self.hours
        first = min(start, day + HELD_OUT_DAYS * DAY - self.hours)
        grid = Grid(HOUR, first, day - first)
        column, inside = self._columns(grid, start=start)
        per_hour = int(HOUR / self.history.grid.step)
        buckets = (column[:, None] * per_hour + np.arange(per_hour)).ravel()
        return History(
            Panel(
                hourly.roster,
                grid,
                _taken(hourly.counts, column, inside),
                _taken(hourly.known, column, inside),
                None if hourly.masked is None else hourly.masked[:, column],
            ),
            Grid(self.history.grid.step, grid.first * per_hour, grid.length * per_hour),
            _taken(services, buckets, np.repeat(inside, per_hour)),
        )

    def _columns(self, grid: Grid, *, start: int) -> tuple[Ints, Bools]:
        """Return for each hour of a grid the column of the history that stands there, and whether there is one."""
        hourly = self.history.hourly
        hour = np.arange(grid.first, grid.stop)
        place = hour - (start - self.hours)
        later = np.minimum(place + self.hours, len(self.offset) - 1)
        # the same local time, whatever daylight saving did in between
        moved = hour + self.hours + self.offset[np.minimum(place, self.hours)] - self.offset[later]
        real = np.where(hour < start, moved, hour)
        inside = (real >= hourly.grid.first) & (real < hourly.grid.stop)
        return np.where(inside, real - hourly.grid.first, 0), inside


def _taken(values: np.ndarray, column: Ints, inside: Bools) -> np.ndarray:
    """Return these columns, nothing where there is none; in place, for a large fleet's history is most of the memory."""
    taken = np.take(values, column, axis=1)
    taken[:, ~inside] = 0
    return taken
