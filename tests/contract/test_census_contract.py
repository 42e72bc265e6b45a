"""What every store promises about ready-made counts."""

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikewatch.core.counts import CountRow, SeriesKey
from spikewatch.ports import Page, PageOutcome
from tests.contract.stores import (
    CARDS,
    FIRST,
    LOGIN,
    T0,
    Opened,
    census,
    commit,
    count_out,
    counts,
    every_store,
    ticket,
)


@every_store
def test_a_census_counts_in_the_buckets_of_its_rows_and_rows_of_one_bucket_add_up(opened: Opened) -> None:
    with opened() as store:
        outcome = count_out(store, census((0, LOGIN, 3), (4, LOGIN, 2), (5, CARDS, 1)))

        assert outcome == PageOutcome(added=6)
        assert counts(store) == {CountRow(FIRST, LOGIN, 5), CountRow(FIRST + 1, CARDS, 1)}
        assert store.ticket_totals() == {LOGIN: 5, CARDS: 1}


@every_store
def test_a_census_read_again_changes_nothing(opened: Opened) -> None:
    with opened() as store:
        count_out(store, census((0, LOGIN, 3), (5, CARDS, 1)))

        again = count_out(store, census((0, LOGIN, 3), (5, CARDS, 1)))

        assert again == PageOutcome(ignored=4)
        assert counts(store) == {CountRow(FIRST, LOGIN, 3), CountRow(FIRST + 1, CARDS, 1)}
        assert store.ticket_totals() == {LOGIN: 3, CARDS: 1}


@every_store
def test_a_census_replaces_what_it_said_of_its_span_before_and_nothing_beside_it(opened: Opened) -> None:
    with opened() as store:
        count_out(store, census((0, LOGIN, 3), (5, LOGIN, 4), (5, CARDS, 2)))

        outcome = count_out(store, census((5, LOGIN, 1), (5, SeriesKey("shop", "lost"), 7), start=5))

        assert outcome == PageOutcome(added=7, removed=5, ignored=1)
        assert counts(store) == {
            CountRow(FIRST, LOGIN, 3),
            CountRow(FIRST + 1, LOGIN, 1),
            CountRow(FIRST + 1, SeriesKey("shop", "lost"), 7),
        }


@every_store
def test_two_sources_that_count_in_one_series_have_a_share_each(opened: Opened) -> None:
    with opened() as store:
        commit(store, ticket("1"), ticket("2"))
        count_out(store, census((0, LOGIN, 3)))
        count_out(store, census((0, LOGIN, 5)), source="lake")

        count_out(store, census((0, LOGIN, 1)))

        assert counts(store) == {CountRow(FIRST, LOGIN, 2 + 5 + 1)}


@every_store
def test_what_a_bucket_far_below_the_watermark_gains_is_late(opened: Opened) -> None:
    mark = T0 + timedelta(hours=1)
    with opened() as store:
        count_out(store, census((0, LOGIN, 3)), watermark=mark)

        outcome = count_out(store, census((0, LOGIN, 5)))
        gained = counts(store)
        count_out(store, census((0, LOGIN, 4)))
        lost_a_late_one = counts(store)
        count_out(store, census((0, LOGIN, 2)))

        assert outcome == PageOutcome(added=2, ignored=3, late=2)
        assert gained == {CountRow(FIRST, LOGIN, 5, late=2)}
        assert lost_a_late_one == {CountRow(FIRST, LOGIN, 4, late=1)}
        assert counts(store) == {CountRow(FIRST, LOGIN, 2)}


@every_store
def test_what_was_forgotten_is_not_counted_again_by_a_census(opened: Opened) -> None:
    with opened() as store:
        count_out(store, census((0, LOGIN, 3), (5, LOGIN, 4)))
        store.forget(tickets_before=T0, counts_before=T0 + timedelta(minutes=5))

        count_out(store, census((0, LOGIN, 9), (5, LOGIN, 5)))

        assert counts(store) == {CountRow(FIRST + 1, LOGIN, 5)}


@every_store
def test_a_census_that_cuts_a_bucket_is_refused_and_changes_nothing(opened: Opened) -> None:
    with opened() as store:
        with pytest.raises(ValueError, match="cuts a bucket"):
            count_out(store, census((0, LOGIN, 3), end=7))

        assert counts(store) == set()
        assert store.source_state("warehouse") is None


@every_store
def test_a_source_feeds_the_services_that_its_tickets_and_censuses_counted_in(opened: Opened) -> None:
    with opened() as store:
        commit(store, ticket("1"), ticket("2", series=CARDS), ticket("3", series=SeriesKey("shop", "lost")))
        count_out(store, census((0, LOGIN, 3)))
        count_out(store, census(), source="empty")

        assert dict(store.feeds()) == {
            "desk": frozenset({"payments", "shop"}),
            "warehouse": frozenset({"payments"}),
        }


said = st.lists(st.tuples(st.integers(0, 3), st.sampled_from([LOGIN, CARDS]), st.integers(0, 3)), max_size=4)


@every_store
@settings(max_examples=30)  # each begins a store anew
@given(told=st.lists(st.tuples(said, st.sampled_from([None, 5, 60])), max_size=5))
def test_counts_are_what_the_last_census_of_each_bucket_says(
    opened: Opened, told: list[tuple[list[tuple[int, SeriesKey, int]], int | None]]
) -> None:
    expected: Counter[tuple[int, SeriesKey]] = Counter()
    with opened() as store:
        for rows, minute in told:
            expected.clear()
            for bucket, key, number in rows:
                expected[FIRST + bucket, key] += number
            mark = None if minute is None else T0 + timedelta(minutes=minute)
            count_out(store, census(*((5 * each, key, n) for each, key, n in rows), end=20), watermark=mark)

        found = counts(store)

    assert {(row.bucket, row.series): row.tickets for row in found} == dict(+expected)
    assert all(0 <= row.late <= row.tickets for row in found)


@every_store
def test_a_page_whose_census_is_refused_gives_no_ticket_either(opened: Opened) -> None:
    told = Page([ticket()], "c", caught_up=True, census=census((0, LOGIN, 3), end=7))
    with opened() as store:
        with pytest.raises(ValueError, match="cuts a bucket"):
            store.commit_page("desk", told, since=T0, seen_at=T0)

        assert counts(store) == set()
        assert store.stats().tickets == 0
