"""How a source is asked for pages: at a pace of our own, within its limits, and what each failure leads to.

Every reader of a source (the live poll, older history, a sweep) asks by a lane of its own: the failures and limits of one
do not hold up another, which waits for one request at most.
"""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from spikewatch.pacing import LONGEST_RETRY, Pace, TokenBucket, back_off
from spikewatch.ports import (
    Clock,
    CredentialsRefused,
    CursorRefused,
    Meter,
    Page,
    PortError,
    Position,
    Source,
    TooLarge,
    Unavailable,
)

NOTHING = timedelta(0)
_LIMIT_RESETS = timedelta(seconds=60)
_MOST_HALVINGS = 10

_Answer = TypeVar("_Answer")

_log = logging.getLogger(__name__)


class Outcome(StrEnum):
    """How a reading ended; after `more` (the page limit, or `stop`) another goes on at once."""

    CAUGHT_UP = "caught_up"
    MORE = "more"
    THROTTLED = "throttled"
    RETRY = "retry"
    REWOUND = "rewound"
    HALTED = "halted"


@dataclass(frozen=True, slots=True)
class Hold:
    """Why nothing is asked in `[since, until)`; a clock that was set back before `since` ends it too.

    detail  the failure in words; empty where a limit was only kept
    """

    outcome: Outcome
    since: datetime
    until: datetime
    detail: str = ""

    @property
    def is_general(self) -> bool:
        """Tell whether the source itself said no, to whoever asks."""
        return bool(self.detail) and self.outcome in {Outcome.THROTTLED, Outcome.HALTED}

    def lasts(self, now: datetime) -> bool:
        """Tell whether nothing is asked at that instant."""
        return self.since <= now < self.until


class Stopped(Exception):
    """Whoever asks shall end; nothing was asked any more."""


class Lane:
    """One way of asking a source; for one thread.

    what    begins the names of log lines: poll, backfill, sweep
    turn    shared by the lanes of one source, which answers one at a time
    rewind  forgets the position that the source refuses
    leader  tells why the lane that comes first is held; its limits and refusals hold for this one too
    """

    def __init__(
        self,
        source: Source,
        *,
        what: str,
        clock: Clock,
        meter: Meter,
        pace: Pace,
        turn: AbstractContextManager[object],
        rewind: Callable[[], None] = lambda: None,
        leader: Callable[[], Hold | None] = lambda: None,
    ) -> None:
        """Begin with a full limit and no failure."""
        self.trouble = ""
        self.hold: Hold | None = None
        self._source = source
        self._what = what
        self._clock = clock
        self._meter = meter
        self._pace = pace
        self._turn = turn
        self._rewind = rewind
        self._leader = leader
        self._bucket = TokenBucket.full(pace.per_minute, now=clock.now())
        self._failures = 0

    def held(self) -> Hold | None:
        """Return why nothing may be asked now; a hold that is over is forgotten."""
        if self.hold is not None and not self.hold.lasts(self._clock.now()):
            self.hold = None
        leading = self._leader()
        if leading is not None and leading.lasts(self._clock.now()) and leading.is_general:
            return leading
        return self.hold

    def fetch(self, position: Position, *, per_minute: float, passed: set[str | None]) -> Page:
        """Return the page at a position, in our turn; where it would be too large, ask again, for the source asks for less.

        passed  cursors behind which this reading has been; a page that leads back to one of them is refused

        Raises Stopped or what the source raises; a failure is to be handed to `failed`.
        """
        for _ in range(_MOST_HALVINGS):
            try:
                page = self.ask(lambda: self._source.fetch_page(position), per_minute=per_minute)
                break
            except TooLarge as error:
                self._complain(error, Outcome.RETRY)
        else:
            page = self.ask(lambda: self._source.fetch_page(position), per_minute=per_minute)
        if page.cursor in passed and not page.caught_up:
            raise Unavailable("the source leads round in a circle of pages", reason="parse")
        passed.add(page.cursor)
        return page

    def ask(self, question: Callable[[], _Answer], *, per_minute: float) -> _Answer:
        """Return the answer to a question, put in our turn; raises Stopped or what the question raises."""
        self._wait_for_turn(per_minute)
        with self._turn:
            return question()

    def worked(self, page: Page) -> None:
        """Note that a page was taken over, and keep away until a limit resets of which little is left."""
        self.recovered()
        if page.quota is not None:
            self._meter.quota(self._source.name, page.quota)
        self._leave(page)

    def recovered(self) -> None:
        """Note that what was asked for came; a failure is the first one again."""
        if self.trouble:
            fields = {"source": self._source.name, "failures": self._failures}
            _log.info("%s_recovered", self._what, extra=fields)
        self._failures, self.trouble = 0, ""

    def failed(self, error: PortError) -> Hold:
        """Decide what a failure leads to, say so where it is news, and return it."""
        now = self._clock.now()
        self._failures += 1
        outcome, until = self._reaction(error, now)
        self._complain(error, outcome, until=until)
        return self._pause(outcome, until, now=now, detail=str(error) or error.reason)

    def _reaction(self, error: PortError, now: datetime) -> tuple[Outcome, datetime]:
        match error:
            case CredentialsRefused():
                return Outcome.HALTED, now + LONGEST_RETRY
            case CursorRefused():
                self._rewind()
                return Outcome.REWOUND, now + (NOTHING if self._failures == 1 else self._back_off())
            case Unavailable(reason="rate_limited"):
                again = self._back_off() if self._failures > 1 else NOTHING  # its wish was too short
                return Outcome.THROTTLED, now + max(error.retry_after or _LIMIT_RESETS, again)
            case Unavailable():
                return Outcome.RETRY, now + max(self._back_off(), error.retry_after or NOTHING)
            case _:
                return Outcome.RETRY, now + self._back_off()

    def _back_off(self) -> timedelta:
        return back_off(self._failures, key=self._source.name)

    def _wait_for_turn(self, per_minute: float) -> None:
        now = self._clock.now()
        if self._bucket.per_minute != per_minute:
            self._bucket = self._bucket.paced(per_minute, now=now)
        wait = self._bucket.wait(now=now)
        if wait > NOTHING:
            self._meter.throttled(self._source.name, duration=wait)
            if self._clock.wait(wait):
                raise Stopped
        self._bucket = self._bucket.take(now=self._clock.now())

    def _leave(self, page: Page) -> None:
        """Keep away until every limit has reset of which little is left."""
        now = self._clock.now()
        limits = ((page.quota, self._pace.spared), (page.account, self._pace.spared_of_account))
        resets = [
            quota.resets_at or now + _LIMIT_RESETS
            for quota, spared in limits
            if quota is not None and quota.remaining <= spared(quota.limit)
        ]
        if resets:
            self._pause(Outcome.THROTTLED, max(resets), now=now)

    def _pause(self, outcome: Outcome, until: datetime, *, now: datetime, detail: str = "") -> Hold:
        self.hold = Hold(outcome, now, until, detail)
        if outcome is Outcome.THROTTLED:
            self._meter.throttled(self._source.name, duration=max(NOTHING, until - now))
        return self.hold

    def _complain(self, error: PortError, outcome: Outcome, *, until: datetime | None = None) -> None:
        """Log a failure when it begins or changes its kind."""
        if error.reason != self.trouble:
            level = logging.ERROR if outcome is Outcome.HALTED else logging.WARNING
            fields = {
                "source": self._source.name,
                "reason": error.reason,
                "outcome": outcome.value,
                "detail": str(error),
            }
            if until is not None:
                fields["next_try"] = until.isoformat()
            _log.log(level, "%s_failed", self._what, extra=fields)
        self.trouble = error.reason
