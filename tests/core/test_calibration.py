"""Calibration: from peaks to the score that false alarms exceed so often."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikewatch.core.calibration import Calibration, Peaks, Tail, fit_tail

DAYS = 35


def peaks(seed: int = 3, *, scale: float = 1.0, a_week: int = 120, days: int = DAYS) -> Peaks:
    """So many false peaks a week above 4, each `scale` e times rarer."""
    rng = np.random.default_rng(seed)
    n = a_week * days // 7
    return Peaks(4.0 + rng.exponential(scale, n), rng.integers(0, days, n), days)


def fitted(found: Peaks) -> Tail:
    tail = fit_tail(found)
    assert tail is not None
    return tail


@pytest.mark.parametrize("budget", [0.25, 1.0, 4.0])
def test_the_threshold_keeps_the_budget_on_an_exponential_tail(budget: float) -> None:
    true_rates = []
    for seed in range(20):
        threshold = fitted(peaks(seed)).threshold(false_alarms_per_week=budget)
        true_rates.append(120 * np.exp(4.0 - threshold))

    assert np.mean(true_rates) / budget == pytest.approx(1.0, rel=0.4)


@given(st.integers(0, 50), st.floats(0.01, 500), st.floats(0.01, 500))
def test_a_lower_budget_has_a_higher_threshold(seed: int, one: float, other: float) -> None:
    tail = fitted(peaks(seed))
    low, high = sorted([one, other])

    assert tail.threshold(false_alarms_per_week=low) >= tail.threshold(false_alarms_per_week=high)


@given(st.floats(0.02, 300))
def test_the_rate_at_the_threshold_is_the_budget(budget: float) -> None:
    tail = fitted(peaks())

    assert tail.per_week(tail.threshold(false_alarms_per_week=budget)) == pytest.approx(budget, rel=1e-6)


def test_a_few_real_incidents_in_the_past_hardly_move_the_threshold() -> None:
    quiet = peaks()
    rng = np.random.default_rng(5)
    real = rng.uniform(10.0, 80.0, 8)
    stormy = Peaks(
        np.concatenate([quiet.score, real]), np.concatenate([quiet.day, rng.integers(0, DAYS, 8)]), DAYS
    )

    before, after = (fitted(each).threshold(false_alarms_per_week=1.0) for each in (quiet, stormy))

    assert after == pytest.approx(before, abs=0.7)


def test_a_day_of_storms_is_left_out() -> None:
    quiet = peaks()
    storm = Peaks(
        np.concatenate([quiet.score, np.linspace(7.0, 30.0, 60)]),
        np.concatenate([quiet.day, np.full(60, 17)]),
        DAYS,
    )

    before, after = (fitted(each).threshold(false_alarms_per_week=1.0) for each in (quiet, storm))

    assert after == pytest.approx(before, abs=0.5)


@pytest.mark.parametrize(
    "found", [peaks(days=7), peaks(a_week=2), Peaks(np.empty(0), np.empty(0, np.int64), 0)]
)
def test_a_past_that_is_too_short_or_too_quiet_says_nothing(found: Peaks) -> None:
    assert fit_tail(found) is None
    assert Calibration(1, "", found).tail is None


def test_peaks_that_are_all_alike_still_give_a_threshold() -> None:
    alike = Peaks(np.full(200, 5.0), np.arange(200) % DAYS, DAYS)

    assert np.isfinite(fitted(alike).threshold(false_alarms_per_week=0.01))


def test_peaks_of_days_that_were_not_replayed_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        Peaks(np.ones(2), np.array([0, 7]), 7)
