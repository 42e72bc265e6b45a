"""How fast to ask, and how long to stay away."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from spikewatch.pacing import FIRST_RETRY, LONGEST_RETRY, RETRY_SPREAD, TokenBucket, back_off

NOW = datetime(2026, 5, 11, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@given(
    per_minute=st.floats(0.5, 100),
    pauses=st.lists(st.floats(0, 30).map(lambda s: timedelta(seconds=s)), min_size=1, max_size=40),
)
def test_never_more_is_taken_than_a_minutes_worth_and_the_rate(
    per_minute: float, pauses: list[timedelta]
) -> None:
    now = NOW
    bucket = TokenBucket.full(per_minute, now=now)

    for pause in pauses:
        now += pause
        now += bucket.wait(now=now)
        bucket = bucket.take(now=now)

    minutes = (now - NOW) / MINUTE
    assert len(pauses) <= max(1.0, per_minute) + minutes * per_minute + 1e-3


def test_a_clock_set_back_costs_no_more_than_it_went_back() -> None:
    bucket = TokenBucket.full(6, now=NOW)

    bucket = bucket.take(now=NOW - timedelta(days=1))

    assert bucket.wait(now=NOW - timedelta(days=1)) == timedelta(0)
    assert bucket.filled_at == NOW - timedelta(days=1)


@given(failures=st.integers(1, 10**6), key=st.text())
def test_the_wait_doubles_from_five_seconds_to_five_minutes_within_a_fifth(failures: int, key: str) -> None:
    plain = min(LONGEST_RETRY, FIRST_RETRY * 2 ** min(failures - 1, 20))

    assert (1 - RETRY_SPREAD) * plain <= back_off(failures, key=key) <= (1 + RETRY_SPREAD) * plain


def test_the_wait_is_the_same_for_the_same_reader_and_differs_between_readers() -> None:
    assert back_off(3, key="east") == back_off(3, key="east")
    assert len({back_off(3, key=key) for key in ("east", "west", "north")}) == 3
