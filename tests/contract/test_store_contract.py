"""What every store promises, whatever it is made of."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikewatch.adapters.memory import MemoryStore
from spikewatch.adapters.sql_store import open_store
from spikewatch.core.calibration import KEPT_WEEKS, Calibration, Peaks
from spikewatch.core.counts import CountRow, SeriesKey, Ticket, is_late
from spikewatch.core.incidents import Incident, Incidents, Phase, Severity
from spikewatch.core.notices import Facts, Notice, Part, Reason
from spikewatch.core.outbox import Delivery, Receipt, Stage, sent, started
from spikewatch.core.scoring import Reading
from spikewatch.core.surges import Surge
from spikewatch.core.timegrid import bucket_number
from spikewatch.ports import CycleCommit, JudgeState, Page, PageOutcome, SourceState, Store

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


@contextmanager
def sqlite() -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{Path(folder) / 'store.db'}", step=STEP)
        try:
            yield store
        finally:
            store.close()


every_store = pytest.mark.parametrize("opened", [memory, sqlite])


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
def test_of_two_deliveries_in_one_cycle_the_later_supersedes_the_earlier(opened: Opened) -> None:
    with opened() as store:
        store.commit_cycle(cycle(deliveries=[delivery("first"), delivery("second")]))

        assert [each.key for each in store.unsettled()] == ["second"]


@every_store
def test_unsettled_deliveries_come_oldest_first_and_settled_ones_not_at_all(opened: Opened) -> None:
    stages = dict(zip("abcdef", Stage, strict=True))
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
