"""Older history of a source, read beside its live cursor: stopped and resumed anywhere, and never what is there already."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime

from spikewatch.asking import Hold, Lane, Outcome, Stopped
from spikewatch.core.timegrid import aware
from spikewatch.ingest import Odometer, PollResult, Progress, position_of
from spikewatch.pacing import Pace
from spikewatch.ports import Backfill, Clock, Meter, PortError, Source, Store

_log = logging.getLogger(__name__)


class Backfilling:
    """Reads one source further back than it was read; for one thread.

    since  how far back; a source that is read from there on needs nothing
    pace   of the live reading; this one leaves it half of the source's limit
    turn   shared with whoever else reads the source
    leader tells why the live reading is held
    """

    def __init__(
        self,
        source: Source,
        store: Store,
        *,
        clock: Clock,
        meter: Meter,
        since: datetime,
        pace: Pace,
        turn: AbstractContextManager[object],
        leader: Callable[[], Hold | None] = lambda: None,
    ) -> None:
        """Hold the parts; nothing is asked yet."""
        self.progress: Progress | None = None
        """How far it has come; None while nothing is being read. Another thread may look at it."""
        self._source = source
        self._store = store
        self._clock = clock
        self._meter = meter
        self._since = aware(since)
        self._pace = pace.beside()
        self._odometer: Odometer | None = None
        self._lane = Lane(
            source,
            what="backfill",
            clock=clock,
            meter=meter,
            pace=self._pace,
            turn=turn,
            rewind=lambda: store.rewind_backfill(source.name),
            leader=leader,
        )

    @property
    def name(self) -> str:
        """Return the name of the source."""
        return self._source.name

    def run(
        self,
        *,
        stop: Callable[[], bool] = lambda: False,
        on_page: Callable[[Progress], None] = lambda _: None,
    ) -> PollResult:
        """Read until all is there, or as far as limits and failures let us; nothing before the live reading has caught up.

        stop     asked before each page; a page that was begun is finished
        on_page  told after each committed page

        Raises errors.Fault where the store fails.
        """
        held = self._lane.held()
        if held is not None:
            return PollResult(held.outcome, next_due=held.until, detail=held.detail)
        result = PollResult(Outcome.MORE)
        left = self._left()
        passed: set[str | None] = {left.cursor} if left is not None else set()
        while left is not None and not stop():
            position = position_of(cursor=left.cursor, since=left.since, newest=left.newest)
            try:
                page = self._lane.fetch(position, per_minute=self._pace.per_minute, passed=passed)
            except Stopped:
                return result
            except PortError as error:
                held = self._lane.failed(error)
                return replace(result, outcome=held.outcome, next_due=held.until, detail=held.detail)
            result = result.plus(page, self._store.commit_backfill(self.name, page))
            self._odometer = (self._odometer or Odometer(self._clock.now(), left.fraction)).plus(page)
            left = self._store.backfill(self.name)
            self._note(left, on_page)
            left = left or self._left()
            self._lane.worked(page)
            if left is not None and self._lane.hold is not None:
                return replace(result, outcome=self._lane.hold.outcome, next_due=self._lane.hold.until)
        return result if left is not None else replace(result, outcome=Outcome.CAUGHT_UP)

    def _left(self) -> Backfill | None:
        """Return what is left to read, and begin with it where that is news."""
        state = self._store.source_state(self.name)
        if state is None or state.watermark is None:
            return None
        before = self._store.backfill(self.name)
        left = before or self._store.ask_backfill(self.name, since=self._since)
        if left is not None and self._odometer is None:
            self._odometer = Odometer(self._clock.now(), left.fraction)
            fields = {"source": self.name, "since": left.since.isoformat(), "until": left.until.isoformat()}
            _log.info("backfill_began" if before is None else "backfill_resumed", extra=fields)
        return left

    def _note(self, left: Backfill | None, on_page: Callable[[Progress], None]) -> None:
        """Tell how far it has come, and say so when it is over."""
        if self._odometer is None:
            return
        fraction, newest = (1.0, None) if left is None else (left.fraction, left.newest)
        self.progress = self._odometer.progress(fraction, newest=newest, now=self._clock.now())
        on_page(self.progress)
        if left is None:
            fields = {"source": self.name, "pages": self.progress.pages, "tickets": self.progress.tickets}
            _log.info("backfill_ended", extra=fields)
            self.progress = self._odometer = None
