"""`ports.Store` on SQL: every method is one transaction, in a file or on a server.

Counts are kept by deltas and never counted again: `intake` works out what a page changes from the stored state of its
tickets, and that is written in bulk. A count that falls to zero loses its row, so that the table holds what a recount would.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Connection, delete, func, select

from spikewatch.adapters.sql_store import (
    acting,
    attributes,
    beside,
    calibrations,
    censuses,
    configuration,
    counting,
    recounting,
    telling,
)
from spikewatch.adapters.sql_store.counting import Register
from spikewatch.adapters.sql_store.intake import Horizon
from spikewatch.adapters.sql_store.tables import count, incident, series, source
from spikewatch.core.acts import Act, ActStage, Entry
from spikewatch.core.calibration import Calibration
from spikewatch.core.counts import Attributes, Cells, Roster, SeriesKey
from spikewatch.core.incidents import Incident
from spikewatch.core.labels import Noted, noted_now
from spikewatch.core.muting import Silence
from spikewatch.core.outbox import Delivery, Receipt, Stage
from spikewatch.core.settings import RenameSettings
from spikewatch.core.timegrid import bucket_number, bucket_start
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

_WEEK_S = 7 * 86_400


class Home(Protocol):
    """Where a store lies, a file or a server: what differs between the two."""

    @property
    def name(self) -> str:
        """Return how messages call the store; no secret is in it."""
        ...

    def reading(self) -> AbstractContextManager[Connection]:
        """Give a transaction that sees one moment of the store."""
        ...

    def writing(self) -> AbstractContextManager[Connection]:
        """Give the one transaction that writes; raise Fault where another daemon has taken over."""
        ...

    def sizes(self, connection: Connection) -> tuple[int, int | None, int | None]:
        """Return the bytes used, and those free and in all on its volume where these can be seen."""
        ...

    def holder(self, connection: Connection) -> str | None:
        """Return how the daemon that writes is known, such as its process; None where there is none."""
        ...

    def close(self) -> None:
        """Release the file or the server and the right to be the only daemon; doing so twice does no harm."""
        ...


class SqlStore:
    """A store in a SQLite file or on a PostgreSQL server; `open_store` makes it."""

    def __init__(self, home: Home, *, step: timedelta, renames: RenameSettings | None = None) -> None:
        """Take over a home whose schema is up to date and whose counts have this step.

        renames  what old names of services and categories are called now
        """
        self._home = home
        self._reading, self._writing = home.reading, home.writing
        self._step = step
        self._renames = renames or RenameSettings()
        self._ids: Mapping[SeriesKey, int] = {}
        self._register: Register | None = None

    def watch_writes(self, watch: Callable[[], AbstractContextManager[None]]) -> None:
        """Have every write from now on happen within `watch()`, which may time it or count its failures."""
        writing = self._home.writing

        @contextmanager
        def watched() -> Iterator[Connection]:
            with watch(), writing() as connection:
                yield connection

        self._writing = watched

    # counting
    def source_state(self, source: str) -> SourceState | None:
        """Return how far the source has been read; None before its first page."""
        with self._reading() as connection:
            return counting.source_states(connection).get(source)

    def commit_page(self, source: str, page: Page, *, since: datetime, seen_at: datetime) -> PageOutcome:
        """Take over a page: tickets, count deltas, cursor and watermark, together."""
        with self._writing() as connection:
            outcome, ids = counting.take_page(
                connection,
                source,
                page,
                since=since,
                seen_at=seen_at,
                step=self._step,
                ids=recounting.follow(connection, source, page.naming, ids=self._ids),
            )
        self._ids = ids
        return outcome

    def rewind(self, source: str) -> None:
        """Forget the cursor of a source, so that reading starts again from a point in time."""
        with self._writing() as connection:
            counting.forget_cursor(connection, source)

    def commit_sweep(self, source: str, page: Page) -> PageOutcome:
        """Take over the tickets of a page that was read beside the cursor; how far the source is read stays as it was."""
        with self._writing() as connection:
            ids = recounting.follow(connection, source, page.naming, ids=self._ids)
            outcome, ids = beside.take_sweep(connection, source, page, step=self._step, ids=ids)
        self._ids = ids
        return outcome

    def backfill(self, source: str) -> Backfill | None:
        """Return which older history of the source is being read; None where none is."""
        with self._reading() as connection:
            return beside.backfill_of(connection, source)

    def ask_backfill(self, source: str, *, since: datetime) -> Backfill | None:
        """Begin to read a source further back than it is; return what is left to read."""
        with self._writing() as connection:
            return beside.ask_backfill(connection, source, since=since)

    def commit_backfill(self, source: str, page: Page) -> PageOutcome:
        """Take over a page of older history and move its cursor; nothing on it is late."""
        with self._writing() as connection:
            ids = recounting.follow(connection, source, page.naming, ids=self._ids)
            outcome, ids = beside.take_backfill(connection, source, page, step=self._step, ids=ids)
        self._ids = ids
        return outcome

    def rewind_backfill(self, source: str) -> None:
        """Forget the cursor of the older history, so that reading it starts again from a point in time."""
        with self._writing() as connection:
            beside.forget_cursor(connection, source)

    def versions(self, source: str, ids: Sequence[str]) -> Mapping[str, int]:
        """Return the stored version of each of these tickets that is known."""
        with self._reading() as connection:
            return counting.versions(connection, source, ids)

    def tally(self, source: str, *, start: datetime, end: datetime) -> Mapping[SeriesKey, int]:
        """Return how many tickets of one source, created in `[start, end)`, count in each series."""
        with self._reading() as connection:
            return counting.tally(connection, source, start=start, end=end)

    def roster(self) -> Roster:
        """Return all series ever counted."""
        with self._reading() as connection:
            return self._registered(connection).roster

    def counts(self, *, first: int, stop: int) -> Cells:
        """Return the counts of buckets `[first, stop)` of the configured step, with the roster of that moment."""
        with self._reading() as connection:
            return counting.counted(connection, self._registered(connection), first=first, stop=stop)

    def use_sources(self, names: Collection[str]) -> None:
        """Take these as the sources there are from now on."""
        with self._writing() as connection:
            counting.use_sources(connection, names)

    def source_states(self) -> Mapping[str, SourceState]:
        """Return the state of every source that has been read, without those that are not used any more."""
        with self._reading() as connection:
            states, unused = counting.source_states(connection), counting.unused_sources(connection)
        return {name: state for name, state in states.items() if name not in unused}

    def feeds(self) -> Mapping[str, frozenset[str]]:
        """Return which services the tickets of each source have counted in."""
        with self._reading() as connection:
            return counting.services_fed(connection, self._registered(connection))

    def ticket_totals(self) -> Mapping[SeriesKey, int]:
        """Return how often a ticket began to count in each series; these never fall."""
        with self._reading() as connection:
            register = self._registered(connection)
            keys, row = register.roster.keys, register.row
            totals: Counter[SeriesKey] = Counter()
            for number, total in connection.execute(select(series.c.id, series.c.total)):
                if row[number] >= 0:
                    totals[keys[row[number]]] += total
            return dict(totals)

    # naming
    def naming(self, source: str) -> KeptNaming | None:
        """Return by which naming a source's tickets are counted; None before the first one was adopted."""
        with self._reading() as connection:
            return recounting.naming_of(connection, source)

    def adopt(self, source: str, naming: Naming) -> int:
        """Decide that all tickets of the source count by this naming; return how many sets of attributes move by it."""
        with self._writing() as connection:
            moved, ids = recounting.adopt(connection, source, naming, ids=self._ids)
        self._ids = ids
        return moved

    def recount(self, source: str, *, after: str, most: int) -> str | None:
        """Look at up to `most` tickets whose id follows `after`; return the id to go on after, None at the end."""
        with self._writing() as connection:
            return recounting.step_on(connection, source, after=after, most=most, step=self._step)

    def recounts(self) -> Recounts:
        """Return how often a recount has moved tickets, and whether one is pending."""
        with self._reading() as connection:
            return recounting.recounts(connection)

    def attributes(self, source: str, *, newest: int) -> Mapping[Attributes, int]:
        """Return the attributes of the newest tickets that count, with how many tickets have them."""
        with self._reading() as connection:
            return attributes.newest(connection, source, tickets=newest)

    # judging
    def judge_state(self) -> JudgeState:
        """Return where judging stands: every incident that is not closed, and the next bucket."""
        with self._reading() as connection:
            return telling.judge_state(connection)

    def commit_cycle(self, commit: CycleCommit) -> None:
        """Take over incident changes and outbox rows together."""
        with self._writing() as connection:
            telling.write_judge_state(connection, commit.state, changed=commit.changed)
            acting.write_verdicts(connection, commit.changed)
            for delivery in commit.deliveries:
                telling.queue(connection, delivery)
            for entry in commit.acts:
                acting.write_entry(connection, entry)

    def incident(self, identifier: str) -> Incident | None:
        """Return an incident, closed or not; None where there never was one of that name."""
        with self._reading() as connection:
            return telling.incident_named(connection, identifier)

    def calibration(self, *, week: int) -> Calibration | None:
        """Return what a week's thresholds follow from; None where it was not kept."""
        with self._reading() as connection:
            return calibrations.read(connection, week=week)

    def save_calibration(self, calibration: Calibration) -> None:
        """Keep a week's calibration, and drop those of weeks long before it."""
        with self._writing() as connection:
            calibrations.write(connection, calibration)

    def in_force(self) -> InForce | None:
        """Return the configuration that the newest daemon runs or ran with; None where none ever did."""
        with self._reading() as connection:
            return configuration.read(connection)

    def save_in_force(self, kept: InForce) -> None:
        """Keep the configuration in force in place of the one before."""
        with self._writing() as connection:
            configuration.write(connection, kept)

    def incidents(self, *, since: datetime) -> Sequence[Incident]:
        """Return incidents opened at or after `since` and all that are not closed, by opening."""
        with self._reading() as connection:
            return telling.incidents_since(connection, since)

    def incident_totals(self) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """Return how many incidents ever opened and closed, by the severity they opened and closed with."""
        with self._reading() as connection:
            opened = telling.incidents_by(connection, incident.c.opened_as)
            return opened, telling.incidents_by(connection, incident.c.closed_as)

    # telling
    def unsettled(self) -> Sequence[Delivery]:
        """Return deliveries that are queued, sending or of unknown outcome, oldest first."""
        with self._reading() as connection:
            return telling.deliveries(connection, telling.UNSETTLED)

    def save_delivery(self, delivery: Delivery) -> None:
        """Replace a delivery by its next state; with a receipt, remember it for the incident and channel."""
        with self._writing() as connection:
            telling.write_delivery(connection, delivery)
            if delivery.receipt is not None and not delivery.is_reply:
                telling.write_receipt(connection, delivery, delivery.receipt)

    def receipt(self, *, incident: str, channel: str) -> Receipt | None:
        """Return the receipt of the living message of an incident in a channel."""
        with self._reading() as connection:
            return telling.receipt_of(connection, incident=incident, channel=channel)

    def deliveries(self, *, state: str | None = None) -> Sequence[Delivery]:
        """Return deliveries, oldest first, of one state or all."""
        with self._reading() as connection:
            return telling.deliveries(connection, tuple(Stage) if state is None else (state,))

    def deliveries_of(self, incident: str) -> Sequence[Delivery]:
        """Return the deliveries of one incident, oldest first."""
        with self._reading() as connection:
            return telling.deliveries_of(connection, incident)

    # acting
    def receive_act(self, act: Act, *, at: datetime) -> bool:
        """Put an act into the inbox; return False where its key is there already."""
        with self._writing() as connection:
            return acting.receive(connection, act, at=at)

    def act(self, key: str) -> Entry | None:
        """Return an act with what became of it."""
        with self._reading() as connection:
            return acting.entry_of(connection, key)

    def acts(self, *, stage: ActStage) -> Sequence[Entry]:
        """Return the acts of one stage in the order of arrival."""
        with self._reading() as connection:
            return acting.entries(connection, stage)

    def save_act(self, entry: Entry) -> None:
        """Replace an act by its next state."""
        with self._writing() as connection:
            acting.write_entry(connection, entry)

    def labels(self) -> Sequence[Noted]:
        """Return every label in the order in which they begin."""
        with self._reading() as connection:
            return [noted_now(each, self._renames) for each in acting.labels(connection)]

    def add_labels(self, labels: Sequence[Noted]) -> int:
        """Keep labels, all or none; return how many are new."""
        with self._writing() as connection:
            return acting.add_labels(connection, labels)

    def remove_label(self, number: int) -> bool:
        """Drop a label that is no verdict on an incident; return False where there is none of that number."""
        with self._writing() as connection:
            return acting.remove_label(connection, number)

    def silences(self, *, ending_after: datetime) -> Sequence[Silence]:
        """Return the silences that end after an instant, by number."""
        with self._reading() as connection:
            return acting.silences(connection, ending_after=ending_after)

    def save_silence(self, silence: Silence) -> Silence:
        """Keep a new silence and return it with its number, or replace the one of that number."""
        with self._writing() as connection:
            return acting.save_silence(connection, silence)

    # upkeep
    def forget(self, *, tickets_before: datetime, counts_before: datetime) -> int:
        """Drop tickets, counts and settled deliveries older than that; return how many rows went."""
        with self._writing() as connection:
            before = counting.horizon(connection)
            reached = before.moved_to(
                Horizon(int(tickets_before.timestamp() // 1), bucket_number(counts_before, self._step))
            )
            counting.write_horizon(connection, reached)
            tickets = counting.drop_tickets(connection, before=reached.second)
            if reached.second // _WEEK_S > before.second // _WEEK_S:
                attributes.drop_unused(connection)  # looks at every ticket, so not each time
            censuses.forget(connection, before=reached.bucket)
            rows = connection.execute(delete(count).where(count.c.bucket < reached.bucket)).rowcount
            return tickets + rows + telling.drop_settled(connection, before=tickets_before)

    def stats(self) -> StoreStats:
        """Return sizes."""
        with self._reading() as connection:
            tickets = connection.scalar(select(func.sum(source.c.tickets)))
            rows = connection.scalar(select(func.count()).select_from(count))
            oldest = connection.scalar(select(func.min(count.c.bucket)))
            size, free, volume = self._home.sizes(connection)
        return StoreStats(
            size_bytes=size,
            free_bytes=free,
            volume_bytes=volume,
            tickets=int(tickets or 0),
            count_rows=rows or 0,
            oldest=None if oldest is None else bucket_start(oldest, self._step),
        )

    def holder(self) -> str | None:
        """Return how the daemon that writes is known, such as its process; None where there is none."""
        with self._reading() as connection:
            return self._home.holder(connection)

    def close(self) -> None:
        """Release the file or the server and the right to be the only daemon."""
        self._home.close()

    def _registered(self, connection: Connection) -> Register:
        register = self._register = counting.registered(connection, self._register, renames=self._renames)
        return register
