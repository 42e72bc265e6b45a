from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikewatch.core.courses import ONE_LOOK, Course, course_of, point_width

END = datetime(2026, 11, 20, 1, tzinfo=UTC)
STEP = timedelta(minutes=5)
QUARTER = timedelta(minutes=15)


def summed(counts: list[int], known: list[bool] | None = None, *, width: timedelta = QUARTER) -> Course:
    n = len(counts)
    flags = known or [True] * n
    return course_of(
        counts,
        flags,
        mean=[2.0] * n,
        variance=[3.0] * n,
        day_spread=0.5,
        week_ago=counts[::-1],
        known_week_ago=flags[::-1],
        end=END,
        step=STEP,
        width=width,
    )


def test_buckets_are_summed_up_so_that_the_last_point_ends_with_the_data() -> None:
    found = summed([9, 1, 2, 3, 4, 5, 6])

    assert (found.observed, found.start) == ((6, 15), END - 2 * QUARTER)
    assert found.week_ago == (12, 12)
    assert found.expected == (6.0, 6.0)


def test_the_spread_of_a_point_is_that_of_a_window_as_long() -> None:
    assert summed([1, 2, 3]).spread[0] == pytest.approx((3 * 3.0 + (0.5 * 6.0) ** 2) ** 0.5, abs=1e-3)


def test_a_point_of_which_something_is_unknown_is_a_gap_and_never_nothing() -> None:
    found = summed([1, 0, 1, 2, 2, 2], [True, False, True, True, True, True])

    assert (found.observed, found.week_ago) == ((None, 6), (6, None))
    assert found.has_gaps


def test_the_band_never_falls_below_nothing() -> None:
    found = summed([1, 2, 3])

    assert found.low == (0.0,)
    assert found.high[0] == pytest.approx(6.0 + 2 * found.spread[0])


def test_lines_of_different_length_and_numbers_that_cannot_be_drawn_are_refused() -> None:
    with pytest.raises(ValueError, match="lines of a course have"):
        Course(END, QUARTER, (1,), (1.0, 2.0), (1.0,), (1,))
    with pytest.raises(ValueError, match="lines of a course have"):
        Course(END, QUARTER, (), (), (), ())
    with pytest.raises(ValueError, match="numbers from 0 on"):
        Course(END, QUARTER, (1,), (float("nan"),), (1.0,), (1,))


def test_the_newest_points_end_where_all_of_them_end() -> None:
    whole = summed(list(range(30)))

    cut = whole.last(3)

    assert cut.observed == whole.observed[-3:]
    assert cut.starts[-1] == whole.starts[-1]
    assert len(whole.last(99)) == len(whole)


@given(
    window=st.sampled_from([5, 15, 60, 180, 1440]).map(lambda minutes: timedelta(minutes=minutes)),
    step=st.sampled_from([1, 5, 10, 15, 20, 30, 60]).map(lambda minutes: timedelta(minutes=minutes)),
    lasted=st.timedeltas(timedelta(0), timedelta(hours=100)),
)
def test_a_point_is_a_multiple_of_a_bucket_and_one_look_shows_the_time_before_too(
    window: timedelta, step: timedelta, lasted: timedelta
) -> None:
    width = point_width(window, step=step, lasted=lasted)

    assert width % step == timedelta(0)
    assert width >= min(window, timedelta(hours=1))
    assert width * ONE_LOOK >= 2 * lasted
