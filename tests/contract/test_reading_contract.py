"""What every store promises about how far a source is read."""

from datetime import timedelta

import pytest

from spikewatch.core.counts import CountRow
from spikewatch.ports import Page, SourceState
from tests.contract.stores import (
    FIRST,
    LOGIN,
    T0,
    Opened,
    Torn,
    commit,
    counts,
    every_store,
    page,
    ticket,
)


@every_store
def test_a_source_is_unknown_before_its_first_page(opened: Opened) -> None:
    with opened() as store:
        assert store.source_state("desk") is None
        assert store.source_states() == {}


@every_store
def test_the_position_moves_with_the_page_and_the_watermark_never_back(opened: Opened) -> None:
    later, much_later = T0 + timedelta(microseconds=1), T0 + timedelta(hours=1)
    with opened() as store:
        store.commit_page("desk", page(cursor="a", watermark=later, newest=much_later), since=T0, seen_at=T0)
        store.commit_page("desk", page(cursor="b"), since=much_later, seen_at=T0)

        store.commit_page("desk", page(cursor="c", watermark=T0, newest=T0), since=much_later, seen_at=T0)

        assert store.source_state("desk") == SourceState(T0, "c", watermark=later, newest=much_later)
        assert store.source_states() == {"desk": SourceState(T0, "c", watermark=later, newest=much_later)}


@every_store
def test_a_rewound_source_forgets_its_cursor_and_nothing_else(opened: Opened) -> None:
    with opened() as store:
        commit(store, ticket(), watermark=T0)
        commit(store, source="shop")

        store.rewind("desk")

        assert store.source_states() == {
            "desk": SourceState(T0, None, watermark=T0),
            "shop": SourceState(T0, "c"),
        }
        assert counts(store) == {CountRow(FIRST, LOGIN, 1)}


@every_store
def test_rewinding_an_unknown_source_does_nothing(opened: Opened) -> None:
    with opened() as store:
        store.rewind("desk")

        assert store.source_state("desk") is None


@every_store
def test_a_page_that_breaks_off_leaves_nothing(opened: Opened) -> None:
    with opened() as store:
        commit(store, ticket("1"))

        with pytest.raises(ConnectionError):
            store.commit_page(
                "desk", Page(Torn(), "next", caught_up=True, watermark=T0), since=T0, seen_at=T0
            )

        assert counts(store) == {CountRow(FIRST, LOGIN, 1)}
        assert store.source_state("desk") == SourceState(T0, "c")
        assert store.stats().tickets == 1


@every_store
def test_a_source_that_is_not_used_any_more_keeps_its_state_for_when_it_comes_back(opened: Opened) -> None:
    with opened() as store:
        for name in ("desk", "mail"):
            store.commit_page(name, Page((), name, caught_up=True, watermark=T0), since=T0, seen_at=T0)
        whole = dict(store.source_states())

        store.use_sources(["desk", "phone"])
        without, kept = dict(store.source_states()), store.source_state("mail")
        store.use_sources(["desk", "mail"])

        assert without == {"desk": whole["desk"]}
        assert kept == whole["mail"]
        assert store.source_states() == whole
