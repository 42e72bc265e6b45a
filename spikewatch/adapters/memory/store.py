"""`ports.Store` in plain dictionaries: what the contract means, without any SQL."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from threading import RLock

import numpy as np

from spikewatch.core.calibration import KEPT_WEEKS, Calibration
from spikewatch.core.counts import Cells, Roster, SeriesKey, Ticket, TicketState, is_late, remember
from spikewatch.core.incidents import Incident, Incidents, Phase
from spikewatch.core.outbox import Delivery, Receipt, Stage, in_place_of, superseded
from spikewatch.core.timegrid import HOUR, bucket_number, bucket_start, seconds
from spikewatch.ports import CycleCommit, JudgeState, Page, PageOutcome, SourceState, StoreStats


class MemoryStore:
    """A store in plain dictionaries, for buckets of one step."""

    def __init__(self, *, step: timedelta) -> None:
        """Begin empty; `step` must divide an hour."""
        if step <= timedelta(0) or HOUR % step:
            raise ValueError(f"a bucket of {step} does not divide an hour")
        self._step = step
        self._lock = RLock()
        self._sources: dict[str, SourceState] = {}
        self._tickets: dict[tuple[str, str], TicketState] = {}
        self._counts: Counter[tuple[int, SeriesKey]] = Counter()
        self._late: Counter[tuple[int, SeriesKey]] = Counter()
        self._totals: Counter[SeriesKey] = Counter()
        self._tickets_from: float = float("-inf")
        self._counts_from: float = float("-inf")
        self._judged_until: int | None = None
        self._next_number = 1
        self._active: tuple[str, ...] = ()
        self._incidents: dict[str, Incident] = {}
        self._opened_as: dict[str, str] = {}
        self._outbox: dict[str, Delivery] = {}
        self._receipts: dict[tuple[str, str], Receipt] = {}
        self._calibrations: dict[int, Calibration] = {}

    # counting
    def source_state(self, source: str) -> SourceState | None:
        """Return how far the source has been read; None before its first page."""
        with self._lock:
            return self._sources.get(source)

    def commit_page(
        self,
        source: str,
        page: Page,
        *,
        since: datetime,
        seen_at: datetime,  # noqa: ARG002 -- part of the port; a store that lasts notes it for whoever looks into it
    ) -> PageOutcome:
        """Take over a page: tickets, counts, cursor and watermark, together."""
        tickets = list(page.tickets)
        with self._lock:
            before = self._sources.get(source, SourceState(since))
            outcome: Counter[str] = Counter()
            for ticket in tickets:
                outcome.update(self._take(source, ticket, watermark=before.watermark))
            self._sources[source] = before.after(page)
            return PageOutcome(**outcome)

    def rewind(self, source: str) -> None:
        """Forget the cursor of a source, so that reading starts again from a point in time."""
        with self._lock:
            if source in self._sources:
                self._sources[source] = replace(self._sources[source], cursor=None)

    def roster(self) -> Roster:
        """Return all series ever counted."""
        with self._lock:
            return Roster.of(self._totals)

    def counts(self, *, first: int, stop: int) -> Cells:
        """Return the counts of buckets `[first, stop)` of the configured step, with the roster of that moment."""
        with self._lock:
            roster = Roster.of(self._totals)
            found = [
                (roster.rows[series], bucket, tickets, self._late[bucket, series])
                for (bucket, series), tickets in self._counts.items()
                if first <= bucket < stop
            ]
        return Cells(roster, *np.array(found, dtype=np.int64).reshape(-1, 4).T)

    def source_states(self) -> Mapping[str, SourceState]:
        """Return the state of every source that has been read."""
        with self._lock:
            return dict(self._sources)

    def ticket_totals(self) -> Mapping[SeriesKey, int]:
        """Return how often a ticket began to count in each series; these never fall."""
        with self._lock:
            return dict(self._totals)

    # judging
    def judge_state(self) -> JudgeState:
        """Return where judging stands: every incident that is not closed, and the next bucket."""
        with self._lock:
            unlisted = [each for each in self._incidents if each not in self._active]
            ordered = [self._incidents[each] for each in (*self._active, *unlisted)]
            active = tuple(each for each in ordered if each.phase is not Phase.CLOSED)
            return JudgeState(self._judged_until, Incidents(active, self._next_number))

    def commit_cycle(self, commit: CycleCommit) -> None:
        """Take over incident changes and outbox rows together."""
        changed, deliveries = list(commit.changed), list(commit.deliveries)
        state = commit.state
        with self._lock:
            self._judged_until = state.judged_until
            self._next_number = state.incidents.next_number
            self._active = tuple(each.id for each in state.incidents.active)
            for incident in (*changed, *state.incidents.active):
                self._incidents[incident.id] = incident
                self._opened_as.setdefault(incident.id, incident.severity)
            for delivery in deliveries:
                self._queue(delivery)

    def calibration(self, *, week: int) -> Calibration | None:
        """Return what a week's thresholds follow from; None where it was not kept."""
        with self._lock:
            return self._calibrations.get(week)

    def save_calibration(self, calibration: Calibration) -> None:
        """Keep a week's calibration, and drop those of weeks long before it."""
        with self._lock:
            kept = {
                week: each
                for week, each in self._calibrations.items()
                if week > calibration.week - KEPT_WEEKS
            }
            self._calibrations = {**kept, calibration.week: calibration}

    def incidents(self, *, since: datetime) -> Sequence[Incident]:
        """Return incidents opened at or after `since` and all that are not closed, by opening."""
        with self._lock:
            wanted = [
                each
                for each in self._incidents.values()
                if each.opened_at >= since or each.phase is not Phase.CLOSED
            ]
        return sorted(wanted, key=lambda each: each.opened_at)

    def incident_totals(self) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """Return how many incidents ever opened and closed, by the severity they opened and closed with."""
        with self._lock:
            opened = Counter(self._opened_as.values())
            closed = Counter(
                str(each.severity) for each in self._incidents.values() if each.phase is Phase.CLOSED
            )
        return dict(opened), dict(closed)

    # telling
    def unsettled(self) -> Sequence[Delivery]:
        """Return deliveries that are queued, sending or of unknown outcome, oldest first."""
        return [each for each in self.deliveries() if not each.is_settled]

    def save_delivery(self, delivery: Delivery) -> None:
        """Replace a delivery by its next state; with a receipt, remember it for the incident and channel."""
        with self._lock:
            self._outbox[delivery.key] = delivery
            if delivery.receipt is not None:
                self._receipts[delivery.incident, delivery.channel] = delivery.receipt

    def receipt(self, *, incident: str, channel: str) -> Receipt | None:
        """Return the receipt of the living message of an incident in a channel."""
        with self._lock:
            return self._receipts.get((incident, channel))

    def deliveries(self, *, state: str | None = None) -> Sequence[Delivery]:
        """Return deliveries, oldest first, of one state or all."""
        with self._lock:
            wanted = [each for each in self._outbox.values() if state in (None, each.stage)]
        return sorted(wanted, key=lambda each: each.created_at)

    # upkeep
    def forget(self, *, tickets_before: datetime, counts_before: datetime) -> int:
        """Drop tickets, counts and settled deliveries older than that; return how many rows went."""
        with self._lock:
            self._tickets_from = max(self._tickets_from, tickets_before.timestamp() // 1)
            self._counts_from = max(self._counts_from, bucket_number(counts_before, self._step))
            old_tickets = [key for key, state in self._tickets.items() if state.second < self._tickets_from]
            old_counts = [cell for cell in self._counts if cell[0] < self._counts_from]
            old_deliveries = [
                key
                for key, each in self._outbox.items()
                if each.is_settled and each.created_at < tickets_before
            ]
            for key in old_tickets:
                del self._tickets[key]
            for cell in old_counts:
                del self._counts[cell], self._late[cell]
            for name in old_deliveries:
                del self._outbox[name]
            return len(old_tickets) + len(old_counts) + len(old_deliveries)

    def stats(self) -> StoreStats:
        """Return row counts; memory has no size here."""
        with self._lock:
            oldest = min((bucket for bucket, _ in self._counts), default=None)
            return StoreStats(
                size_bytes=0,
                free_bytes=0,
                tickets=len(self._tickets),
                count_rows=len(self._counts),
                oldest=None if oldest is None else bucket_start(oldest, self._step),
            )

    def close(self) -> None:
        """Do nothing: there is nothing to release."""

    def _take(self, source: str, ticket: Ticket, *, watermark: datetime | None) -> Iterator[str]:
        before = self._tickets.get((source, ticket.id))
        late = before is None and is_late(ticket.created_at, step=self._step, watermark=watermark)
        now = remember(before, ticket, late=late)
        if before is None and now.second < self._tickets_from:
            yield "ignored"
            return
        self._tickets[source, ticket.id] = now
        if now.series is not None:
            self._totals[now.series] += 0  # on the roster, even if its bucket is forgotten
        left, entered = self._cell(before), self._cell(now)
        if left == entered:
            yield "ignored"
            return
        if left is not None:
            self._add(left, -1, late=now.late)
        if entered is not None:
            self._add(entered, 1, late=now.late)
            self._totals[entered[1]] += 1
        yield "removed" if entered is None else "added" if left is None else "moved"
        if now.late and left is None:
            yield "late"

    def _cell(self, state: TicketState | None) -> tuple[int, SeriesKey] | None:
        if state is None or state.series is None or not state.counted:
            return None
        bucket = state.second // seconds(self._step)
        return (bucket, state.series) if bucket >= self._counts_from else None

    def _add(self, cell: tuple[int, SeriesKey], change: int, *, late: bool) -> None:
        self._counts[cell] += change
        self._late[cell] += change * late
        if not self._counts[cell]:
            del self._counts[cell], self._late[cell]

    def _queue(self, delivery: Delivery) -> None:
        if delivery.key in self._outbox:
            return
        for older in list(self._outbox.values()):
            same_root = (older.incident, older.channel) == (delivery.incident, delivery.channel)
            if same_root and older.stage is Stage.QUEUED:
                self._outbox[older.key] = superseded(older, why=f"superseded by {delivery.key}")
                delivery = in_place_of(older, newer=delivery)
        self._outbox[delivery.key] = delivery
