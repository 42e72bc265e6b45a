"""Buckets partition time: every instant lies in exactly one, and the instant on the line in the next."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikewatch.core.timegrid import Grid, Span, aware, bucket_end, bucket_number, bucket_start

TICK = timedelta(microseconds=1)
LINE = datetime(2026, 5, 11, 10, 25, tzinfo=UTC)
MINUTES = [1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60, 120, 1440]

steps = st.sampled_from([timedelta(minutes=minutes) for minutes in MINUTES])
zones = st.timezones()
instants = st.tuples(st.integers(10 * 365 * 86400, 120 * 365 * 86400), st.integers(0, 999_999), zones).map(
    lambda drawn: (datetime.fromtimestamp(drawn[0], UTC) + drawn[1] * TICK).astimezone(drawn[2])
)


@given(instants, steps)
def test_every_instant_lies_in_exactly_one_bucket(instant: datetime, step: timedelta) -> None:
    number = bucket_number(instant, step)

    holding = [
        n for n in (number - 1, number, number + 1) if bucket_start(n, step) <= instant < bucket_end(n, step)
    ]

    assert holding == [number]


@given(st.integers(-700_000, 2_000_000), steps)
def test_a_bucket_is_named_by_its_start_and_ends_where_the_next_begins(number: int, step: timedelta) -> None:
    start, end = bucket_start(number, step), bucket_end(number, step)

    assert bucket_number(start, step) == bucket_number(end - TICK, step) == number
    assert bucket_number(end, step) == number + 1
    assert end - start == step


@pytest.mark.parametrize(
    ("instant", "start"),
    [
        (LINE - TICK, LINE - timedelta(minutes=5)),
        (LINE, LINE),
        (LINE + TICK, LINE),
        (LINE + timedelta(minutes=5) - TICK, LINE),
        (LINE + timedelta(minutes=5), LINE + timedelta(minutes=5)),
        (datetime(2026, 5, 11, 19, 26, tzinfo=timezone(timedelta(hours=9))), LINE),
        (datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC), datetime(1969, 12, 31, 23, 55, tzinfo=UTC)),
    ],
    ids=[
        "just before the line",
        "on the line",
        "just after it",
        "just before the next",
        "the next",
        "abroad",
        "old",
    ],
)
def test_the_instant_on_the_line_belongs_to_the_next_bucket(instant: datetime, start: datetime) -> None:
    step = timedelta(minutes=5)

    assert bucket_start(bucket_number(instant, step), step) == start


def test_a_naive_instant_is_refused_with_its_value() -> None:
    with pytest.raises(ValueError, match="2026-05-11T10:25:00 has no UTC offset"):
        aware(LINE.replace(tzinfo=None))


def test_an_instant_is_brought_to_utc() -> None:
    tokyo = datetime(2026, 5, 11, 19, 25, tzinfo=timezone(timedelta(hours=9)))

    assert aware(tokyo).tzinfo is UTC
    assert aware(tokyo) == LINE


@pytest.mark.parametrize(
    ("instant", "inside"),
    [
        (LINE - TICK, False),
        (LINE, True),
        (LINE + timedelta(hours=1) - TICK, True),
        (LINE + timedelta(hours=1), False),
    ],
)
def test_a_span_holds_its_start_and_not_its_end(instant: datetime, *, inside: bool) -> None:
    assert Span(LINE, LINE + timedelta(hours=1)).holds(instant) is inside


def test_a_span_cannot_end_before_it_starts() -> None:
    with pytest.raises(ValueError, match="cannot end"):
        Span(LINE, LINE - TICK)


def test_a_span_of_naive_instants_is_refused() -> None:
    with pytest.raises(ValueError, match="has no UTC offset"):
        Span(LINE.replace(tzinfo=None), LINE)


@pytest.mark.parametrize(
    "step",
    [
        timedelta(0),
        timedelta(minutes=-5),
        timedelta(minutes=7),
        timedelta(minutes=90),
        timedelta(milliseconds=500),
        timedelta(seconds=1, milliseconds=500),
    ],
)
def test_a_grid_refuses_a_step_that_does_not_divide_an_hour(step: timedelta) -> None:
    with pytest.raises(ValueError, match="does not divide an hour"):
        Grid(step, 0, 1)


def test_a_grid_of_negative_length_is_refused() -> None:
    with pytest.raises(ValueError, match="-1 buckets"):
        Grid(timedelta(minutes=5), 0, -1)


@given(instants, st.timedeltas(timedelta(0), timedelta(days=3)), steps)
def test_a_grid_between_two_instants_is_gapless_and_holds_no_bucket_that_has_not_ended(
    start: datetime, length: timedelta, step: timedelta
) -> None:
    end = start + length

    grid = Grid.between(start, end, step)

    assert grid.end - grid.start == grid.length * step
    assert grid.start <= start < grid.start + step
    assert grid.end <= max(end, grid.start)
    assert grid.stop == grid.first + grid.length
    if end >= start + step:
        assert end - grid.end < step


def test_a_grid_between_instants_in_the_wrong_order_is_empty() -> None:
    assert Grid.between(LINE, LINE - timedelta(hours=1), timedelta(minutes=5)).length == 0


@pytest.mark.parametrize(
    ("instant", "column"),
    [
        (LINE - TICK, -1),
        (LINE, 0),
        (LINE + timedelta(minutes=10) - TICK, 1),
        (LINE + timedelta(minutes=10), 2),
    ],
)
def test_a_column_lies_outside_the_grid_where_the_instant_does(instant: datetime, column: int) -> None:
    grid = Grid.between(LINE, LINE + timedelta(minutes=10), timedelta(minutes=5))

    assert grid.column(instant) == column
