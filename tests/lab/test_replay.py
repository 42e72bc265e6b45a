"""Replay: it looks at nothing that came later, says the same twice, and comes to what the daemon came to."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikewatch.core.counts import ALL, Gap, Roster, SeriesKey
from spikewatch.core.events import Mask
from spikewatch.core.incidents import Incident, Phase
from spikewatch.core.timegrid import HOUR, Span, bucket_number, seconds
from spikewatch.cycle import Verdict
from spikewatch.lab.replay import Replayed, history_of, record, replay, replay_name
from tests.simulated_desk import (
    BEGAN,
    CRASH,
    JUDGED,
    LOGIN,
    PARCEL,
    REFUND,
    STEP,
    Desk,
    Live,
    Surge,
    backtester,
    end_of,
)

NEW = SeriesKey("payments", "new card")
SURGES = [
    Surge(LOGIN, JUDGED + timedelta(hours=2), tickets=25, buckets=3),
    Surge(REFUND, JUDGED + timedelta(hours=3), tickets=12, buckets=2),
    Surge(PARCEL, JUDGED + timedelta(hours=9), tickets=40, buckets=2),
    Surge(CRASH, JUDGED + timedelta(hours=9, minutes=15), tickets=20, buckets=2),
    Surge(NEW, JUDGED + timedelta(hours=9, minutes=30), tickets=30, buckets=2),
    Surge(LOGIN, JUDGED + timedelta(hours=20), tickets=6, buckets=10),
]
UNTIL = JUDGED + timedelta(hours=30)
DESK = Desk.simulated(*SURGES)
BURST = Surge(LOGIN, JUDGED + timedelta(hours=2), tickets=25, buckets=8)


def last_bucket() -> int:
    return bucket_number(JUDGED, STEP) - 1


def replayed(desk: Desk = DESK, *, hours: float = 30, gaps: Sequence[Gap] = ()) -> Replayed:
    """The replay from the bucket that a live desk judges first."""
    recording = desk.recording(until=JUDGED + timedelta(hours=hours), gaps=gaps)
    return replay(recording, backtester(), since=JUDGED - STEP)


def verdicts(desk: Desk, *, hours: float) -> Sequence[Verdict]:
    seen: list[Verdict] = []
    recording = desk.recording(until=JUDGED + timedelta(hours=hours))
    replay(recording, backtester(), since=JUDGED - STEP, on_verdict=seen.append)
    return seen


def without_ids(incident: Incident) -> Incident:
    return replace(incident, id="", merged_into=incident.merged_into and "")


# -- against life


def test_live_and_backtest_come_to_the_same_incidents() -> None:
    live = Live(DESK).begin()
    live.live_through(UNTIL)

    found = replayed().incidents

    lived = sorted(live.store.incidents(since=BEGAN), key=lambda each: (each.opened_at, each.service or ""))
    again = sorted(found, key=lambda each: (each.opened_at, each.service or ""))
    assert len(found) >= 4
    assert [without_ids(each) for each in again] == [without_ids(each) for each in lived]
    assert any(each.is_company_wide for each in found)


def test_live_in_fits_and_starts_comes_to_the_same_too() -> None:
    live = Live(DESK).begin()
    live.live_through(JUDGED + timedelta(hours=5), every=timedelta(minutes=45))
    live.restart()
    live.live_through(UNTIL, every=timedelta(hours=7, minutes=15))

    assert {
        (each.service, each.opened_at, each.peak_score) for each in live.store.incidents(since=BEGAN)
    } == {(each.service, each.opened_at, each.peak_score) for each in replayed().incidents}


# -- causality


def told(seen: Sequence[Verdict], *, until: float) -> Sequence[object]:
    cut = JUDGED + timedelta(hours=until)
    return [notice for verdict in seen for notice in verdict.notices if notice.at <= cut]


WHOLE = verdicts(DESK, hours=30)


@settings(max_examples=8)
@given(st.integers(1, 119))
def test_cutting_the_input_changes_nothing_that_was_told_before_the_cut(quarters: int) -> None:
    cut = verdicts(DESK, hours=quarters / 4)

    assert told(cut, until=30) == told(WHOLE, until=quarters / 4)


def test_something_was_told_before_and_after_most_cuts() -> None:
    assert 0 < len(told(WHOLE, until=5)) < len(told(WHOLE, until=12)) < len(told(WHOLE, until=30))


def test_what_comes_later_may_be_anything() -> None:
    flood = Desk({key: row.copy() for key, row in DESK.counts.items()})
    for row in flood.counts.values():
        row[(JUDGED + timedelta(hours=6) - BEGAN) // STEP :] = 999

    assert told(verdicts(flood, hours=8), until=6) == told(WHOLE, until=6)


def test_two_replays_are_identical() -> None:
    assert replayed(hours=12) == replayed(hours=12)


# -- what is judged


def test_judging_begins_once_two_weeks_are_known() -> None:
    recording = DESK.recording(until=JUDGED)

    found = replay(recording, backtester())

    assert recording.warm_at == BEGAN + timedelta(days=14)
    assert (found.judged_from, found.judged_until) == (recording.warm_at, JUDGED)


def test_a_recording_that_never_warms_up_is_judged_nowhere() -> None:
    until = BEGAN + timedelta(days=13)
    recording = DESK.recording(until=until)

    found = replay(recording, backtester())

    assert recording.warm_at == until
    assert found == Replayed((), until, until)


def test_nothing_opens_before_the_baseline_is_warm_however_early_judging_begins() -> None:
    desk = Desk.simulated(Surge(LOGIN, BEGAN + timedelta(days=10), tickets=90, buckets=4))

    found = replay(desk.recording(until=BEGAN + timedelta(days=11)), backtester(), since=BEGAN)

    assert found.incidents == ()
    assert found.judged_from == BEGAN + timedelta(hours=3)


def test_since_after_the_end_judges_nothing() -> None:
    found = replay(DESK.recording(until=JUDGED), backtester(), since=UNTIL)

    assert (found.incidents, found.judged_from, found.judged_until) == ((), UNTIL, UNTIL)


def test_a_replay_that_is_broken_off_leaves_nothing_running() -> None:
    def broken_off(_share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replay(DESK.recording(until=UNTIL), backtester(), since=JUDGED, on_hour=broken_off)

    assert not [thread for thread in threading.enumerate() if thread.name.startswith("fit")]


def test_progress_ends_at_the_whole() -> None:
    shares: list[float] = []

    replay(
        DESK.recording(until=JUDGED + timedelta(hours=3)), backtester(), since=JUDGED, on_hour=shares.append
    )

    assert shares == [pytest.approx(1 / 3), pytest.approx(2 / 3), 1.0]


def test_incidents_stand_in_order_of_opening_each_in_its_last_state() -> None:
    found = replayed().incidents

    assert [each.opened_at for each in found] == sorted(each.opened_at for each in found)
    assert len({each.id for each in found}) == len(found)
    assert found[0].phase is Phase.CLOSED


def test_what_is_open_at_the_end_stays_open() -> None:
    (incident,) = replayed(Desk.steady(BURST), hours=3).incidents

    assert (incident.phase, incident.resolved_at) == (Phase.OPEN, None)


def test_a_series_without_a_ticket_so_far_is_nowhere() -> None:
    before = {
        key
        for verdict in WHOLE[:8]
        for incident in verdict.changed
        for key in [s.series for s in incident.surges]
    }

    assert before
    assert NEW not in before


def test_an_id_depends_on_service_and_opening_alone() -> None:
    assert replay_name(1, "shop", JUDGED) == replay_name(9, "shop", JUDGED)
    assert (
        len({replay_name(1, name, at) for name in ("shop", "app", None) for at in (JUDGED, JUDGED + STEP)})
        == 6
    )


# -- gaps


def test_a_gap_neither_alerts_nor_resolves() -> None:
    opened = end_of(BURST.start)
    gap = Gap(Span(opened, opened + timedelta(hours=6)), "payments")

    (blind,) = replayed(Desk.steady(BURST), hours=8, gaps=[gap]).incidents
    (seeing,) = replayed(Desk.steady(BURST), hours=8).incidents

    assert seeing.phase is not Phase.OPEN
    assert blind.opened_at == seeing.opened_at == opened
    assert blind.phase is Phase.OPEN
    assert blind.last_surging == opened


def test_an_incident_resolves_after_thirty_minutes_that_are_known_again() -> None:
    opened = end_of(BURST.start)
    seen_again = opened + timedelta(hours=6)

    (incident,) = replayed(
        Desk.steady(BURST), hours=12, gaps=[Gap(Span(opened, seen_again), "payments")]
    ).incidents

    assert incident.resolved_at == seen_again + timedelta(minutes=30)


def test_a_gap_in_one_service_leaves_the_others_to_be_judged() -> None:
    gap = Gap(Span(JUDGED, JUDGED + timedelta(hours=12)), "payments")
    desk = Desk.steady(Surge(PARCEL, JUDGED + timedelta(hours=4), tickets=40, buckets=2))

    (incident,) = replayed(desk, hours=6, gaps=[gap]).incidents

    assert incident.service == "shop"


# -- recordings


def recorded(stamps: Sequence[int], counts: Sequence[int], *, until: datetime | None = None) -> Sequence[int]:
    recording = record(
        Roster.of([LOGIN]),
        series_rows=[0] * len(stamps),
        stamps=np.array(stamps),
        counts=np.array(counts),
        step=STEP,
        until=until,
    )
    assert recording.panel.grid.first % 4 == recording.panel.grid.length % 4 == 0
    return [int(tickets) for tickets in recording.panel.counts[0]]


NINE = int((JUDGED + timedelta(hours=9)).timestamp())
QUARTER = seconds(STEP)


def test_stamps_are_floored_to_the_grid_and_rows_of_one_bucket_add_up() -> None:
    counts = recorded([NINE, NINE + 1, NINE + QUARTER - 1, NINE + QUARTER], [1, 2, 3, 4])

    assert counts == [6, 4, 0, 0]


def test_a_recording_is_known_from_its_first_stamp_to_the_end_of_its_last_bucket() -> None:
    recording = record(
        Roster.of([LOGIN]),
        series_rows=[0, 0],
        stamps=np.array([NINE + QUARTER, NINE + 4 * QUARTER]),
        counts=np.array([1, 1]),
        step=STEP,
    )  # fmt: skip -- one call, one line of values

    assert recording.panel.known[0].tolist() == [False, True, True, True, True, False, False, False]
    assert recording.until == JUDGED + timedelta(hours=10, minutes=15)


def test_until_ends_the_input_in_the_middle_of_an_hour() -> None:
    until = JUDGED + timedelta(hours=9, minutes=40)

    counts = recorded(
        [NINE, NINE + QUARTER, NINE + 2 * QUARTER, NINE + 9 * QUARTER], [1, 2, 3, 4], until=until
    )

    assert counts == [1, 2, 0, 0]


def test_an_until_after_the_last_stamp_makes_silence_known() -> None:
    until = JUDGED + timedelta(hours=11)

    assert recorded([NINE], [5], until=until) == [5, 0, 0, 0, 0, 0, 0, 0]


def test_an_until_before_the_first_stamp_leaves_nothing() -> None:
    assert recorded([NINE], [5], until=JUDGED) == []


def test_counts_in_a_gap_are_unknown_and_not_in_any_sum() -> None:
    gap = Gap(Span(JUDGED, JUDGED + timedelta(hours=1)), "shop")
    panel = DESK.recording(until=JUDGED + timedelta(hours=2), gaps=[gap]).panel

    place = (JUDGED - BEGAN) // STEP
    rows = panel.roster.rows
    assert panel.counts[rows[PARCEL], place : place + 4].tolist() == [0, 0, 0, 0]
    services = sum(panel.counts[rows[SeriesKey(service, ALL)]] for service in panel.roster.services)
    np.testing.assert_array_equal(panel.counts[-1], services)


def test_an_hour_of_history_is_known_where_all_of_its_buckets_are() -> None:
    gap = Gap(Span(JUDGED + STEP, JUDGED + 2 * STEP), "shop")
    panel = DESK.recording(until=JUDGED + timedelta(hours=2), gaps=[gap]).panel

    history = history_of(panel)

    hour = bucket_number(JUDGED, HOUR) - history.hourly.grid.first
    known = dict(zip(panel.roster.services, history.hourly.known[:, hour].tolist(), strict=True))
    assert known == {"app": True, "payments": True, "shop": False}
    assert history.hourly.known[:, hour + 1].all()
    assert history.hourly.counts.sum() == panel.counts.sum()
    assert history.services.shape == (3, panel.grid.length)


def test_the_last_bucket_judged_is_the_last_that_ended() -> None:
    recording = DESK.recording(until=JUDGED + timedelta(minutes=50))

    found = replay(recording, backtester(), since=JUDGED - STEP)

    assert found.judged_until == JUDGED + timedelta(minutes=45)
    assert bucket_number(found.judged_from, STEP) == last_bucket()


# -- labels


def test_a_label_changes_nothing_before_it_was_recorded() -> None:
    recorded = JUDGED + timedelta(hours=9)
    span = Span(JUDGED - timedelta(days=4), JUDGED - timedelta(days=1))
    labelled = replace(backtester(), masks=(Mask(span, None, None, recorded),))
    recording = DESK.recording(until=UNTIL)
    scores: dict[bool, dict[int, list[float]]] = {True: {}, False: {}}
    for with_label, judging in ((False, backtester()), (True, labelled)):

        def note(verdict: Verdict, seen: dict[int, list[float]] = scores[with_label]) -> None:
            seen[verdict.assessment.first] = verdict.assessment.expected.sum(axis=(0, 1)).tolist()

        replay(recording, judging, since=JUDGED - STEP, calibrated=False, on_verdict=note)

    from_then = bucket_number(recorded, STEP)
    assert scores[True].keys() == scores[False].keys()
    changed = {first for first, seen in scores[True].items() if seen != scores[False][first]}
    assert changed
    assert min(changed) == from_then
