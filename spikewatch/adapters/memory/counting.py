"""Tickets in plain dictionaries: what each counts as, what they add up to, and which series there are."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from spikewatch.core.census import NOTHING, Cell, Census, Share, buckets_of, shares_of
from spikewatch.core.counts import (
    Attributes,
    SeriesKey,
    Ticket,
    TicketState,
    attributes_id,
    is_late,
    remember,
)
from spikewatch.core.timegrid import bucket_number, seconds
from spikewatch.ports import Page, PageOutcome

_EVER = -(2**62)
_WEEK_S = 7 * 86_400


class Counted:
    """Every ticket and every count, in buckets of one step.

    tickets  by source and id
    sets     by source and number: attributes that tickets have or had, and the series that they make now
    fed      the series that each source counted in
    retired  series that a recount left without anything; their totals stay
    """

    def __init__(self, *, step: timedelta) -> None:
        """Begin empty."""
        self._step = step
        self.tickets: dict[tuple[str, str], TicketState] = {}
        self.sets: dict[tuple[str, int], tuple[Attributes, SeriesKey]] = {}
        self.fed: dict[str, set[SeriesKey]] = {}
        self.counts: Counter[Cell] = Counter()
        self.late: Counter[Cell] = Counter()
        self._totals: Counter[SeriesKey] = Counter()
        self._retired: set[SeriesKey] = set()
        self._shares: dict[str, dict[Cell, Share]] = {}
        self._tickets_from = _EVER
        self._counts_from = _EVER

    @property
    def totals(self) -> Mapping[SeriesKey, int]:
        """How often a ticket began to count in each series that is on the roster."""
        return {series: total for series, total in self._totals.items() if series not in self._retired}

    def check(self, page: Page) -> None:
        """Raise ValueError where the page can never be taken."""
        if page.census is not None:
            buckets_of(page.census, step=self._step, kept_from=self._counts_from)

    def take(
        self, source: str, tickets: Sequence[Ticket], census: Census | None, *, watermark: datetime | None
    ) -> PageOutcome:
        """Take over the tickets and the ready-made counts of a page."""
        outcome: Counter[str] = Counter()
        for ticket in tickets:
            outcome.update(self._take(source, ticket, watermark=watermark))
        taken = PageOutcome(**outcome)
        return taken if census is None else taken + self._take_census(source, census, watermark=watermark)

    def move(self, source: str, identifier: str, now: TicketState) -> None:
        """Have a ticket count where it counts now."""
        before = self.tickets.get((source, identifier))
        self.tickets[source, identifier] = now
        if now.series is not None:
            self.list_series(now.series)
            self.fed.setdefault(source, set()).add(now.series)
        left, entered = self._cell(before), self._cell(now)
        if left == entered:
            return
        if left is not None:
            self._add(left, -1, late=now.late)
        if entered is not None:
            self._add(entered, 1, late=now.late)
            self._totals[entered[1]] += 1

    def list_series(self, series: SeriesKey) -> None:
        """Put a series on the roster, whether or not anything counts in it."""
        self._totals[series] += 0
        self._retired.discard(series)

    def retire_empty(self) -> None:
        """Take series that no ticket and no count is of off the roster, with what fed them."""
        living = {series for _, series in self.counts}
        living |= {state.series for state in self.tickets.values() if state.series is not None}
        self._retired = set(self._totals) - living
        self.fed = {source: left for source, fed in self.fed.items() if (left := fed & living)}

    def tally(self, source: str, *, start: datetime, end: datetime) -> Mapping[SeriesKey, int]:
        """Return how many tickets of one source, created in `[start, end)`, count in each series."""
        first, stop = start.timestamp() // 1, end.timestamp() // 1
        found = Counter(
            state.series
            for (name, _), state in self.tickets.items()
            if name == source and state.counted and first <= state.second < stop
        )
        return {series: tickets for series, tickets in found.items() if series is not None}

    def newest(self, source: str, *, tickets: int) -> Mapping[Attributes, int]:
        """Return the attributes of the newest tickets that count, with how many tickets have them."""
        states = [
            (state.second, identifier, state.attributes)
            for (name, identifier), state in self.tickets.items()
            if name == source and state.counted and state.attributes is not None
        ]
        found = Counter(number for *_, number in sorted(states, reverse=True)[:tickets])
        return {self.sets[source, number][0]: held for number, held in found.items()}

    def forget(self, *, tickets_before: datetime, counts_before: datetime) -> int:
        """Drop tickets and counts older than that, now and whenever they come again; return how many went."""
        reached = max(self._tickets_from, int(tickets_before.timestamp() // 1))
        weekly = reached // _WEEK_S > self._tickets_from // _WEEK_S
        self._tickets_from = reached
        self._counts_from = max(self._counts_from, bucket_number(counts_before, self._step))
        old_tickets = [key for key, state in self.tickets.items() if state.second < self._tickets_from]
        for key in old_tickets:
            del self.tickets[key]
        if weekly:
            self._drop_unused_sets()
        return len(old_tickets) + self._forget_counts()

    def _forget_counts(self) -> int:
        old = [cell for cell in self.counts if cell[0] < self._counts_from]
        for cell in old:
            del self.counts[cell], self.late[cell]
        self._shares = {
            source: {cell: share for cell, share in shares.items() if cell[0] >= self._counts_from}
            for source, shares in self._shares.items()
        }
        return len(old)

    def _drop_unused_sets(self) -> None:
        used = {state.attributes for state in self.tickets.values()}
        self.sets = {key: made for key, made in self.sets.items() if key[1] in used}

    def _take(self, source: str, ticket: Ticket, *, watermark: datetime | None) -> Iterator[str]:
        before = self.tickets.get((source, ticket.id))
        late = before is None and is_late(ticket.created_at, step=self._step, watermark=watermark)
        now = remember(before, ticket, late=late)
        if now == before or (before is None and now.second < self._tickets_from):
            yield "ignored"
            return
        if ticket.counted and ticket.attributes is not None:
            number = attributes_id(ticket.attributes)
            self.sets.setdefault((source, number), (ticket.attributes, ticket.series))
        self.move(source, ticket.id, now)
        left, entered = self._cell(before), self._cell(now)
        if left == entered:
            yield "ignored"
            return
        yield "removed" if entered is None else "added" if left is None else "moved"
        if now.late and left is None:
            yield "late"

    def _take_census(self, source: str, census: Census, *, watermark: datetime | None) -> PageOutcome:
        shares = self._shares.setdefault(source, {})
        buckets = buckets_of(census, step=self._step, kept_from=self._counts_from)
        before = {cell: share for cell, share in shares.items() if cell[0] in buckets}
        after = shares_of(census, before, buckets=buckets, step=self._step, watermark=watermark)
        for cell, now in after.items():
            was = before.get(cell, NOTHING)
            self.list_series(cell[1])
            self.fed.setdefault(source, set()).add(cell[1])
            self._totals[cell[1]] += max(0, now.tickets - was.tickets)
            self._change(cell, now.tickets - was.tickets, now.late - was.late)
            shares[cell] = now
            if now == NOTHING:
                del shares[cell]
        return PageOutcome.of_census(census, before=before, after=after)

    def _cell(self, state: TicketState | None) -> Cell | None:
        if state is None or state.series is None or not state.counted:
            return None
        bucket = state.second // seconds(self._step)
        return (bucket, state.series) if bucket >= self._counts_from else None

    def _add(self, cell: Cell, change: int, *, late: bool) -> None:
        self._change(cell, change, change * late)

    def _change(self, cell: Cell, tickets: int, late: int) -> None:
        self.counts[cell] += tickets
        self.late[cell] += late
        if not self.counts[cell]:
            del self.counts[cell], self.late[cell]
