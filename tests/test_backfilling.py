"""Older history beside the live reading, with a source that follows a script."""

import threading
from datetime import UTC, datetime, timedelta

from spikewatch.adapters.clock import ManualClock
from spikewatch.adapters.memory import MemoryMeter, MemorySource, MemoryStore
from spikewatch.asking import Hold, Outcome
from spikewatch.backfilling import Backfilling
from spikewatch.core.counts import Ticket
from spikewatch.ingest import Progress
from spikewatch.pacing import Pace
from spikewatch.ports import CursorRefused, Page, PortError, Quota, Unavailable

NOW = datetime(2026, 5, 11, 9, 0, tzinfo=UTC)
BEGAN = NOW - timedelta(days=10)
WANTED = BEGAN - timedelta(days=10)
DAY = timedelta(days=1)


def page(number: int, *, quota: Quota | None = None) -> Page:
    """Return the numbered page of older history; its newest change is so many days after the beginning."""
    newest = WANTED + number * DAY
    rows = [Ticket(f"old-{number}", newest, "shop", "login", version=int(newest.timestamp()))]
    return Page(rows, f"old-{number}", caught_up=False, newest=newest, quota=quota)


LAST = page(10)


class Bench:
    """A source that was read for ten days, and older history in a script."""

    def __init__(self, *script: Page | PortError, is_live: bool = True, hold: Hold | None = None) -> None:
        self.clock = ManualClock(NOW)
        self.meter = MemoryMeter()
        self.source = MemorySource(script)
        self.store = MemoryStore(step=timedelta(minutes=5))
        self.hold = hold
        live = Page((), "live", caught_up=is_live, watermark=NOW if is_live else None, newest=NOW)
        self.store.commit_page("desk", live, since=BEGAN, seen_at=NOW)
        self.backfilling = self.restarted()

    def restarted(self, *, since: datetime = WANTED) -> Backfilling:
        return Backfilling(
            self.source,
            self.store,
            clock=self.clock,
            meter=self.meter,
            since=since,
            pace=Pace(),
            turn=threading.Lock(),
            leader=lambda: self.hold,
        )

    @property
    def asked(self) -> list[tuple[str | None, datetime]]:
        return [(position.cursor, position.since) for position in self.source.positions]

    @property
    def known_since(self) -> datetime:
        state = self.store.source_state("desk")
        assert state is not None
        return state.since


def test_it_reads_from_the_wanted_beginning_to_where_reading_began_and_not_further() -> None:
    bench = Bench(page(3), page(7), LAST, page(11))

    result = bench.backfilling.run()

    assert (result.outcome, result.pages) == (Outcome.CAUGHT_UP, 3)
    assert bench.asked[0] == (None, WANTED)
    assert bench.known_since == WANTED
    assert bench.store.source_state("desk") is not None
    assert bench.backfilling.run().pages == 0


def test_what_is_there_is_not_read_again() -> None:
    bench = Bench(page(1))

    result = bench.restarted(since=BEGAN).run()

    assert (result.outcome, result.pages, bench.asked) == (Outcome.CAUGHT_UP, 0, [])


def test_the_live_reading_comes_first() -> None:
    bench = Bench(page(1), is_live=False)

    assert bench.backfilling.run().pages == 0
    assert bench.asked == []


def test_stopped_at_any_page_it_goes_on_after_it() -> None:
    bench = Bench(page(3), page(7), LAST)
    pages = 0

    def stop() -> bool:
        return pages >= 1

    def count(_: Progress) -> None:
        nonlocal pages
        pages += 1

    stopped = bench.backfilling.run(stop=stop, on_page=count)
    result = bench.restarted().run()

    assert (stopped.outcome, stopped.pages) == (Outcome.MORE, 1)
    assert (result.outcome, result.pages) == (Outcome.CAUGHT_UP, 2)
    assert [cursor for cursor, _ in bench.asked] == [None, "old-3", "old-7"]


def test_a_failure_is_waited_out_and_the_page_asked_for_again() -> None:
    bench = Bench(page(3), Unavailable("down", reason="connect"), LAST)

    failed = bench.backfilling.run()
    held = bench.backfilling.run()
    assert failed.next_due is not None
    bench.clock.advance(failed.next_due - bench.clock.now())
    result = bench.backfilling.run()

    assert (failed.outcome, held.outcome, held.pages) == (Outcome.RETRY, Outcome.RETRY, 0)
    assert result.outcome is Outcome.CAUGHT_UP


def test_a_refused_cursor_leads_back_a_little() -> None:
    bench = Bench(page(3), CursorRefused("gone"))
    bench.backfilling.run()
    bench.source.add(LAST)

    bench.backfilling.run()

    assert bench.asked[-2] == (None, WANTED + 3 * DAY - timedelta(minutes=10))


def test_half_of_the_limit_is_left_to_the_live_reading() -> None:
    resets = NOW + timedelta(seconds=40)
    bench = Bench(page(3, quota=Quota(limit=10, remaining=5, resets_at=resets)), LAST)

    result = bench.backfilling.run()

    assert (result.outcome, result.pages, result.next_due) == (Outcome.THROTTLED, 1, resets)


def test_where_the_source_said_no_to_the_live_reading_nothing_is_asked() -> None:
    no = Hold(Outcome.THROTTLED, NOW, NOW + timedelta(hours=1), "429")
    bench = Bench(LAST, hold=no)

    assert bench.backfilling.run().outcome is Outcome.THROTTLED
    assert bench.asked == []
    bench.clock.advance(timedelta(hours=1))
    assert bench.backfilling.run().outcome is Outcome.CAUGHT_UP


def test_it_says_how_far_it_is_how_fast_and_how_long_it_takes() -> None:
    told: list[Progress] = []
    bench = Bench(*(page(number) for number in range(1, 11)))

    bench.backfilling.run(on_page=told.append)

    assert [round(each.fraction, 1) for each in told] == [number / 10 for number in range(1, 11)]
    assert told[-1].pages == told[-1].tickets == 10
    assert told[-1].took == timedelta(seconds=40)  # six at once, then one each ten seconds
    assert told[7].left == timedelta(seconds=5)
    assert round(told[-1].tickets_per_minute) == 15
