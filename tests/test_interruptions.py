"""What may happen to the process that reads, on any day: pauses, power cuts, old backups, a backfill left alone for days.

Each time a real source reads a simulated desk into a file, and the file must end up as the desk is.
"""

import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from spikewatch.adapters.clock import ManualClock
from spikewatch.adapters.memory import MemoryMeter
from spikewatch.adapters.sql_store import SqlStore, open_store
from spikewatch.adapters.zendesk.settings import ZendeskSettings
from spikewatch.adapters.zendesk.source import ZendeskSource
from spikewatch.backfilling import Backfilling
from spikewatch.core.counts import SeriesKey
from spikewatch.ingest import Ingest, Outcome
from spikewatch.pacing import Pace
from spikewatch.ports import Page, Position
from spikewatch.sandbox.helpdesk import Catalogue, DeskTicket, DropDown, Endpoint, HelpDesk
from tests.oracles.desk import recount

STEP = timedelta(minutes=5)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
FIELD = 900
CATALOGUE = Catalogue(
    brands={1: "shop"}, fields=(DropDown(FIELD, "Category", {"login": "Log-in", "refund": "Refund"}),)
)
BEGINS = datetime(2026, 5, 11, 9, 0, 30, tzinfo=UTC)


class PowerCut(BaseException):
    """The process ends here."""


@dataclass
class World:
    """A desk of four tickets an hour for two weeks, each changed an hour later, and files that it is read into."""

    clock: ManualClock
    desk: HelpDesk
    tickets: tuple[DeskTicket, ...]
    folder: Path
    since: datetime

    @contextmanager
    def store(self, name: str = "store") -> Iterator[SqlStore]:
        store = open_store(f"sqlite:///{self.folder / name}.db", step=STEP)
        try:
            yield store
        finally:
            store.close()

    @contextmanager
    def source(self, *, per_page: int = 100, dies_after: int | None = None) -> Iterator[ZendeskSource]:
        settings = ZendeskSettings.model_validate(
            {
                "kind": "zendesk",
                "name": "desk",
                "url": self.desk.url,
                "client_id": "tests",
                "category": {"field": FIELD},
                "per_page": per_page,
            }
        )
        kind = ZendeskSource if dies_after is None else Dying
        source = kind(settings, secret=SecretStr("s3cret"), clock=self.clock, meter=MemoryMeter())
        if isinstance(source, Dying):
            source.pages = dies_after or 0
        try:
            yield source
        finally:
            source.close()

    def ingest(self, source: ZendeskSource, store: SqlStore) -> Ingest:
        return Ingest(source, store, clock=self.clock, meter=MemoryMeter(), since=self.since)

    def read(self, duration: timedelta, *, name: str = "store", dies_after: int | None = None) -> None:
        """Read for so long, as a process of its own."""
        until = self.clock.now() + duration
        with self.store(name) as store, self.source(dies_after=dies_after) as source:
            ingest = self.ingest(source, store)
            while self.clock.now() < until:
                assert ingest.poll().detail == ""
                self.clock.advance(4 * MINUTE)
            while ingest.poll().outcome is not Outcome.CAUGHT_UP:
                self.clock.advance(MINUTE)

    def counted(self, name: str = "store") -> Counter[tuple[int, SeriesKey]]:
        with self.store(name) as store:
            rows = list(store.counts(first=0, stop=2**40))
        return Counter({(row.bucket, row.series): row.tickets for row in rows})

    def late(self, name: str = "store") -> int:
        with self.store(name) as store:
            return sum(row.late for row in store.counts(first=0, stop=2**40))

    def held(self) -> Counter[tuple[int, SeriesKey]]:
        """What the desk shows, counted the slow way."""
        return recount(
            self.tickets, until=self.clock.now() - MINUTE, step=STEP, brands=CATALOGUE.brands, field=FIELD
        )


class Dying(ZendeskSource):
    """Answers so many pages; at the next one the process ends, with the page in its hands."""

    pages = 0

    def fetch_page(self, position: Position) -> Page:
        page = super().fetch_page(position)
        self.pages -= 1
        if self.pages < 0:
            raise PowerCut
        return page


@contextmanager
def world(folder: Path, *, begins: datetime = BEGINS) -> Iterator[World]:
    since = begins - 2 * DAY
    made = [since + number * 15 * MINUTE for number in range(14 * 24 * 4)]
    tickets = tuple(
        DeskTicket(
            number,
            created_at=at,
            generated_timestamp=int((at + change * HOUR).timestamp()) + 3,
            brand_id=1,
            values=((FIELD, ("login", "refund")[(number + change) % 2]),),
        )
        for number, at in enumerate(made, start=1)
        for change in (0, 1)
    )
    clock = ManualClock(begins)
    with HelpDesk(
        tickets, now=clock.now, client_id="tests", client_secret="s3cret", catalogue=CATALOGUE
    ) as desk:
        yield World(clock, desk, tickets, folder, since)


def test_a_pause_of_six_hours_is_made_up_for_and_nothing_in_it_is_late(tmp_path: Path) -> None:
    with world(tmp_path) as here, here.store() as store, here.source() as source:
        ingest = here.ingest(source, store)
        while ingest.poll().outcome is not Outcome.CAUGHT_UP:
            here.clock.advance(MINUTE)

        here.clock.advance(6 * HOUR)
        after = ingest.poll()

        assert (after.outcome, after.pages) == (Outcome.CAUGHT_UP, 1)
        assert after.changes.late == 0
        rows = list(store.counts(first=0, stop=2**40))
        assert Counter({(row.bucket, row.series): row.tickets for row in rows}) == here.held()


@pytest.mark.parametrize("dies_after", [0, 1, 2])
def test_a_process_killed_between_a_page_and_its_commit_reads_it_again(
    tmp_path: Path, dies_after: int
) -> None:
    with world(tmp_path) as here:
        with pytest.raises(PowerCut):
            here.read(HOUR, dies_after=dies_after)

        here.read(HOUR)

        assert here.counted() == here.held()
        assert here.late() == 0


def test_a_backup_of_last_week_catches_up_to_what_the_desk_holds(tmp_path: Path) -> None:
    with world(tmp_path) as here:
        here.read(HOUR)
        shutil.copy(tmp_path / "store.db", tmp_path / "backup.db")
        here.clock.advance(7 * DAY)
        here.read(HOUR)

        here.read(MINUTE, name="backup")

        assert here.counted("backup") == here.held()
        assert here.late("backup") == 0


def test_a_backfill_that_is_left_for_three_days_goes_on_where_it_stopped(tmp_path: Path) -> None:
    with world(tmp_path) as here:
        here.clock.advance(4 * DAY)
        with here.store() as store, here.source(per_page=50) as source:
            late = Ingest(source, store, clock=here.clock, meter=MemoryMeter(), since=here.clock.now() - HOUR)
            while late.poll().outcome is not Outcome.CAUGHT_UP:
                here.clock.advance(MINUTE)
            stopped = backfilling(here, source, store).run(stop=_after(2))
        here.clock.advance(3 * DAY)
        with here.store() as store, here.source(per_page=50) as source:
            live = here.ingest(source, store)
            while live.poll().outcome is not Outcome.CAUGHT_UP:
                here.clock.advance(MINUTE)
            began = len(here.desk.requests)

            resumed = backfilling(here, source, store)
            while resumed.run().outcome is not Outcome.CAUGHT_UP:
                here.clock.advance(MINUTE)
            while live.poll().outcome is not Outcome.CAUGHT_UP:
                here.clock.advance(MINUTE)

        asked = [each.query for each in here.desk.requests[began:] if each.endpoint is Endpoint.EXPORT]
        assert (stopped.outcome, stopped.pages) == (Outcome.MORE, 2)
        assert all("cursor" in query for query in asked)
        assert here.counted() == here.held()
        assert here.late() == 0


def backfilling(here: World, source: ZendeskSource, store: SqlStore) -> Backfilling:
    return Backfilling(
        source,
        store,
        clock=here.clock,
        meter=MemoryMeter(),
        since=here.since,
        pace=Pace(),
        turn=threading.Lock(),
        leader=lambda: None,
    )


def _after(pages: int) -> Callable[[], bool]:
    asked = iter(range(pages))
    return lambda: next(asked, None) is None


@pytest.mark.parametrize(
    "begins",
    [
        datetime(2028, 2, 29, 22, 30, 30, tzinfo=UTC),
        datetime(2026, 3, 29, 0, 30, 30, tzinfo=UTC),
        datetime(2026, 10, 25, 0, 30, 30, tzinfo=UTC),
        datetime(2026, 12, 31, 22, 30, 30, tzinfo=UTC),
    ],
    ids=["leap day", "clocks go forward", "clocks go back", "new year"],
)
def test_on_a_day_of_a_strange_calendar_no_ticket_is_lost_or_doubled(
    tmp_path: Path, begins: datetime
) -> None:
    with world(tmp_path, begins=begins) as here:
        here.read(4 * HOUR)

        assert here.counted() == here.held()
        assert here.late() == 0
