"""What tuning keeps of a replay is a small part of what the replay was made of, and replays come out the same by it."""

import gc
import tracemalloc
import weakref
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from spikewatch.core.calendars import Calendar
from spikewatch.core.settings import DetectionSettings
from spikewatch.core.timegrid import HOUR
from spikewatch.cycle import Detector, Verdict
from spikewatch.lab.keeping import Keeping
from spikewatch.lab.rejudging import Watched
from spikewatch.lab.replay import Recording, history_of, replay
from tests.simulated_desk import CRASH, JUDGED, LOGIN, STEP, Desk, Surge, backtester

UNTIL = JUDGED + timedelta(days=2)
SURGES = (
    Surge(LOGIN, JUDGED + timedelta(hours=2), tickets=20, buckets=6),
    Surge(CRASH, JUDGED + timedelta(hours=26), tickets=20, buckets=9),
)
EPOCHS = [int(JUDGED.timestamp()) // 3600 + hour for hour in range(48)]


@pytest.fixture(scope="module")
def recording() -> Recording:
    return Desk.simulated(*SURGES).recording(until=UNTIL)


@pytest.fixture
def traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


def without_an_hour(detector: Detector) -> Detector:
    windows = (timedelta(minutes=15), timedelta(hours=3))
    return replace(detector, detection=DetectionSettings(windows=windows))


@pytest.mark.usefixtures("traced")
def test_what_is_kept_of_a_baseline_is_a_small_part_of_it(recording: Recording) -> None:
    keeping, history = Keeping.of(backtester()), history_of(recording.panel)
    whole = keeping.fit(history, epoch=EPOCHS[0])
    before, _ = tracemalloc.get_traced_memory()

    for epoch in EPOCHS[1:]:
        keeping.fit(history, epoch=epoch)

    kept = (tracemalloc.get_traced_memory()[0] - before) / len(EPOCHS[1:])
    assert kept < (whole.slot_mean.nbytes + whole.slot_variance.nbytes + whole.within.nbytes) / 2


def test_who_watches_holds_no_expectations(recording: Recording) -> None:
    detector, seen = backtester(), []
    watched = Watched(detector)

    def watch(verdict: Verdict) -> None:
        watched(verdict)
        seen.append(weakref.ref(verdict.baseline))

    replay(recording, detector, since=UNTIL - 3 * HOUR, on_verdict=watch)
    gc.collect()

    assert [kept() for kept in seen] == [None, None, None]


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "Asia/Kolkata", "America/New_York"])
def test_a_kept_baseline_expects_the_same_in_all_that_its_hour_looks_at(
    recording: Recording, zone: str
) -> None:
    detector = replace(backtester(), calendar=Calendar(ZoneInfo(zone), frozenset({JUDGED.date()})))
    keeping, history = Keeping.of(detector), history_of(recording.panel)

    for epoch in EPOCHS[:24]:
        keeping.fit(history, epoch=epoch)
        fitted, kept = detector.fit(history, epoch=epoch), keeping.fit(history, epoch=epoch)
        first = detector.reach(epoch * (HOUR // STEP))
        stop = (epoch + 1) * (HOUR // STEP)
        wanted, found = fitted.expect(first, stop, STEP), kept.expect(first, stop, STEP)
        assert np.array_equal(found.mean, wanted.mean)
        assert np.array_equal(found.variance, wanted.variance)


def test_a_kept_baseline_knows_nothing_of_other_hours(recording: Recording) -> None:
    keeping, history = Keeping.of(backtester()), history_of(recording.panel)
    keeping.fit(history, epoch=EPOCHS[0])
    first = (EPOCHS[0] + 1) * (HOUR // STEP)

    found = keeping.fit(history, epoch=EPOCHS[0]).expect(first, first + 1, STEP)

    assert np.isnan(found.mean).all()


def test_a_replay_by_kept_baselines_is_the_same_replay_with_fewer_windows_too(recording: Recording) -> None:
    keeping = Keeping.of(backtester())
    replay(recording, keeping, since=JUDGED)

    for other in (lambda detector: detector, without_an_hour):
        found = replay(recording, other(keeping), since=JUDGED)
        assert found == replay(recording, other(backtester()), since=JUDGED)
        assert found.incidents
