"""From a source's page to committed counts: how fast to read, when to stop, what to do after each kind of failure.

One page is one transaction, so a crash anywhere costs at most a page that is read again. Reading never fails: a poll
returns what happened and when the next one makes sense.
"""

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from spikewatch.asking import NOTHING, Hold, Lane, Outcome, Stopped
from spikewatch.core.blindness import Cause
from spikewatch.core.timegrid import aware
from spikewatch.pacing import Pace
from spikewatch.ports import (
    Clock,
    CredentialsRefused,
    Meter,
    Page,
    PageOutcome,
    PortError,
    Position,
    Source,
    SourceState,
    Store,
)

__all__ = ["Ingest", "Outcome", "PollResult", "Progress", "position_of"]

_WITHHELD = timedelta(seconds=60)
REWIND = timedelta(minutes=10)
"""Reading without a cursor begins so much before the newest change that was read."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far reading has come.

    fraction  of the time between where reading began and the present, in [0, 1]
    pages     read since the program started, and their tickets
    newest    newest change read
    took      time since the first of these pages was asked for
    left      how long the rest takes if it goes on like that; None while nobody can tell
    """

    fraction: float
    pages: int
    tickets: int
    newest: datetime | None
    took: timedelta = NOTHING
    left: timedelta | None = None

    @property
    def tickets_per_minute(self) -> float:
        """How fast reading is; 0 at its beginning."""
        return self.tickets / (self.took / timedelta(minutes=1)) if self.took > NOTHING else 0.0


@dataclass(frozen=True, slots=True)
class Odometer:
    """Counts what was read since it began, and estimates what is left.

    began, at  when, and from which fraction on
    """

    began: datetime
    at: float
    pages: int = 0
    tickets: int = 0

    def plus(self, page: Page) -> "Odometer":
        """Return the same with one page more."""
        return replace(self, pages=self.pages + 1, tickets=self.tickets + page.size)

    def progress(self, fraction: float, *, newest: datetime | None, now: datetime) -> Progress:
        """Return how far reading has come; the rest is taken to be as dense as what was read."""
        took = max(NOTHING, now - self.began)
        read = fraction - self.at
        left = took * ((1.0 - fraction) / read) if read > 0 else None
        return Progress(fraction, self.pages, self.tickets, newest, took, left)


@dataclass(frozen=True, slots=True)
class PollResult:
    """What a poll did.

    changes   of all its pages together
    next_due  before this instant another poll asks nothing; None where the usual interval decides
    detail    the failure in words; empty where there was none
    """

    outcome: Outcome
    pages: int = 0
    tickets: int = 0
    changes: PageOutcome = field(default_factory=PageOutcome)
    next_due: datetime | None = None
    detail: str = ""

    def plus(self, page: Page, changes: PageOutcome) -> "PollResult":
        """Return the same with one page more."""
        return replace(
            self,
            pages=self.pages + 1,
            tickets=self.tickets + page.size,
            changes=self.changes + changes,
        )


def position_of(*, cursor: str | None, since: datetime, newest: datetime | None) -> Position:
    """Return where to read on; without a cursor, a little before the newest change that was read."""
    if cursor or newest is None:
        return Position(cursor=cursor or None, since=since)
    return Position(cursor=None, since=max(since, newest - REWIND))


class Ingest:
    """Reads one source into the store; for one thread.

    since  where reading begins when the store knows nothing of the source yet
    turn   shared with whoever else reads the source
    """

    def __init__(
        self,
        source: Source,
        store: Store,
        *,
        clock: Clock,
        meter: Meter,
        since: datetime,
        pace: Pace | None = None,
        turn: AbstractContextManager[object] | None = None,
    ) -> None:
        self._source = source
        self._store = store
        self._clock = clock
        self._meter = meter
        self._since = aware(since)
        self._pace = pace or Pace()
        self._lane = Lane(
            source,
            what="poll",
            clock=clock,
            meter=meter,
            pace=self._pace,
            turn=turn or threading.Lock(),
            rewind=lambda: store.rewind(source.name),
        )
        self._last: Outcome | None = None
        self._odometer: Odometer | None = None
        self.progress: Progress | None = None
        """How far reading has come; None before the first page. Another thread may look at it."""

    @property
    def name(self) -> str:
        """Return the name of the source."""
        return self._source.name

    def held(self) -> Hold | None:
        """Return why nothing was asked last, for whoever reads beside; it may be over."""
        return self._lane.hold

    def cause(self) -> Cause | None:
        """Return why the watermark is behind, if it is; None before the first poll is over."""
        if self._lane.trouble == CredentialsRefused.reason:
            return Cause.REFUSED
        if self._last is Outcome.THROTTLED:
            return Cause.LIMITED
        if self._lane.trouble:
            return Cause.UNREACHABLE
        if self._last is Outcome.CAUGHT_UP:
            return Cause.CLOCK
        return None if self._last is None else Cause.BEHIND

    def poll(
        self,
        *,
        stop: Callable[[], bool] = lambda: False,
        on_page: Callable[[Progress], None] = lambda _: None,
    ) -> PollResult:
        """Read up to the present, or as far as limits and failures let us.

        stop     asked before each page; a page that was begun is finished
        on_page  told after each committed page

        Raises errors.Fault where the store fails.
        """
        began = self._clock.now()
        held = self._lane.held()
        if held is not None:
            self._meter.poll_skipped(self.name, reason=_WHY_SKIPPED[held.outcome])
            return PollResult(held.outcome, next_due=held.until, detail=held.detail)
        result = self._read(stop, on_page)
        self._last = result.outcome
        took_s = self._clock.real_seconds(max(NOTHING, self._clock.now() - began))
        if result.pages:
            self._meter.poll(self.name, seconds=took_s, tickets=result.tickets, outcome=result.changes)
        if result.detail:
            self._meter.poll_failed(self.name, seconds=took_s, reason=self._lane.trouble)
        return result

    def _read(self, stop: Callable[[], bool], on_page: Callable[[Progress], None]) -> PollResult:
        result = PollResult(Outcome.MORE)
        state = self._store.source_state(self.name)
        most = self._pace.pages if _is_live(state) else None
        passed = {state.cursor} if state is not None else set()
        self._odometer = self._odometer or Odometer(self._clock.now(), self._fraction(state))
        while (most is None or result.pages < most) and not stop():
            try:
                page = self._lane.fetch(self._position(state), per_minute=self._rate(state), passed=passed)
            except Stopped:
                break
            except PortError as error:
                held = self._lane.failed(error)
                return replace(result, outcome=held.outcome, next_due=held.until, detail=held.detail)
            result = result.plus(page, self._commit(page, state))
            state = self._store.source_state(self.name)
            self.progress = self._progressed(page, state)
            on_page(self.progress)
            self._meter.page_read(self.name)
            self._lane.worked(page)
            if page.caught_up:
                return replace(result, outcome=Outcome.CAUGHT_UP)
            if self._lane.hold is not None:
                return replace(result, outcome=self._lane.hold.outcome, next_due=self._lane.hold.until)
        return result

    def _rate(self, state: SourceState | None) -> float:
        return self._pace.per_minute if _is_live(state) else self._pace.backfill_per_minute

    def _position(self, state: SourceState | None) -> Position:
        if state is None:
            return Position(cursor=None, since=self._since)
        return position_of(cursor=state.cursor, since=state.since, newest=state.newest)

    def _commit(self, page: Page, state: SourceState | None) -> PageOutcome:
        since = self._since if state is None else state.since
        changes = self._store.commit_page(self.name, page, since=since, seen_at=self._clock.now())
        fields = {"source": self.name, "tickets": page.size, "caught_up": page.caught_up}
        _log.debug("page_committed", extra=fields)
        return changes

    def _progressed(self, page: Page, state: SourceState | None) -> Progress:
        now = self._clock.now()
        self._odometer = (self._odometer or Odometer(now, 0.0)).plus(page)
        fraction = 1.0 if page.caught_up else self._fraction(state)
        return self._odometer.progress(fraction, newest=state.newest if state else None, now=now)

    def _fraction(self, state: SourceState | None) -> float:
        return 0.0 if state is None else fraction_read(state, now=self._clock.now())


def fraction_read(state: SourceState, *, now: datetime) -> float:
    """Return how much of the time since reading began has been read, in [0, 1]."""
    whole = now - _WITHHELD - state.since
    if state.newest is None:
        return 0.0
    return min(1.0, max(0.0, (state.newest - state.since) / whole)) if whole > NOTHING else 1.0


def _is_live(state: SourceState | None) -> bool:
    """Tell whether the source was caught up once."""
    return state is not None and state.watermark is not None


_WHY_SKIPPED = {
    Outcome.THROTTLED: "budget",
    Outcome.RETRY: "backoff",
    Outcome.REWOUND: "backoff",
    Outcome.HALTED: "halted",
}
