"""Windows: sums and weights of a row depend on nothing but that row, whatever is weighed with it."""

from datetime import timedelta

import numpy as np
import pytest

from spikewatch.core.baseline import Expectation
from spikewatch.core.windows import ROWS_IN_CACHE, Weighed, sliding, weigh, window_widths

STEP = timedelta(minutes=5)
WIDTHS = (1, 3, 12, 36)
HOUR_OF_BUCKETS = 12
MANY = ROWS_IN_CACHE + 3
"""One full block of rows, and some of the next."""


def drawn(rows: int, *, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).gamma(0.5, 2.0, (rows, WIDTHS[-1] + HOUR_OF_BUCKETS))


def weighed(rows: np.ndarray) -> Weighed:
    """The last hour of some of many rows, a few of which surge."""
    mean = drawn(MANY)
    counts = np.random.default_rng(2).poisson(mean * np.where(np.arange(MANY) % 50, 1.0, 6.0)[:, None])
    spread = np.full(MANY, 1.3)
    normal = Expectation(mean, 1.3 * mean, np.full(MANY, 0.1), spread)
    return weigh(
        counts[rows],
        normal.taken(rows),
        whole=None,
        judged=np.ones(len(rows), dtype=np.bool_),
        widths=WIDTHS,
        step=STEP,
        n_judged=HOUR_OF_BUCKETS,
    )


@pytest.mark.parametrize("n_judged", [1, 5, HOUR_OF_BUCKETS])
def test_a_window_is_the_sum_of_its_newest_buckets_in_whatever_block_its_row_stands(n_judged: int) -> None:
    values = drawn(MANY)

    sums = sliding(values, WIDTHS, n_judged)

    last = values.shape[1] - n_judged
    for row in (0, ROWS_IN_CACHE - 1, ROWS_IN_CACHE, MANY - 1):
        for place, width in enumerate(WIDTHS):
            for column in range(n_judged):
                stop = last + column + 1
                plain = sum(reversed(values[row, stop - width : stop].tolist()))
                assert sums[row, place, column] == plain


def test_whole_numbers_stay_whole() -> None:
    assert sliding(np.ones((2, 36), dtype=np.int32), WIDTHS, 1).dtype == np.int32
    assert sliding(np.ones((0, 36)), WIDTHS, 1).shape == (0, len(WIDTHS), 1)


def test_a_row_weighs_the_same_to_the_last_bit_alone_and_among_many() -> None:
    together = weighed(np.arange(MANY))

    for row in (0, 50, ROWS_IN_CACHE, MANY - 1):
        alone = weighed(np.array([row]))

        for name in Weighed.__dataclass_fields__:
            np.testing.assert_array_equal(getattr(alone, name)[0], getattr(together, name)[row])
    assert (together.total[::50] > together.total[1::50].max()).any()


def test_windows_that_the_grid_cannot_tell_apart_are_one() -> None:
    minutes = [timedelta(minutes=minutes) for minutes in (60, 5, 15, 1)]

    assert window_widths(minutes, STEP) == (1, 3, 12)
