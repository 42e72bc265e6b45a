"""What every store promises whatever history it is told, in whatever pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from spikewatch.core.counts import CountRow, SeriesKey, Ticket, is_late
from spikewatch.core.timegrid import bucket_number
from tests.contract.stores import (
    CARDS,
    LOGIN,
    STEP,
    T0,
    Opened,
    commit,
    counts,
    every_store,
    ticket,
)

SERIES = [LOGIN, CARDS, SeriesKey("shop", "login"), SeriesKey("店", "返品")]

versions = st.builds(
    ticket,
    st.sampled_from("abcd"),
    minute=st.integers(0, 130),
    series=st.sampled_from(SERIES),
    version=st.integers(1, 6),
    counted=st.booleans(),
)

pages = st.lists(
    st.tuples(st.lists(versions, max_size=6), st.none() | st.integers(0, 200)),
    max_size=6,
)


@dataclass(frozen=True)
class Told:
    """A history as a source tells it: pages of tickets, each with the watermark's minute or without one."""

    pages: Sequence[tuple[Sequence[Ticket], int | None]]

    def recount(self) -> set[CountRow]:
        """Count the last word on each ticket, the slow and obvious way."""
        last: dict[str, Ticket] = {}
        late: dict[str, bool] = {}
        watermark: datetime | None = None
        for tickets, minute in self.pages:
            for each in tickets:
                late.setdefault(each.id, is_late(each.created_at, step=STEP, watermark=watermark))
                if each.id not in last or each.version >= last[each.id].version:
                    last[each.id] = each
            marks = [watermark, None if minute is None else T0 + timedelta(minutes=minute)]
            watermark = max((mark for mark in marks if mark is not None), default=None)
        cells = {
            (bucket_number(each.created_at, STEP), each.series): [
                late[other.id]
                for other in last.values()
                if other.counted
                and other.series == each.series
                and bucket_number(other.created_at, STEP) == bucket_number(each.created_at, STEP)
            ]
            for each in last.values()
            if each.counted
        }
        return {CountRow(bucket, key, len(lates), sum(lates)) for (bucket, key), lates in cells.items()}


@every_store
@settings(max_examples=30)  # each begins a store anew
@given(told=st.builds(Told, pages))
def test_counts_are_what_a_recount_of_the_last_word_gives(opened: Opened, told: Told) -> None:
    with opened() as store:
        outcomes = [
            commit(store, *tickets, watermark=None if minute is None else T0 + timedelta(minutes=minute))
            for tickets, minute in told.pages
        ]

        assert counts(store) == told.recount()
        for outcome, (tickets, _) in zip(outcomes, told.pages, strict=True):
            assert outcome.added + outcome.moved + outcome.removed + outcome.ignored == len(tickets)


@every_store
@settings(max_examples=30)  # each begins two stores anew
@given(history=st.lists(versions, max_size=20), cuts=st.lists(st.integers(0, 20), max_size=5))
def test_how_a_history_is_cut_into_pages_changes_nothing(
    opened: Opened, history: list[Ticket], cuts: list[int]
) -> None:
    edges = [0, *sorted(cuts), 20]
    with opened() as whole, opened() as cut:
        commit(whole, *history)
        for start, stop in pairwise(edges):
            commit(cut, *history[start:stop])

        assert counts(cut) == counts(whole)
        assert cut.roster().keys == whole.roster().keys
        assert cut.ticket_totals() == whole.ticket_totals()
