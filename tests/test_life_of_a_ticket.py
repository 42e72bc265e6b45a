"""Whatever happens to tickets, and however pages are cut, the counts end up as the desk holds them: a law."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from spikewatch.adapters.clock import ManualClock
from spikewatch.adapters.memory import MemoryMeter, MemoryStore
from spikewatch.adapters.zendesk.settings import ZendeskSettings
from spikewatch.adapters.zendesk.source import ZendeskSource
from spikewatch.core.counts import SeriesKey
from spikewatch.ingest import Ingest, Outcome
from spikewatch.pacing import Pace
from spikewatch.sandbox.helpdesk import Catalogue, DeskTicket, Endpoint, Fault, HelpDesk
from tests.oracles.desk import counts, newest, series_of

BEGINS = datetime(2026, 5, 11, 9, 0, 30, tzinfo=UTC)
SINCE = BEGINS - timedelta(days=1)
STEP = timedelta(minutes=5)
LATE_AFTER = timedelta(minutes=15)
WITHHELD = timedelta(minutes=1)
FIELD = 900
BRANDS = {1: "shop", 2: "payments"}
MINUTE = timedelta(minutes=1)
LASTS = 120
"""Minutes over which tickets live."""

Cell = tuple[int, SeriesKey]


@dataclass(frozen=True)
class Poll:
    """One reading of the desk: how long after the one before, in what pages, and whether a page is confused."""

    minutes: int
    per_page: int
    confused: bool = False


LIVES: Mapping[str, Mapping[str, object]] = {
    "a": {"values": ((FIELD, "a"),)},
    "b": {"values": ((FIELD, "b"),)},
    "uncategorised": {"values": ((FIELD, None),)},
    "other brand": {"brand_id": 2},
    "merged": {"tags": ("closed_by_merge",), "status": "closed"},
    "deleted": {"status": "deleted"},
    "restored": {"status": "open", "tags": ()},
    "purged": {"status": "deleted", "subject": "SCRUBBED", "values": (), "brand_id": None},
    "system update": {},
}

births = st.one_of(
    st.just(timedelta(0)),
    st.integers(-60, 0).map(lambda minutes: minutes * MINUTE),  # imported with an older date
    st.integers(-12, 3).map(lambda hours: hours * 60 * MINUTE),  # or one in the future
)


@st.composite
def histories(draw: st.DrawFn) -> list[DeskTicket]:
    """Return every version of up to a dozen tickets."""
    versions = []
    for number in range(1, draw(st.integers(1, 12)) + 1):
        appears = BEGINS + draw(st.integers(-30, LASTS)) * MINUTE
        ticket = DeskTicket(
            number,
            created_at=appears + draw(births),
            generated_timestamp=int(appears.timestamp()),
            brand_id=1,
            values=((FIELD, "a"),),
        )
        life = draw(st.lists(st.tuples(st.sampled_from(sorted(LIVES)), st.integers(1, 2400)), max_size=6))
        versions.append(ticket)
        for event, wait_s in life:
            second = ticket.generated_timestamp + wait_s
            ticket = replace(ticket, generated_timestamp=second, **LIVES[event])  # type: ignore[arg-type]  # real fields
            versions.append(ticket)
    return versions


polls = st.lists(
    st.builds(Poll, st.integers(1, 45), st.integers(1, 7), st.booleans()), min_size=1, max_size=8
)


def older_behind(page: dict[str, list[dict[str, object]]]) -> dict[str, object]:
    """Return the page with each ticket once more, and an older version that says otherwise behind it."""
    rows = page["tickets"]
    older = [
        {**row, "generated_timestamp": int(str(row["generated_timestamp"])) - 1, "status": "deleted"}
        for row in rows
    ]
    return {**page, "tickets": [*rows, *rows, *older]}


def expected(
    versions: Sequence[DeskTicket], instants: Sequence[datetime]
) -> tuple[Counter[Cell], Counter[Cell]]:
    """Return what counts after polls at these instants, and what of it is late: poll by poll, ticket by ticket."""
    late: dict[int, bool] = {}
    mark: datetime | None = None
    for instant in instants:
        for number, ticket in newest(versions, until=instant - WITHHELD).items():
            bucket_end = (int(ticket.created_at.timestamp()) // 300 + 1) * 300
            was_long_known = mark is not None and bucket_end + LATE_AFTER.total_seconds() < mark.timestamp()
            late.setdefault(number, was_long_known)
        mark = instant - WITHHELD
    everything: Counter[Cell] = Counter()
    history_only: Counter[Cell] = Counter()
    for number, ticket in newest(versions, until=instants[-1] - WITHHELD).items():
        if counts(ticket):
            cell = int(ticket.created_at.timestamp()) // 300, series_of(ticket, brands=BRANDS, field=FIELD)
            everything[cell] += 1
            history_only[cell] += late[number]
    return everything, +history_only


@settings(max_examples=60, deadline=None)
@given(versions=histories(), plan=polls)
@example(versions=[], plan=[Poll(1, 1)])
def test_any_history_in_any_pages_is_counted_as_a_slow_recount_counts_it(
    versions: list[DeskTicket], plan: list[Poll]
) -> None:
    clock = ManualClock(BEGINS)
    store, instants = MemoryStore(step=STEP), []
    with HelpDesk(
        versions,
        now=clock.now,
        client_id="tests",
        client_secret="s3cret",
        catalogue=Catalogue(BRANDS),
        exports_per_minute=10_000,
        token_life=timedelta(days=1),
    ) as desk:
        for poll in [*plan, Poll(60, 3)]:
            clock.advance(poll.minutes * MINUTE)
            instants.append(clock.now())
            if poll.confused:
                desk.fault(Endpoint.EXPORT, Fault(edit=older_behind))
            with closing(source_of(desk, clock, per_page=poll.per_page)) as source:
                ingest = Ingest(source, store, clock=clock, meter=MemoryMeter(), since=SINCE, pace=UNHURRIED)
                assert ingest.poll().outcome is Outcome.CAUGHT_UP

    found = list(store.counts(first=0, stop=2**40))
    everything, history_only = expected(versions, instants)
    assert Counter({(row.bucket, row.series): row.tickets for row in found}) == everything
    assert Counter({(row.bucket, row.series): row.late for row in found if row.late}) == history_only


UNHURRIED = Pace(per_minute=10_000, backfill_per_minute=10_000, pages=1000)


def source_of(desk: HelpDesk, clock: ManualClock, *, per_page: int) -> ZendeskSource:
    """Return a source that has just been started."""
    given = {
        "kind": "zendesk",
        "name": "desk",
        "url": desk.url,
        "client_id": "tests",
        "category": {"field": FIELD},
        "per_page": per_page,
    }
    meter = MemoryMeter()
    chosen = ZendeskSettings.model_validate(given)
    return ZendeskSource(chosen, secret=SecretStr("s3cret"), clock=clock, meter=meter)
