"""From a source's page to committed counts: how fast to read, when to stop, what to do after each kind of failure.

One page is one transaction, so a crash anywhere costs at most a page that is read again. Reading never fails: a poll
returns what happened and when the next one makes sense.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from spikewatch.core.blindness import Cause
from spikewatch.core.timegrid import aware
from spikewatch.pacing import LONGEST_RETRY, Pace, TokenBucket, back_off
from spikewatch.ports import (
    Clock,
    CredentialsRefused,
    CursorRefused,
    Meter,
    Page,
    PageOutcome,
    PortError,
    Position,
    Source,
    SourceState,
    Store,
    TooLarge,
    Unavailable,
)

_NOTHING = timedelta(0)
_WITHHELD = timedelta(seconds=60)
_REWIND = timedelta(minutes=10)
_LIMIT_RESETS = timedelta(seconds=60)
_MOST_HALVINGS = 10

_log = logging.getLogger(__name__)


class Outcome(StrEnum):
    """How a poll ended; after `more` (the page limit, or `stop`) another poll goes on at once."""

    CAUGHT_UP = "caught_up"
    MORE = "more"
    THROTTLED = "throttled"
    RETRY = "retry"
    REWOUND = "rewound"
    HALTED = "halted"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far reading has come.

    fraction  of the time between where reading began and the present, in [0, 1]
    pages     read since the program started, and their tickets
    newest    newest change read
    """

    fraction: float
    pages: int
    tickets: int
    newest: datetime | None


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


@dataclass(frozen=True, slots=True)
class _Hold:
    """Why nothing is asked in `[since, until)`; a clock that was set back before `since` ends it too."""

    outcome: Outcome
    since: datetime
    until: datetime
    detail: str


class Ingest:
    """Reads one source into the store; for one thread.

    since  where reading begins when the store knows nothing of the source yet
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
    ) -> None:
        self._source = source
        self._store = store
        self._clock = clock
        self._meter = meter
        self._since = aware(since)
        self._pace = pace or Pace()
        self._bucket = TokenBucket.full(self._pace.per_minute, now=clock.now())
        self._hold: _Hold | None = None
        self._failures = 0
        self._trouble = ""
        self._last: Outcome | None = None
        self._pages = self._tickets = 0

    @property
    def name(self) -> str:
        """Return the name of the source."""
        return self._source.name

    def cause(self) -> Cause | None:
        """Return why the watermark is behind, if it is; None before the first poll is over."""
        if self._trouble == CredentialsRefused.reason:
            return Cause.REFUSED
        if self._last is Outcome.THROTTLED:
            return Cause.LIMITED
        if self._trouble:
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
        if self._hold is not None and self._hold.since <= began < self._hold.until:
            return PollResult(self._hold.outcome, next_due=self._hold.until, detail=self._hold.detail)
        self._hold = None
        result = self._read(stop, on_page)
        self._last = result.outcome
        took_s = self._clock.real_seconds(max(_NOTHING, self._clock.now() - began))
        if result.pages:
            self._meter.poll(self.name, seconds=took_s, tickets=result.tickets, outcome=result.changes)
        if result.detail:
            self._meter.poll_failed(self.name, seconds=took_s, reason=self._trouble)
        return result

    def _read(self, stop: Callable[[], bool], on_page: Callable[[Progress], None]) -> PollResult:
        result = PollResult(Outcome.MORE)
        state = self._store.source_state(self.name)
        most = self._pace.pages if state is not None and state.watermark is not None else None
        passed = {state.cursor} if state is not None else set()
        while (most is None or result.pages < most) and not stop() and not self._wait_for_turn(state):
            try:
                page = self._fetch(state, passed)
            except PortError as error:
                return self._after_failure(error, result)
            result = self._commit(page, state, result)
            state = self._store.source_state(self.name)
            on_page(self._progress(state, is_end=page.caught_up))
            self._leave_some(page)
            if page.caught_up:
                return replace(result, outcome=Outcome.CAUGHT_UP)
            if self._hold is not None:
                return replace(result, outcome=self._hold.outcome, next_due=self._hold.until)
        return result

    def _fetch(self, state: SourceState | None, passed: set[str | None]) -> Page:
        """Return the next page; where it would be too large, ask again, for the source asks for less each time.

        passed  cursors behind which this poll has been; a page that leads back to one of them is refused
        """
        for _ in range(_MOST_HALVINGS):
            try:
                page = self._source.fetch_page(self._position(state))
                break
            except TooLarge as error:
                self._complain(error, Outcome.RETRY)
                if self._wait_for_turn(state):
                    raise
        else:
            page = self._source.fetch_page(self._position(state))
        if page.cursor in passed and not page.caught_up:
            raise Unavailable("the source leads round in a circle of pages", reason="parse")
        passed.add(page.cursor)
        return page

    def _wait_for_turn(self, state: SourceState | None) -> bool:
        """Wait for our own limit; tell whether the wait was stopped."""
        caught_up_once = state is not None and state.watermark is not None
        rate = self._pace.per_minute if caught_up_once else self._pace.backfill_per_minute
        now = self._clock.now()
        if self._bucket.per_minute != rate:
            self._bucket = self._bucket.paced(rate, now=now)
        wait = self._bucket.wait(now=now)
        if wait > _NOTHING:
            self._meter.throttled(self.name, duration=wait)
            if self._clock.wait(wait):
                return True
        self._bucket = self._bucket.take(now=self._clock.now())
        return False

    def _position(self, state: SourceState | None) -> Position:
        """Return where to read on; without a cursor, a little before the newest change that was read."""
        if state is None:
            return Position(cursor=None, since=self._since)
        if state.cursor or state.newest is None:
            return Position(cursor=state.cursor or None, since=state.since)
        return Position(cursor=None, since=max(state.since, state.newest - _REWIND))

    def _commit(self, page: Page, state: SourceState | None, result: PollResult) -> PollResult:
        since = self._since if state is None else state.since
        changes = self._store.commit_page(self.name, page, since=since, seen_at=self._clock.now())
        self._pages += 1
        self._tickets += len(page.tickets)
        self._recover()
        _log.debug(
            "page_committed",
            extra={"source": self.name, "tickets": len(page.tickets), "caught_up": page.caught_up},
        )
        return replace(
            result,
            pages=result.pages + 1,
            tickets=result.tickets + len(page.tickets),
            changes=result.changes + changes,
        )

    def _progress(self, state: SourceState | None, *, is_end: bool) -> Progress:
        newest = None if state is None else state.newest
        fraction = 1.0 if is_end else 0.0
        if not is_end and state is not None and newest is not None:
            whole = self._clock.now() - _WITHHELD - state.since
            fraction = min(1.0, max(0.0, (newest - state.since) / whole)) if whole > _NOTHING else 1.0
        return Progress(fraction, self._pages, self._tickets, newest)

    def _leave_some(self, page: Page) -> None:
        """Note the source's own limit, and stop until it resets where little of it is left."""
        if page.quota is None:
            return
        self._meter.quota(self.name, page.quota)
        if page.quota.remaining <= self._pace.leave:
            now = self._clock.now()
            self._pause(Outcome.THROTTLED, page.quota.resets_at or now + _LIMIT_RESETS, now=now)

    def _after_failure(self, error: PortError, result: PollResult) -> PollResult:
        now = self._clock.now()
        self._failures += 1
        match error:
            case CredentialsRefused():
                outcome, until = Outcome.HALTED, now + LONGEST_RETRY
            case CursorRefused():
                self._store.rewind(self.name)
                outcome, until = (
                    Outcome.REWOUND,
                    now + (_NOTHING if self._failures == 1 else self._back_off()),
                )
            case Unavailable(reason="rate_limited"):
                wait = error.retry_after or _LIMIT_RESETS
                again = self._back_off() if self._failures > 1 else _NOTHING  # its wish was too short
                outcome, until = Outcome.THROTTLED, now + max(wait, again)
            case Unavailable():
                outcome, until = Outcome.RETRY, now + max(self._back_off(), error.retry_after or _NOTHING)
            case _:
                outcome, until = Outcome.RETRY, now + self._back_off()
        self._complain(error, outcome)
        detail = str(error) or error.reason
        self._pause(outcome, until, now=now, detail=detail)
        return replace(result, outcome=outcome, next_due=until, detail=detail)

    def _pause(self, outcome: Outcome, until: datetime, *, now: datetime, detail: str = "") -> None:
        self._hold = _Hold(outcome, now, until, detail)
        if outcome is Outcome.THROTTLED:
            self._meter.throttled(self.name, duration=max(_NOTHING, until - now))

    def _back_off(self) -> timedelta:
        return back_off(self._failures, key=self.name)

    def _complain(self, error: PortError, outcome: Outcome) -> None:
        """Log a failure when it begins or changes its kind."""
        if error.reason != self._trouble:
            level = logging.ERROR if outcome is Outcome.HALTED else logging.WARNING
            fields = {
                "source": self.name,
                "reason": error.reason,
                "outcome": outcome.value,
                "detail": str(error),
            }
            _log.log(level, "poll_failed", extra=fields)
        self._trouble = error.reason

    def _recover(self) -> None:
        if self._trouble:
            _log.info("poll_recovered", extra={"source": self.name, "failures": self._failures})
        self._failures, self._trouble = 0, ""
