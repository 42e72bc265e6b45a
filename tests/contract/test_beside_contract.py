"""What every store promises about what is read beside a source's cursor: older history, and a second reading."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from spikewatch.ports import Backfill, Page, Store
from tests.contract.stores import (
    CARDS,
    LOGIN,
    T0,
    Opened,
    Torn,
    commit,
    counts,
    every_store,
    ticket,
)

DAY = timedelta(days=1)
OLDER = T0 - 7 * DAY


def older(
    *numbers: int, day: int = 1, cursor: str = "b1", newest: datetime | None = None, caught_up: bool = False
) -> Page:
    """Return a page of tickets that were created so many days before reading began."""
    rows = [ticket(f"old-{number}", minute=-day * 24 * 60 + number) for number in numbers]
    return Page(rows, cursor, caught_up, newest=newest)


def read(store: Store) -> None:
    """Read the source up to an hour behind its beginning, as life does."""
    commit(store, ticket("live"), watermark=T0 + timedelta(hours=1))


@every_store
def test_nothing_older_is_read_before_it_is_asked_for(opened: Opened) -> None:
    with opened() as store:
        assert store.ask_backfill("desk", since=OLDER) is None

        read(store)

        assert store.backfill("desk") is None
        assert store.ask_backfill("desk", since=T0) is None
        assert store.ask_backfill("desk", since=OLDER) == Backfill(OLDER, T0) == store.backfill("desk")


@every_store
def test_a_backfill_that_is_under_way_stays_as_it_is_when_more_is_asked_for(opened: Opened) -> None:
    with opened() as store:
        read(store)
        store.ask_backfill("desk", since=OLDER)

        assert store.ask_backfill("desk", since=OLDER - DAY) == Backfill(OLDER, T0)


@every_store
def test_older_history_moves_its_own_cursor_and_leaves_the_live_one_alone(opened: Opened) -> None:
    with opened() as store:
        read(store)
        store.ask_backfill("desk", since=OLDER)
        before = store.source_state("desk")
        newest = OLDER + DAY

        outcome = store.commit_backfill("desk", older(1, 2, newest=newest))

        assert (outcome.added, outcome.late) == (2, 0)
        assert store.source_state("desk") == before
        assert store.backfill("desk") == Backfill(OLDER, T0, "b1", newest)
        assert sum(row.tickets for row in counts(store)) == 3
        assert store.stats().tickets == 3


@every_store
@pytest.mark.parametrize("way", ["by reaching what is there", "by the end of the stream"])
def test_the_source_is_known_from_the_new_beginning_once_all_is_read(opened: Opened, way: str) -> None:
    with opened() as store:
        read(store)
        store.ask_backfill("desk", since=OLDER)
        reaches = way.startswith("by reaching")

        store.commit_backfill("desk", older(1, newest=T0 if reaches else OLDER, caught_up=not reaches))

        assert store.backfill("desk") is None
        state = store.source_state("desk")
        assert state is not None
        assert (state.since, state.watermark) == (OLDER, T0 + timedelta(hours=1))


@every_store
def test_a_page_of_older_history_may_come_twice(opened: Opened) -> None:
    with opened() as store:
        read(store)
        store.ask_backfill("desk", since=OLDER)
        page = older(1, 2, newest=OLDER + DAY)
        store.commit_backfill("desk", page)
        before = counts(store)

        outcome = store.commit_backfill("desk", page)

        assert (outcome.added, outcome.ignored) == (0, 2)
        assert counts(store) == before


@every_store
def test_older_history_can_be_rewound(opened: Opened) -> None:
    with opened() as store:
        read(store)
        store.ask_backfill("desk", since=OLDER)
        store.commit_backfill("desk", older(1, newest=OLDER + DAY))

        store.rewind_backfill("desk")

        assert store.backfill("desk") == Backfill(OLDER, T0, None, OLDER + DAY)


@every_store
def test_a_sweep_applies_what_it_finds_and_marks_it_late(opened: Opened) -> None:
    with opened() as store:
        read(store)
        before = store.source_state("desk")
        moved = replace(ticket("live", series=CARDS), version=2)

        outcome = store.commit_sweep("desk", Page([moved, ticket("missed")], "elsewhere", caught_up=True))

        assert (outcome.moved, outcome.added, outcome.late) == (1, 1, 1)
        assert store.source_state("desk") == before
        assert {(row.series, row.tickets, row.late) for row in counts(store)} == {
            (CARDS, 1, 0),
            (LOGIN, 1, 1),
        }


@every_store
def test_versions_are_those_of_the_tickets_that_are_known(opened: Opened) -> None:
    with opened() as store:
        commit(store, ticket("1", version=7), ticket("2", version=8))
        commit(store, ticket("1", version=9), source="other")

        assert store.versions("desk", ["1", "2", "3"]) == {"1": 7, "2": 8}
        assert store.versions("desk", []) == {}


@every_store
def test_a_tally_counts_the_tickets_of_one_source_that_count(opened: Opened) -> None:
    with opened() as store:
        commit(
            store,
            ticket("1"),
            ticket("2", minute=59),
            ticket("3", minute=60),
            ticket("4", counted=False),
            ticket("5", series=CARDS),
        )
        commit(store, ticket("1"), source="other")

        found = store.tally("desk", start=T0, end=T0 + timedelta(hours=1))

        assert dict(found) == {LOGIN: 2, CARDS: 1}


def test_what_is_left_of_a_backfill_has_a_fraction() -> None:
    left = Backfill(OLDER, T0, "c", OLDER + 0.25 * (T0 - OLDER))

    assert left.fraction == 0.25
    assert Backfill(OLDER, T0).fraction == 0.0


@every_store
def test_a_page_of_older_history_that_breaks_off_leaves_the_rest_to_be_read(opened: Opened) -> None:
    with opened() as store:
        read(store)
        store.ask_backfill("desk", since=OLDER)

        with pytest.raises(ConnectionError):
            store.commit_backfill("desk", Page(Torn(), "next", caught_up=True))

        assert store.backfill("desk") == Backfill(OLDER, T0)
        assert sum(row.tickets for row in counts(store)) == 1


@every_store
def test_a_page_of_older_history_that_nobody_asked_for_is_refused(opened: Opened) -> None:
    with opened() as store:
        read(store)

        with pytest.raises(LookupError):
            store.commit_backfill("desk", older(1))

        assert sum(row.tickets for row in counts(store)) == 1


@every_store
def test_a_tally_is_of_whole_seconds(opened: Opened) -> None:
    half = timedelta(microseconds=500_000)
    with opened() as store:
        commit(store, replace(ticket(), created_at=T0 + half))

        assert store.tally("desk", start=T0 + half, end=T0 + timedelta(seconds=1)) == {LOGIN: 1}
        assert store.tally("desk", start=T0, end=T0 + half) == {}
