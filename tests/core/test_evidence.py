"""Evidence over time against an oracle that works on one series in logarithms, and the laws that it keeps."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from spikewatch.core.evidence import MOST_EVIDENCE, log_odds
from tests.oracles import evidence

STEP = timedelta(minutes=5)
BUCKETS = 48


@dataclass(frozen=True)
class Series:
    """Counts of some series, and what was normal; some buckets are unknown."""

    counts: NDArray[np.int64]
    mean: NDArray[np.float64]
    dispersion: NDArray[np.float64]

    def odds(self, *, n_judged: int = BUCKETS) -> NDArray[np.float64]:
        return log_odds(self.counts, self.mean, self.dispersion, step=STEP, n_judged=n_judged)


@st.composite
def series(draw: st.DrawFn) -> Series:
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    n_series = draw(st.integers(1, 9))
    mean = rng.gamma(0.5, draw(st.sampled_from([0.5, 8.0, 300.0])), (n_series, 1)) + 0.001
    mean = mean * rng.uniform(0.3, 2.0, (n_series, BUCKETS))
    counts = rng.poisson(mean)
    for row in range(n_series):
        start = rng.integers(BUCKETS)
        counts[row, start : start + rng.integers(1, 20)] *= rng.integers(0, 9)
    known = rng.random((n_series, BUCKETS)) < draw(st.sampled_from([1.0, 0.8]))
    return Series(np.where(known, counts, 0), np.where(known, mean, 0.0), rng.uniform(1.05, 6.0, n_series))


def quiet_then(*newest: int, normal: float = 2.0) -> Series:
    counts = np.full((1, BUCKETS), int(normal))
    counts[0, BUCKETS - len(newest) :] = newest
    return Series(counts, np.full((1, BUCKETS), normal), np.array([1.2]))


@given(series())
@example(quiet_then(*(0 for _ in range(BUCKETS)), normal=2000.0))  # odds too small for a float
def test_every_series_agrees_with_the_oracle(some: Series) -> None:
    found = some.odds()

    for row, dispersion in enumerate(some.dispersion):
        right = evidence.log_odds(
            some.counts[row].tolist(), some.mean[row].tolist(), dispersion=float(dispersion), step=STEP
        )
        np.testing.assert_allclose(found[row], right, rtol=1e-7, atol=1e-7)


@given(series(), st.integers(0, BUCKETS - 1), st.integers(1, 10**6))
def test_more_tickets_in_a_bucket_never_lower_it_there(some: Series, bucket: int, more: int) -> None:
    counts = some.counts.copy()
    counts[:, bucket] += np.where(some.mean[:, bucket] > 0, more, 0)

    before, grown = some.odds(), Series(counts, some.mean, some.dispersion).odds()

    assert (grown[:, bucket] >= before[:, bucket] - 1e-9).all()
    np.testing.assert_array_equal(grown[:, :bucket], before[:, :bucket])


@given(series(), st.integers(0, 10**9))
def test_what_unknown_buckets_hold_says_nothing(some: Series, tickets: int) -> None:
    holding = Series(np.where(some.mean > 0, some.counts, tickets), some.mean, some.dispersion)

    np.testing.assert_array_equal(holding.odds(), some.odds())


def test_unknown_buckets_before_anything_was_seen_leave_the_odds_where_they_were() -> None:
    nothing = Series(np.zeros((2, BUCKETS), dtype=np.int64), np.zeros((2, BUCKETS)), np.array([1.05, 3.0]))

    # surges may have begun unseen, so the odds creep up a little, by less than a factor of the buckets passed
    assert (np.diff(nothing.odds(), axis=1) >= 0).all()
    assert nothing.odds().max() < np.log10(BUCKETS + 1)


@given(st.integers(1, 12), st.floats(1e-6, 1e5), st.floats(1.05, 6.0), st.integers(1, BUCKETS))
def test_it_is_finite_and_never_negative_however_huge_the_counts(
    magnitude: int, normal: float, dispersion: float, lasts: int
) -> None:
    counts = np.zeros((1, BUCKETS), dtype=np.int64)
    counts[0, BUCKETS - lasts :] = 10**magnitude

    found = log_odds(
        counts, np.full(counts.shape, normal), np.array([dispersion]), step=STEP, n_judged=BUCKETS
    )

    assert np.isfinite(found).all()
    assert (found >= 0).all()


@given(series(), st.integers(1, BUCKETS))
def test_a_bucket_says_the_same_alone_and_with_others_to_the_last_bit(some: Series, n_judged: int) -> None:
    np.testing.assert_array_equal(some.odds(n_judged=n_judged), some.odds()[:, BUCKETS - n_judged :])


@given(series())
def test_a_series_says_the_same_alone_and_with_others_to_the_last_bit(some: Series) -> None:
    together = some.odds()

    for row in range(len(together)):
        one = slice(row, row + 1)
        alone = Series(some.counts[one], some.mean[one], some.dispersion[one]).odds()
        np.testing.assert_array_equal(alone[0], together[row])


def test_a_rise_that_goes_on_says_more_and_more() -> None:
    rising = quiet_then(5, 5, 6, 5, 6, 5, 5, 6).odds()[0, -8:]

    assert (np.diff(rising) > 0).all()
    assert rising[-1] > 3


def test_no_single_bucket_decides() -> None:
    before, burst = quiet_then(10**6).odds()[0, -2:]

    assert before < 0.5
    assert burst == pytest.approx(MOST_EVIDENCE / np.log(10), abs=0.5)


def test_it_fades_once_counts_are_normal_again() -> None:
    faded = quiet_then(*[9] * 6, *[2] * 18).odds()[0]

    peak = int(np.argmax(faded))
    assert peak in (BUCKETS - 19, BUCKETS - 20)
    assert (np.diff(faded[peak:-4]) < 0).all()
    assert faded[-4:].max() < 0.2 < faded[peak] / 3


def test_no_series_have_no_evidence() -> None:
    empty = np.empty((0, BUCKETS))

    found = log_odds(empty.astype(np.int64), empty, np.empty(0), step=STEP, n_judged=3)

    assert found.shape == (0, 3)
