"""Tuning finds the setting that spares false alarms, proves it on weeks it was not chosen on, and is silent otherwise."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from spikewatch.core.counts import SeriesKey
from spikewatch.core.events import Label, LabelKind
from spikewatch.core.settings import CategorySettings, ServiceSettings
from spikewatch.core.timegrid import Span
from spikewatch.lab.knobs import Change, Target, changed, changes_for
from spikewatch.lab.replay import Recording, Replayed, replay
from spikewatch.lab.searching import choose, with_settings_of
from spikewatch.lab.tuning import Tuned, tune
from spikewatch.lab.yardstick import LOST, Outcome, Yardstick, effect
from tests import noisy_desk
from tests.noisy_desk import JUDGED, LOGIN, NEWS


@pytest.fixture(scope="module")
def recording() -> Recording:
    return noisy_desk.recording()


@pytest.fixture(scope="module")
def tuned(recording: Recording) -> Tuned:
    labels = noisy_desk.real()
    return tune(recording, noisy_desk.detector(recording, labels=labels), labels=labels)


def outcome(alarms: list[int], minutes: list[float]) -> Outcome:
    return Outcome(np.array(alarms), np.array(minutes), np.zeros(len(minutes), dtype=np.int64))


def test_the_noisy_category_gets_a_setting_of_its_own_that_spares_its_alarms(tuned: Tuned) -> None:
    first = tuned.proposals[0]

    assert first.target.series.service == NEWS.service
    assert first.effect.saved >= 4
    assert (first.effect.lost, first.effect.found) == (0, 0)
    assert first.wins >= 2
    assert tuned.effect is not None
    assert tuned.effect.lost == 0


def test_what_is_reported_is_what_a_replay_of_the_proposed_settings_comes_to(
    tuned: Tuned, recording: Recording
) -> None:
    labels = noisy_desk.real()
    detector = noisy_desk.detector(recording, labels=labels)
    proposed = detector
    for proposal in tuned.proposals:
        proposed = changed(proposed, proposal.change)

    assert tuned.yardstick is not None
    assert tuned.after is not None
    again = tuned.yardstick.outcome(replay(recording, with_settings_of(detector, proposed)))

    assert again.alarms.tolist() == tuned.after.alarms.tolist()
    assert again.minutes.tolist() == tuned.after.minutes.tolist()


def test_effects_add_up_to_the_whole(tuned: Tuned) -> None:
    assert tuned.effect is not None
    assert sum(proposal.effect.saved for proposal in tuned.proposals) == tuned.effect.saved


def test_too_little_history_is_said_with_the_limit_and_the_reason() -> None:
    recording = noisy_desk.recording(weeks=2)

    found = tune(recording, noisy_desk.detector(recording), labels=noisy_desk.real(weeks=2))

    assert found.proposals == ()
    assert found.silent[0].startswith("too little history: 2.0 weeks can be judged and 3 are needed, for ")


def test_too_few_labels_are_said_with_the_limit_and_the_reason(recording: Recording) -> None:
    found = tune(recording, noisy_desk.detector(recording), labels=noisy_desk.real()[:2])

    assert found.proposals == ()
    assert "2 incidents are labelled real and 0 alerts false, and 3 of either are needed" in found.silent[0]


def test_a_value_that_wins_on_one_odd_week_alone_is_not_chosen() -> None:
    odd = choose(np.array([[1.0, 1.0, 9.0, 1.0], [1.0, 1.0, 0.0, 1.0]]))
    steady = choose(np.array([[3.0, 3.0, 3.0, 1.0], [1.0, 2.0, 1.0, 1.0]]))

    assert (odd.place, odd.holds) == (1, False)
    assert (steady.place, steady.holds) == (1, True)
    assert steady.gains.tolist() == [2.0, 1.0, 2.0, 0.0]


def test_values_fitted_to_chance_do_not_hold() -> None:
    rng = np.random.default_rng(0)
    held = sum(choose(rng.poisson(2.0, (12, 4)).astype(float)).holds for _ in range(400))

    assert held < 400 * 0.2


def test_an_incident_lost_outweighs_many_false_alarms() -> None:
    before, after = outcome([6], [5.0]), outcome([0], [float("inf")])

    assert after.cost[0] > before.cost[0]
    assert effect(before, after).lost == 1
    assert effect(before, after).delay is None
    assert outcome([0], [1e6]).cost[0] == LOST


def test_an_effect_counts_what_is_found_and_how_much_later_the_rest_is_told() -> None:
    inf = float("inf")

    found = effect(outcome([3, 1], [10.0, 20.0, inf]), outcome([2, 0], [15.0, 35.0, 5.0]))

    assert (found.saved, found.lost, found.found, found.delay) == (2, 0, 1, 10.0)


def test_where_hardly_anything_is_labelled_real_an_alert_nobody_called_false_counts_as_real(
    recording: Recording,
) -> None:
    replayed = replay(recording, noisy_desk.detector(recording))
    news = [each for each in replayed.incidents if any(s.series == NEWS for s in each.surges)]
    wrong = [
        Label(Span(each.started_at, each.last_surging), *NEWS, LabelKind.FALSE_ALARM) for each in news[:3]
    ]

    stick = Yardstick.of(replayed, wrong)

    assert (stick.is_enough, stick.is_cautious) == (True, True)
    assert stick.outcome(replayed).false_alarms == 3
    assert len(stick.real) == len(replayed.incidents) - 3


def test_labels_of_one_incident_that_overlap_count_once() -> None:
    start = JUDGED + timedelta(days=1)
    labels = [
        Label(Span(start, start + timedelta(hours=2)), "pay", name, LabelKind.INCIDENT)
        for name in ("login", "refund")
    ]
    replayed = Replayed((), JUDGED, JUDGED + timedelta(weeks=3))

    assert Yardstick.of(replayed, labels).said_real == 1


def test_a_category_known_by_a_glob_keeps_what_the_glob_gave_it(recording: Recording) -> None:
    globs = {"pay": ServiceSettings(categories={"log*": CategorySettings(critical_score=5)})}
    detector = replace(noisy_desk.detector(recording), services=globs)

    found = changed(detector, Change(("services", "pay", "categories", "login", "min_tickets"), 5, 9))

    own = found.services["pay"].categories["login"]
    assert (own.min_tickets, own.critical_score) == (9, 5)


def test_a_series_whose_incidents_go_untold_is_offered_looser_settings(recording: Recording) -> None:
    target = Target(LOGIN, (), alarms=0, missed=2)

    changes = list(changes_for(target, noisy_desk.detector(recording)))

    assert {change.name for change in changes} == {"min_tickets", "min_ratio", "weight"}
    assert all(change.is_looser for change in changes)


def test_a_whole_service_is_tuned_in_its_own_section_and_the_fleet_in_detection() -> None:
    places = [Target(SeriesKey(*names), (), 0).place for names in (("pay", "*"), ("*", "*"))]

    assert places == [("services", "pay"), ("detection",)]
