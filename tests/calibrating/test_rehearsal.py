"""The rehearsal of a day against an oracle that leaves nothing out and takes one hour after the other."""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from spikewatch.calibrating import Rehearsal
from spikewatch.calibrating.rehearsal import ROWS_AT_ONCE, Day
from spikewatch.calibrating.rotation import DAY, Past
from spikewatch.core.calendars import Calendar
from spikewatch.core.counts import Gap, Panel, Roster, SeriesKey
from spikewatch.core.events import Event
from spikewatch.core.settings import DetectionSettings, ModelName, SeriesRule, rule_for
from spikewatch.core.timegrid import HOUR, Span, bucket_start
from spikewatch.lab.replay import history_of, record
from tests.oracles import rehearsal as oracle

TOKYO = Calendar(ZoneInfo("Asia/Tokyo"))
STEP = timedelta(minutes=15)
HOURS = 6 * 168
FIRST = 20_000 * 24
"""Midnight, UTC."""

JUDGED = FIRST + 40 * DAY - 9
"""Midnight in Tokyo; the history goes on after it."""

SERIES = [SeriesKey(f"s{number % 3}", f"c{number:02d}") for number in range(24)]
ROSTER = Roster.of(SERIES)
SURGE = range(JUDGED * 4 + 50, JUDGED * 4 + 58)
GAP = Gap(Span(bucket_start(JUDGED + 10, HOUR), bucket_start(JUDGED + 12, HOUR)), "s1")
"""One service unknown for two hours of the day."""


def recorded(*gaps: Gap) -> Panel:
    """Busy and sparse categories; one surges on the day that is judged, and so does a sparse one, a little."""
    rng = np.random.default_rng(5)
    rate = np.where(np.arange(len(SERIES)) % 2, 0.01, 2.0)[:, None] * np.ones(HOURS * 4)
    counts = rng.poisson(rate)
    surging = slice(SURGE.start - FIRST * 4, SURGE.stop - FIRST * 4)
    counts[0, surging] += 14
    counts[1, surging] += 2
    row, bucket = np.nonzero(counts)
    recording = record(
        ROSTER,
        series_rows=row,
        stamps=(bucket + FIRST * 4) * 900,
        counts=counts[row, bucket],
        step=STEP,
        until=bucket_start(FIRST + HOURS, HOUR),
        gaps=gaps,
    )
    return recording.panel


def event(factor: float | None) -> Event:
    """Something that is on while the surge lasts, for one category."""
    span = Span(bucket_start(SURGE.start, STEP), bucket_start(SURGE.stop, STEP))
    return Event("sale", span, "s0", SERIES[6].category, factor)


def rules() -> tuple[SeriesRule, ...]:
    return tuple(
        rule_for(*key, detection=DetectionSettings(min_tickets=3), services={}) for key in ROSTER.keys
    )


@pytest.mark.parametrize("gaps", [(), (GAP,)])
@pytest.mark.parametrize(
    "calendar", [TOKYO, replace(TOKYO, events=(event(None),)), replace(TOKYO, events=(event(3.0),))]
)
def test_a_day_is_judged_as_if_every_series_were_looked_at_in_every_hour(
    calendar: Calendar, gaps: tuple[Gap, ...]
) -> None:
    panel = recorded(*gaps)
    past = Past.of(history_of(panel), calendar, hours=HOURS)
    rehearsal = Rehearsal(calendar, ModelName.PROFILE, DetectionSettings().windows, rules())
    born = np.full(len(ROSTER), FIRST)

    day = Day.of(JUDGED, past, rehearsal, born=born, panel_of=panel.cut)
    found = {
        (int(row), int(bucket)): float(total)
        for part in day.crossings(number=0)
        for row, bucket, total in zip(part.row, part.bucket, part.total, strict=True)
    }

    everyone = np.ones(len(ROSTER), dtype=np.bool_)
    plain = oracle.crossings(JUDGED, past, rehearsal, asked=everyone, panel=panel)
    assert {row for row, _ in plain} >= {0, 1}
    assert found == plain


def test_series_that_cannot_reach_their_floors_are_left_out() -> None:
    panel = recorded()
    past = Past.of(history_of(panel), TOKYO, hours=HOURS)
    rehearsal = Rehearsal(TOKYO, ModelName.PROFILE, DetectionSettings().windows, rules())

    day = Day.of(JUDGED, past, rehearsal, born=np.full(len(ROSTER), FIRST), panel_of=panel.cut)

    assert len(day.rows) < len(ROSTER)
    assert {0, 1} <= set(day.rows.tolist())
    assert day.worth.sum() < ROWS_AT_ONCE


def test_a_baseline_of_a_past_day_has_not_seen_it() -> None:
    panel = recorded()
    calm = Panel(ROSTER, panel.grid, panel.counts.copy(), panel.known)
    day = slice((JUDGED - FIRST) * 4, (JUDGED - FIRST + DAY) * 4)
    calm.counts[:, day] = 0

    fitted, other = (
        Past.of(history_of(seen), TOKYO, hours=HOURS).baseline(JUDGED, model=ModelName.PROFILE)
        for seen in (panel, calm)
    )

    np.testing.assert_array_equal(fitted.slot_mean, other.slot_mean)
