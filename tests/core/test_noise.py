"""Noise: what grows with the mean, what with its square, and what of it is believed."""

import numpy as np
import pytest

from spikewatch.core.baseline.noise import CELLS_IN_CACHE, JUMP, LEAST, MOST, USUAL, noise_of
from spikewatch.core.counts import Floats
from tests.oracles.noise import noise_of_all

WEEKS = 8
MEAN = np.tile(np.where(np.isin(np.arange(24), range(9, 18)), 1.0, 0.1), 7 * WEEKS)[None]


def found(tickets: Floats, expected: Floats) -> tuple[float, float]:
    known = np.ones(expected.shape, dtype=np.bool_)
    dispersion, spread = noise_of(tickets, expected, known)
    return float(dispersion[0]), float(spread[0])


def test_a_series_that_has_shown_nothing_is_as_wide_as_is_usual() -> None:
    nobody = np.zeros((1, 100), dtype=np.bool_)

    dispersion, spread = noise_of(np.ones((1, 100)), np.ones((1, 100)), nobody)

    assert np.allclose([dispersion[0], spread[0] ** 2], USUAL)


def test_independent_tickets_have_no_spread_to_speak_of() -> None:
    rng = np.random.default_rng(2)

    dispersion, spread = found(rng.poisson(60 * MEAN).astype(np.float64), 60 * MEAN)

    assert dispersion < 1.25
    assert spread < 0.08


def test_gusts_that_all_tickets_share_are_spread_and_no_dispersion() -> None:
    rng = np.random.default_rng(3)
    gusts = rng.gamma(1 / 0.25**2, 0.25**2, MEAN.shape)

    dispersion, spread = found(rng.poisson(60 * MEAN * gusts).astype(np.float64), 60 * MEAN)

    assert dispersion < 1.5
    assert 0.2 < spread < 0.3


def test_callers_who_bring_others_along_widen_a_sparse_series() -> None:
    rng = np.random.default_rng(4)
    leads = rng.poisson(0.3 * MEAN)
    brought = np.where(leads > 0, rng.negative_binomial(np.maximum(leads, 1), 0.25), 0)

    dispersion, _ = found((leads + brought).astype(np.float64), 4 * 0.3 * MEAN)

    assert dispersion > 3.0


def test_one_incident_hardly_widens_a_series() -> None:
    rng = np.random.default_rng(5)
    calm = rng.poisson(3 * MEAN).astype(np.float64)
    surging = calm.copy()
    surging[0, 500:503] += 50 * JUMP

    before, after = found(calm, 3 * MEAN), found(surging, 3 * MEAN)

    assert after[0] - before[0] < 1.5
    assert after[1] - before[1] < 0.1


def test_both_stay_within_bounds_whatever_is_seen() -> None:
    for wild in (np.zeros_like(MEAN), 1000.0 * MEAN, np.where(np.arange(MEAN.size) % 7, 0.0, 500.0)[None]):
        dispersion, spread = found(wild, 10 * MEAN)

        assert LEAST[0] <= dispersion <= MOST[0]
        assert LEAST[1] <= spread**2 <= MOST[1] + 1e-12


@pytest.mark.parametrize("n_hours", [24, 672, 1344])
def test_a_fleet_told_some_series_at_a_time_is_told_to_the_last_bit_as_if_told_at_once(n_hours: int) -> None:
    n_series = 2 * (CELLS_IN_CACHE // n_hours) + 1
    rng = np.random.default_rng(6)
    expected = np.resize(MEAN, (1, n_hours)) * rng.gamma(1.0, 20.0, (n_series, 1))
    tickets = rng.poisson(expected * rng.gamma(25.0, 1 / 25.0, expected.shape)).astype(np.float64)
    known = rng.random(expected.shape) > 0.1

    told = noise_of(tickets, expected, known)

    assert all(map(np.array_equal, told, noise_of_all(tickets, expected, known)))
