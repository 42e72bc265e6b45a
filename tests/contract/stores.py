"""The stores that a contract is checked against, and the desk that it is told with."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest

from spikewatch.adapters.memory import MemoryStore
from spikewatch.adapters.sql_store import open_store
from spikewatch.core.census import Census, Tallied
from spikewatch.core.counts import CountRow, SeriesKey, Ticket
from spikewatch.core.timegrid import Span, bucket_number
from spikewatch.ports import Page, PageOutcome, Store
from tests.postgres import Cluster

STEP = timedelta(minutes=5)
T0 = datetime(2026, 5, 11, 10, tzinfo=UTC)
FIRST = bucket_number(T0, STEP)
EVER = {"first": 0, "stop": 2**40}
LOGIN = SeriesKey("payments", "login")
CARDS = SeriesKey("payments", "cards")


@dataclass
class Kept:
    """A store that can be closed and opened again, where it lasts."""

    store: Store
    reopen: Callable[[], Store]

    def again(self) -> None:
        """Open it again, as a restart of the daemon does."""
        self.store = self.reopen()


Open = Callable[[], AbstractContextManager[Kept]]
Opened = Callable[[], AbstractContextManager[Store]]


@contextmanager
def memory() -> Iterator[Kept]:
    """Give a memory store; it does not last, so it is never closed."""
    store = MemoryStore(step=STEP)
    yield Kept(store, lambda: store)


@cache
def brought_up_to_date() -> bytes:
    """Return an empty store as a file: copied, for migrating anew takes the most of a short test."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        open_store(f"sqlite:///{path}", step=STEP).close()
        return path.read_bytes()


@contextmanager
def sqlite() -> Iterator[Kept]:
    """Give a store in a file of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        path.write_bytes(brought_up_to_date())
        with lasting(f"sqlite:///{path}") as kept:
            yield kept


@contextmanager
def lasting(url: str) -> Iterator[Kept]:
    """Give a store that is opened anew as often as one likes."""
    stores = [open_store(url, step=STEP)]

    def reopen() -> Store:
        stores[-1].close()
        stores.append(open_store(url, step=STEP))
        return stores[-1]

    try:
        yield Kept(stores[0], reopen)
    finally:
        stores[-1].close()


@dataclass(frozen=True)
class Schemas:
    """Schemas of a cluster that are emptied and used again, for making one anew takes the most of a short test."""

    cluster: Cluster
    free: list[str] = field(default_factory=list)

    @contextmanager
    def __call__(self) -> Iterator[Kept]:
        """Give a store in a schema that nobody else uses."""
        url = self.free.pop() if self.free else self.cluster.schema()
        try:
            with lasting(url) as kept:
                yield kept
        finally:
            self.cluster.empty(url)
            self.free.append(url)


STORES: tuple[Open | str, ...] = (memory, sqlite, "postgresql")
every_store = pytest.mark.parametrize("opened", STORES, indirect=True)
every_kept_store = pytest.mark.parametrize("kept", STORES, indirect=True)


def ticket(
    identifier: str = "1",
    *,
    minute: float = 0,
    series: SeriesKey = LOGIN,
    version: int = 1,
    counted: bool = True,
) -> Ticket:
    """Return a ticket created so many minutes after the beginning."""
    return Ticket(identifier, T0 + timedelta(minutes=minute), *series, version=version, counted=counted)


class Torn(Sequence[Ticket]):
    """Tickets whose reading breaks off after the first."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: object) -> Ticket:  # type: ignore[override]  # slices are not needed
        if index == 0:
            return ticket("torn")
        raise ConnectionError(index)


def page(
    *tickets: Ticket, cursor: str = "c", watermark: datetime | None = None, newest: datetime | None = None
) -> Page:
    """Return a page of these tickets."""
    return Page(tickets, cursor, caught_up=False, watermark=watermark, newest=newest)


def commit(
    store: Store, *tickets: Ticket, watermark: datetime | None = None, source: str = "desk"
) -> PageOutcome:
    """Have a store take over a page of these tickets."""
    return store.commit_page(source, page(*tickets, watermark=watermark), since=T0, seen_at=T0)


def census(*rows: tuple[float, SeriesKey, int], start: float = 0, end: float = 10) -> Census:
    """Return rows of (minute, series, tickets) in the span of these minutes."""
    span = Span(T0 + timedelta(minutes=start), T0 + timedelta(minutes=end))
    return Census(span, [Tallied(T0 + timedelta(minutes=at), key, number) for at, key, number in rows])


def count_out(
    store: Store, told: Census, *, watermark: datetime | None = None, source: str = "warehouse"
) -> PageOutcome:
    """Have a store take over what a source counted by itself."""
    told_page = Page((), "c", caught_up=True, watermark=watermark, census=told)
    return store.commit_page(source, told_page, since=T0, seen_at=T0)


def counts(store: Store) -> set[CountRow]:
    """Return every count; a cell comes once."""
    rows = store.counts(**EVER)
    assert len(rows) == len(set(rows))
    return set(rows)
