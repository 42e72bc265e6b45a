"""When a source is checked, and what becomes of what is found: it is applied, counted and logged."""

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from spikewatch.asking import Hold, Lane, Stopped
from spikewatch.core.settings import ReconcileSettings
from spikewatch.ingest import position_of
from spikewatch.pacing import Pace
from spikewatch.ports import Clock, Countable, Meter, Page, PortError, Source, SourceState, Store
from spikewatch.reconciling.counts import Counts, Difference

SWEEPS = timedelta(hours=26)
"""A night's sweep and the one before it overlap by two hours."""

SETTLES = timedelta(hours=1)
"""A search index lags by minutes: a day is compared once it has been over for this long."""

_READ_BY_THEN = timedelta(minutes=2)
"""A change that is newer than this against the newest one read may be under way to the live reading."""

_DAY = timedelta(days=1)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Sweep:
    """A second reading under way.

    until   the newest version that the live reading had read when this one began or went on
    newest  newest version read by this one
    """

    since: datetime
    until: datetime
    cursor: str | None = None
    newest: datetime | None = None
    missed: int = 0
    pages: int = 0

    def after(self, page: Page, *, missed: int) -> "_Sweep":
        newest = max((each for each in (self.newest, page.newest) if each is not None), default=None)
        return replace(
            self, cursor=page.cursor, newest=newest, missed=self.missed + missed, pages=self.pages + 1
        )

    def is_over(self, page: Page) -> bool:
        return page.caught_up or (self.newest is not None and self.newest >= self.until)


class Reconciler:
    """Checks one source; call `run` again and again, it works when it is time; for one thread.

    zone       of the closed days and of the time of day
    remembers  for how long the store knows tickets; an older one is missing by right
    turn       shared with whoever else reads the source
    leader     tells why the live reading is held
    """

    def __init__(
        self,
        source: Source,
        store: Store,
        *,
        settings: ReconcileSettings,
        zone: ZoneInfo,
        remembers: timedelta,
        clock: Clock,
        meter: Meter,
        pace: Pace,
        turn: AbstractContextManager[object],
        leader: Callable[[], Hold | None] = lambda: None,
    ) -> None:
        """Hold the parts; the first check is that of the next night."""
        self._source = source
        self._store = store
        self._settings = settings
        self._zone = zone
        self._remembers = remembers
        self._clock = clock
        self._meter = meter
        self._pace = pace.beside()
        self._checked = self._newest_due(clock.now())
        self._sweep: _Sweep | None = None
        self._swept: datetime | None = None
        self._counts: Counts | None = None
        self._lane = Lane(
            source,
            what="reconciliation",
            clock=clock,
            meter=meter,
            pace=self._pace,
            turn=turn,
            rewind=self._begin_anew,
            leader=leader,
        )

    def run(self) -> None:
        """Check if it is time, as far as limits and failures let us; what is left is done by the next call.

        Raises errors.Fault where the store fails.
        """
        due = self._newest_due(self._clock.now())
        state = self._store.source_state(self._source.name)
        if not self._settings.enabled or due <= self._checked or self._lane.held() is not None:
            return
        if state is None or state.watermark is None or state.newest is None or state.watermark < due:
            return  # what the live reading has still to bring would count as missed
        try:
            self._check(state, due=due)
        except Stopped:
            return
        except PortError as error:
            self._lane.failed(error)

    def _check(self, state: SourceState, *, due: datetime) -> None:
        if self._swept != due:  # a count that failed is tried again without a second sweep
            self._read_again(state, since=due - SWEEPS)
            self._sweep, self._swept, self._counts = None, due, None
        day = self._closed_day(due)
        if day[0] >= state.since:
            self._count(state, *day)
        self._lane.recovered()
        self._checked = due

    def _read_again(self, state: SourceState, *, since: datetime) -> None:
        """Read from an instant up to what the live reading has read, and apply what it missed; goes on where it stopped."""
        newest = state.newest or since
        begun = self._sweep or _Sweep(max(since, state.since), newest)
        sweep = replace(begun, until=newest)
        passed: set[str | None] = {sweep.cursor}
        while True:
            position = position_of(cursor=sweep.cursor, since=sweep.since, newest=sweep.newest)
            page = self._lane.fetch(position, per_minute=self._pace.per_minute, passed=passed)
            missed = self._missed(page, until=sweep.until)
            self._store.commit_sweep(self._source.name, page)
            self._sweep = sweep = sweep.after(page, missed=missed)
            self._lane.worked(page)
            if sweep.is_over(page):
                break
        self._report(sweep)

    def _report(self, sweep: _Sweep) -> None:
        self._meter.reconciled(self._source.name, check="sweep", missed=sweep.missed)
        fields = {"source": self._source.name, "since": sweep.since.isoformat(), "pages": sweep.pages}
        if sweep.missed:
            _log.warning("updates_missed", extra={**fields, "missed": sweep.missed})
        else:
            _log.info("sweep_found_nothing", extra=fields)

    def _missed(self, page: Page, *, until: datetime) -> int:
        """Return how many tickets of the page are newer than what is stored, although the live reading is past them."""
        known = self._store.versions(self._source.name, [ticket.id for ticket in page.tickets])
        settled = (until - _READ_BY_THEN).timestamp()
        remembered = self._clock.now() - self._remembers
        return sum(
            ticket.version > known.get(ticket.id, -1) and ticket.version <= settled
            for ticket in page.tickets
            if ticket.id in known or ticket.created_at >= remembered
        )

    def _count(self, state: SourceState, start: datetime, end: datetime) -> None:
        """Compare a closed day, and read it again where it differs."""
        source = self._source
        if not isinstance(source, Countable):
            return
        tally = self._store.tally(source.name, start=start, end=end)
        self._counts = self._counts or Counts(source, self._lane, name=source.name, start=start, end=end)
        found = self._counts.beside(tally)
        differing = self._differing(found)
        self._tell(found, differing, start=start, event="count_differs")
        if not differing:
            return
        self._read_again(state, since=start)
        self._sweep = None
        tally = self._store.tally(source.name, start=start, end=end)
        again = [each.beside(tally) for each in differing]
        self._tell(again, self._differing(again), start=start, event="count_still_differs")

    def _differing(self, found: Sequence[Difference]) -> Sequence[Difference]:
        return [each for each in found if each.matters(tolerance=self._settings.tolerance)]

    def _tell(
        self, found: Sequence[Difference], differing: Sequence[Difference], *, start: datetime, event: str
    ) -> None:
        levels = sorted({each.scope.level for each in found})
        for level in levels:
            largest = max((each.missing for each in found if each.scope.level == level), key=abs)
            self._meter.reconciled(self._source.name, check=level, difference=largest)
        fields = {"source": self._source.name, "day": start.astimezone(self._zone).date().isoformat()}
        for each in differing:
            _log.warning("%s", event, extra={**fields, **each.log_fields()})
        if found and not differing:
            _log.info("count_agrees", extra={**fields, "scopes": ",".join(levels), "counted": len(found)})

    def _begin_anew(self) -> None:
        if self._sweep is not None:
            self._sweep = replace(self._sweep, cursor=None)

    def _newest_due(self, now: datetime) -> datetime:
        """Return the newest instant at which a check was due."""
        local = now.astimezone(self._zone)
        today = datetime.combine(local.date(), self._settings.at, tzinfo=self._zone)
        return (today if today <= local else today - _DAY).astimezone(UTC)

    def _closed_day(self, now: datetime) -> tuple[datetime, datetime]:
        """Return the newest local day that has been over for long enough."""
        last = (now - SETTLES).astimezone(self._zone).date()
        end = datetime.combine(last, time(0), tzinfo=self._zone)
        return datetime.combine(last - _DAY, time(0), tzinfo=self._zone), end
