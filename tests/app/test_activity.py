"""Which series are alive, as the metrics ask for it."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from spikewatch.adapters.memory import MemoryStore
from spikewatch.app.activity import Activity
from spikewatch.core.counts import Cells, SeriesKey, Ticket
from spikewatch.core.snapshot import Snapshot
from spikewatch.ports import Page

STEP = timedelta(minutes=5)
NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
WEEK = timedelta(days=7)


class Counted(MemoryStore):
    """A store that counts how often its counts are read."""

    def __init__(self) -> None:
        super().__init__(step=STEP)
        self.reads = 0

    def counts(self, *, first: int, stop: int) -> Cells:
        self.reads += 1
        return super().counts(first=first, stop=stop)


@pytest.fixture
def store() -> Counted:
    """Tickets at the edges of the week before NOW."""
    made = Counted()
    ages = {"fresh": STEP, "week": WEEK, "older": WEEK + STEP}
    tickets = [Ticket(name, NOW - age, "pay", name, version=1) for name, age in ages.items()]
    page = Page(tickets, cursor="1", caught_up=True, watermark=NOW)
    made.commit_page("desk", page, since=NOW - 2 * WEEK, seen_at=NOW)
    return made


def snapshot(store: MemoryStore, *, until: datetime = NOW) -> Snapshot:
    roster = store.roster()
    nobody = np.zeros(len(roster), dtype=np.bool_)
    return Snapshot(roster=roster, judged_until=until, readings={}, surging=nobody, learned=nobody)


def alive(marked: Snapshot) -> set[SeriesKey]:
    assert marked.active is not None
    return {marked.roster.keys[row] for row in np.flatnonzero(marked.active)}


def test_a_series_is_alive_for_a_week_after_its_last_ticket(store: Counted) -> None:
    marked = Activity(store, step=STEP, is_asked=True).marked(snapshot(store))

    assert alive(marked) == {SeriesKey("pay", "fresh"), SeriesKey("pay", "week")}


def test_the_counts_are_looked_up_once_an_hour(store: Counted) -> None:
    activity = Activity(store, step=STEP, is_asked=True)

    marked = [
        activity.marked(snapshot(store, until=NOW + timedelta(minutes=minutes))) for minutes in (0, 5, 55, 60)
    ]

    assert store.reads == 2
    assert alive(marked[-1]) == {SeriesKey("pay", "fresh")}


def test_nothing_is_looked_up_where_nobody_asks(store: Counted) -> None:
    marked = Activity(store, step=STEP, is_asked=False).marked(snapshot(store))

    assert (marked.active, store.reads) == (None, 0)
