"""What every source keeps: the same suite for a script in memory and for Zendesk against the simulated desk."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from spikewatch.adapters.clock import ManualClock
from spikewatch.adapters.memory import MemoryMeter, MemorySource
from spikewatch.adapters.zendesk.settings import ZendeskSettings
from spikewatch.adapters.zendesk.source import ZendeskSource
from spikewatch.core.counts import Ticket
from spikewatch.ports import CursorRefused, Page, Position, Source
from spikewatch.sandbox.helpdesk import Catalogue, DeskTicket, HelpDesk

NOW = datetime(2026, 5, 11, 9, 0, tzinfo=UTC)
SINCE = NOW - timedelta(hours=2)
START = Position(cursor=None, since=SINCE)
PER_PAGE = 3
MOST_PAGES = 50
FIELD = 900


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


def memory() -> Iterator[Case]:
    source = MemorySource(pages_of(EARLY, watermark=NOW))
    later = pages_of(LATER, watermark=NOW + timedelta(hours=1))
    yield Case(open=lambda: source, go_on=lambda: source.add(*later))


def zendesk() -> Iterator[Case]:
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


@pytest.fixture(params=[memory, zendesk])
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    yield from request.param()


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


def tickets_of(pages: Sequence[Page]) -> list[Ticket]:
    return [ticket for page in pages for ticket in page.tickets]


def test_every_ticket_comes_once_and_as_it_is(case: Case) -> None:
    pages = read(case.open())

    assert tickets_of(pages) == list(EARLY)


def test_every_version_comes_once(case: Case) -> None:
    source = case.open()
    early = read(source)

    case.go_on()
    later = read(source, after(early[-1]))

    assert tickets_of(later) == list(LATER)


def test_reading_resumes_after_any_page(case: Case) -> None:
    pages = read(case.open())

    for number, page in enumerate(pages[:-1]):
        resumed = read(case.open(), after(page))

        assert tickets_of(resumed) == tickets_of(pages[number + 1 :])


def test_a_page_that_was_lost_is_read_again(case: Case) -> None:
    source = case.open()

    first, again = source.fetch_page(START), source.fetch_page(START)

    assert (first.tickets, first.cursor) == (again.tickets, again.cursor)


def test_where_nothing_is_new_a_page_is_empty_and_keeps_the_place(case: Case) -> None:
    source = case.open()
    last = read(source)[-1]

    quiet = source.fetch_page(after(last))
    case.go_on()
    later = read(source, after(quiet))

    assert (len(quiet.tickets), quiet.caught_up) == (0, True)
    assert tickets_of(later) == list(LATER)


def test_the_watermark_is_stated_only_when_caught_up_and_never_goes_back(case: Case) -> None:
    source = case.open()
    early = read(source)
    case.go_on()
    pages = [*early, *read(source, after(early[-1]))]

    marks = [page.watermark for page in pages if page.watermark is not None]
    assert all((page.watermark is not None) == page.caught_up for page in pages)
    assert marks == sorted(marks)
    assert len(marks) == 2


def test_the_newest_of_a_page_is_its_newest_version(case: Case) -> None:
    for page in read(case.open()):
        newest = max(ticket.version for ticket in page.tickets)

        assert page.newest == datetime.fromtimestamp(newest, tz=UTC)


def test_a_cursor_from_nowhere_is_refused(case: Case) -> None:
    with pytest.raises(CursorRefused):
        case.open().fetch_page(Position(cursor="from nowhere", since=SINCE))


def test_a_source_has_the_name_it_was_given(case: Case) -> None:
    assert case.open().name == "desk"
