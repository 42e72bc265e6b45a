"""From pages to committed counts, with a source that follows a script."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from spikewatch.adapters.clock import ManualClock
from spikewatch.adapters.memory import MemoryMeter, MemorySource, MemoryStore
from spikewatch.core.counts import Ticket
from spikewatch.ingest import Ingest, Outcome, Progress
from spikewatch.pacing import LONGEST_RETRY, Pace, back_off
from spikewatch.ports import (
    CredentialsRefused,
    CursorRefused,
    OutcomeUnknown,
    Page,
    PortError,
    Position,
    Quota,
    TooLarge,
    Unavailable,
)

NOW = datetime(2026, 5, 11, 9, 0, tzinfo=UTC)
SINCE = NOW - timedelta(days=10)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def page(number: int, *, tickets: int = 1, end: bool = False, quota: Quota | None = None) -> Page:
    """Return the numbered page; it holds tickets of its own, and its newest is `number` days after SINCE."""
    newest = SINCE + timedelta(days=number)
    rows = [
        Ticket(f"{number}-{row}", newest, "shop", "login", version=int(newest.timestamp()))
        for row in range(tickets)
    ]
    watermark = NOW - MINUTE if end else None
    return Page(rows, f"cursor-{number}", end, watermark=watermark, newest=newest, quota=quota)


class Bench:
    """An ingest between a script and a memory store, and the clock of all."""

    def __init__(self, *script: Page | PortError, pace: Pace | None = None) -> None:
        self.clock = ManualClock(NOW)
        self.meter = MemoryMeter()
        self.source = MemorySource(script)
        self.store = MemoryStore(step=timedelta(minutes=5))
        self.pace = pace
        self.ingest = self.restarted()

    def restarted(self) -> Ingest:
        """Return a new ingest on the same store, as after a restart."""
        return Ingest(
            self.source,
            self.store,
            clock=self.clock,
            meter=self.meter,
            since=SINCE,
            pace=self.pace,
        )

    @property
    def cursors(self) -> Sequence[str | None]:
        """The cursors asked for so far."""
        return [position.cursor for position in self.source.positions]

    @property
    def counted(self) -> int:
        """How many tickets count in the store."""
        return sum(row.tickets for row in self.store.counts(first=0, stop=2**40))


def caught_up(pace: Pace | None = None) -> Bench:
    """Return a bench that was caught up once and is due again."""
    bench = Bench(page(0, end=True), pace=pace)
    assert bench.ingest.poll().outcome is Outcome.CAUGHT_UP
    bench.clock.advance(timedelta(minutes=2))
    return bench


def test_the_first_poll_reads_from_the_beginning_up_to_the_present() -> None:
    bench = Bench(page(1, tickets=3), page(2, tickets=2), page(3, end=True))

    result = bench.ingest.poll()

    assert (result.outcome, result.pages, result.tickets) == (Outcome.CAUGHT_UP, 3, 6)
    assert result.changes.added == bench.counted == 6
    assert bench.source.positions[0].since == SINCE
    assert bench.cursors == [None, "cursor-1", "cursor-2"]
    state = bench.store.source_state("desk")
    assert state is not None
    assert (state.since, state.cursor, state.watermark) == (SINCE, "cursor-3", NOW - MINUTE)


def test_reading_goes_on_after_a_restart_where_it_stopped() -> None:
    bench = Bench(page(1), Unavailable("down"), page(2, end=True))
    bench.ingest.poll()

    result = bench.restarted().poll()

    assert result.outcome is Outcome.CAUGHT_UP
    assert bench.cursors == [None, "cursor-1", "cursor-1"]
    assert bench.counted == 2


def test_an_empty_page_in_the_middle_does_not_end_a_poll() -> None:
    bench = Bench(page(1, tickets=0), page(2, end=True))

    result = bench.ingest.poll()

    assert (result.outcome, result.pages, result.tickets) == (Outcome.CAUGHT_UP, 2, 1)


def test_in_daily_life_a_poll_is_so_many_pages_long_and_the_next_goes_on() -> None:
    bench = caught_up()
    bench.source.add(*(page(number) for number in range(1, 7)), page(7, end=True))

    first, second = bench.ingest.poll(), bench.ingest.poll()

    assert (first.outcome, first.pages) == (Outcome.MORE, 5)
    assert (second.outcome, second.pages) == (Outcome.CAUGHT_UP, 2)


def test_the_first_reading_has_no_limit_of_pages_and_the_faster_pace() -> None:
    bench = Bench(*(Page((), f"c{number}", caught_up=False) for number in range(19)), page(9, end=True))

    result = bench.ingest.poll()

    assert (result.outcome, result.pages) == (Outcome.CAUGHT_UP, 20)
    took = bench.clock.now() - NOW
    assert timedelta(minutes=2) < took <= timedelta(minutes=3)


def test_in_daily_life_the_pace_is_four_a_minute() -> None:
    bench = caught_up(Pace(per_minute=4, pages=8))
    began = bench.clock.now()
    bench.source.add(*(page(number) for number in range(1, 9)))

    bench.ingest.poll()

    assert bench.clock.now() - began == MINUTE
    assert [noted["duration"] for noted in bench.meter.of("throttled")] == [timedelta(seconds=15)] * 4


def test_asked_to_stop_it_finishes_the_page_and_no_more() -> None:
    bench = Bench(page(1), page(2), page(3, end=True))

    result = bench.ingest.poll(stop=lambda: len(bench.source.positions) == 2)

    assert (result.outcome, result.pages) == (Outcome.MORE, 2)
    assert bench.counted == 2


def test_a_stopped_clock_ends_the_wait_for_a_turn() -> None:
    bench = Bench(*(page(number) for number in range(1, 4)), pace=Pace(backfill_per_minute=1))
    bench.clock.stop()

    result = bench.ingest.poll()

    assert (result.outcome, result.pages) == (Outcome.MORE, 1)


def test_progress_is_told_after_each_page() -> None:
    bench = Bench(page(4, tickets=2), page(8), page(9, end=True))
    told: list[Progress] = []

    bench.ingest.poll(on_page=told.append)

    assert [progress.fraction for progress in told] == pytest.approx([0.4, 0.8, 1.0], abs=1e-3)
    assert [(progress.pages, progress.tickets) for progress in told] == [(1, 2), (2, 3), (3, 4)]
    assert told[0].newest == SINCE + timedelta(days=4)
    assert bench.meter.of("page_read") == [{"source": "desk"}] * 3


def test_progress_never_leaves_the_unit_interval() -> None:
    bench = Bench(
        Page((), "a", caught_up=False),
        Page((), "b", caught_up=False, newest=SINCE - timedelta(days=1)),
        Page((), "c", caught_up=False, newest=NOW + timedelta(days=1)),
    )
    told: list[Progress] = []

    bench.ingest.poll(on_page=told.append, stop=lambda: len(told) == 3)

    assert [progress.fraction for progress in told] == [0.0, 0.0, 1.0]


# limits


def test_what_little_is_left_of_the_sources_limit_is_left_to_others() -> None:
    resets_at = NOW + timedelta(seconds=40)
    bench = Bench(page(1, quota=Quota(10, 3, resets_at)), page(2, end=True))

    first = bench.ingest.poll()
    bench.clock.advance(timedelta(seconds=39))
    too_early = bench.ingest.poll()
    bench.clock.advance(SECOND)
    then = bench.ingest.poll()

    assert (first.outcome, first.pages, first.next_due) == (Outcome.THROTTLED, 1, resets_at)
    assert (too_early.outcome, too_early.pages, too_early.next_due) == (Outcome.THROTTLED, 0, resets_at)
    assert then.outcome is Outcome.CAUGHT_UP
    assert bench.meter.of("poll_failed") == []
    assert bench.meter.of("quota")[0]["quota"] == Quota(10, 3, resets_at)


def test_a_limit_that_does_not_say_when_it_resets_is_given_a_minute() -> None:
    bench = Bench(page(1, quota=Quota(10, 0)))

    assert bench.ingest.poll().next_due == NOW + MINUTE


def test_plenty_left_of_the_limit_changes_nothing() -> None:
    bench = Bench(page(1, quota=Quota(10, 4)), page(2, end=True))

    assert bench.ingest.poll().outcome is Outcome.CAUGHT_UP


def test_being_caught_up_counts_more_than_being_at_the_limit() -> None:
    bench = Bench(page(1, end=True, quota=Quota(10, 0, NOW + MINUTE)))

    result = bench.ingest.poll()

    assert result.outcome is Outcome.CAUGHT_UP
    assert bench.ingest.poll().outcome is Outcome.THROTTLED


def test_a_rate_limit_is_waited_out_without_asking_again() -> None:
    bench = Bench(Unavailable("429", retry_after=7 * SECOND, reason="rate_limited"), page(1, end=True))

    first, too_early = bench.ingest.poll(), bench.ingest.poll()
    bench.clock.advance(7 * SECOND)
    then = bench.ingest.poll()

    assert (first.outcome, first.next_due) == (Outcome.THROTTLED, NOW + 7 * SECOND)
    assert too_early.outcome is Outcome.THROTTLED
    assert then.outcome is Outcome.CAUGHT_UP
    assert len(bench.source.positions) == 2
    assert bench.meter.of("throttled")[0]["duration"] == 7 * SECOND


def test_a_limit_whose_wish_is_too_short_every_time_is_asked_less_and_less() -> None:
    refused = Unavailable("429", retry_after=SECOND, reason="rate_limited")
    bench = Bench(*(refused for _ in range(9)), page(1, end=True))
    waits = []

    for _ in range(9):
        now = bench.clock.now()
        due = bench.ingest.poll().next_due
        assert due is not None
        waits.append(due - now)
        bench.clock.advance(due - now)

    assert waits[0] == SECOND
    assert waits[1:] == [back_off(number, key="desk") for number in range(2, 10)]
    assert bench.ingest.poll().outcome is Outcome.CAUGHT_UP


def test_a_limit_of_an_hour_is_waited_out() -> None:
    hour = timedelta(hours=1)
    bench = Bench(Unavailable("429", retry_after=hour, reason="rate_limited"), page(1, end=True))

    first = bench.ingest.poll()
    bench.clock.advance(hour - SECOND)
    too_early = bench.ingest.poll()
    bench.clock.advance(SECOND)
    then = bench.ingest.poll()

    assert first.next_due == too_early.next_due == NOW + hour
    assert then.outcome is Outcome.CAUGHT_UP
    assert len(bench.source.positions) == 2


def test_a_clock_set_back_does_not_make_a_wait_longer() -> None:
    bench = Bench(Unavailable("down"), page(1, end=True))
    bench.ingest.poll()

    bench.clock.advance(-timedelta(minutes=10))

    assert bench.ingest.poll().outcome is Outcome.CAUGHT_UP


# failures


def test_a_page_that_would_be_too_large_is_asked_for_again_in_the_same_poll() -> None:
    bench = Bench(page(1), TooLarge("504"), TooLarge("504"), page(2, end=True))

    result = bench.ingest.poll()

    assert (result.outcome, result.pages) == (Outcome.CAUGHT_UP, 2)
    assert bench.cursors == [None, "cursor-1", "cursor-1", "cursor-1"]
    assert bench.meter.of("poll_failed") == []


def test_a_source_that_can_never_ask_for_little_enough_is_tried_later() -> None:
    bench = Bench(*(TooLarge("504") for _ in range(12)), page(1, end=True))

    first = bench.ingest.poll()
    bench.clock.advance(back_off(1, key="desk"))
    then = bench.ingest.poll()

    assert (first.outcome, first.pages, len(bench.source.positions)) == (Outcome.RETRY, 0, 13)
    assert then.outcome is Outcome.CAUGHT_UP


def test_each_smaller_page_waits_for_its_turn() -> None:
    bench = Bench(*(TooLarge("504") for _ in range(8)), page(1, end=True))

    bench.ingest.poll()

    assert bench.clock.now() - NOW >= timedelta(seconds=20)


def test_a_stopped_clock_ends_the_wait_before_a_smaller_page() -> None:
    bench = Bench(TooLarge("504"), page(1, end=True), pace=Pace(backfill_per_minute=1))
    bench.clock.stop()

    result = bench.ingest.poll()

    assert (result.outcome, result.pages) == (Outcome.MORE, 0)


def test_pages_that_lead_round_in_a_circle_are_given_up() -> None:
    class Circle(MemorySource):
        """A source whose third page leads back to the first."""

        def fetch_page(self, position: Position) -> Page:
            after = {None: "a", "a": "b", "b": "a"}
            return Page((), after[position.cursor], caught_up=False)

    meter = MemoryMeter()
    store = MemoryStore(step=timedelta(minutes=5))
    ingest = Ingest(Circle(), store, clock=ManualClock(NOW), meter=meter, since=SINCE)

    result = ingest.poll()

    assert (result.outcome, result.pages) == (Outcome.RETRY, 2)
    assert "circle" in result.detail
    assert meter.of("poll_failed")[0]["reason"] == "parse"


def test_the_wait_between_failures_doubles_up_to_five_minutes() -> None:
    bench = Bench(*(Unavailable("down", reason="connect") for _ in range(9)), page(1, end=True))
    waits = []

    for _ in range(9):
        now = bench.clock.now()
        result = bench.ingest.poll()
        assert result.outcome is Outcome.RETRY
        assert result.next_due is not None
        waits.append((result.next_due - now).total_seconds())
        bench.clock.advance(result.next_due - now)

    assert max(waits) <= 1.2 * LONGEST_RETRY.total_seconds()
    assert waits == [back_off(number, key="desk").total_seconds() for number in range(1, 10)]
    assert bench.ingest.poll().outcome is Outcome.CAUGHT_UP


def test_a_source_that_works_again_starts_the_waits_afresh() -> None:
    bench = Bench(Unavailable("a"), page(1), Unavailable("b"))
    bench.ingest.poll()
    bench.clock.advance(back_off(1, key="desk"))

    result = bench.ingest.poll()

    assert result.next_due == bench.clock.now() + back_off(1, key="desk")


def test_the_longer_wish_of_the_source_is_respected() -> None:
    bench = Bench(Unavailable("503", retry_after=timedelta(minutes=30)))

    assert bench.ingest.poll().next_due == NOW + timedelta(minutes=30)


def test_a_failure_it_has_no_word_for_is_tried_again() -> None:
    bench = Bench(OutcomeUnknown("?"))

    assert bench.ingest.poll().outcome is Outcome.RETRY


def test_pages_before_a_failure_are_kept_and_noted() -> None:
    bench = Bench(page(1, tickets=4), Unavailable("cut off", reason="parse"))

    result = bench.ingest.poll()

    assert (result.outcome, result.pages, result.tickets) == (Outcome.RETRY, 1, 4)
    assert result.detail == "cut off"
    assert bench.counted == 4
    assert bench.meter.of("poll")[0]["tickets"] == 4
    assert bench.meter.of("poll_failed")[0]["reason"] == "parse"


def test_a_refused_cursor_goes_back_ten_minutes_before_the_newest() -> None:
    bench = Bench(page(1), CursorRefused("gone"))
    bench.ingest.poll()
    bench.source.add(page(2, end=True))

    result = bench.ingest.poll()

    assert result.outcome is Outcome.CAUGHT_UP
    assert bench.source.positions[-2].cursor is None
    assert bench.source.positions[-2].since == SINCE + timedelta(days=1) - timedelta(minutes=10)
    assert bench.counted == 2


def test_a_refused_cursor_is_told_and_never_goes_back_before_the_beginning() -> None:
    bench = Bench(page(0), CursorRefused("gone"), page(1, end=True))

    first = bench.ingest.poll()
    bench.ingest.poll()

    assert first.outcome is Outcome.REWOUND
    assert first.next_due == NOW
    assert bench.source.positions[2].since == SINCE


def test_a_source_that_refuses_every_position_is_not_hammered() -> None:
    bench = Bench(*(CursorRefused("no") for _ in range(3)))

    bench.ingest.poll()
    result = bench.ingest.poll()

    assert (result.outcome, result.next_due) == (Outcome.REWOUND, NOW + back_off(2, key="desk"))


def test_refused_credentials_halt_reading_and_are_tried_every_five_minutes() -> None:
    bench = Bench(CredentialsRefused("wrong secret"), page(1, end=True))

    first = bench.ingest.poll()
    bench.clock.advance(timedelta(minutes=5) - SECOND)
    too_early = bench.ingest.poll()
    bench.clock.advance(SECOND)
    then = bench.ingest.poll()

    assert (first.outcome, first.detail) == (Outcome.HALTED, "wrong secret")
    assert (too_early.outcome, too_early.detail) == (Outcome.HALTED, "wrong secret")
    assert then.outcome is Outcome.CAUGHT_UP


def test_a_repeated_failure_is_logged_when_it_begins_and_when_it_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench(*(Unavailable("down", reason="connect") for _ in range(3)), page(1, end=True))

    with caplog.at_level(logging.INFO, logger="spikewatch.asking"):
        for _ in range(4):
            bench.ingest.poll()
            bench.clock.advance(MINUTE)

    assert [(record.message, record.levelname) for record in caplog.records] == [
        ("poll_failed", "WARNING"),
        ("poll_recovered", "INFO"),
    ]


def test_refused_credentials_need_a_person(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(CredentialsRefused("wrong secret"))

    with caplog.at_level(logging.INFO, logger="spikewatch.asking"):
        bench.ingest.poll()

    assert caplog.records[0].levelname == "ERROR"


def test_a_fifth_of_the_whole_account_is_left_to_other_programs() -> None:
    resets = NOW + 40 * SECOND
    low = replace(page(0, end=False), account=Quota(limit=700, remaining=140, resets_at=resets))
    bench = Bench(low, page(1, end=True))

    result = bench.ingest.poll()

    assert (result.outcome, result.pages, result.next_due) == (Outcome.THROTTLED, 1, resets)


def test_of_two_limits_the_one_that_resets_later_counts() -> None:
    later, sooner = NOW + 50 * SECOND, NOW + 5 * SECOND
    account = Quota(limit=700, remaining=0, resets_at=sooner)
    bench = Bench(replace(page(0, quota=Quota(10, 0, later)), account=account), page(1, end=True))

    result = bench.ingest.poll()

    assert (result.outcome, result.next_due) == (Outcome.THROTTLED, later)
    assert [noted["duration"] for noted in bench.meter.of("throttled")] == [50 * SECOND]


def test_a_poll_that_was_due_and_asked_nothing_is_counted_with_its_reason() -> None:
    bench = Bench(CredentialsRefused("wrong"), page(0, end=True))
    bench.ingest.poll()
    bench.ingest.poll()

    assert [noted["reason"] for noted in bench.meter.of("poll_skipped")] == ["halted"]
