"""`ports.Store` in plain dictionaries: what the contract means, without any SQL.

Every method holds one lock, so that it happens whole; what may fail is done before anything is changed.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from threading import RLock

import numpy as np

from spikewatch.adapters.memory.acting import Inbox, Labels, Silences
from spikewatch.adapters.memory.calibrations import Calibrations
from spikewatch.adapters.memory.counting import Counted
from spikewatch.adapters.memory.incidents import Judged
from spikewatch.adapters.memory.outbox import Outbox
from spikewatch.adapters.memory.positions import Positions
from spikewatch.adapters.memory.recounting import Namings
from spikewatch.core.acts import Act, ActStage, Entry
from spikewatch.core.calibration import Calibration
from spikewatch.core.counts import Attributes, Cells, Roster, SeriesKey
from spikewatch.core.dimensions import added_up, renamed
from spikewatch.core.incidents import Incident
from spikewatch.core.labels import Noted, noted_now
from spikewatch.core.muting import Silence
from spikewatch.core.outbox import Delivery, Receipt
from spikewatch.core.settings import RenameSettings
from spikewatch.core.timegrid import HOUR, bucket_start
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
        self._positions = Positions()
        self._counted = Counted(step=step)
        self._namings = Namings(self._counted)
        self._judged = Judged()
        self._outbox = Outbox()
        self._calibrations = Calibrations()
        self._inbox = Inbox()
        self._labels = Labels()
        self._silences = Silences()
        self._in_force: InForce | None = None

    # counting
    def source_state(self, source: str) -> SourceState | None:
        """Return how far the source has been read; None before its first page."""
        with self._lock:
            return self._positions.states.get(source)

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
            before = self._positions.states.get(source)
            outcome = self._take(source, page, watermark=None if before is None else before.watermark)
            self._positions.move(source, page, since=since)
            return outcome

    def rewind(self, source: str) -> None:
        """Forget the cursor of a source, so that reading starts again from a point in time."""
        with self._lock:
            self._positions.rewind(source)

    def commit_sweep(self, source: str, page: Page) -> PageOutcome:
        """Take over the tickets of a page that was read beside the cursor."""
        with self._lock:
            return self._take(source, page, watermark=self._positions.states[source].watermark)

    def backfill(self, source: str) -> Backfill | None:
        """Return which older history of the source is being read; None where none is."""
        with self._lock:
            return self._positions.backfills.get(source)

    def ask_backfill(self, source: str, *, since: datetime) -> Backfill | None:
        """Begin to read a source further back than it is; return what is left to read."""
        with self._lock:
            return self._positions.ask_backfill(source, since=since)

    def commit_backfill(self, source: str, page: Page) -> PageOutcome:
        """Take over a page of older history and move its cursor; nothing on it is late."""
        with self._lock:
            self._positions.require_backfill(source)
            outcome = self._take(source, page, watermark=None)
            self._positions.move_backfill(source, page)
            return outcome

    def rewind_backfill(self, source: str) -> None:
        """Forget the cursor of the older history."""
        with self._lock:
            self._positions.rewind_backfill(source)

    def versions(self, source: str, ids: Sequence[str]) -> Mapping[str, int]:
        """Return the stored version of each of these tickets that is known."""
        with self._lock:
            states = {each: self._counted.tickets.get((source, each)) for each in ids}
            return {each: state.version for each, state in states.items() if state is not None}

    def tally(self, source: str, *, start: datetime, end: datetime) -> Mapping[SeriesKey, int]:
        """Return how many tickets of one source, created in `[start, end)`, count in each series."""
        with self._lock:
            return self._counted.tally(source, start=start, end=end)

    def roster(self) -> Roster:
        """Return all series ever counted."""
        with self._lock:
            return Roster.of(map(self._called, self._counted.totals))

    def counts(self, *, first: int, stop: int) -> Cells:
        """Return the counts of buckets `[first, stop)` of the configured step, with the roster of that moment."""
        with self._lock:
            roster = self.roster()
            found = [
                (roster.rows[self._called(series)], bucket, tickets, self._counted.late[bucket, series])
                for (bucket, series), tickets in self._counted.counts.items()
                if first <= bucket < stop
            ]
        return added_up(Cells(roster, *np.array(found, dtype=np.int64).reshape(-1, 4).T))

    def use_sources(self, names: Collection[str]) -> None:
        """Take these as the sources there are from now on."""
        with self._lock:
            self._positions.unused = self._positions.states.keys() - set(names)

    def source_states(self) -> Mapping[str, SourceState]:
        """Return the state of every source that has been read, without those that are not used any more."""
        with self._lock:
            return self._positions.used

    def feeds(self) -> Mapping[str, frozenset[str]]:
        """Return which services the tickets of each source have counted in."""
        with self._lock:
            return {
                source: frozenset(self._called(series).service for series in fed)
                for source, fed in self._counted.fed.items()
            }

    def ticket_totals(self) -> Mapping[SeriesKey, int]:
        """Return how often a ticket began to count in each series; these never fall."""
        with self._lock:
            totals: Counter[SeriesKey] = Counter()
            for series, total in self._counted.totals.items():
                totals[self._called(series)] += total
            return dict(totals)

    # naming
    def naming(self, source: str) -> KeptNaming | None:
        """Return by which naming a source's tickets are counted; None before the first one was adopted."""
        with self._lock:
            return self._namings.naming(source)

    def adopt(self, source: str, naming: Naming) -> int:
        """Decide that all tickets of the source count by this naming; return how many sets of attributes move by it."""
        with self._lock:
            return self._namings.adopt(source, naming)

    def recount(self, source: str, *, after: str, most: int) -> str | None:
        """Look at up to `most` tickets whose id follows `after`; return the id to go on after, None at the end."""
        with self._lock:
            last = self._namings.recount(source, after=after, most=most)
            if last is None and self._namings.finish(source):
                self._calibrations.drop_all()
            return last

    def recounts(self) -> Recounts:
        """Return how often a recount has moved tickets, and whether one is pending."""
        with self._lock:
            return self._namings.recounts()

    def attributes(self, source: str, *, newest: int) -> Mapping[Attributes, int]:
        """Return the attributes of the newest tickets that count, with how many tickets have them."""
        with self._lock:
            return self._counted.newest(source, tickets=newest)

    # judging
    def judge_state(self) -> JudgeState:
        """Return where judging stands: every incident that is not closed, and the next bucket."""
        with self._lock:
            return self._judged.state()

    def commit_cycle(self, commit: CycleCommit) -> None:
        """Take over incident changes and outbox rows together."""
        changed, deliveries, entries = list(commit.changed), list(commit.deliveries), list(commit.acts)
        with self._lock:
            self._judged.move(commit.state, changed=changed)
            self._labels.judge(changed)
            for delivery in deliveries:
                self._outbox.queue(delivery)
            for entry in entries:
                self._inbox.save(entry)

    def incident(self, identifier: str) -> Incident | None:
        """Return an incident, closed or not; None where there never was one of that name."""
        with self._lock:
            return self._judged.named(identifier)

    def calibration(self, *, week: int) -> Calibration | None:
        """Return what a week's thresholds follow from; None where it was not kept."""
        with self._lock:
            return self._calibrations.of(week)

    def save_calibration(self, calibration: Calibration) -> None:
        """Keep a week's calibration, and drop those of weeks long before it."""
        with self._lock:
            self._calibrations.save(calibration)

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
            return self._judged.since(since)

    def incident_totals(self) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """Return how many incidents ever opened and closed, by the severity they opened and closed with."""
        with self._lock:
            return self._judged.totals()

    # telling
    def unsettled(self) -> Sequence[Delivery]:
        """Return deliveries that are queued, sending or of unknown outcome, oldest first."""
        return [each for each in self.deliveries() if not each.is_settled]

    def save_delivery(self, delivery: Delivery) -> None:
        """Replace a delivery by its next state; with a receipt, remember it for the incident and channel."""
        with self._lock:
            self._outbox.save(delivery)

    def receipt(self, *, incident: str, channel: str) -> Receipt | None:
        """Return the receipt of the living message of an incident in a channel."""
        with self._lock:
            return self._outbox.receipt(incident=incident, channel=channel)

    def deliveries(self, *, state: str | None = None) -> Sequence[Delivery]:
        """Return deliveries, oldest first, of one state or all."""
        with self._lock:
            return self._outbox.listed(state)

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
            return self._inbox.receive(act)

    def act(self, key: str) -> Entry | None:
        """Return an act with what became of it."""
        with self._lock:
            return self._inbox.entry(key)

    def acts(self, *, stage: ActStage) -> Sequence[Entry]:
        """Return the acts of one stage in the order of arrival."""
        with self._lock:
            return self._inbox.entries(stage)

    def save_act(self, entry: Entry) -> None:
        """Replace an act by its next state."""
        with self._lock:
            self._inbox.save(entry)

    def labels(self) -> Sequence[Noted]:
        """Return every label in the order in which they begin."""
        with self._lock:
            return [noted_now(each, self._renames) for each in self._labels.listed()]

    def add_labels(self, labels: Sequence[Noted]) -> int:
        """Keep labels, all or none; return how many are new."""
        with self._lock:
            return self._labels.add(labels)

    def remove_label(self, number: int) -> bool:
        """Drop a label that is no verdict on an incident; return False where there is none of that number."""
        with self._lock:
            return self._labels.remove(number)

    def silences(self, *, ending_after: datetime) -> Sequence[Silence]:
        """Return the silences that end after an instant, by number."""
        with self._lock:
            return self._silences.listed(ending_after=ending_after)

    def save_silence(self, silence: Silence) -> Silence:
        """Keep a new silence and return it with its number, or replace the one of that number."""
        with self._lock:
            return self._silences.save(silence)

    # upkeep
    def forget(self, *, tickets_before: datetime, counts_before: datetime) -> int:
        """Drop tickets, counts and settled deliveries older than that; return how many rows went."""
        with self._lock:
            gone = self._counted.forget(tickets_before=tickets_before, counts_before=counts_before)
            return gone + self._outbox.forget(before=tickets_before)

    def stats(self) -> StoreStats:
        """Return row counts; memory has no size here."""
        with self._lock:
            oldest = min((bucket for bucket, _ in self._counted.counts), default=None)
            return StoreStats(
                size_bytes=0,
                free_bytes=None,
                volume_bytes=None,
                tickets=len(self._counted.tickets),
                count_rows=len(self._counted.counts),
                oldest=None if oldest is None else bucket_start(oldest, self._step),
            )

    def close(self) -> None:
        """Do nothing: there is nothing to release."""

    def _take(self, source: str, page: Page, *, watermark: datetime | None) -> PageOutcome:
        tickets = list(page.tickets)
        self._counted.check(page)
        self._namings.follow(source, page.naming)
        return self._counted.take(source, tickets, page.census, watermark=watermark)

    def _called(self, series: SeriesKey) -> SeriesKey:
        return renamed(series, self._renames)
