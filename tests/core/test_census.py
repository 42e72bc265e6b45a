"""Ready-made counts: what a census says, and what a source's share of a cell is after it."""

from datetime import UTC, datetime, timedelta

import pytest

from spikewatch.core.census import Census, Share, Tallied, buckets_of, shares_of
from spikewatch.core.counts import SeriesKey
from spikewatch.core.timegrid import Span, bucket_number

STEP = timedelta(minutes=5)
T0 = datetime(2026, 5, 11, 10, tzinfo=UTC)
FIRST = bucket_number(T0, STEP)
LOGIN = SeriesKey("payments", "login")
SPAN = Span(T0, T0 + timedelta(minutes=10))


def after(before: Share, tickets: int, *, watermark: datetime | None) -> dict[tuple[int, SeriesKey], Share]:
    """Return what changes when a census says so many tickets of one cell."""
    census = Census(SPAN, [Tallied(T0, LOGIN, tickets)])
    buckets = buckets_of(census, step=STEP, kept_from=float("-inf"))
    return shares_of(census, {(FIRST, LOGIN): before}, buckets=buckets, step=STEP, watermark=watermark)


@pytest.mark.parametrize(
    ("before", "tickets", "now"),
    [
        (Share(3, 0), 5, Share(5, 2)),
        (Share(5, 2), 4, Share(4, 1)),
        (Share(5, 2), 1, Share(1, 0)),
        (Share(5, 5), 0, Share(0, 0)),
    ],
)
def test_a_late_cell_gains_late_ones_and_loses_them_first(before: Share, tickets: int, now: Share) -> None:
    changed = after(before, tickets, watermark=T0 + timedelta(hours=1))

    assert changed == {(FIRST, LOGIN): now}


def test_there_are_never_more_late_ones_than_tickets() -> None:
    assert after(Share(5, 2), 1, watermark=None) == {(FIRST, LOGIN): Share(1, 1)}


def test_a_cell_that_stays_as_it_was_is_no_change() -> None:
    assert after(Share(3, 1), 3, watermark=None) == {}


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (Tallied(T0 + timedelta(minutes=10), LOGIN, 1), "lies outside the census"),
        (Tallied(T0, LOGIN, -1), "is no legal count"),
        (Tallied(T0, SeriesKey("payments", "*"), 1), "is no legal count"),
        (Tallied(T0, SeriesKey("", "login"), 1), "is no legal count"),
    ],
)
def test_a_census_refuses_rows_that_make_no_sense(row: Tallied, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Census(SPAN, [row])


def test_a_census_is_about_whole_buckets_that_are_still_kept() -> None:
    census = Census(SPAN, [])

    assert buckets_of(census, step=STEP, kept_from=FIRST + 1) == range(FIRST + 1, FIRST + 2)
    with pytest.raises(ValueError, match="cuts a bucket"):
        buckets_of(census, step=timedelta(minutes=15), kept_from=0)
