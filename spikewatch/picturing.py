"""Picturing: reads the last hours and the same hours a week ago from the store, so that they can be shown.

A notice takes its course along when it is made, and never looks it up later. Only the newest notice of an incident gets
one: what it supersedes is not shown any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np

from spikewatch.core.baseline import Baseline, Expectation
from spikewatch.core.counts import Panel, SeriesKey, build_panel, known_buckets
from spikewatch.core.courses import MOST_POINTS, ONE_LOOK, Course, course_of, point_width
from spikewatch.core.incidents import Phase
from spikewatch.core.notices import Notice
from spikewatch.core.timegrid import WEEK, Grid, bucket_number, bucket_start
from spikewatch.ports import Store

LONGEST = timedelta(hours=24)


@dataclass(frozen=True)
class Album:
    """What pictures are made of; each hour is read from the store once, so it is kept no longer than a cycle.

    baseline       of the hour in which the pictures end
    since, until   every source is known from the one instant to the other
    """

    store: Store
    baseline: Baseline
    step: timedelta
    since: datetime | None
    until: datetime | None
    _panels: dict[Grid, Panel] = field(default_factory=dict)
    _expected: dict[Grid, Expectation] = field(default_factory=dict)

    def course(
        self, series: SeriesKey, *, stop: int, window: timedelta, lasted: timedelta = timedelta(0)
    ) -> Course | None:
        """Return the course of a series up to bucket `stop`; None where the baseline does not know it.

        window  of the reading that it is shown beside
        lasted  since the rise began
        """
        row = self.baseline.roster.rows.get(series)
        if row is None:
            return None
        width = point_width(window, step=self.step, lasted=lasted)
        points = max(ONE_LOOK, min(MOST_POINTS, LONGEST // width))
        buckets = points * (width // self.step)
        grid = Grid(self.step, stop - buckets, buckets)
        now, week_ago = self._panel(grid), self._panel(replace(grid, first=grid.first - WEEK // self.step))
        normal = self._normal(grid)
        return course_of(
            now.counts[row].tolist(),
            now.known_rows[row].tolist(),
            mean=normal.mean[row].tolist(),
            variance=normal.variance[row].tolist(),
            day_spread=float(normal.day_spread[row]),
            week_ago=week_ago.counts[row].tolist(),
            known_week_ago=week_ago.known_rows[row].tolist(),
            end=bucket_start(stop, self.step),
            step=self.step,
            width=width,
        )

    def _normal(self, grid: Grid) -> Expectation:
        if grid not in self._expected:
            self._expected[grid] = self.baseline.expect(grid.first, grid.stop, self.step)
        return self._expected[grid]

    def _panel(self, grid: Grid) -> Panel:
        if grid not in self._panels:
            roster = self.baseline.roster
            cells = self.store.counts(first=grid.first, stop=grid.stop)
            row = cells.roster.rows_in(roster)[cells.row] if len(cells.row) else cells.row
            listed = np.stack([row, cells.bucket, cells.tickets - cells.late], axis=1)
            known = known_buckets(roster, grid, since=self.since, until=self.until)
            self._panels[grid] = build_panel(roster, grid, listed, known=known)
        return self._panels[grid]


def with_courses(notices: Sequence[Notice], album: Album) -> list[Notice]:
    """Return the notices; the newest of each incident with the course of the series that leads it."""
    newest = {notice.incident: notice.key for notice in notices}
    return [
        _pictured(notice, album)
        if newest[notice.incident] == notice.key and notice.facts.phase is not Phase.CLOSED
        else notice
        for notice in notices
    ]


def _pictured(notice: Notice, album: Album) -> Notice:
    facts = notice.facts
    shown = album.course(
        facts.lead_series,
        stop=bucket_number(facts.data_until, album.step),
        window=timedelta(minutes=facts.lead.window_minutes),
        lasted=facts.data_until - facts.started_at,
    )
    return replace(notice, facts=replace(facts, course=shown))
