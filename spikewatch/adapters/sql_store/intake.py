"""What a page changes, worked out in memory before anything is written."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from spikewatch.core.counts import (
    Attributes,
    SeriesKey,
    Ticket,
    TicketState,
    attributes_id,
    is_late,
    remember,
)
from spikewatch.core.timegrid import seconds
from spikewatch.ports import PageOutcome


@dataclass(frozen=True, slots=True)
class Horizon:
    """Where memory begins: unknown tickets before `second` and counts before `bucket` are settled for good."""

    second: int
    bucket: int

    def moved_to(self, other: "Horizon") -> "Horizon":
        """Return the later one of each; what is forgotten stays forgotten."""
        return Horizon(max(self.second, other.second), max(self.bucket, other.bucket))


WHOLE_MEMORY = Horizon(second=-(2**62), bucket=-(2**62))
"""Nothing has been forgotten yet."""


@dataclass(slots=True)
class Intake:
    """Takes the tickets of a page in order, and holds what they change.

    known      states by ticket id: those stored, then as the page changes them
    watermark  the committed one before this page
    written    ids whose state changed
    series     those that any of the changes named
    sets       attributes by number, and the series that they make, of what was taken
    cells      (bucket, series) -> change of tickets and late ones
    gained     how often a ticket began to count in a series
    """

    known: dict[str, TicketState]
    step: timedelta
    watermark: datetime | None
    horizon: Horizon
    written: set[str] = field(default_factory=set)
    series: set[SeriesKey] = field(default_factory=set)
    sets: dict[int, tuple[Attributes, SeriesKey]] = field(default_factory=dict)
    cells: dict[tuple[int, SeriesKey], tuple[int, int]] = field(default_factory=dict)
    gained: Counter[SeriesKey] = field(default_factory=Counter)
    outcome: Counter[str] = field(default_factory=Counter)

    def take(self, ticket: Ticket) -> None:
        """Take one ticket; a ticket that comes twice is taken twice."""
        before = self.known.get(ticket.id)
        late = before is None and is_late(ticket.created_at, step=self.step, watermark=self.watermark)
        now = remember(before, ticket, late=late)
        if now == before or (before is None and now.second < self.horizon.second):
            self.outcome["ignored"] += 1
            return
        self.known[ticket.id] = now
        self.written.add(ticket.id)
        self._name(ticket, now)
        self._count(self._cell(before), self._cell(now), late=now.late)

    @property
    def page_outcome(self) -> PageOutcome:
        """What has changed so far."""
        return PageOutcome(**self.outcome)

    def changes(self) -> Iterator[tuple[int, SeriesKey, int, int]]:
        """Yield (bucket, series, change of tickets, change of late ones), without those that cancel out."""
        for (bucket, series), (tickets, late) in self.cells.items():
            if tickets or late:
                yield bucket, series, tickets, late

    def _name(self, ticket: Ticket, now: TicketState) -> None:
        if now.series is not None:
            self.series.add(now.series)
        if ticket.counted and ticket.attributes is not None:
            self.sets.setdefault(attributes_id(ticket.attributes), (ticket.attributes, ticket.series))

    def _cell(self, state: TicketState | None) -> tuple[int, SeriesKey] | None:
        if state is None or state.series is None or not state.counted:
            return None
        bucket = state.second // seconds(self.step)
        return (bucket, state.series) if bucket >= self.horizon.bucket else None

    def _count(
        self, left: tuple[int, SeriesKey] | None, entered: tuple[int, SeriesKey] | None, *, late: bool
    ) -> None:
        if left == entered:
            self.outcome["ignored"] += 1
            return
        if left is not None:
            self._add(left, -1, late=late)
        if entered is not None:
            self._add(entered, 1, late=late)
            self.gained[entered[1]] += 1
        self.outcome["removed" if entered is None else "added" if left is None else "moved"] += 1
        self.outcome["late"] += late and left is None

    def _add(self, cell: tuple[int, SeriesKey], change: int, *, late: bool) -> None:
        tickets, late_ones = self.cells.get(cell, (0, 0))
        self.cells[cell] = (tickets + change, late_ones + change * late)
