"""Peaks: which crossings of a level are one incident."""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np

from spikewatch.calibrating import Crossings, peaks_of
from spikewatch.core.counts import Roster, SeriesKey

STEP = timedelta(minutes=5)
ROSTER = Roster.of([SeriesKey("a", f"c{n}") for n in range(2)] + [SeriesKey("b", "c")])
A0, A1, B = 0, 1, 2
FLEET = len(ROSTER) - 1


def crossings(*found: tuple[int, int, float]) -> Crossings:
    """Crossings of (row, bucket, total)."""
    row, bucket, total = (np.array(column) for column in zip(*found, strict=True))
    return Crossings(row, bucket, total.astype(np.float64), bucket // 288)


def scores(found: Sequence[tuple[int, int, float]]) -> list[float]:
    """Peaks of seven days, highest first."""
    peaks = peaks_of(crossings(*found), ROSTER, step=STEP, n_days=7)
    return sorted(peaks.score.tolist(), reverse=True)


def test_what_comes_within_an_hour_in_one_service_is_one_incident() -> None:
    assert scores([(A0, 100, 5.0), (A1, 112, 7.0), (B, 105, 6.0)]) == [7.0, 6.0]
    assert scores([(A0, 100, 5.0), (A1, 113, 7.0)]) == [7.0, 5.0]


def test_the_fleet_and_a_service_at_the_same_time_are_one_incident_the_higher() -> None:
    assert scores([(FLEET, 100, 9.0), (A0, 105, 5.0), (B, 300, 6.0)]) == [9.0, 6.0]
    assert scores([(FLEET, 100, 4.0), (A0, 105, 5.0)]) == [5.0]
