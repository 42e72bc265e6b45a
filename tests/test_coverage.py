"""What is known of each service, by the sources that feed it."""

from datetime import UTC, datetime, timedelta

import numpy as np

from spikewatch.core.counts import Gap, Roster, SeriesKey, known_buckets
from spikewatch.core.timegrid import Grid, Span
from spikewatch.coverage import UNKNOWN, Coverage
from spikewatch.ports import SourceState

T0 = datetime(2026, 5, 11, 10, tzinfo=UTC)
STEP = timedelta(minutes=5)
ROSTER = Roster.of([SeriesKey("mail", "post"), SeriesKey("shop", "lost")])
GRID = Grid.between(T0, T0 + timedelta(hours=1), STEP)
FEEDS = {"desk": frozenset({"shop"}), "letters": frozenset({"mail"})}


def read(minute: float | None, *, since: float = 0) -> SourceState:
    """A source that was read from and up to these minutes."""
    mark = None if minute is None else T0 + timedelta(minutes=minute)
    return SourceState(T0 + timedelta(minutes=since), "c", mark)


def test_each_service_is_known_as_far_as_its_own_source_was_read() -> None:
    coverage = Coverage({"desk": read(60), "letters": read(20)}, FEEDS)

    known = coverage.known(ROSTER, GRID)

    assert known.sum(axis=1).tolist() == [4, 12]
    assert coverage.of_service("mail") == (T0, T0 + timedelta(minutes=20))


def test_a_service_that_two_sources_feed_is_known_where_both_have_passed() -> None:
    feeds = {"desk": frozenset({"shop", "mail"}), "letters": frozenset({"mail"})}
    coverage = Coverage({"desk": read(60, since=10), "letters": read(20)}, feeds)

    known = coverage.known(ROSTER, GRID)

    assert known.sum(axis=1).tolist() == [2, 10]


def test_one_source_is_known_to_feed_everything() -> None:
    coverage = Coverage({"desk": read(30)}, {})

    expected = known_buckets(ROSTER, GRID, since=T0, until=T0 + timedelta(minutes=30))
    assert np.array_equal(coverage.known(ROSTER, GRID), expected)


def test_a_source_that_was_never_caught_up_makes_its_services_unknown() -> None:
    coverage = Coverage({"desk": read(60), "letters": read(None)}, FEEDS)

    assert coverage.known(ROSTER, GRID).sum(axis=1).tolist() == [0, 12]
    assert coverage.of_service("mail") == UNKNOWN
    assert not coverage.is_first_read


def test_judging_goes_as_far_as_the_slowest_source_within_the_grace() -> None:
    grace = timedelta(minutes=10)
    near = Coverage({"desk": read(60), "letters": read(50)}, FEEDS, grace)
    far = Coverage({"desk": read(60), "letters": read(49.9)}, FEEDS, grace)

    assert near.until == T0 + timedelta(minutes=50)
    assert far.until == T0 + timedelta(minutes=60)
    assert Coverage({"desk": read(None)}, {}).until is None
    assert Coverage({}, {}).whole == UNKNOWN


def test_gaps_are_what_is_not_known() -> None:
    coverage = Coverage({"desk": read(60, since=10), "letters": read(None)}, FEEDS)
    end = T0 + timedelta(hours=2)

    gaps = list(coverage.gaps(ROSTER.services, start=T0, end=end))

    assert gaps == [
        Gap(Span(T0, end), "mail"),
        Gap(Span(T0, T0 + timedelta(minutes=10)), "shop"),
        Gap(Span(T0 + timedelta(minutes=60), end), "shop"),
    ]
