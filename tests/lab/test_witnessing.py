"""A witness keeps what was judged around each incident, changes nothing, and holds on to nothing else."""

from datetime import timedelta

import numpy as np
import pytest

from spikewatch.core.timegrid import seconds
from spikewatch.lab.replay import Replayed, replay
from spikewatch.lab.witnessing import AFTERWARDS, HOURS_BEFORE, Witness
from tests.simulated_desk import CRASH, JUDGED, LOGIN, PARCEL, REFUND, STEP, Desk, Surge, backtester

DESK = Desk.simulated(
    Surge(LOGIN, JUDGED + timedelta(hours=5), tickets=25, buckets=3),
    Surge(REFUND, JUDGED + timedelta(hours=5, minutes=30), tickets=12, buckets=2),
    Surge(CRASH, JUDGED + timedelta(hours=10), tickets=15, buckets=20),
    Surge(PARCEL, JUDGED + timedelta(hours=20), tickets=40, buckets=2),
    Surge(CRASH, JUDGED + timedelta(hours=20, minutes=15), tickets=20, buckets=2),
)
RECORDING = DESK.recording(until=JUDGED + timedelta(hours=30))


@pytest.fixture(scope="module")
def seen() -> tuple[Replayed, Witness]:
    witness = Witness()
    return replay(RECORDING, backtester(), since=JUDGED, on_verdict=witness), witness


def test_watching_changes_nothing(seen: tuple[Replayed, Witness]) -> None:
    assert replay(RECORDING, backtester(), since=JUDGED) == seen[0]


def test_every_incident_was_seen_with_the_quiet_time_before_it_and_some_after(
    seen: tuple[Replayed, Witness],
) -> None:
    replayed, witness = seen

    sights = witness.sights()

    assert len(replayed.incidents) >= 3
    for incident in replayed.incidents:
        view = sights[incident.id].views[0]
        assert incident.explained is not None
        assert view.series == incident.explained.series
        opened = incident.opened_at.timestamp()
        assert view.course.at[0] <= opened - HOURS_BEFORE * 3600 + 3600
        assert incident.resolved_at is not None
        over = (incident.resolved_at + AFTERWARDS).timestamp()
        assert over <= view.course.at[-1] <= over + 3600
        assert set(np.diff(view.course.at)) == {seconds(STEP)}


def test_a_view_holds_the_counts_and_the_reading_that_was_judged(seen: tuple[Replayed, Witness]) -> None:
    replayed, witness = seen
    incident = replayed.incidents[0]
    panel = RECORDING.panel

    view = witness.sights()[incident.id].views[0]

    surge = next(surge for surge in incident.surges if surge.series == view.series)

    assert view.window == timedelta(minutes=surge.joined.window_minutes)
    place = int(np.flatnonzero(view.course.at == surge.opened_at.timestamp())[0])
    assert view.course.observed[place] == surge.joined.observed
    assert view.course.upper[place] == surge.joined.upper
    assert view.course.score[place] == surge.joined.score
    width = view.window // STEP
    column = panel.grid.column(surge.opened_at)
    counted = panel.counts[panel.roster.rows[view.series], column - width : column].sum()
    assert view.course.observed[place] == counted


def test_who_joins_later_is_seen_too_and_the_drivers_are_those_of_the_peak(
    seen: tuple[Replayed, Witness],
) -> None:
    replayed, witness = seen
    incident = replayed.incidents[0]

    sight = witness.sights()[incident.id]

    assert {view.series for view in sight.views} == {surge.series for surge in incident.surges[:4]}
    assert LOGIN in [part.series for part in sight.drivers]
    assert all(part.share is not None for part in sight.drivers if not part.series.is_rollup)
