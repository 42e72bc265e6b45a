"""Data frames hold what the lab's values hold, in local time, and never a zero for what is not known."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from spikewatch.core.counts import Gap, Roster, SeriesKey
from spikewatch.core.timegrid import Span
from spikewatch.lab.frames import (
    counts_file_frame,
    counts_frame,
    course_frame,
    incidents_frame,
    week_shape_frame,
)
from spikewatch.lab.recordings import detector_for, read_recording
from spikewatch.lab.replay import Recording, Replayed, record, replay
from spikewatch.lab.synthetic import WorldSettings, simulate
from spikewatch.lab.tracing import Trace
from tests.core_factories import LOGIN, NOON, PARCEL, PAYMENTS, STEP, baseline, incident, quiet, surge

TOKYO = ZoneInfo("Asia/Tokyo")
LONDON = ZoneInfo("Europe/London")


def steady(*keys: SeriesKey, start: datetime, buckets: int, gaps: tuple[Gap, ...] = ()) -> Recording:
    """One ticket of each series in every bucket."""
    first = int(start.timestamp())
    stamps = np.tile(first + 300 * np.arange(buckets), len(keys))
    roster = Roster.of(keys)
    rows = np.repeat([roster.rows[key] for key in keys], buckets)
    return record(
        roster,
        series_rows=rows,
        stamps=stamps,
        counts=np.ones(len(stamps), dtype=np.int64),
        step=STEP,
        gaps=gaps,
    )


def test_counts_stand_in_local_time_by_the_start_of_their_bucket() -> None:
    recording = steady(LOGIN, PARCEL, start=NOON, buckets=12)

    frame = counts_frame(recording, zone=TOKYO)

    assert frame.index[0] == pd.Timestamp("2026-05-11 21:00", tz=TOKYO)
    assert str(frame.index.name) == "start"
    assert frame["observed"].tolist() == [2] * 12
    assert frame["known"].all()


def test_a_gap_is_missing_and_not_zero() -> None:
    gap = Gap(Span(NOON + STEP, NOON + 3 * STEP), "payments")
    recording = steady(LOGIN, PARCEL, start=NOON, buckets=12, gaps=(gap,))

    payments = counts_frame(recording, zone=TOKYO, service="payments", category="login")
    shop = counts_frame(recording, zone=TOKYO, service="shop")

    assert payments["observed"].isna().tolist() == [False, True, True, *[False] * 9]
    assert shop["observed"].tolist() == [1] * 12


def test_an_hour_with_an_unknown_bucket_is_unknown() -> None:
    gap = Gap(Span(NOON + STEP, NOON + 2 * STEP), None)
    recording = steady(LOGIN, start=NOON, buckets=24, gaps=(gap,))

    frame = counts_frame(recording, zone=TOKYO, freq="1h")

    assert frame["known"].tolist() == [False, True]
    assert frame["observed"].isna().tolist() == [True, False]
    assert frame["observed"].iloc[1] == 12


def test_a_day_that_the_recording_begins_or_ends_in_is_unknown() -> None:
    recording = steady(LOGIN, start=NOON, buckets=2 * 288)

    frame = counts_frame(recording, zone=TOKYO, freq="1D")

    assert frame["known"].tolist() == [False, True, False]
    assert frame["observed"].iloc[1] == 288


def test_a_day_of_25_hours_is_known_whole() -> None:
    midnight = datetime(2026, 10, 24, 23, tzinfo=UTC)
    recording = steady(LOGIN, start=midnight, buckets=25 * 12)

    frame = counts_frame(recording, zone=LONDON, freq="1D")

    assert frame["observed"].tolist() == [25 * 12]


def test_an_incident_is_one_row_told_by_its_strongest_series() -> None:
    strongest = surge(PAYMENTS, score=1.7)
    replayed = Replayed((incident(surge(LOGIN, score=1.2), strongest, id="A"),), NOON, NOON)

    row = incidents_frame(replayed, zone=TOKYO).loc["A"]

    assert row["opened"] == pd.Timestamp("2026-05-11 21:00", tz=TOKYO)
    assert (row["series"], row["window"], row["observed"], row["score"]) == ("payments/*", "15m", 12, 1.7)
    assert pd.isna(row["resolved"])


def test_what_was_merged_is_left_out_and_nothing_left_is_an_empty_frame() -> None:
    merged = replace(incident(surge()), merged_into="B")

    frame = incidents_frame(Replayed((merged,), NOON, NOON), zone=TOKYO)

    assert len(frame) == 0
    assert str(frame["opened"].dt.tz) == "Asia/Tokyo"


def test_a_normal_week_has_168_hours() -> None:
    roster = Roster.of([LOGIN, PARCEL])
    learnt = baseline(roster, {LOGIN: 4.0, PARCEL: 2.0}, overdispersion=1.0, day_spread=0.5)

    frame = week_shape_frame(learnt, service="payments", category="login")

    assert len(frame) == 168
    assert frame["expected"].tolist() == [4.0] * 168
    assert frame["deviation"].iloc[0] == pytest.approx(np.sqrt(4.0 + 2.0**2))


def test_a_world_comes_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    settings = WorldSettings(
        weeks=3, judged_weeks=1, services=2, series=4, births=0, deaths=0, gaps=0, past_incidents=0
    )
    world = simulate(settings, seed=1)
    file = tmp_path / "counts.csv"

    counts_file_frame(world, zone=TOKYO).to_csv(file, index=False)
    recording = read_recording(file, until=world.grid.end)

    assert "+09:00," in file.read_text("utf-8").splitlines()[1]
    first = recording.panel.grid.first - world.grid.first
    assert np.array_equal(recording.panel.counts, world.panel.counts[:, first:])


def test_a_course_is_missing_where_nothing_was_judged() -> None:
    gap = Gap(Span(NOON + timedelta(days=15), NOON + timedelta(days=15, hours=2)), None)
    recording = steady(LOGIN, start=NOON, buckets=288 * 16, gaps=(gap,))
    trace = Trace(window=timedelta(hours=1))
    replay(
        recording,
        detector_for(recording, zone=TOKYO),
        since=gap.span.start - timedelta(hours=1),
        on_verdict=trace,
    )

    frame = course_frame(trace, zone=TOKYO, service="payments")

    at_gap = pd.Timestamp(gap.span.end)
    assert frame.loc[at_gap].isna().all()
    assert frame.loc[at_gap - timedelta(hours=2), "observed"] == 12
    assert str(frame.index.name) == "at"


def test_a_resolved_incident_has_its_end_in_local_time() -> None:
    over = replace(incident(quiet(surge()), id="A"), resolved_at=NOON + timedelta(hours=1))

    frame = incidents_frame(Replayed((over,), NOON, NOON), zone=TOKYO)

    assert frame.loc["A", "resolved"] == pd.Timestamp("2026-05-11 22:00", tz=TOKYO)
