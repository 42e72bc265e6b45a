"""A rehearsal: the detector judges days of its past with baselines that have not seen them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

import numpy as np

from spikewatch.calibrating.peaks import LEAST_SCORE, Crossings, weighted_peaks_of
from spikewatch.calibrating.rotation import DAY, Past
from spikewatch.core.baseline import Baseline, Expectation, History
from spikewatch.core.calendars import Calendar
from spikewatch.core.calibration import Peaks
from spikewatch.core.counts import Bools, Floats, Ints, Panel, Roster
from spikewatch.core.settings import ModelName, SeriesRule
from spikewatch.core.timegrid import HOUR
from spikewatch.core.windows import below_floors, judged_part, sliding, weigh, window_widths

MOST_DAYS, LEAST_DAYS = 35, 14
SERIES_DAYS = 60_000
"""A large fleet tells as much in fewer days; this many days of series at most, but `LEAST_DAYS`."""

YOUNG_DAYS = 21
"""A series is not asked about its first days, nor the fleet where it can be helped."""

BORN_WITHIN_DAYS = 7
"""A series seen this soon in the history is as old as the history, or older."""

ROWS_AT_ONCE = 10_000
"""Hours of series that are judged together: a few dozen megabytes."""


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
    past, born = Past.of(history, rehearsal.calendar, hours=hours), _born(history.hourly)
    found = Crossings.joined(
        crossings
        for number, day in enumerate(days)
        for crossings in Day.of(day, past, rehearsal, born=born, panel_of=panel_of).crossings(number=number)
    )
    return weighted_peaks_of(
        found,
        history.hourly.roster,
        log_weight=rehearsal.log_weight,
        step=history.grid.step,
        n_days=len(days),
    )


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


def _born(hourly: Panel) -> Ints:
    """Return (n_series,) the hour of each series' first ticket."""
    seen: Bools = np.asarray(hourly.counts > 0)
    return np.where(seen.any(axis=1), hourly.grid.first + seen.argmax(axis=1), hourly.grid.stop)


@dataclass(frozen=True)
class Day:
    """A day to be judged as if it had not been seen, and the series that could be far above normal somewhere in it.

    first     its first hour
    panel     of these series, from the longest window before the day to its end
    baseline  of these series, however busy the day is
    rows      (n_series,) of these series in the roster of the history
    gain      (24, n_series) what the baseline is to be multiplied by in each hour
    worth     (24, n_series) False where an hour cannot reach the floors, is labelled, or the series is not asked
    """

    first: int
    rehearsal: Rehearsal
    panel: Panel
    baseline: Baseline
    rows: Ints
    gain: Floats
    worth: Bools

    @classmethod
    def of(
        cls,
        first: int,
        past: Past,
        rehearsal: Rehearsal,
        *,
        born: Ints,
        panel_of: Callable[[int, int], Panel],
    ) -> "Day":
        """Return the day that begins with that hour; born (n_series,) is when each series' first ticket came."""
        step = past.history.grid.step
        per_hour, reach = int(HOUR / step), window_widths(rehearsal.windows, step)[-1]
        baseline = past.baseline(first, model=rehearsal.model)
        panel = panel_of(first * per_hour - reach, (first + DAY) * per_hour)
        asked = baseline.learned & rehearsal.enabled & _is_old(past.history.hourly, born, day=first)
        worth = _reaches(panel, rehearsal.min_tickets, longest=reach, per_hour=per_hour) & asked
        worth &= _ordinary(past.history.hourly, day=first, longest=-(-reach // per_hour))
        chosen = _chosen(panel, np.flatnonzero(worth.any(axis=0)), rehearsal.calendar)
        rows = chosen.rows_in(panel.roster)
        return cls(
            first,
            rehearsal,
            panel=Panel(chosen, panel.grid, panel.counts[rows], panel.known),
            baseline=baseline.for_roster(chosen),
            rows=rows,
            gain=np.stack([past.gain(baseline, hour=first + hour)[rows] for hour in range(DAY)]),
            worth=worth[:, rows],
        )

    def crossings(self, *, number: int) -> Iterator[Crossings]:
        """Yield where series came far above normal, some hours at a time; the number is that of the day."""
        at_once = max(1, ROWS_AT_ONCE // max(1, len(self.rows)))
        for left in range(0, DAY, at_once):
            yield self._judged(slice(left, min(left + at_once, DAY)), number=number)

    def _judged(self, hours: slice, *, number: int) -> Crossings:
        """Judge the series in some successive hours; a row here is a series in an hour that is worth it."""
        step, rehearsal = self.panel.grid.step, self.rehearsal
        widths, per_hour = window_widths(rehearsal.windows, step), int(HOUR / step)
        hour, place = np.nonzero(self.worth[hours])
        known, whole, counts = self._seen(hours, hour, place)
        series = self.rows[place]
        low = below_floors(
            sliding(counts, widths, per_hour),
            sliding(known.mean, widths, per_hour),
            min_tickets=rehearsal.min_tickets[series],
            min_ratio=rehearsal.min_ratio[series],
        )
        kept = np.flatnonzero(~low.all(axis=(1, 2)))
        seen = weigh(
            counts[kept],
            known.taken(kept),
            whole=None if whole is None else whole[kept],
            judged=np.ones(len(kept), dtype=np.bool_),
            widths=widths,
            step=step,
            n_judged=per_hour,
        )
        total = np.where(low[kept], 0.0, seen.total).max(axis=1, initial=0.0)
        found, bucket = np.nonzero(total >= LEAST_SCORE)
        return Crossings(
            row=series[kept[found]],
            bucket=(self.first + hours.start + hour[kept[found]]) * per_hour + bucket,
            total=total[found, bucket],
            day=np.full(len(found), number),
        )

    def _seen(self, hours: slice, hour: Ints, place: Ints) -> tuple[Expectation, Floats | None, Ints]:
        """Return what is normal where known, what would be if all were known (None: it is), and the counts; rows as above.

        hour, place  (n_rows,) of each row: its hour in the slice, its series here
        """
        step = self.panel.grid.step
        per_hour = int(HOUR / step)
        first = self.panel.grid.first + hours.start * per_hour
        panel = self.panel.cut(first, self.panel.grid.stop - (DAY - hours.stop) * per_hour)
        normal = self.baseline.expect(panel.grid.first, panel.grid.stop, step)
        part = judged_part(panel, normal.mean, self.rehearsal.calendar.events)
        width = self.panel.grid.length - (DAY - 1) * per_hour
        cells = place[:, None], hour[:, None] * per_hour + np.arange(width)
        gain = self.gain[hours][hour, place][:, None]
        mean, variance = normal.mean[cells] * gain, normal.variance[cells] * gain
        whole = None
        if part.share is not None:
            share = part.share[cells]
            whole, mean, variance = mean, mean * share, variance * share
        known = Expectation(mean, variance, normal.day_spread[place], normal.dispersion[place])
        return known, whole, part.counts[cells]


def _is_old(hourly: Panel, born: Ints, *, day: int) -> Bools:
    """Tell of each series whether it was no newcomer on a day."""
    began = hourly.grid.first + int(hourly.known.any(axis=0).argmax())
    return np.asarray((born <= day - YOUNG_DAYS * DAY) | (born < began + BORN_WITHIN_DAYS * DAY))


def _ordinary(hourly: Panel, *, day: int, longest: int) -> Bools:
    """Tell (24, n_series) in which hours of a day no window of up to so many hours holds one that is not learnt from.

    What was labelled a real incident, or was expected, is no false alarm: it does not tell how often those come.
    """
    if hourly.masked is None:
        return np.ones((DAY, len(hourly.roster)), dtype=np.bool_)
    column = day - hourly.grid.first
    hours = np.arange(column, column + DAY)
    odd = [hourly.masked[:, np.maximum(hours - back, 0)] for back in range(longest + 1)]
    return ~np.any(odd, axis=0).T


def _reaches(panel: Panel, min_tickets: Ints, *, longest: int, per_hour: int) -> Bools:
    """Tell (24, n_series) in which hours of a day a series' longest window, and so any, may hold enough tickets."""
    reaches = np.empty((DAY, len(panel.roster)), dtype=np.bool_)
    for left in range(0, len(panel.roster), ROWS_AT_ONCE // DAY):
        rows = slice(left, left + ROWS_AT_ONCE // DAY)
        until = np.cumsum(panel.counts[rows], axis=1, dtype=np.int64)
        most = (until[:, longest:] - until[:, :-longest]).reshape(-1, DAY, per_hour).max(axis=2)
        reaches[:, rows] = (most >= min_tickets[rows, None]).T
    return reaches


def _chosen(panel: Panel, worth: Ints, calendar: Calendar) -> Roster:
    """Return the roster of the rows that are worth judging and of every service, for the fleet is the sum of those.

    Where an event is on it is the roster of all: what a roll-up expects then follows from all its parts.
    """
    roster, grid = panel.roster, panel.grid
    if any(event.span.start < grid.end and grid.start < event.span.end for event in calendar.events):
        return roster
    leaves = {*worth[worth < roster.n_leaves].tolist(), *roster.first_leaves.tolist()}
    return Roster.of(roster.keys[row] for row in leaves)
