"""Calibrating: the detector judges its own past, day by day, as if it had not seen that day.

Each past day is judged with a baseline fitted on the others, in rotated order: first the days from `HELD_OUT_DAYS` after it,
then those before it. So a baseline has as long a history as in life, its level follows what came just before, and an
incident of that day does not bend what it is measured by. How busy the day is, windows, floors, evidence and grouping are
as in life. What is left are the peaks of the incidents that would have opened above a low level.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property

import numpy as np

from spikewatch.core.baseline import Baseline, Expectation, History, fit, gain_of_today, recent_hour
from spikewatch.core.calendars import Calendar, Turned
from spikewatch.core.calibration import Peaks, fit_tail
from spikewatch.core.counts import Bools, Floats, Ints, Panel, Roster
from spikewatch.core.incidents import JOIN_WITHIN
from spikewatch.core.scoring import below_floors, judged_part, sliding, weigh, window_widths
from spikewatch.core.settings import ModelName, SeriesRule
from spikewatch.core.timegrid import HOUR, Grid

DAY = 24
"""Hours; days here begin at local midnight, give or take an hour where daylight saving changes."""

MOST_DAYS, LEAST_DAYS = 35, 14
SERIES_DAYS = 60_000
"""A large fleet tells as much in fewer days; this many days of series at most, but `LEAST_DAYS`."""

HELD_OUT_DAYS = 9
"""The day itself and those after it: a surge that lasts, or a new level, would betray the day."""

YOUNG_DAYS = 21
"""A series is not asked about its first days, nor the fleet where it can be helped."""

BORN_WITHIN_DAYS = 7
"""A series seen this soon in the history is as old as the history, or older."""

LEAST_SCORE = 2.0
"""Lower totals are of no interest: one window in a hundred, and no evidence."""

PEAKS_A_WEEK = 100.0
"""Incidents are formed at a level that yields this many, so that one lull does not make two of them."""

HIGHEST_LEVEL, LEVEL_STEP = 12.0, 0.25

ROWS_AT_ONCE = 20_000
RECENT_HOURS = 72
"""Enough to tell how busy it is."""


@dataclass(frozen=True)
class Rehearsal:
    """What a replay of the past depends on, beside the counts.

    rules  of each series of the roster
    """

    calendar: Calendar
    model: ModelName
    windows: Sequence[timedelta]
    rules: Sequence[SeriesRule]

    @cached_property
    def min_tickets(self) -> Ints:
        """The (n_series,) floors on a window's count."""
        return np.array([rule.min_tickets for rule in self.rules], dtype=np.int64)

    @cached_property
    def min_ratio(self) -> Floats:
        """The (n_series,) floors on a window's count over what was expected."""
        return np.array([rule.min_ratio for rule in self.rules], dtype=np.float64)

    @cached_property
    def enabled(self) -> Bools:
        """(n_series,) False where a series is never judged by itself."""
        return np.array([rule.enabled for rule in self.rules], dtype=np.bool_)

    @cached_property
    def log_weight(self) -> Floats:
        """The (n_series,) logarithms of the weights."""
        return np.log(np.array([rule.weight for rule in self.rules], dtype=np.float64))


@dataclass(frozen=True)
class Crossings:
    """Where a series came far above normal, one entry a series and bucket; all arrays (n,).

    total  surprise and evidence, as the score before it is divided by a cut-off
    day    number of the day among those replayed
    """

    row: Ints
    bucket: Ints
    total: Floats
    day: Ints


def replayed_peaks(
    history: History, rehearsal: Rehearsal, *, hours: int, panel_of: Callable[[int, int], Panel]
) -> Peaks | None:
    """Return the peaks of the incidents that the past would have raised; None where it is too short.

    hours     how long a history is learnt from in life, whole weeks; `history` may be shorter, never longer
    panel_of  returns the counts of buckets `[first, stop)` with the roster of the history, late tickets left out
    """
    days = _days(history, rehearsal.calendar)
    if not days:
        return None
    past = _Past.of(history, rehearsal, hours=hours)
    parts = [
        crossings
        for number, day in enumerate(days)
        for crossings in past.crossings(day, number=number, panel_of=panel_of)
    ]
    found = Crossings(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in Crossings.__dataclass_fields__)
    )
    return _weighted(found, history, rehearsal, n_days=len(days))


def _weighted(found: Crossings, history: History, rehearsal: Rehearsal, *, n_days: int) -> Peaks:
    """Return the peaks with the weights of their series: a weight moves a score by the scale of the tail without any."""
    roster, step = history.hourly.roster, history.grid.step
    peaks = peaks_of(found, roster, step=step, n_days=n_days)
    tail = fit_tail(peaks) if rehearsal.log_weight.any() else None
    if tail is None:
        return peaks
    moved = replace(found, total=found.total + tail.scale * rehearsal.log_weight[found.row])
    return peaks_of(moved, roster, step=step, n_days=n_days)


def _days(history: History, calendar: Calendar) -> list[int]:
    """Return the first hours of the days to replay, oldest first; none where there is too little history."""
    hourly = history.hourly
    known: Bools = np.asarray(hourly.known.any(axis=0))
    if not known.any():
        return []
    n_known = (hourly.grid.length - int(known.argmax())) // DAY
    if n_known < YOUNG_DAYS:
        return []
    ahead = hourly.grid.end.astimezone(calendar.zone).utcoffset() or timedelta(0)
    midnight = hourly.grid.stop - (hourly.grid.stop + round(ahead / HOUR)) % DAY
    n_series = max(1, int(hourly.counts.any(axis=1).sum()))
    most = min(MOST_DAYS, SERIES_DAYS // n_series, n_known - YOUNG_DAYS)
    firsts = [midnight - DAY * number for number in range(max(most, LEAST_DAYS), 0, -1)]
    columns = [first - hourly.grid.first for first in firsts]
    return [
        first
        for first, column in zip(firsts, columns, strict=True)
        if column >= 0 and 2 * int(known[column : column + DAY].sum()) >= DAY
    ]


@dataclass(frozen=True)
class _Past:
    """A history that can be put in another order.

    rotated    calendar of the rotated hours
    offset     (2 * hours,) hours that local time is ahead, from `hours` before the window on
    born       (n_series,) hour of the first ticket
    """

    history: History
    rehearsal: Rehearsal
    hours: int
    rotated: Calendar
    offset: Ints
    born: Ints

    @classmethod
    def of(cls, history: History, rehearsal: Rehearsal, *, hours: int) -> "_Past":
        grid = history.hourly.grid
        start = grid.stop - hours
        zone, shift = rehearsal.calendar.zone, timedelta(hours=hours)
        around = Grid(HOUR, start - hours, 2 * hours)
        ahead = [(around.start + hour * HOUR).astimezone(zone).utcoffset() for hour in range(around.length)]
        turned = Turned((around.start + shift).astimezone(zone).date(), shift)
        seen: Bools = np.asarray(history.hourly.counts > 0)
        return cls(
            history=history,
            rehearsal=rehearsal,
            hours=hours,
            rotated=replace(rehearsal.calendar, turned=turned),
            offset=np.array([round((part or timedelta(0)) / HOUR) for part in ahead], dtype=np.int64),
            born=np.where(seen.any(axis=1), grid.first + seen.argmax(axis=1), grid.stop),
        )

    def baseline(self, day: int) -> Baseline:
        """Return what the other days say is normal on the day that begins with that hour, however busy it is."""
        other = self._without(day)
        fitted = fit(other, calendar=self.rotated, model=self.rehearsal.model, epoch=day, learn_until=day)
        return replace(fitted, calendar=self.rehearsal.calendar)

    def _without(self, day: int) -> History:
        """Return the history that ends with that hour: what came a while after it is put before all else."""
        hourly, services = self.history.hourly, self.history.services
        start = hourly.grid.stop - self.hours
        first = min(start, day + HELD_OUT_DAYS * DAY - self.hours)
        grid = Grid(HOUR, first, day - first)
        hour = np.arange(grid.first, grid.stop)
        place = hour - (start - self.hours)
        later = np.minimum(place + self.hours, len(self.offset) - 1)
        # the same local time, whatever daylight saving did in between
        moved = hour + self.hours + self.offset[np.minimum(place, self.hours)] - self.offset[later]
        real = np.where(hour < start, moved, hour)
        inside = (real >= hourly.grid.first) & (real < hourly.grid.stop)
        column = np.where(inside, real - hourly.grid.first, 0)
        per_hour = int(HOUR / self.history.grid.step)
        buckets = (column[:, None] * per_hour + np.arange(per_hour)).ravel()
        return History(
            Panel(
                hourly.roster,
                grid,
                hourly.counts[:, column] * inside,
                hourly.known[:, column] & inside,
                None if hourly.masked is None else hourly.masked[:, column],
            ),
            Grid(self.history.grid.step, grid.first * per_hour, grid.length * per_hour),
            services[:, buckets] * np.repeat(inside, per_hour),
        )

    def crossings(
        self, day: int, *, number: int, panel_of: Callable[[int, int], Panel]
    ) -> Iterator[Crossings]:
        """Yield where series came far above normal on the day that begins with that hour, some hours at a time."""
        step = self.history.grid.step
        widths = window_widths(self.rehearsal.windows, step)
        per_hour = int(HOUR / step)
        reach = widths[-1]
        panel = panel_of(day * per_hour - reach, (day + DAY) * per_hour)
        baseline = self.baseline(day)
        normal = baseline.expect(panel.grid.first, panel.grid.stop, step)
        asked = baseline.learned & self.rehearsal.enabled & self._is_old(day)
        at_once = max(1, ROWS_AT_ONCE // max(1, len(panel.roster)))
        for left in range(0, DAY, at_once):
            hours = np.arange(left, min(left + at_once, DAY))
            yield self._judged(panel, baseline, normal, asked, hours=hours, day=day, number=number)

    def _is_old(self, day: int) -> Bools:
        known = self.history.hourly.known.any(axis=0)
        began = self.history.hourly.grid.first + int(known.argmax())
        return np.asarray(
            (self.born <= day - YOUNG_DAYS * DAY) | (self.born < began + BORN_WITHIN_DAYS * DAY)
        )

    def _judged(
        self,
        panel: Panel,
        baseline: Baseline,
        normal: Expectation,
        asked: Bools,
        *,
        hours: Ints,
        day: int,
        number: int,
    ) -> Crossings:
        """Judge every series in each of some hours of a day; row and hour are one axis, hours slowest."""
        step, rehearsal = panel.grid.step, self.rehearsal
        widths, per_hour, n_series = (
            window_widths(rehearsal.windows, step),
            int(HOUR / step),
            len(panel.roster),
        )
        columns = hours[:, None] * per_hour + np.arange(widths[-1] + per_hour)
        gain = np.stack([self._gain(baseline, day + int(hour)) for hour in hours])[:, :, None]
        whole = np.moveaxis(normal.mean[:, columns], 1, 0) * gain
        variance = np.moveaxis(normal.variance[:, columns], 1, 0) * gain
        part = judged_part(panel, normal.mean, self.rehearsal.calendar.events)
        counts = np.moveaxis(part.counts[:, columns], 1, 0)
        mean = whole
        if part.share is not None:
            share = np.moveaxis(part.share[:, columns], 1, 0)
            mean, variance = whole * share, variance * share
        shape = (len(hours) * n_series, columns.shape[1])
        flat_counts, flat_mean = counts.reshape(shape), mean.reshape(shape)
        series = np.tile(np.arange(n_series), len(hours))
        low = below_floors(
            sliding(flat_counts, widths, per_hour),
            sliding(flat_mean, widths, per_hour),
            min_tickets=rehearsal.min_tickets[series],
            min_ratio=rehearsal.min_ratio[series],
        )
        rows = np.flatnonzero(asked[series] & ~low.all(axis=(1, 2)))
        of = series[rows]
        known = Expectation(
            flat_mean[rows], variance.reshape(shape)[rows], normal.day_spread[of], normal.dispersion[of]
        )
        seen = weigh(
            flat_counts[rows],
            known,
            whole=known.mean if whole is mean else whole.reshape(shape)[rows],
            judged=np.ones(len(rows), dtype=np.bool_),
            widths=widths,
            step=step,
            n_judged=per_hour,
        )
        total = np.where(low[rows], 0.0, seen.total).max(axis=1, initial=0.0)
        place, bucket = np.nonzero(total >= LEAST_SCORE)
        hour = day + hours[rows[place] // n_series]
        return Crossings(
            row=of[place],
            bucket=hour * per_hour + bucket,
            total=total[place, bucket],
            day=np.full(len(place), number),
        )

    def _gain(self, baseline: Baseline, epoch: int) -> Floats:
        hourly = self.history.hourly
        stop = max(hourly.grid.first, min(recent_hour(epoch), hourly.grid.stop))
        return gain_of_today(baseline, hourly.cut(max(hourly.grid.first, stop - RECENT_HOURS), stop))


def peaks_of(crossings: Crossings, roster: Roster, *, step: timedelta, n_days: int) -> Peaks:
    """Return the peak of each incident that these crossings make above the highest level with enough incidents."""
    enough = PEAKS_A_WEEK * n_days / 7.0
    levels = np.arange(HIGHEST_LEVEL, LEAST_SCORE - LEVEL_STEP / 2, -LEVEL_STEP)
    score, day = np.empty(0), np.empty(0, dtype=np.int64)
    for level in levels:
        score, day = _incidents(crossings, roster, level=float(level), step=step)
        if len(score) >= enough:
            break
    return Peaks(score, day, n_days)


def _incidents(crossings: Crossings, roster: Roster, *, level: float, step: timedelta) -> tuple[Floats, Ints]:
    """Return peak and day of each incident above a level."""
    join = JOIN_WITHIN // step
    chosen = np.flatnonzero(crossings.total >= level)
    service = roster.service_of[crossings.row[chosen]]
    order = np.lexsort((crossings.bucket[chosen], service))
    chosen, service = chosen[order], service[order]
    bucket, total = crossings.bucket[chosen], crossings.total[chosen]
    first = np.flatnonzero((np.diff(service, prepend=-2) != 0) | (np.diff(bucket, prepend=0) > join))
    if not len(first):
        return np.empty(0), np.empty(0, dtype=np.int64)
    peak = np.maximum.reduceat(total, first)
    ends = np.append(bucket[first[1:] - 1], bucket[-1])
    kept = _told_once(service[first] < 0, bucket[first], ends, peak, join=join)
    return peak[kept], crossings.day[chosen[first]][kept]


def _told_once(fleet: Bools, begins: Ints, ends: Ints, peak: Floats, *, join: int) -> Bools:
    """Tell which incidents stand for themselves: the fleet's and what happens in a service meanwhile are one, the higher."""
    kept = np.ones(len(peak), dtype=np.bool_)
    for place in np.flatnonzero(fleet):
        beside = ~fleet & (begins <= ends[place] + join) & (ends >= begins[place] - join)
        if (peak[beside] >= peak[place]).any():
            kept[place] = False
        else:
            kept &= ~beside
    return kept
