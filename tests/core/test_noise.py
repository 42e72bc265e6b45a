"""Noise: what grows with the mean, what with its square, and what of it is believed."""

import numpy as np

from spikewatch.core.baseline.noise import JUMP, LEAST, MOST, USUAL, noise_of
from spikewatch.core.counts import Floats

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
