"""The store as reading sees it: what was counted, and how far each source is read."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from spikewatch.core.census import NOTHING, Cell, Census, Share
from spikewatch.core.counts import Cells, Roster, SeriesKey
from spikewatch.ports.source import Page


@dataclass(frozen=True, slots=True)
class SourceState:
    """How far one source has been read.

    since      where reading began; buckets before it are unknown
    watermark  everything created before it has been read; None until the source was caught up once
    newest     newest version read
    """

    since: datetime
    cursor: str | None = None
    watermark: datetime | None = None
    newest: datetime | None = None

    def after(self, page: Page) -> "SourceState":
        """Return how far the source has been read once the page is taken over; the watermark never goes back."""
        watermarks = [mark for mark in (self.watermark, page.watermark) if mark is not None]
        newest = [version for version in (self.newest, page.newest) if version is not None]
        return SourceState(self.since, page.cursor, max(watermarks, default=None), max(newest, default=None))


@dataclass(frozen=True, slots=True)
class Backfill:
    """Older history of a source that is being read beside its cursor: what changed last in `[since, until)`.

    until   where reading of the source began; from there on everything is read already
    newest  newest version read of this stretch
    """

    since: datetime
    until: datetime
    cursor: str | None = None
    newest: datetime | None = None

    def after(self, page: Page) -> "Backfill | None":
        """Return what is left once the page is taken over; None where that is nothing."""
        newest = max((version for version in (self.newest, page.newest) if version is not None), default=None)
        if page.caught_up or (newest is not None and newest >= self.until):
            return None
        return Backfill(self.since, self.until, page.cursor, newest)

    @property
    def fraction(self) -> float:
        """How much of the stretch is read, in [0, 1]."""
        whole = self.until - self.since
        return 0.0 if self.newest is None else min(1.0, max(0.0, (self.newest - self.since) / whole))


@dataclass(frozen=True, slots=True)
class PageOutcome:
    """What committing a page changed; the first four add up to the tickets on the page.

    added    count now and did not before
    moved    count elsewhere now
    removed  count no more
    ignored  changed no count
    late     how many of the added ones are late

    A census knows no single tickets: what a cell gained was added, what it lost was removed, and the rest was ignored.
    """

    added: int = 0
    moved: int = 0
    removed: int = 0
    ignored: int = 0
    late: int = 0

    @classmethod
    def of_census(
        cls, census: Census, *, before: Mapping[Cell, Share], after: Mapping[Cell, Share]
    ) -> "PageOutcome":
        """Return what a census changed; `after` holds the shares that changed, `before` those and others."""
        gains = [now.tickets - before.get(cell, NOTHING).tickets for cell, now in after.items()]
        added = sum(max(0, gain) for gain in gains)
        late = sum(max(0, now.late - before.get(cell, NOTHING).late) for cell, now in after.items())
        return cls(
            added=added,
            removed=sum(max(0, -gain) for gain in gains),
            ignored=max(0, census.tickets - added),
            late=late,
        )

    def __add__(self, other: "PageOutcome") -> "PageOutcome":
        """Return what two pages changed together."""
        return PageOutcome(
            added=self.added + other.added,
            moved=self.moved + other.moved,
            removed=self.removed + other.removed,
            ignored=self.ignored + other.ignored,
            late=self.late + other.late,
        )


class Counting(Protocol):
    """Tickets, counts and cursors; see `Store`."""

    def source_state(self, source: str) -> SourceState | None:
        """Return how far the source has been read; None before its first page."""
        ...

    def commit_page(self, source: str, page: Page, *, since: datetime, seen_at: datetime) -> PageOutcome:
        """Take over a page: tickets, count deltas, cursor and watermark, together.

        A ticket with a version below the stored one is ignored; an equal one with other content replaces it. A ticket
        first seen long below the committed watermark is late (see `core.counts.is_late`). The watermark never goes back.
        `since` is kept from the first page of the source on. What `forget` dropped stays as it was counted: an unknown
        ticket older than that is ignored, and a dropped bucket takes no more counts. The page's naming is
        adopted with it.

        A census replaces what the same source counted in its span before, and leaves alone what others count there.
        """
        ...

    def rewind(self, source: str) -> None:
        """Forget the cursor of a source, so that reading starts again from a point in time."""
        ...

    def commit_sweep(self, source: str, page: Page) -> PageOutcome:
        """Take over the tickets of a page that was read beside the cursor; how far the source is read stays as it was."""
        ...

    def backfill(self, source: str) -> Backfill | None:
        """Return which older history of the source is being read; None where none is."""
        ...

    def ask_backfill(self, source: str, *, since: datetime) -> Backfill | None:
        """Begin to read a source further back than it is; return what is left to read.

        None where all of it is there, or the source has not been read yet. One that is under way stays as it is: ask
        again when it is over.
        """
        ...

    def commit_backfill(self, source: str, page: Page) -> PageOutcome:
        """Take over a page of older history and move its cursor; nothing on it is late.

        With the last page the source counts as read from the beginning of that history on.
        """
        ...

    def rewind_backfill(self, source: str) -> None:
        """Forget the cursor of the older history, so that reading it starts again from a point in time."""
        ...

    def versions(self, source: str, ids: Sequence[str]) -> Mapping[str, int]:
        """Return the stored version of each of these tickets that is known."""
        ...

    def tally(self, source: str, *, start: datetime, end: datetime) -> Mapping[SeriesKey, int]:
        """Return how many tickets of one source, created in `[start, end)`, count in each series; looks at every ticket."""
        ...

    def roster(self) -> Roster:
        """Return all series ever counted."""
        ...

    def counts(self, *, first: int, stop: int) -> Cells:
        """Return the counts of buckets `[first, stop)` of the configured step, with the roster of that moment."""
        ...

    def use_sources(self, names: Collection[str]) -> None:
        """Take these as the sources there are from now on; another keeps its tickets and its state, should it come back."""
        ...

    def source_states(self) -> Mapping[str, SourceState]:
        """Return the state of every source that has been read, without those that are not used any more."""
        ...

    def feeds(self) -> Mapping[str, frozenset[str]]:
        """Return which services the tickets of each source have counted in."""
        ...

    def ticket_totals(self) -> Mapping[SeriesKey, int]:
        """Return how often a ticket began to count in each series; these never fall."""
        ...
