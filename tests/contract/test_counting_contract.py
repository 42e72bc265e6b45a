"""What every store promises about counting tickets."""

from datetime import timedelta

import pytest

from spikewatch.core.counts import CountRow, SeriesKey
from spikewatch.ports import PageOutcome
from tests.contract.stores import (
    CARDS,
    EVER,
    FIRST,
    LOGIN,
    T0,
    Opened,
    commit,
    counts,
    every_store,
    ticket,
)


@every_store
def test_a_ticket_counts_in_the_bucket_of_its_creation(opened: Opened) -> None:
    with opened() as store:
        outcome = commit(store, ticket("1", minute=4.99), ticket("2", minute=5))

        assert outcome == PageOutcome(added=2)
        assert counts(store) == {CountRow(FIRST, LOGIN, 1), CountRow(FIRST + 1, LOGIN, 1)}


@every_store
def test_a_recategorised_ticket_moves_within_its_own_bucket_and_back(opened: Opened) -> None:
    with opened() as store:
        commit(store, ticket(version=1))

        moved = commit(store, ticket(version=2, series=CARDS))

        assert moved == PageOutcome(moved=1)
        assert counts(store) == {CountRow(FIRST, CARDS, 1)}
        commit(store, ticket(version=3))
        assert counts(store) == {CountRow(FIRST, LOGIN, 1)}


@every_store
def test_a_deleted_ticket_counts_no_more_and_leaves_no_empty_row(opened: Opened) -> None:
    with opened() as store:
        commit(store, ticket(version=1))

        outcome = commit(store, ticket(version=2, counted=False))

        assert outcome == PageOutcome(removed=1)
        assert counts(store) == set()
        assert store.stats().count_rows == 0


@every_store
def test_a_restored_ticket_counts_again(opened: Opened) -> None:
    with opened() as store:
        commit(store, ticket(version=1))
        commit(store, ticket(version=2, counted=False))

        outcome = commit(store, ticket(version=3))

        assert outcome == PageOutcome(added=1)
        assert counts(store) == {CountRow(FIRST, LOGIN, 1)}


@every_store
def test_a_ticket_deleted_before_it_was_ever_seen_counts_nowhere(opened: Opened) -> None:
    scrubbed = SeriesKey("unknown", "unknown")
    with opened() as store:
        outcome = commit(store, ticket(counted=False, series=scrubbed))

        assert outcome == PageOutcome(ignored=1)
        assert len(store.roster()) == 0
        assert store.stats().tickets == 1


@every_store
def test_an_older_version_is_ignored(opened: Opened) -> None:
    with opened() as store:
        commit(store, ticket(version=5))

        outcome = commit(store, ticket(version=4, series=CARDS))

        assert outcome == PageOutcome(ignored=1)
        assert counts(store) == {CountRow(FIRST, LOGIN, 1)}


@every_store
def test_an_equal_version_with_other_content_replaces(opened: Opened) -> None:
    with opened() as store:
        commit(store, ticket(version=5))

        outcome = commit(store, ticket(version=5, series=CARDS))

        assert outcome == PageOutcome(moved=1)
        assert counts(store) == {CountRow(FIRST, CARDS, 1)}


@every_store
def test_of_a_ticket_twice_on_a_page_the_highest_version_wins(opened: Opened) -> None:
    with opened() as store:
        commit(store, ticket(version=2, series=CARDS), ticket(version=1))

        assert counts(store) == {CountRow(FIRST, CARDS, 1)}
        assert store.stats().tickets == 1


@every_store
def test_of_a_ticket_twice_in_one_version_the_last_one_wins(opened: Opened) -> None:
    with opened() as store:
        commit(store, ticket(version=1), ticket(version=1, series=CARDS))

        assert counts(store) == {CountRow(FIRST, CARDS, 1)}


@every_store
def test_a_page_read_again_changes_nothing(opened: Opened) -> None:
    with opened() as store:
        commit(store, ticket("1"), ticket("2", series=CARDS))
        before = counts(store)

        outcome = commit(store, ticket("1"), ticket("2", series=CARDS))

        assert outcome == PageOutcome(ignored=2)
        assert counts(store) == before


@every_store
def test_sources_do_not_share_ticket_ids(opened: Opened) -> None:
    with opened() as store:
        commit(store, ticket("1"), source="desk")
        commit(store, ticket("1"), source="shop")

        assert counts(store) == {CountRow(FIRST, LOGIN, 2)}


@every_store
def test_nothing_is_late_while_the_source_has_never_caught_up(opened: Opened) -> None:
    with opened() as store:
        outcome = commit(store, ticket(), watermark=T0 + timedelta(days=1))

        assert outcome.late == 0


@every_store
@pytest.mark.parametrize(("minutes", "late"), [(20, 0), (20.01, 1)])
def test_a_ticket_is_late_once_its_bucket_ended_15_minutes_below_the_watermark(
    opened: Opened, minutes: float, late: int
) -> None:
    with opened() as store:
        commit(store, watermark=T0 + timedelta(minutes=minutes))

        outcome = commit(store, ticket())

        assert outcome == PageOutcome(added=1, late=late)
        assert counts(store) == {CountRow(FIRST, LOGIN, 1, late)}


@every_store
def test_a_late_ticket_stays_late_wherever_it_moves(opened: Opened) -> None:
    with opened() as store:
        commit(store, ticket("timely"), watermark=T0 + timedelta(hours=1))
        commit(store, ticket("late"))
        commit(store, ticket("late", version=2, series=CARDS), ticket("timely", version=2, series=CARDS))
        commit(store, ticket("late", version=3, counted=False))

        commit(store, ticket("late", version=4))

        assert counts(store) == {CountRow(FIRST, CARDS, 1), CountRow(FIRST, LOGIN, 1, 1)}


@every_store
def test_counts_come_with_the_roster_that_their_rows_refer_to(opened: Opened) -> None:
    with opened() as store:
        commit(store, ticket("1"))
        before = store.counts(**EVER)
        commit(store, ticket("2", series=CARDS), ticket("3", series=CARDS))

        after = store.counts(**EVER)

        assert [before.roster.keys[row] for row in before.row] == [LOGIN]
        assert {after.roster.keys[row]: int(n) for row, n in zip(after.row, after.tickets, strict=True)} == {
            CARDS: 2,
            LOGIN: 1,
        }
        assert after.roster.keys == store.roster().keys


@every_store
def test_counts_of_a_range_without_tickets_are_empty_columns(opened: Opened) -> None:
    with opened() as store:
        commit(store, ticket("1"))

        cells = store.counts(first=FIRST + 1, stop=FIRST + 9)

        assert len(cells) == 0
        assert [column.shape for column in (cells.row, cells.bucket, cells.tickets, cells.late)] == [(0,)] * 4
        assert cells.roster.keys == store.roster().keys


@every_store
def test_counts_are_returned_for_a_half_open_range(opened: Opened) -> None:
    with opened() as store:
        commit(store, ticket("1"), ticket("2", minute=5), ticket("3", minute=10))

        rows = store.counts(first=FIRST, stop=FIRST + 2)

        assert {row.bucket for row in rows} == {FIRST, FIRST + 1}


@every_store
def test_the_roster_keeps_a_series_that_counts_nothing_now(opened: Opened) -> None:
    with opened() as store:
        commit(store, ticket(version=1))
        commit(store, ticket(version=2, series=CARDS))

        keys = store.roster().keys

        assert [str(key) for key in keys] == ["payments/cards", "payments/login", "payments/*", "*/*"]


@every_store
def test_ticket_totals_never_fall(opened: Opened) -> None:
    with opened() as store:
        commit(store, ticket("1"), ticket("2"))
        commit(store, ticket("1", version=2, counted=False), ticket("2", version=2, series=CARDS))

        assert store.ticket_totals() == {LOGIN: 2, CARDS: 1}
