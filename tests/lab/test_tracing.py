"""A trace holds for every bucket what the detector held for it."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from spikewatch.cycle import Verdict
from spikewatch.errors import Mistake
from spikewatch.lab.recordings import detector_for
from spikewatch.lab.replay import Recording, replay
from spikewatch.lab.synthetic import World, WorldSettings, simulate
from spikewatch.lab.tracing import Trace

UTC_ZONE = ZoneInfo("UTC")
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def world() -> World:
    settings = WorldSettings(
        weeks=3,
        judged_weeks=1,
        services=2,
        series=5,
        births=0,
        deaths=0,
        campaigns=0,
        gaps=0,
        zone="UTC",
        country=None,
    )
    return simulate(settings, seed=4)


@pytest.fixture(scope="module")
def recording(world: World) -> Recording:
    return Recording(world.panel, world.grid.end)


def since(recording: Recording, *, hours: float) -> datetime:
    return recording.until - timedelta(hours=hours)


def test_a_trace_tells_what_was_judged_bucket_by_bucket(recording: Recording) -> None:
    trace, verdicts = Trace(window=HOUR), list[Verdict]()

    def see(verdict: Verdict) -> None:
        trace(verdict)
        verdicts.append(verdict)

    replay(
        recording, detector_for(recording, zone=UTC_ZONE), since=since(recording, hours=2.5), on_verdict=see
    )

    course = trace.course(service="service00")
    row = next(row for row, key in enumerate(recording.panel.roster.keys) if key == ("service00", "*"))
    readings = [
        verdict.assessment.reading(row, column, window=2)
        for verdict in verdicts
        for column in range(verdict.assessment.n_judged)
    ]
    assert len(readings) == 30
    assert course.at.tolist() == [
        int((since(recording, hours=2.5) + timedelta(minutes=5 * (place + 1))).timestamp())
        for place in range(30)
    ]
    told = zip(course.observed, course.expected, course.upper, course.score, strict=True)
    assert [
        (reading.observed, reading.expected, reading.upper, reading.score) for reading in readings if reading
    ] == list(told)


def test_a_window_sums_the_counts_of_the_recording(recording: Recording) -> None:
    trace = Trace(window=HOUR)

    replay(
        recording, detector_for(recording, zone=UTC_ZONE), since=since(recording, hours=1), on_verdict=trace
    )

    assert trace.course().observed[-1] == recording.panel.counts[-1, -12:].sum()
    assert np.all(trace.course().deviation ** 2 >= trace.course().expected)


def test_only_the_services_that_were_named_are_kept(recording: Recording) -> None:
    trace = Trace(services=["service00"])

    replay(
        recording, detector_for(recording, zone=UTC_ZONE), since=since(recording, hours=1), on_verdict=trace
    )

    assert len(trace.course(service="service00", category="category00").at) == 12
    with pytest.raises(Mistake, match=r"service01/\* was not traced"):
        trace.course(service="service01")


def test_a_window_that_is_not_judged_is_refused(recording: Recording) -> None:
    trace = Trace(window=timedelta(minutes=20))
    detector = detector_for(recording, zone=UTC_ZONE)

    with pytest.raises(Mistake, match="a window of 20m is not judged; choose one of 5m, 15m, 60m, 180m"):
        replay(recording, detector, since=since(recording, hours=1), on_verdict=trace)


def test_a_trace_that_saw_nothing_says_how_to_use_it() -> None:
    with pytest.raises(Mistake, match="hand the trace to a replay as on_verdict"):
        Trace().course()
