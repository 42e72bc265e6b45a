"""Tails against their plain sums and against scipy, and the largest count that is normal."""

from itertools import pairwise
from math import log

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from spikewatch.core.tails import largest_normal, surprise_of
from tests.oracles import tails

means = st.floats(0.01, 3000)
spreads = st.floats(1.02, 50)


def surprise(observed: int, mean: float, variance: float) -> float:
    return float(surprise_of(np.array([observed]), np.array([mean]), np.array([variance]))[0])


@given(means, spreads, st.floats(1.0, 8.0))
def test_the_surprise_is_the_tail_of_a_negative_binomial(mean: float, spread: float, times: float) -> None:
    observed, variance = int(times * mean) + 1, spread * mean

    size, p = mean * mean / (variance - mean), mean / variance
    tail = stats.nbinom.logsf(observed - 1, size, p) / -log(10)
    if tail < 250:
        assert surprise(observed, mean, variance) == pytest.approx(tail, rel=1e-9, abs=1e-9)


@given(st.floats(0.01, 200), st.floats(1.02, 30), st.floats(1.0, 40.0))
@example(mean=179.0, spread=8.75, times=34.0)  # 279: here an incomplete beta function is not exact any more
def test_the_surprise_agrees_with_the_sum_of_the_tail(mean: float, spread: float, times: float) -> None:
    observed = int(times * mean) + 1

    found = surprise(observed, mean, spread * mean)

    assert found == pytest.approx(tails.surprise(observed, mean, spread * mean), rel=1e-6, abs=1e-7)


@given(means, spreads, st.integers(1, 12))
def test_the_surprise_of_any_surge_is_finite(mean: float, spread: float, magnitude: int) -> None:
    found = surprise(10**magnitude, mean, spread * mean)

    assert np.isfinite(found)
    assert found >= 0


@given(st.floats(0.01, 100), st.floats(1.02, 30))
def test_more_tickets_never_surprise_less(mean: float, spread: float) -> None:
    observed = np.unique(np.geomspace(1, 1e6, 3000).astype(np.int64))

    found = surprise_of(observed, np.full(len(observed), mean), np.full(len(observed), spread * mean))

    assert (np.diff(found) >= 0).all()


@pytest.mark.parametrize(("mean", "variance"), [(10.0, 10.2), (1e3, 5e3), (1e6, 1e10), (0.5, 3.0)])
def test_the_surprise_does_not_jump_where_it_goes_over_to_logarithms(mean: float, variance: float) -> None:
    low, high = int(mean), int(mean * 1000)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if surprise(middle, mean, variance) < 290 else (low, middle)

    steps = [surprise(low + place, mean, variance) for place in range(-3, 4)]

    usual = steps[1] - steps[0]
    assert all(right - left == pytest.approx(usual, rel=0.02, abs=1e-4) for left, right in pairwise(steps))


@pytest.mark.parametrize("observed", [0, 4, 5])
def test_a_count_that_is_not_above_its_mean_surprises_nobody(observed: int) -> None:
    assert surprise(observed, 5.0, 6.0) == 0.0


@given(means, spreads, st.floats(0.5, 400))
def test_the_largest_normal_count_is_the_last_one_below_the_cutoff(
    mean: float, spread: float, cutoff: float
) -> None:
    bound = int(largest_normal(np.array([mean]), np.array([spread * mean]), cutoff=np.array([cutoff]))[0])

    assert surprise(bound, mean, spread * mean) < cutoff <= surprise(bound + 1, mean, spread * mean)


@pytest.mark.parametrize(
    ("mean", "variance", "cutoff"), [(0.2, 0.3, 4.0), (3.0, 3.3, 5.0), (40.0, 90.0, 6.5)]
)
def test_the_largest_normal_count_is_the_one_that_trying_finds(
    mean: float, variance: float, cutoff: float
) -> None:
    bound = largest_normal(np.array([mean]), np.array([variance]), cutoff=np.array([cutoff]))

    assert bound.tolist() == [tails.largest_normal(mean, variance, cutoff)]


def test_the_largest_normal_counts_of_many_are_those_of_each() -> None:
    rng = np.random.default_rng(5)
    mean, cutoff = rng.uniform(0.001, 500, 200), rng.uniform(3, 20, 200)
    variance = mean * rng.uniform(1.02, 40, 200)

    together = largest_normal(mean, variance, cutoff=cutoff)

    apart = [largest_normal(*(a[[i]] for a in (mean, variance)), cutoff=cutoff[[i]])[0] for i in range(200)]
    assert together.tolist() == apart
