"""Other limits measured against one replay come to what a replay under them comes to, incident by incident."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikewatch.core.counts import Gap
from spikewatch.core.incidents import Incident
from spikewatch.core.settings import CategorySettings, DetectionSettings, ServiceSettings, StaticRule
from spikewatch.core.timegrid import HOUR, Span
from spikewatch.cycle import Detector
from spikewatch.lab.rejudging import Watched
from spikewatch.lab.replay import Recording, Replayed, history_of, replay
from tests.simulated_desk import CRASH, JUDGED, LOGIN, PARCEL, REFUND, Desk, Surge, backtester

WINDOWS = (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=3))
UNTIL = JUDGED + timedelta(days=2)
SURGES = [
    Surge(LOGIN, JUDGED + timedelta(hours=2), tickets=9, buckets=3),
    Surge(REFUND, JUDGED + timedelta(hours=3), tickets=6, buckets=2),
    Surge(PARCEL, JUDGED + timedelta(hours=26), tickets=40, buckets=2),
    Surge(CRASH, JUDGED + timedelta(hours=26, minutes=15), tickets=20, buckets=9),
    Surge(LOGIN, JUDGED + timedelta(hours=26, minutes=15), tickets=12, buckets=10),
]
BLIND = Gap(Span(JUDGED + timedelta(hours=27), JUDGED + timedelta(hours=29)), "app")
RULED = {
    "shop": ServiceSettings(
        categories={"parcel": CategorySettings(rules=(StaticRule(tickets=9, within=HOUR),))}
    )
}


@pytest.fixture(scope="module")
def recording() -> Recording:
    return Desk.simulated(*SURGES).recording(until=UNTIL, gaps=[BLIND])


def watched(recording: Recording, detector: Detector) -> tuple[Watched, Replayed]:
    seen = Watched(detector)
    return seen, replay(recording, detector, since=JUDGED, on_verdict=seen)


@pytest.fixture(scope="module")
def plain(recording: Recording) -> tuple[Watched, Replayed]:
    return watched(recording, backtester())


def told(replayed: Replayed) -> list[Incident]:
    """Incidents without what they explain, which nobody asks a trial for."""
    return [replace(incident, explained=None) for incident in replayed.incidents]


def test_under_the_same_limits_it_is_the_same_replay(plain: tuple[Watched, Replayed]) -> None:
    seen, replayed = plain

    found = seen.under(backtester(), tails=seen.tails)

    assert told(found) == told(replayed)
    assert (found.judged_from, found.judged_until) == (replayed.judged_from, replayed.judged_until)
    assert len(found.incidents) >= 2


def test_only_what_could_surge_is_kept(plain: tuple[Watched, Replayed]) -> None:
    assert 0 < plain[0].kept_share < 0.6


LIMITS = st.tuples(
    st.sampled_from([0.05, 1.0, 60.0, 900.0]),
    st.integers(1, 40),
    st.sampled_from([1.0, 1.5, 3.0]),
    st.sampled_from([0.05, 1.0, 30.0]),
    st.integers(1, 30),
)


@given(limits=LIMITS)
@settings(max_examples=5, deadline=None)
def test_any_floors_weights_and_budget_come_to_a_replay_of_their_own(
    plain: tuple[Watched, Replayed], recording: Recording, limits: tuple[float, int, float, float, int]
) -> None:
    budget, min_tickets, min_ratio, weight, floor = limits
    detection = DetectionSettings(
        windows=WINDOWS, false_alarms_per_week=budget, min_tickets=min_tickets, min_ratio=min_ratio
    )
    services = {"payments": ServiceSettings(weight=weight), "app": ServiceSettings(min_tickets=floor)}
    other = replace(backtester(), detection=detection, services=services)
    history = history_of(recording.panel)
    tails = {week: other.calibrate(history, recording.panel.cut, week=week).tail for week in plain[0].tails}

    assert told(plain[0].under(other, tails=tails)) == told(replay(recording, other, since=JUDGED))


def test_static_rules_count_on_under_other_limits(recording: Recording) -> None:
    ruled = replace(backtester(), services=RULED)
    seen, _ = watched(recording, ruled)
    stricter = replace(ruled, detection=DetectionSettings(windows=WINDOWS, min_tickets=500))

    found = seen.under(stricter, tails=seen.tails)

    assert found.incidents
    assert all(surge.joined.is_by_rule for incident in found.incidents for surge in incident.surges)
    assert told(found) == told(replay(recording, stricter, since=JUDGED))


def test_nothing_watched_is_told_so() -> None:
    with pytest.raises(ValueError, match="hand this to a replay as on_verdict"):
        Watched(backtester()).under(backtester(), tails={})
