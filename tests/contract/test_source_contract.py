"""What every source keeps: the same suite for a script in memory, Zendesk on the simulated desk, queries and files.

Some sources tell of single tickets and some of ready-made counts, so what they say is judged by what a store makes of it.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from spikewatch.adapters.clock import ManualClock
from spikewatch.adapters.csv_source.growing import CsvSource
from spikewatch.adapters.csv_source.settings import CsvSettings
from spikewatch.adapters.memory import MemoryMeter, MemorySource, MemoryStore
from spikewatch.adapters.sql_source.settings import SqlSettings
from spikewatch.adapters.sql_source.source import SqlSource
from spikewatch.adapters.zendesk.settings import ZendeskSettings
from spikewatch.adapters.zendesk.source import ZendeskSource
from spikewatch.core.counts import SeriesKey, Ticket
from spikewatch.core.timegrid import bucket_number
from spikewatch.ports import CursorRefused, Page, Position, Source
from spikewatch.sandbox.helpdesk import Catalogue, DeskTicket, HelpDesk
from tests.postgres import Cluster

NOW = datetime(2026, 5, 11, 9, 0, tzinfo=UTC)
SINCE = NOW - timedelta(hours=2)
START = Position(cursor=None, since=SINCE)
PER_PAGE = 3
MOST_PAGES = 50
FIELD = 900
STEP = timedelta(minutes=5)
LOGIN = SeriesKey("shop", "login")
REFUND = SeriesKey("shop", "refund")


def change(number: int, *, minute: int, category: str = "login", counted: bool = True) -> Ticket:
    """Return a version of a ticket that came about so many minutes after SINCE."""
    version = int((SINCE + timedelta(minutes=minute)).timestamp())
    return Ticket(str(number), SINCE, "shop", category, version, counted=counted)


EARLY = (
    *(change(number, minute=1) for number in range(1, 8)),
    change(8, minute=5),
    change(9, minute=6, counted=False),
    change(10, minute=7),
)
LATER = (
    change(3, minute=150, category="refund"),
    change(11, minute=151),
    change(8, minute=152, counted=False),
)


@dataclass(frozen=True)
class Case:
    """A source that shows EARLY, and LATER once `go_on` was called; `open` gives it as after a restart."""

    open: Callable[[], Source]
    go_on: Callable[[], None]


def pages_of(tickets: Sequence[Ticket], *, watermark: datetime) -> list[Page]:
    """Return the tickets in pages, of which the last is the end."""
    parts = [tickets[first : first + PER_PAGE] for first in range(0, len(tickets), PER_PAGE)]
    last = len(parts) - 1
    return [
        Page(
            part,
            f"after {part[-1].version} {part[-1].id}",
            caught_up=number == last,
            watermark=watermark if number == last else None,
            newest=datetime.fromtimestamp(part[-1].version, tz=UTC),
        )
        for number, part in enumerate(parts)
    ]


def memory(_: pytest.FixtureRequest) -> Iterator[Case]:
    source = MemorySource(pages_of(EARLY, watermark=NOW))
    later = pages_of(LATER, watermark=NOW + timedelta(hours=1))
    yield Case(open=lambda: source, go_on=lambda: source.add(*later))


def zendesk(_: pytest.FixtureRequest) -> Iterator[Case]:
    clock = ManualClock(NOW)
    rows = [
        DeskTicket(
            int(ticket.id),
            ticket.created_at,
            ticket.version,
            brand_id=1,
            values=((FIELD, ticket.category),),
            status="open" if ticket.counted else "deleted",
        )
        for ticket in (*EARLY, *LATER)
    ]
    opened: list[ZendeskSource] = []
    with HelpDesk(
        rows,
        now=clock.now,
        client_id="tests",
        client_secret="s3cret",
        catalogue=Catalogue({1: "shop"}),
        exports_per_minute=1000,
    ) as desk:
        settings = ZendeskSettings.model_validate(
            {
                "kind": "zendesk",
                "name": "desk",
                "url": desk.url,
                "client_id": "tests",
                "category": {"field": FIELD},
                "per_page": PER_PAGE,
            }
        )

        def connect() -> Source:
            source = ZendeskSource(settings, secret=SecretStr("s3cret"), clock=clock, meter=MemoryMeter())
            opened.append(source)
            return source

        yield Case(open=connect, go_on=lambda: clock.advance(timedelta(hours=1)))
        for source in opened:
            source.close()


EARLY_COUNTS = {LOGIN: 9}
LATER_COUNTS = {LOGIN: 8, REFUND: 1}

TABLE = "CREATE TABLE counted (bucket_start {instant}, service text, category text, tickets integer)"
INSERT = "INSERT INTO counted VALUES ('{at}', 'shop', '{category}', {tickets})"
QUERY = (
    "SELECT bucket_start, service, category, tickets AS count FROM counted"
    " WHERE bucket_start >= :since AND bucket_start < :until"
)


def sql(url: str, *, instant: str, execute: Callable[[str], object]) -> Iterator[Case]:
    """A database in which a row is corrected and another added later."""
    clock = ManualClock(NOW + timedelta(minutes=10))
    execute(TABLE.format(instant=instant))
    execute(INSERT.format(at=SINCE.isoformat(), category="login", tickets=9))
    settings = SqlSettings.model_validate(
        {"kind": "sql", "name": "desk", "url": url, "query": QUERY, "at_once": "30m", "overlap": "4h"}
    )
    opened: list[SqlSource] = []

    def connect() -> Source:
        source = SqlSource(settings, password=None, clock=clock, step=STEP)
        opened.append(source)
        return source

    def go_on() -> None:
        clock.advance(timedelta(hours=1))
        execute("UPDATE counted SET tickets = 8")
        execute(INSERT.format(at=SINCE.isoformat(), category="refund", tickets=1))

    yield Case(open=connect, go_on=go_on)
    for source in opened:
        source.close()


def sql_on_sqlite(request: pytest.FixtureRequest) -> Iterator[Case]:
    file = request.getfixturevalue("tmp_path") / "warehouse.db"

    def execute(statement: str) -> None:
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute(statement)

    yield from sql(f"sqlite:///{file}", instant="text", execute=execute)


def sql_on_postgresql(request: pytest.FixtureRequest) -> Iterator[Case]:
    postgres: Cluster = request.getfixturevalue("postgres")
    url = postgres.schema()
    schema = url.rpartition("%3D")[2]

    def execute(statement: str) -> None:
        postgres.execute(f"SET search_path TO {schema}; {statement}")

    yield from sql(url, instant="timestamptz", execute=execute)


def csv(file: Path, *, header: str, early: str, later: str) -> Iterator[Case]:
    """A file that another program goes on writing to."""
    clock = ManualClock(NOW + timedelta(minutes=5))
    file.write_text(header + early)
    os.utime(file, (NOW.timestamp(), NOW.timestamp()))
    settings = CsvSettings.model_validate({"kind": "csv", "name": "desk", "path": file, "lag": "0s"})

    def go_on() -> None:
        clock.advance(timedelta(hours=1))
        with file.open("a") as stream:
            stream.write(later)
        changed = (NOW + timedelta(hours=1)).timestamp()
        os.utime(file, (changed, changed))

    yield Case(open=lambda: CsvSource(settings, clock=clock, step=STEP, piece=200), go_on=go_on)


def csv_tickets(request: pytest.FixtureRequest) -> Iterator[Case]:
    def rows(tickets: Sequence[Ticket]) -> str:
        return "".join(
            f"{each.id},{each.created_at.isoformat()},shop,{each.category},"
            f"{datetime.fromtimestamp(each.version, tz=UTC).isoformat()},{'open' if each.counted else 'deleted'}\n"
            for each in tickets
        )

    yield from csv(
        request.getfixturevalue("tmp_path") / "tickets.csv",
        header="id,created_at,service,category,updated_at,status\n",
        early=rows(EARLY),
        later=rows(LATER),
    )


@pytest.fixture(params=[memory, zendesk, sql_on_sqlite, sql_on_postgresql, csv_tickets])
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    yield from request.param(request)


def read(source: Source, position: Position = START) -> list[Page]:
    """Return all pages up to the first that is caught up."""
    pages: list[Page] = []
    while not pages or not pages[-1].caught_up:
        assert len(pages) < MOST_PAGES
        pages.append(source.fetch_page(position))
        position = after(pages[-1])
    return pages


def after(page: Page) -> Position:
    return Position(cursor=page.cursor, since=SINCE)


def counted(pages: Sequence[Page]) -> dict[SeriesKey, int]:
    """Return what a store counts that took the pages over."""
    store = MemoryStore(step=STEP)
    for page in pages:
        store.commit_page("desk", page, since=SINCE, seen_at=NOW)
    found = {row.series: row.tickets for row in store.counts(first=0, stop=2**40)}
    assert {row.bucket for row in store.counts(first=0, stop=2**40)} <= {bucket_number(SINCE, STEP)}
    return found


def test_everything_is_counted_once_and_as_it_is(case: Case) -> None:
    pages = read(case.open())

    assert counted(pages) == EARLY_COUNTS
    assert counted([*pages, *pages]) == EARLY_COUNTS


def test_every_change_is_taken_over(case: Case) -> None:
    source = case.open()
    early = read(source)

    case.go_on()
    later = read(source, after(early[-1]))

    assert counted([*early, *later]) == LATER_COUNTS


def test_reading_resumes_after_any_page(case: Case) -> None:
    pages = read(case.open())
    assert len(pages) > 1

    for number in range(1, len(pages)):
        resumed = read(case.open(), after(pages[number - 1]))

        assert counted([*pages[:number], *resumed]) == EARLY_COUNTS


def test_a_page_that_was_lost_is_read_again(case: Case) -> None:
    source = case.open()

    first, again = source.fetch_page(START), source.fetch_page(START)

    assert (first.tickets, first.census, first.cursor) == (again.tickets, again.census, again.cursor)


def test_where_nothing_is_new_a_page_is_empty_and_keeps_the_place(case: Case) -> None:
    source = case.open()
    early = read(source)

    quiet = source.fetch_page(after(early[-1]))
    case.go_on()
    later = read(source, after(quiet))

    assert (quiet.size, quiet.caught_up) == (0, True)
    assert counted([*early, quiet, *later]) == LATER_COUNTS


def test_the_watermark_is_stated_only_when_caught_up_and_never_goes_back(case: Case) -> None:
    source = case.open()
    early = read(source)
    case.go_on()
    pages = [*early, *read(source, after(early[-1]))]

    marks = [page.watermark for page in pages if page.watermark is not None]
    assert all((page.watermark is not None) == page.caught_up for page in pages)
    assert marks == sorted(marks)
    assert len(marks) == 2


def test_the_newest_of_a_page_is_how_far_it_reaches(case: Case) -> None:
    for page in read(case.open()):
        if page.census is not None:
            assert page.newest == page.census.span.end
        else:
            newest = max(ticket.version for ticket in page.tickets)
            assert page.newest == datetime.fromtimestamp(_seconds(newest), tz=UTC)


def test_without_a_cursor_reading_begins_again_and_changes_nothing(case: Case) -> None:
    source = case.open()
    pages = read(source)

    again = read(source, Position(cursor=None, since=SINCE))

    assert counted([*pages, *again]) == EARLY_COUNTS


def test_a_cursor_from_nowhere_is_refused(case: Case) -> None:
    with pytest.raises(CursorRefused):
        case.open().fetch_page(Position(cursor="from nowhere", since=SINCE))


def test_a_source_has_the_name_it_was_given(case: Case) -> None:
    assert case.open().name == "desk"


def _seconds(version: int) -> int:
    """Return a version in seconds; some sources count in microseconds."""
    return version if version < 10**12 else version // 1_000_000
