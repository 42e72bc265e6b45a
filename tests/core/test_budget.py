"""The budget: who shares it, and what a smaller one changes."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikewatch.core.budget import (
    EVIDENCE_FACTOR,
    LEAST_CUTOFF,
    OVERLAP,
    PROVISIONAL_SHARE,
    cutoffs,
    limits_of,
    nominal,
    rules_of,
)
from spikewatch.core.calibration import Peaks, Tail, fit_tail
from spikewatch.core.counts import FLEET, Roster
from spikewatch.core.scoring import assess
from spikewatch.core.settings import CategorySettings, DetectionSettings, ServiceSettings
from tests.core_factories import LOGIN, PARCEL, PAYMENTS, REFUND, baseline, panel

WINDOWS = (timedelta(minutes=15), timedelta(hours=1))
ROSTER = Roster.of([LOGIN, REFUND, PARCEL])
NORMAL = baseline(ROSTER, {LOGIN: 12.0, REFUND: 3.0, PARCEL: 30.0})

budgets = st.floats(0.01, 1000)


def tail(seed: int = 1) -> Tail:
    """The tail of eight weeks with 100 peaks a week that fall off by e each unit, and two real incidents a week."""
    rng = np.random.default_rng(seed)
    score = np.concatenate([4.0 + rng.exponential(1.0, 800), rng.uniform(8.0, 60.0, 16)])
    found = fit_tail(Peaks(score, rng.integers(0, 56, 816), 56))
    assert found is not None
    return found


TAIL = tail()


def expected_alarms(cutoff: np.ndarray, judged: np.ndarray) -> float:
    """False alarms a week if every window were a test of its own at that chance."""
    tests = sum(OVERLAP * timedelta(weeks=1) / window for window in WINDOWS)
    return float((10.0 ** -cutoff[judged]).sum() * tests)


@given(budgets, st.lists(st.tuples(st.floats(0.1, 100), st.booleans()), min_size=1, max_size=30))
def test_the_series_that_are_judged_spend_the_budget_together(
    budget: float, series: list[tuple[float, bool]]
) -> None:
    array, judged = np.array([weight for weight, _ in series]), np.array([flag for _, flag in series])

    cutoff = nominal(array, judged=judged, windows=WINDOWS, false_alarms_per_week=budget)

    spent = expected_alarms(cutoff, judged)
    assert spent <= budget * (1 + 1e-9)
    if (cutoff > LEAST_CUTOFF).all() and array[judged].sum() >= 1:
        assert spent == pytest.approx(budget)


@given(budgets, budgets)
def test_a_lower_budget_has_higher_cutoffs_everywhere(one: float, other: float) -> None:
    weights, judged = np.array([1.0, 2.0, 0.5]), np.array([True, True, False])
    low, high = sorted([one, other])

    strict = nominal(weights, judged=judged, windows=WINDOWS, false_alarms_per_week=low)
    lax = nominal(weights, judged=judged, windows=WINDOWS, false_alarms_per_week=high)

    assert (strict >= lax).all()


@given(st.integers(0, 10_000), budgets, budgets, st.sampled_from([None, TAIL]))
def test_a_lower_budget_marks_a_subset_of_what_a_higher_one_marks(
    seed: int, one: float, other: float, past: Tail | None
) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.poisson(2.0, size=(3, 60)) * rng.integers(1, 8, size=(3, 60))
    seen = panel(dict(zip(ROSTER.keys[:3], counts.tolist(), strict=True)))
    marked = []
    for budget in sorted([one, other]):
        detection = DetectionSettings(false_alarms_per_week=budget, windows=WINDOWS)
        limits = limits_of(NORMAL, detection=detection, services={}, tail=past)
        marked.append(assess(seen, NORMAL, limits, first=seen.grid.stop - 40, windows=WINDOWS).score >= 1)

    assert not (marked[0] & ~marked[1]).any()


def test_a_series_of_twice_the_weight_may_err_twice_as_often() -> None:
    cutoff = nominal(
        np.array([1.0, 2.0]), judged=np.array([True, True]), windows=WINDOWS, false_alarms_per_week=1
    )

    assert 10 ** (cutoff[0] - cutoff[1]) == pytest.approx(2.0)


def test_a_series_that_is_not_judged_takes_nothing_from_the_others() -> None:
    weights = np.array([1.0, 1.0, 50.0])

    alone = nominal(weights[:2], judged=np.array([True, True]), windows=WINDOWS, false_alarms_per_week=1)
    beside = nominal(weights, judged=np.array([True, True, False]), windows=WINDOWS, false_alarms_per_week=1)

    np.testing.assert_array_equal(alone, beside[:2])


def test_nothing_commoner_than_one_window_in_a_thousand_is_ever_a_surge() -> None:
    cutoff = nominal(np.array([100.0]), judged=np.array([True]), windows=WINDOWS, false_alarms_per_week=1000)

    assert cutoff.tolist() == [LEAST_CUTOFF]


def test_where_nothing_is_judged_yet_the_cutoffs_are_finite() -> None:
    cutoff = nominal(np.ones(3), judged=np.zeros(3, dtype=np.bool_), windows=WINDOWS, false_alarms_per_week=1)

    assert np.isfinite(cutoff).all()


@given(budgets, budgets, st.lists(st.floats(0.01, 100), min_size=1, max_size=5))
def test_a_lower_budget_has_higher_cutoffs_everywhere_on_the_tail_of_the_past(
    one: float, other: float, weights: list[float]
) -> None:
    array, judged = np.array(weights), np.ones(len(weights), dtype=np.bool_)
    low, high = sorted([one, other])

    strict = cutoffs(array, judged=judged, windows=WINDOWS, false_alarms_per_week=low, tail=TAIL)
    lax = cutoffs(array, judged=judged, windows=WINDOWS, false_alarms_per_week=high, tail=TAIL)

    assert (strict >= lax).all()


def test_on_the_tail_of_the_past_a_series_of_twice_the_weight_errs_twice_as_often() -> None:
    cutoff = cutoffs(
        np.array([1.0, 2.0]),
        judged=np.ones(2, dtype=np.bool_),
        windows=WINDOWS,
        false_alarms_per_week=1,
        tail=TAIL,
    )

    assert TAIL.per_week(cutoff[0]) == pytest.approx(1.0)
    assert TAIL.per_week(cutoff[1]) == pytest.approx(2.0, rel=0.2)


def test_without_a_past_the_cutoffs_are_for_a_part_of_the_budget_with_room_for_the_evidence() -> None:
    weights, judged = np.ones(4), np.ones(4, dtype=np.bool_)

    provisional = cutoffs(weights, judged=judged, windows=WINDOWS, false_alarms_per_week=2.0, tail=None)

    share = nominal(weights, judged=judged, windows=WINDOWS, false_alarms_per_week=2.0 * PROVISIONAL_SHARE)
    np.testing.assert_allclose(provisional, EVIDENCE_FACTOR * share)


def test_limits_follow_the_settings_of_each_series() -> None:
    services = {
        "payments": ServiceSettings(
            min_tickets=9,
            runbook="https://wiki.example.com/payments",
            categories={
                "login": CategorySettings(min_ratio=3.0, critical_score=4.0),
                "refund": CategorySettings(enabled=False),
            },
        )
    }

    limits = limits_of(NORMAL, detection=DetectionSettings(), services=services)

    place = ROSTER.rows
    assert limits.roster is ROSTER
    assert [int(limits.min_tickets[place[key]]) for key in (LOGIN, PAYMENTS, PARCEL, FLEET)] == [9, 9, 5, 5]
    assert [float(limits.min_ratio[place[key]]) for key in (LOGIN, PAYMENTS)] == [3.0, 1.5]
    assert [float(limits.critical_score[place[key]]) for key in (LOGIN, PAYMENTS)] == [4.0, 2.0]
    assert [bool(limits.enabled[place[key]]) for key in (LOGIN, REFUND, PAYMENTS)] == [True, False, True]
    assert limits.runbook[place[LOGIN]] == "https://wiki.example.com/payments"
    assert limits.runbook[place[PARCEL]] is None


def test_a_series_that_is_disabled_or_still_learning_leaves_its_share_to_the_others() -> None:
    learning = replace(NORMAL, learned=np.array([key != PARCEL for key in ROSTER.keys]))
    off = {"payments": ServiceSettings(categories={"refund": CategorySettings(enabled=False)})}

    everyone = limits_of(NORMAL, detection=DetectionSettings(), services={}).cutoff
    fewer = limits_of(learning, detection=DetectionSettings(), services=off).cutoff

    n_series = len(ROSTER)
    assert 10 ** ((everyone - fewer)[0] / EVIDENCE_FACTOR) == pytest.approx(n_series / (n_series - 2))


def test_rules_that_were_kept_give_the_same_limits() -> None:
    services = {"payments": ServiceSettings(min_tickets=9, weight=3.0)}
    detection = DetectionSettings()
    rules = rules_of(ROSTER, detection=detection, services=services)

    kept = limits_of(NORMAL, detection=detection, services=services, rules=rules)

    fresh = limits_of(NORMAL, detection=detection, services=services)
    np.testing.assert_array_equal(kept.cutoff, fresh.cutoff)
    np.testing.assert_array_equal(kept.min_tickets, fresh.min_tickets)


def test_an_empty_fleet_has_limits() -> None:
    nothing = baseline(Roster.of([]), {})

    assert limits_of(nothing, detection=DetectionSettings(), services={}).cutoff.shape == (0,)
