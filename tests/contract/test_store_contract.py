"""What every store promises, whatever it is made of."""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikewatch.adapters.memory import MemoryStore
from spikewatch.adapters.sql_store import open_store
from spikewatch.core.acts import Act, ActKind, ActStage, Entry, Refusal, Refused, Via
from spikewatch.core.calibration import KEPT_WEEKS, Calibration, Peaks
from spikewatch.core.census import Census, Tallied
from spikewatch.core.counts import CountRow, SeriesKey, Ticket, is_late
from spikewatch.core.courses import Course
from spikewatch.core.events import Label, LabelKind
from spikewatch.core.handling import Handling, Verdict
from spikewatch.core.incidents import Incident, Incidents, Phase, Severity
from spikewatch.core.labels import Noted
from spikewatch.core.muting import Matcher, Silence
from spikewatch.core.notices import Facts, Notice, Part, Reason
from spikewatch.core.outbox import Delivery, Kind, Receipt, Stage, sent, started
from spikewatch.core.scoring import Reading
from spikewatch.core.surges import Surge
from spikewatch.core.timegrid import Span, bucket_number
from spikewatch.ports import CycleCommit, InForce, JudgeState, Page, PageOutcome, SourceState, Store
from tests.postgres import Cluster

STEP = timedelta(minutes=5)
T0 = datetime(2026, 5, 11, 10, tzinfo=UTC)
FIRST = bucket_number(T0, STEP)
EVER = {"first": 0, "stop": 2**40}
LOGIN = SeriesKey("payments", "login")
CARDS = SeriesKey("payments", "cards")

Opened = Callable[[], AbstractContextManager[Store]]


@contextmanager
def memory() -> Iterator[Store]:
    yield MemoryStore(step=STEP)


@cache
def brought_up_to_date() -> bytes:
    """Return an empty store as a file: copied, for migrating anew takes the most of a short test."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        open_store(f"sqlite:///{path}", step=STEP).close()
        return path.read_bytes()


@contextmanager
def sqlite() -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        path.write_bytes(brought_up_to_date())
        store = open_store(f"sqlite:///{path}", step=STEP)
        try:
            yield store
        finally:
            store.close()


@dataclass(frozen=True)
class Schemas:
    """Schemas of a cluster that are emptied and used again, for making one anew takes the most of a short test."""

    cluster: Cluster
    free: list[str] = field(default_factory=list)

    @contextmanager
    def __call__(self) -> Iterator[Store]:
        url = self.free.pop() if self.free else self.cluster.schema()
        store = open_store(url, step=STEP)
        try:
            yield store
        finally:
            store.close()
            self.cluster.empty(url)
            self.free.append(url)


@pytest.fixture(scope="session")
def opened(request: pytest.FixtureRequest) -> Opened:
    if request.param != "postgresql":
        chosen: Opened = request.param
        return chosen
    return Schemas(request.getfixturevalue("postgres"))


every_store = pytest.mark.parametrize("opened", [memory, sqlite, "postgresql"], indirect=True)


def ticket(
    identifier: str = "1",
    *,
    minute: float = 0,
    series: SeriesKey = LOGIN,
    version: int = 1,
    counted: bool = True,
) -> Ticket:
    return Ticket(identifier, T0 + timedelta(minutes=minute), *series, version=version, counted=counted)


def page(
    *tickets: Ticket, cursor: str = "c", watermark: datetime | None = None, newest: datetime | None = None
) -> Page:
    return Page(tickets, cursor, caught_up=False, watermark=watermark, newest=newest)


def commit(
    store: Store, *tickets: Ticket, watermark: datetime | None = None, source: str = "desk"
) -> PageOutcome:
    return store.commit_page(source, page(*tickets, watermark=watermark), since=T0, seen_at=T0)


def counts(store: Store) -> set[CountRow]:
    rows = store.counts(**EVER)
    assert len(rows) == len(set(rows))
    return set(rows)


# -- counting


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


# -- sources


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


class Torn(Sequence[Ticket]):
    """A page whose reading breaks off."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: object) -> Ticket:  # type: ignore[override]  # slices are not needed
        if index == 0:
            return ticket("torn")
        raise ConnectionError(index)


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


# -- random histories

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


@settings(max_examples=30)  # each begins a store anew
@given(told=st.builds(Told, pages))
def test_all_stores_agree_on_every_view(told: Told) -> None:
    with memory() as one, sqlite() as other:
        for tickets, minute in told.pages:
            mark = None if minute is None else T0 + timedelta(minutes=minute)
            assert commit(one, *tickets, watermark=mark) == commit(other, *tickets, watermark=mark)

        assert counts(one) == counts(other)
        assert one.roster().keys == other.roster().keys
        assert one.ticket_totals() == other.ticket_totals()
        assert one.stats().tickets == other.stats().tickets
        assert one.stats().oldest == other.stats().oldest


# -- ready-made counts


def census(*rows: tuple[float, SeriesKey, int], start: float = 0, end: float = 10) -> Census:
    """Rows of (minute, series, tickets) in the span of these minutes."""
    span = Span(T0 + timedelta(minutes=start), T0 + timedelta(minutes=end))
    return Census(span, [Tallied(T0 + timedelta(minutes=at), key, number) for at, key, number in rows])


def count_out(
    store: Store, told: Census, *, watermark: datetime | None = None, source: str = "warehouse"
) -> PageOutcome:
    told_page = Page((), "c", caught_up=True, watermark=watermark, census=told)
    return store.commit_page(source, told_page, since=T0, seen_at=T0)


@every_store
def test_a_census_counts_in_the_buckets_of_its_rows_and_rows_of_one_bucket_add_up(opened: Opened) -> None:
    with opened() as store:
        outcome = count_out(store, census((0, LOGIN, 3), (4, LOGIN, 2), (5, CARDS, 1)))

        assert outcome == PageOutcome(added=6)
        assert counts(store) == {CountRow(FIRST, LOGIN, 5), CountRow(FIRST + 1, CARDS, 1)}
        assert store.ticket_totals() == {LOGIN: 5, CARDS: 1}


@every_store
def test_a_census_read_again_changes_nothing(opened: Opened) -> None:
    with opened() as store:
        count_out(store, census((0, LOGIN, 3), (5, CARDS, 1)))

        again = count_out(store, census((0, LOGIN, 3), (5, CARDS, 1)))

        assert again == PageOutcome(ignored=4)
        assert counts(store) == {CountRow(FIRST, LOGIN, 3), CountRow(FIRST + 1, CARDS, 1)}
        assert store.ticket_totals() == {LOGIN: 3, CARDS: 1}


@every_store
def test_a_census_replaces_what_it_said_of_its_span_before_and_nothing_beside_it(opened: Opened) -> None:
    with opened() as store:
        count_out(store, census((0, LOGIN, 3), (5, LOGIN, 4), (5, CARDS, 2)))

        outcome = count_out(store, census((5, LOGIN, 1), (5, SeriesKey("shop", "lost"), 7), start=5))

        assert outcome == PageOutcome(added=7, removed=5, ignored=1)
        assert counts(store) == {
            CountRow(FIRST, LOGIN, 3),
            CountRow(FIRST + 1, LOGIN, 1),
            CountRow(FIRST + 1, SeriesKey("shop", "lost"), 7),
        }


@every_store
def test_two_sources_that_count_in_one_series_have_a_share_each(opened: Opened) -> None:
    with opened() as store:
        commit(store, ticket("1"), ticket("2"))
        count_out(store, census((0, LOGIN, 3)))
        count_out(store, census((0, LOGIN, 5)), source="lake")

        count_out(store, census((0, LOGIN, 1)))

        assert counts(store) == {CountRow(FIRST, LOGIN, 2 + 5 + 1)}


@every_store
def test_what_a_bucket_far_below_the_watermark_gains_is_late(opened: Opened) -> None:
    mark = T0 + timedelta(hours=1)
    with opened() as store:
        count_out(store, census((0, LOGIN, 3)), watermark=mark)

        outcome = count_out(store, census((0, LOGIN, 5)))
        gained = counts(store)
        count_out(store, census((0, LOGIN, 4)))
        lost_a_late_one = counts(store)
        count_out(store, census((0, LOGIN, 2)))

        assert outcome == PageOutcome(added=2, ignored=3, late=2)
        assert gained == {CountRow(FIRST, LOGIN, 5, late=2)}
        assert lost_a_late_one == {CountRow(FIRST, LOGIN, 4, late=1)}
        assert counts(store) == {CountRow(FIRST, LOGIN, 2)}


@every_store
def test_what_was_forgotten_is_not_counted_again_by_a_census(opened: Opened) -> None:
    with opened() as store:
        count_out(store, census((0, LOGIN, 3), (5, LOGIN, 4)))
        store.forget(tickets_before=T0, counts_before=T0 + timedelta(minutes=5))

        count_out(store, census((0, LOGIN, 9), (5, LOGIN, 5)))

        assert counts(store) == {CountRow(FIRST + 1, LOGIN, 5)}


@every_store
def test_a_census_that_cuts_a_bucket_is_refused_and_changes_nothing(opened: Opened) -> None:
    with opened() as store:
        with pytest.raises(ValueError, match="cuts a bucket"):
            count_out(store, census((0, LOGIN, 3), end=7))

        assert counts(store) == set()
        assert store.source_state("warehouse") is None


@every_store
def test_a_source_feeds_the_services_that_its_tickets_and_censuses_counted_in(opened: Opened) -> None:
    with opened() as store:
        commit(store, ticket("1"), ticket("2", series=CARDS), ticket("3", series=SeriesKey("shop", "lost")))
        count_out(store, census((0, LOGIN, 3)))
        count_out(store, census(), source="empty")

        assert dict(store.feeds()) == {
            "desk": frozenset({"payments", "shop"}),
            "warehouse": frozenset({"payments"}),
        }


said = st.lists(st.tuples(st.integers(0, 3), st.sampled_from([LOGIN, CARDS]), st.integers(0, 3)), max_size=4)


@every_store
@settings(max_examples=30)  # each begins a store anew
@given(told=st.lists(st.tuples(said, st.sampled_from([None, 5, 60])), max_size=5))
def test_counts_are_what_the_last_census_of_each_bucket_says(
    opened: Opened, told: list[tuple[list[tuple[int, SeriesKey, int]], int | None]]
) -> None:
    expected: Counter[tuple[int, SeriesKey]] = Counter()
    with opened() as store:
        for rows, minute in told:
            expected.clear()
            for bucket, key, number in rows:
                expected[FIRST + bucket, key] += number
            mark = None if minute is None else T0 + timedelta(minutes=minute)
            count_out(store, census(*((5 * each, key, n) for each, key, n in rows), end=20), watermark=mark)

        found = counts(store)

    assert {(row.bucket, row.series): row.tickets for row in found} == dict(+expected)
    assert all(0 <= row.late <= row.tickets for row in found)


# -- judging

READING = Reading(window_minutes=15, observed=41, expected=1 / 3, upper=17, score=0.1 + 0.2)


def incident(
    identifier: str = "INC-1",
    *,
    minute: float = 0,
    phase: Phase = Phase.OPEN,
    severity: Severity = Severity.WARNING,
) -> Incident:
    at = T0 + timedelta(minutes=minute)
    surge = Surge(LOGIN, at, at, READING, READING, READING, at, quiet=timedelta(microseconds=1_800_000_001))
    closed_at = at if phase is Phase.CLOSED else None
    return Incident(identifier, "payments", at, at, severity, (surge,), phase=phase, closed_at=closed_at)


def delivery(
    key: str = "k1",
    *,
    of: str = "INC-1",
    channel: str = "#oncall",
    minute: float = 0,
    stage: Stage = Stage.QUEUED,
) -> Delivery:
    at = T0 + timedelta(minutes=minute)
    facts = Facts(
        incident=of,
        service="payments",
        phase=Phase.OPEN,
        severity=Severity.CRITICAL,
        opened_at=at,
        started_at=at,
        resolved_at=None,
        merged_into=None,
        lead_series=LOGIN,
        lead=READING,
        peak=READING,
        parts=(Part(CARDS, READING, share=0.7), Part(LOGIN, READING, share=None, surging=False)),
        more=3,
        excess=1e-17,
        chance_weeks=1e300,
        data_until=at,
        revision=2,
        runbook="障害対応の手順",
    )
    notice = Notice(key, of, Reason.OPENED, at, facts)
    return Delivery(key, "slack", channel, notice, created_at=at, due=at, stage=stage)


def cycle(
    *active: Incident,
    changed: Sequence[Incident] = (),
    deliveries: Sequence[Delivery] = (),
    until: int = FIRST,
) -> CycleCommit:
    return CycleCommit(JudgeState(until, Incidents(active, next_number=7)), changed, deliveries)


@every_store
def test_judging_begins_with_nothing(opened: Opened) -> None:
    with opened() as store:
        assert store.judge_state() == JudgeState()


@every_store
def test_where_judging_stands_comes_back_as_it_was(opened: Opened) -> None:
    newer, older = incident("INC-2", minute=5), incident("INC-1")
    with opened() as store:
        store.commit_cycle(cycle(older, changed=[older]))

        store.commit_cycle(cycle(newer, older, changed=[newer], until=FIRST + 1))

        assert store.judge_state() == JudgeState(FIRST + 1, Incidents((newer, older), next_number=7))
        assert all(
            each.opened_at.utcoffset() == timedelta(0) for each in store.judge_state().incidents.active
        )


@every_store
def test_an_active_incident_is_kept_even_where_nothing_worth_telling_changed(opened: Opened) -> None:
    with opened() as store:
        store.commit_cycle(cycle(incident()))
        moved = replace(incident(), revision=9)

        store.commit_cycle(cycle(moved))

        assert store.judge_state().incidents.active == (moved,)


@every_store
def test_a_closed_incident_is_active_no_more_and_stays_in_the_record(opened: Opened) -> None:
    closed = incident(phase=Phase.CLOSED)
    with opened() as store:
        store.commit_cycle(cycle(incident(), changed=[incident()]))

        store.commit_cycle(cycle(changed=[closed]))

        assert store.judge_state().incidents.active == ()
        assert list(store.incidents(since=T0)) == [closed]


@every_store
def test_incidents_are_listed_by_opening_with_old_ones_only_while_not_closed(opened: Opened) -> None:
    old_closed, old_open = incident("a", minute=-9, phase=Phase.CLOSED), incident("b", minute=-8)
    edge, new = incident("c", phase=Phase.CLOSED), incident("d", minute=1, phase=Phase.RESOLVED)
    with opened() as store:
        store.commit_cycle(cycle(new, old_open, changed=[edge, old_closed]))

        listed = store.incidents(since=T0)

        assert list(listed) == [old_open, edge, new]


@every_store
def test_incident_totals_count_each_incident_once_by_the_severity_of_that_moment(opened: Opened) -> None:
    raised = incident("a", severity=Severity.CRITICAL)
    with opened() as store:
        store.commit_cycle(cycle(incident("a"), incident("b")))
        store.commit_cycle(cycle(raised, incident("b")))
        store.commit_cycle(cycle(incident("b"), changed=[replace(raised, phase=Phase.CLOSED)]))

        assert store.incident_totals() == ({"warning": 2}, {"critical": 1})


@every_store
def test_a_cycle_that_breaks_off_leaves_nothing(opened: Opened) -> None:
    def torn() -> Iterator[Delivery]:
        yield delivery()
        raise ConnectionError

    with opened() as store:
        broken = CycleCommit(JudgeState(FIRST, Incidents((incident(),), 2)), (), torn())  # type: ignore[arg-type]  # breaks off

        with pytest.raises(ConnectionError):
            store.commit_cycle(broken)

        assert store.judge_state() == JudgeState()
        assert list(store.deliveries()) == []


@every_store
def test_the_configuration_in_force_is_kept_in_place_of_the_one_before(opened: Opened) -> None:
    first = InForce({"poll.every": "2m", "services.ショップ.min_tickets": "5"}, T0)
    second = InForce({"poll.every": "1m"}, T0, ("watch.yaml:3: polll: is no known key",), T0)
    with opened() as store:
        assert store.in_force() is None
        store.save_in_force(first)
        assert store.in_force() == first
        store.save_in_force(second)
        assert store.in_force() == second


@every_store
def test_a_calibration_comes_back_as_it_was_and_long_past_ones_go(opened: Opened) -> None:
    known = Calibration(2950, "abc", Peaks(np.array([5.25, 1 / 3]), np.array([0, 13]), 14))
    with opened() as store:
        assert store.calibration(week=2950) is None
        store.save_calibration(known)
        store.save_calibration(Calibration(2951, "abc", None))

        kept, none = store.calibration(week=2950), store.calibration(week=2951)
        assert kept is not None
        assert kept.peaks is not None
        assert known.peaks is not None
        assert (kept.settings, kept.peaks.n_days) == ("abc", 14)
        assert kept.peaks.score.tolist() == known.peaks.score.tolist()
        assert kept.peaks.day.tolist() == [0, 13]
        assert none == Calibration(2951, "abc", None)
        store.save_calibration(Calibration(2950 + KEPT_WEEKS, "def", None))
        assert store.calibration(week=2950) is None
        assert store.calibration(week=2951) == none


# -- telling


@every_store
def test_a_delivery_comes_back_as_it_was(opened: Opened) -> None:
    with opened() as store:
        store.commit_cycle(cycle(deliveries=[delivery()]))

        assert list(store.unsettled()) == [delivery()]


@every_store
def test_a_key_is_told_once(opened: Opened) -> None:
    with opened() as store:
        store.commit_cycle(cycle(deliveries=[delivery("k1")]))
        done = sent(delivery("k1"), Receipt("C1", "1.0"))
        store.save_delivery(done)
        store.commit_cycle(cycle(deliveries=[delivery("k2", minute=1)]))

        store.commit_cycle(cycle(deliveries=[delivery("k1", minute=2)]))

        assert list(store.deliveries()) == [done, delivery("k2", minute=1)]


@every_store
def test_a_newer_delivery_supersedes_those_still_queued_for_its_incident_and_channel(opened: Opened) -> None:
    sending = started(delivery("sending"), now=T0)
    others = [delivery("other incident", of="INC-2"), delivery("other channel", channel="#all")]
    with opened() as store:
        store.commit_cycle(cycle(deliveries=[delivery("sending")]))
        store.save_delivery(sending)
        store.commit_cycle(cycle(deliveries=[delivery("queued"), *others]))

        store.commit_cycle(cycle(deliveries=[delivery("newest", minute=1)]))

        assert {each.key: each.stage for each in store.deliveries()} == {
            "sending": Stage.SENDING,
            "queued": Stage.SUPERSEDED,
            "other incident": Stage.QUEUED,
            "other channel": Stage.QUEUED,
            "newest": Stage.QUEUED,
        }
        assert [each.key for each in store.deliveries(state="superseded")] == ["queued"]


@every_store
def test_a_reply_overtakes_nothing_is_overtaken_by_nothing_and_is_not_the_living_message(
    opened: Opened,
) -> None:
    first, second = (
        replace(delivery(key, minute=minute), kind=Kind.REPLY) for key, minute in (("r1", 1), ("r2", 2))
    )
    with opened() as store:
        store.commit_cycle(cycle(deliveries=[delivery("root"), first]))
        store.commit_cycle(cycle(deliveries=[second]))
        store.commit_cycle(cycle(deliveries=[delivery("newest", minute=3)]))
        store.save_delivery(sent(first, Receipt("C1", "9.0")))

        assert [each.key for each in store.unsettled()] == ["r2", "newest"]
        assert store.receipt(incident="INC-1", channel="#oncall") is None


@every_store
def test_a_delivery_with_a_course_and_earlier_notices_comes_back_as_it_was(opened: Opened) -> None:
    shown = Course(T0, timedelta(minutes=15), (3, None), (1e-9, 2.5), (0.1, 0.0), (None, 4))
    told = delivery().notice
    assert isinstance(told, Notice)
    rich = replace(told, facts=replace(told.facts, course=shown, joined=(CARDS,), growing=True))
    kept = replace(delivery(), notice=rich, kind=Kind.REPLY, earlier=(rich,))
    with opened() as store:
        store.commit_cycle(cycle(deliveries=[kept]))

        assert list(store.unsettled()) == [kept]


@every_store
def test_of_two_deliveries_in_one_cycle_the_later_supersedes_the_earlier(opened: Opened) -> None:
    with opened() as store:
        store.commit_cycle(cycle(deliveries=[delivery("first"), delivery("second")]))

        assert [each.key for each in store.unsettled()] == ["second"]


@every_store
def test_unsettled_deliveries_come_oldest_first_and_settled_ones_not_at_all(opened: Opened) -> None:
    stages = dict(zip("abcdefg", Stage, strict=True))
    with opened() as store:
        for age, (key, stage) in enumerate(stages.items()):
            store.save_delivery(delivery(key, of=key, minute=-age, stage=stage))

        unsettled = [each.stage for each in store.unsettled()]

        assert unsettled == [Stage.UNKNOWN, Stage.SENDING, Stage.QUEUED]


@every_store
def test_a_receipt_is_remembered_for_the_incident_and_channel(opened: Opened) -> None:
    with opened() as store:
        store.save_delivery(sent(delivery("k1"), Receipt("C1", "1.0")))
        store.save_delivery(sent(delivery("k2"), Receipt("C1", "2.0")))
        store.save_delivery(replace(delivery("k3"), stage=Stage.DEAD))

        assert store.receipt(incident="INC-1", channel="#oncall") == Receipt("C1", "2.0")
        assert store.receipt(incident="INC-1", channel="#all") is None
        assert store.receipt(incident="INC-2", channel="#oncall") is None


@every_store
def test_a_delivery_that_changes_its_channel_is_still_one_delivery(opened: Opened) -> None:
    with opened() as store:
        store.commit_cycle(cycle(deliveries=[delivery("k1")]))

        store.save_delivery(replace(delivery("k1"), channel="#fallback"))

        assert [each.channel for each in store.deliveries()] == ["#fallback"]


# -- upkeep


@every_store
def test_forgetting_drops_what_is_older_and_tells_how_much(opened: Opened) -> None:
    with opened() as store:
        commit(store, ticket("1"), ticket("2", minute=5), ticket("3", minute=10))
        store.save_delivery(delivery("settled", stage=Stage.SENT))
        store.save_delivery(delivery("queued"))
        store.save_delivery(delivery("newer", minute=5, stage=Stage.SENT))

        gone = store.forget(
            tickets_before=T0 + timedelta(minutes=5), counts_before=T0 + timedelta(minutes=10)
        )

        assert gone == 1 + 2 + 1
        assert counts(store) == {CountRow(FIRST + 2, LOGIN, 1)}
        assert store.stats().tickets == 2
        assert store.stats().oldest == T0 + timedelta(minutes=10)
        assert {each.key for each in store.deliveries()} == {"queued", "newer"}
        assert store.roster().keys[0] == LOGIN


@every_store
def test_a_forgotten_ticket_seen_again_does_not_count_twice(opened: Opened) -> None:
    with opened() as store:
        commit(store, ticket("1"))
        store.forget(tickets_before=T0 + timedelta(hours=1), counts_before=T0)

        outcome = commit(store, ticket("1", version=2, series=CARDS))

        assert outcome == PageOutcome(ignored=1)
        assert counts(store) == {CountRow(FIRST, LOGIN, 1)}


@every_store
def test_a_forgotten_bucket_takes_no_more_counts(opened: Opened) -> None:
    with opened() as store:
        commit(store, ticket("1"))
        store.forget(tickets_before=T0, counts_before=T0 + timedelta(minutes=5))

        commit(store, ticket("1", version=2, series=CARDS))

        assert counts(store) == set()
        assert set(store.roster().keys[:2]) == {CARDS, LOGIN}


@every_store
def test_what_was_forgotten_is_not_remembered_by_forgetting_less(opened: Opened) -> None:
    with opened() as store:
        store.forget(tickets_before=T0 + timedelta(hours=1), counts_before=T0 + timedelta(hours=1))
        store.forget(tickets_before=T0, counts_before=T0)

        assert commit(store, ticket("1")) == PageOutcome(ignored=1)


@every_store
def test_an_empty_store_has_no_oldest_bucket(opened: Opened) -> None:
    with opened() as store:
        stats = store.stats()

        assert (stats.tickets, stats.count_rows, stats.oldest) == (0, 0, None)


@every_store
def test_instants_from_elsewhere_are_understood(opened: Opened) -> None:
    tokyo = timezone(timedelta(hours=9))
    with opened() as store:
        store.commit_page(
            "desk", page(ticket(), watermark=T0.astimezone(tokyo)), since=T0.astimezone(tokyo), seen_at=T0
        )

        assert store.source_state("desk") == SourceState(T0, "c", watermark=T0)


# -- acting


def act(key: str = "a1", *, kind: ActKind = ActKind.ACKNOWLEDGE) -> Act:
    return Act(
        key,
        kind,
        "INC-1",
        "sato",
        Via.SLACK,
        T0,
        user="U1",
        lasts=timedelta(minutes=30),
        message=("C1", "1.0"),
        address="https://hooks.example.com/1",
    )


def judged(identifier: str = "INC-1", *, kind: LabelKind = LabelKind.INCIDENT) -> Incident:
    found = incident(identifier, minute=15)
    surge = replace(found.surges[0], began=T0)
    return replace(found, surges=(surge,), handling=Handling(verdict=Verdict(kind, "sato", T0, "sale")))


def noted(*, minute: float = 0, service: str | None = "payments", author: str = "sato") -> Noted:
    span = Span(T0 + timedelta(minutes=minute), T0 + timedelta(minutes=minute + 30))
    return Noted(Label(span, service, None, LabelKind.EXPECTED, recorded_at=T0), author, "sale")


@every_store
def test_an_act_comes_back_as_it_was_and_arrives_once(opened: Opened) -> None:
    with opened() as store:
        assert store.receive_act(act(), at=T0)
        assert not store.receive_act(replace(act(), by="suzuki"), at=T0)

        assert store.act("a1") == Entry(act())
        assert store.act("a2") is None
        assert list(store.acts(stage=ActStage.RECEIVED)) == [Entry(act())]


@every_store
def test_acts_of_a_stage_come_in_the_order_of_arrival(opened: Opened) -> None:
    with opened() as store:
        for key in ("b", "a", "c"):
            store.receive_act(act(key), at=T0)
        settled = Entry(act("a")).settled(at=T0, refused=Refused(Refusal.ALREADY, "suzuki", T0))
        store.save_act(settled)

        assert [entry.act.key for entry in store.acts(stage=ActStage.RECEIVED)] == ["b", "c"]
        assert list(store.acts(stage=ActStage.SETTLED)) == [settled]


@every_store
def test_an_act_its_incident_its_labels_and_what_is_told_are_one(opened: Opened) -> None:
    done = Entry(act()).settled(at=T0, refused=None)
    with opened() as store:
        store.receive_act(act(), at=T0)
        store.commit_cycle(
            replace(cycle(judged(), changed=[judged()], deliveries=[delivery()]), acts=(done,))
        )

        assert store.act("a1") == done
        assert store.incident("INC-1") == judged()
        assert [each.incident for each in store.labels()] == ["INC-1"]
        assert list(store.unsettled()) == [delivery()]


@every_store
def test_a_commit_that_breaks_off_leaves_the_act_to_be_settled(opened: Opened) -> None:
    done = Entry(act()).settled(at=T0, refused=None)

    def torn() -> Iterator[Delivery]:
        yield delivery()
        raise ConnectionError

    with opened() as store:
        store.receive_act(act(), at=T0)
        broken = CycleCommit(cycle(judged()).state, (judged(),), torn(), (done,))  # type: ignore[arg-type]  # breaks off

        with pytest.raises(ConnectionError):
            store.commit_cycle(broken)

        assert store.act("a1") == Entry(act())
        assert list(store.labels()) == []


@every_store
def test_an_incident_is_found_by_its_name_closed_or_not(opened: Opened) -> None:
    closed = incident("INC-2", phase=Phase.CLOSED)
    with opened() as store:
        store.commit_cycle(cycle(incident(), changed=[closed]))

        assert store.incident("INC-1") == incident()
        assert store.incident("INC-2") == closed
        assert store.incident("INC-3") is None


@every_store
def test_the_deliveries_of_an_incident_come_oldest_first(opened: Opened) -> None:
    with opened() as store:
        store.commit_cycle(cycle(deliveries=[delivery("b"), delivery("x", of="INC-2")]))
        store.save_delivery(replace(delivery("a", minute=-1), stage=Stage.HELD))

        assert [each.key for each in store.deliveries_of("INC-1")] == ["a", "b"]


@every_store
def test_what_is_held_back_is_nobodys_to_send(opened: Opened) -> None:
    with opened() as store:
        store.save_delivery(replace(delivery("a"), stage=Stage.HELD))
        store.commit_cycle(cycle(deliveries=[delivery("b", minute=1)]))

        assert [each.key for each in store.unsettled()] == ["b"]
        assert [each.key for each in store.deliveries(state=Stage.HELD)] == ["a"]


@every_store
def test_the_labels_of_an_incident_follow_its_verdict_and_its_surges(opened: Opened) -> None:
    with opened() as store:
        store.commit_cycle(cycle(judged(), changed=[judged()]))
        store.commit_cycle(cycle(judged(), changed=[judged(kind=LabelKind.FALSE_ALARM)]))
        store.commit_cycle(cycle(judged(), changed=[incident("INC-2")]))

        labels = store.labels()
        assert [(each.label.kind, each.author, each.note, each.incident) for each in labels] == [
            (LabelKind.FALSE_ALARM, "sato", "sale", "INC-1")
        ]
        assert labels[0].label.span == Span(T0, T0 + timedelta(minutes=15))


@every_store
def test_labels_come_back_as_they_were_in_the_order_in_which_they_begin(opened: Opened) -> None:
    later, earlier = noted(minute=60), noted(service=None)
    with opened() as store:
        assert store.add_labels([later, earlier]) == 2

        kept = store.labels()
        assert [replace(each, number=None) for each in kept] == [earlier, later]
        assert len({each.number for each in kept}) == 2


@every_store
def test_a_label_that_is_there_already_is_not_kept_twice(opened: Opened) -> None:
    with opened() as store:
        store.add_labels([noted()])

        assert store.add_labels([noted(author="suzuki"), noted(minute=5), noted(minute=5)]) == 1
        assert len(store.labels()) == 2


@every_store
def test_a_label_can_be_removed_and_a_verdict_cannot(opened: Opened) -> None:
    with opened() as store:
        store.add_labels([noted()])
        store.commit_cycle(cycle(judged(), changed=[judged()]))
        numbers = {each.incident: each.number or 0 for each in store.labels()}

        assert store.remove_label(numbers[None])
        assert not store.remove_label(numbers[None])
        assert not store.remove_label(numbers["INC-1"])
        assert [each.incident for each in store.labels()] == ["INC-1"]


@every_store
def test_a_silence_gets_a_number_and_can_be_ended(opened: Opened) -> None:
    span = Span(T0, T0 + timedelta(hours=1))
    wanted = Silence(Matcher("pay*", "login", Severity.WARNING), span, "sato", "bank")
    with opened() as store:
        kept = store.save_silence(wanted)
        other = store.save_silence(replace(wanted, author="suzuki"))

        assert replace(kept, number=None) == wanted
        assert kept.number != other.number
        assert list(store.silences(ending_after=T0)) == [kept, other]
        assert list(store.silences(ending_after=span.end)) == []

        ended = store.save_silence(replace(kept, span=Span(T0, T0 + timedelta(minutes=5))))
        assert list(store.silences(ending_after=T0)) == [ended, other]
        assert list(store.silences(ending_after=T0 + timedelta(minutes=5))) == [other]
