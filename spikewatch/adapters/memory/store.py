"""`ports.Store` in plain dictionaries: what the contract means, without any SQL."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from threading import RLock

import numpy as np

from spikewatch.core.acts import Act, ActStage, Entry
from spikewatch.core.calibration import KEPT_WEEKS, Calibration
from spikewatch.core.census import Cell, Census, Share, buckets_of, shares_of
from spikewatch.core.counts import (
    Attributes,
    Cells,
    Roster,
    SeriesKey,
    Ticket,
    TicketState,
    attributes_id,
    is_late,
    remember,
)
from spikewatch.core.dimensions import added_up, renamed
from spikewatch.core.incidents import Incident, Incidents, Phase
from spikewatch.core.labels import Noted, labels_of, noted_now
from spikewatch.core.muting import Silence
from spikewatch.core.outbox import Delivery, Receipt, Stage, in_place_of, superseded
from spikewatch.core.settings import RenameSettings
from spikewatch.core.timegrid import HOUR, bucket_number, bucket_start, seconds
from spikewatch.ports import (
    Backfill,
    CycleCommit,
    InForce,
    JudgeState,
    KeptNaming,
    Naming,
    Page,
    PageOutcome,
    Recounts,
    SourceState,
    StoreStats,
)


class MemoryStore:
    """A store in plain dictionaries, for buckets of one step."""

    def __init__(self, *, step: timedelta, renames: RenameSettings | None = None) -> None:
        """Begin empty; `step` must divide an hour, `renames` is what old names are called now."""
        if step <= timedelta(0) or HOUR % step:
            raise ValueError(f"a bucket of {step} does not divide an hour")
        self._step = step
        self._renames = renames or RenameSettings()
        self._lock = RLock()
        self._sources: dict[str, SourceState] = {}
        self._backfills: dict[str, Backfill] = {}
        self._tickets: dict[tuple[str, str], TicketState] = {}
        self._shares: dict[str, dict[Cell, Share]] = {}
        self._fed: dict[str, set[SeriesKey]] = {}
        self._counts: Counter[tuple[int, SeriesKey]] = Counter()
        self._late: Counter[tuple[int, SeriesKey]] = Counter()
        self._totals: Counter[SeriesKey] = Counter()
        self._namings: dict[str, Naming] = {}
        self._pending: set[str] = set()
        self._sets: dict[tuple[str, int], tuple[Attributes, SeriesKey]] = {}
        self._recounts = 0
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
        self._in_force: InForce | None = None
        self._acts: dict[str, Entry] = {}
        self._labels: dict[int, Noted] = {}
        self._last_label = 0
        self._silences: dict[int, Silence] = {}

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
        with self._lock:
            before = self._sources.get(source, SourceState(since))
            outcome = self._take_all(source, page, watermark=before.watermark)
            self._sources[source] = before.after(page)
            return outcome

    def rewind(self, source: str) -> None:
        """Forget the cursor of a source, so that reading starts again from a point in time."""
        with self._lock:
            if source in self._sources:
                self._sources[source] = replace(self._sources[source], cursor=None)

    def commit_sweep(self, source: str, page: Page) -> PageOutcome:
        """Take over the tickets of a page that was read beside the cursor."""
        with self._lock:
            return self._take_all(source, page, watermark=self._sources[source].watermark)

    def backfill(self, source: str) -> Backfill | None:
        """Return which older history of the source is being read; None where none is."""
        with self._lock:
            return self._backfills.get(source)

    def ask_backfill(self, source: str, *, since: datetime) -> Backfill | None:
        """Begin to read a source further back than it is; return what is left to read."""
        with self._lock:
            state = self._sources.get(source)
            if source not in self._backfills and state is not None and since < state.since:
                self._backfills[source] = Backfill(since, state.since)
            return self._backfills.get(source)

    def commit_backfill(self, source: str, page: Page) -> PageOutcome:
        """Take over a page of older history and move its cursor; nothing on it is late."""
        with self._lock:
            before = self._backfills.pop(source)
            outcome = self._take_all(source, page, watermark=None)
            left = before.after(page)
            if left is None:
                self._sources[source] = replace(self._sources[source], since=before.since)
            else:
                self._backfills[source] = left
            return outcome

    def rewind_backfill(self, source: str) -> None:
        """Forget the cursor of the older history."""
        with self._lock:
            if source in self._backfills:
                self._backfills[source] = replace(self._backfills[source], cursor=None)

    def versions(self, source: str, ids: Sequence[str]) -> Mapping[str, int]:
        """Return the stored version of each of these tickets that is known."""
        with self._lock:
            return {
                each: self._tickets[source, each].version for each in ids if (source, each) in self._tickets
            }

    def tally(self, source: str, *, start: datetime, end: datetime) -> Mapping[SeriesKey, int]:
        """Return how many tickets of one source, created in `[start, end)`, count in each series."""
        first, stop = start.timestamp(), end.timestamp()
        with self._lock:
            return Counter(
                state.series
                for (name, _), state in self._tickets.items()
                if name == source and state.counted and state.series and first <= state.second < stop
            )

    def roster(self) -> Roster:
        """Return all series ever counted."""
        with self._lock:
            return Roster.of(map(self._called, self._totals))

    def counts(self, *, first: int, stop: int) -> Cells:
        """Return the counts of buckets `[first, stop)` of the configured step, with the roster of that moment."""
        with self._lock:
            roster = self.roster()
            found = [
                (roster.rows[self._called(series)], bucket, tickets, self._late[bucket, series])
                for (bucket, series), tickets in self._counts.items()
                if first <= bucket < stop
            ]
        return added_up(Cells(roster, *np.array(found, dtype=np.int64).reshape(-1, 4).T))

    def source_states(self) -> Mapping[str, SourceState]:
        """Return the state of every source that has been read."""
        with self._lock:
            return dict(self._sources)

    def feeds(self) -> Mapping[str, frozenset[str]]:
        """Return which services the tickets of each source have counted in."""
        with self._lock:
            return {
                source: frozenset(self._called(series).service for series in fed if series in self._totals)
                for source, fed in self._fed.items()
            }

    def ticket_totals(self) -> Mapping[SeriesKey, int]:
        """Return how often a ticket began to count in each series; these never fall."""
        with self._lock:
            totals: Counter[SeriesKey] = Counter()
            for series, total in self._totals.items():
                totals[self._called(series)] += total
            return dict(totals)

    # naming
    def naming(self, source: str) -> KeptNaming | None:
        """Return by which naming a source's tickets are counted; None before the first one was adopted."""
        with self._lock:
            naming = self._namings.get(source)
            if naming is None:
                return None
            return KeptNaming(naming.digest, dict(naming.names), source in self._pending)

    def adopt(self, source: str, naming: Naming) -> int:
        """Decide that all tickets of the source count by this naming; return how many sets of attributes move by it."""
        with self._lock:
            before, self._namings[source] = self._namings.get(source), naming
            moving = {
                key: (held, now)
                for key, (held, made) in self._sets.items()
                if key[0] == source and (now := naming.series_of(held)) != made
            }
            self._sets |= moving
            if moving:
                self._pending.add(source)
            elif before is not None and source not in self._pending:
                self._forget_empty()
            return len(moving)

    def recount(self, source: str, *, after: str, most: int) -> str | None:
        """Look at up to `most` tickets whose id follows `after`; return the id to go on after, None at the end."""
        with self._lock:
            ids = sorted(each for name, each in self._tickets if name == source and each > after)
            for each in ids[:most]:
                before = self._tickets[source, each]
                now = self._tickets[source, each] = self._recounted(source, before)
                self._move(before, now)
                if now.series is not None:
                    self._fed.setdefault(source, set()).add(now.series)
            if len(ids) > most:
                return ids[most - 1]
            if source in self._pending:
                self._pending.discard(source)
                self._recounts += 1
                self._forget_empty()
                self._calibrations.clear()
            return None

    def recounts(self) -> Recounts:
        """Return how often a recount has moved tickets, and whether one is pending."""
        with self._lock:
            return Recounts(self._recounts, is_pending=bool(self._pending))

    def attributes(self, source: str, *, newest: int) -> Mapping[Attributes, int]:
        """Return the attributes of the newest tickets that count, with how many tickets have them."""
        with self._lock:
            states = [
                state
                for (name, _), state in self._tickets.items()
                if name == source and state.counted and state.attributes is not None
            ]
            states.sort(key=lambda state: state.second, reverse=True)
            found = Counter(state.attributes for state in states[:newest])
            return {
                self._sets[source, number][0]: tickets
                for number, tickets in found.items()
                if number is not None
            }

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
            self._judged(changed)
            for delivery in deliveries:
                self._queue(delivery)
            for entry in commit.acts:
                self._acts[entry.act.key] = entry

    def incident(self, identifier: str) -> Incident | None:
        """Return an incident, closed or not; None where there never was one of that name."""
        with self._lock:
            return self._incidents.get(identifier)

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

    def in_force(self) -> InForce | None:
        """Return the configuration that the newest daemon runs or ran with; None where none ever did."""
        with self._lock:
            return self._in_force

    def save_in_force(self, kept: InForce) -> None:
        """Keep the configuration in force in place of the one before."""
        with self._lock:
            self._in_force = kept

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
            if delivery.receipt is not None and not delivery.is_reply:
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

    def deliveries_of(self, incident: str) -> Sequence[Delivery]:
        """Return the deliveries of one incident, oldest first."""
        return [each for each in self.deliveries() if each.incident == incident]

    # acting
    def receive_act(
        self,
        act: Act,
        *,
        at: datetime,  # noqa: ARG002 -- part of the port; a store that lasts notes it for whoever looks into it
    ) -> bool:
        """Put an act into the inbox; return False where its key is there already."""
        with self._lock:
            is_new = act.key not in self._acts
            self._acts.setdefault(act.key, Entry(act))
            return is_new

    def act(self, key: str) -> Entry | None:
        """Return an act with what became of it."""
        with self._lock:
            return self._acts.get(key)

    def acts(self, *, stage: ActStage) -> Sequence[Entry]:
        """Return the acts of one stage in the order of arrival."""
        with self._lock:
            return [each for each in self._acts.values() if each.stage is stage]

    def save_act(self, entry: Entry) -> None:
        """Replace an act by its next state."""
        with self._lock:
            self._acts[entry.act.key] = entry

    def labels(self) -> Sequence[Noted]:
        """Return every label in the order in which they begin."""
        with self._lock:
            kept = sorted(self._labels.values(), key=lambda each: (each.label.span.start, each.number or 0))
        return [noted_now(each, self._renames) for each in kept]

    def add_labels(self, labels: Sequence[Noted]) -> int:
        """Keep labels, all or none; return how many are new."""
        with self._lock:
            known = {each.label for each in self._labels.values() if each.incident is None}
            new = {each.label: each for each in labels if each.label not in known}
            for each in new.values():
                self._note(each)
            return len(new)

    def remove_label(self, number: int) -> bool:
        """Drop a label that is no verdict on an incident; return False where there is none of that number."""
        with self._lock:
            found = self._labels.get(number)
            if found is None or found.incident is not None:
                return False
            del self._labels[number]
            return True

    def silences(self, *, ending_after: datetime) -> Sequence[Silence]:
        """Return the silences that end after an instant, by number."""
        with self._lock:
            return [each for each in self._silences.values() if each.span.end > ending_after]

    def save_silence(self, silence: Silence) -> Silence:
        """Keep a new silence and return it with its number, or replace the one of that number."""
        with self._lock:
            number = len(self._silences) + 1 if silence.number is None else silence.number
            kept = self._silences[number] = replace(silence, number=number)
            return kept

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
            for source, shares in self._shares.items():
                kept = {cell: share for cell, share in shares.items() if cell[0] >= self._counts_from}
                self._shares[source] = kept
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

    def _take_all(self, source: str, page: Page, *, watermark: datetime | None) -> PageOutcome:
        outcome: Counter[str] = Counter()
        tickets = list(page.tickets)
        standing = self._namings.get(source)
        if page.naming is not None and (standing is None or standing.digest != page.naming.digest):
            self.adopt(source, page.naming)
        for ticket in tickets:
            outcome.update(self._take(source, ticket, watermark=watermark))
        taken = PageOutcome(**outcome)
        if page.census is None:
            return taken
        return taken + self._take_census(source, page.census, watermark=watermark)

    def _take_census(self, source: str, census: Census, *, watermark: datetime | None) -> PageOutcome:
        shares = self._shares.setdefault(source, {})
        buckets = buckets_of(census, step=self._step, kept_from=self._counts_from)
        before = {cell: share for cell, share in shares.items() if cell[0] in buckets}
        after = shares_of(census, before, buckets=buckets, step=self._step, watermark=watermark)
        for cell, now in after.items():
            was = before.get(cell, Share())
            self._counts[cell] += now.tickets - was.tickets
            self._late[cell] += now.late - was.late
            self._totals[cell[1]] += max(0, now.tickets - was.tickets)
            self._fed.setdefault(source, set()).add(cell[1])
            if not self._counts[cell]:
                del self._counts[cell], self._late[cell]
            shares[cell] = now
            if now == Share():
                del shares[cell]
        return PageOutcome.of_census(census, before=before, after=after)

    def _take(self, source: str, ticket: Ticket, *, watermark: datetime | None) -> Iterator[str]:
        before = self._tickets.get((source, ticket.id))
        late = before is None and is_late(ticket.created_at, step=self._step, watermark=watermark)
        now = remember(before, ticket, late=late)
        if ticket.counted and ticket.attributes is not None:
            number = attributes_id(ticket.attributes)
            self._sets.setdefault((source, number), (ticket.attributes, ticket.series))
        if before is None and now.second < self._tickets_from:
            yield "ignored"
            return
        self._tickets[source, ticket.id] = now
        if now.series is not None:
            self._totals[now.series] += 0  # on the roster, even if its bucket is forgotten
            self._fed.setdefault(source, set()).add(now.series)
        left, entered = self._cell(before), self._cell(now)
        if left == entered:
            yield "ignored"
            return
        self._move(before, now)
        yield "removed" if entered is None else "added" if left is None else "moved"
        if now.late and left is None:
            yield "late"

    def _called(self, series: SeriesKey) -> SeriesKey:
        return renamed(series, self._renames)

    def _recounted(self, source: str, state: TicketState) -> TicketState:
        if state.attributes is None:
            return state
        return state._replace(series=self._sets[source, state.attributes][1])

    def _move(self, before: TicketState | None, now: TicketState) -> None:
        left, entered = self._cell(before), self._cell(now)
        if left == entered:
            return
        if left is not None:
            self._add(left, -1, late=now.late)
        if entered is not None:
            self._add(entered, 1, late=now.late)
            self._totals[entered[1]] += 1

    def _forget_empty(self) -> None:
        """Drop the series that no ticket and no count is of any more."""
        living = {series for _, series in self._counts}
        living |= {state.series for state in self._tickets.values() if state.series is not None}
        self._totals = Counter({series: self._totals[series] for series in living})

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

    def _judged(self, changed: Sequence[Incident]) -> None:
        """Keep the labels of incidents in place of their earlier ones."""
        judged = {each.id: each for each in changed if each.handling.verdict is not None}
        self._labels = {number: each for number, each in self._labels.items() if each.incident not in judged}
        for incident in judged.values():
            for noted in labels_of(incident):
                self._note(noted)

    def _note(self, noted: Noted) -> None:
        self._last_label += 1
        self._labels[self._last_label] = replace(noted, number=self._last_label)

    def _queue(self, delivery: Delivery) -> None:
        if delivery.key in self._outbox:
            return
        for older in list(self._outbox.values()):
            same_root = (older.incident, older.channel) == (delivery.incident, delivery.channel)
            both_roots = same_root and not delivery.is_reply and not older.is_reply
            if both_roots and older.stage is Stage.QUEUED:
                self._outbox[older.key] = superseded(older, why=f"superseded by {delivery.key}")
                delivery = in_place_of(older, newer=delivery)
        self._outbox[delivery.key] = delivery
