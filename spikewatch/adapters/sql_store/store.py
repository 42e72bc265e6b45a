"""`ports.Store` on SQL: every method is one transaction.

Counts are kept by deltas and never counted again: `intake` works out what a page changes from the stored state of its
tickets, and that is written in bulk. A count that falls to zero loses its row, so that the table holds what a recount would.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, select

from spikewatch.adapters.sql_store import calibrations, counting, telling
from spikewatch.adapters.sql_store.counting import Register
from spikewatch.adapters.sql_store.faults import as_faults
from spikewatch.adapters.sql_store.intake import Horizon
from spikewatch.adapters.sql_store.lock import FileLock
from spikewatch.adapters.sql_store.tables import count, incident, series, source
from spikewatch.core.calibration import Calibration
from spikewatch.core.counts import Cells, Roster, SeriesKey
from spikewatch.core.incidents import Incident
from spikewatch.core.outbox import Delivery, Receipt, Stage
from spikewatch.core.timegrid import bucket_number, bucket_start
from spikewatch.ports import CycleCommit, JudgeState, Page, PageOutcome, SourceState, StoreStats


class SqlStore:
    """A store in one SQLite file; `open_store` makes it."""

    def __init__(self, engine: Engine, *, path: Path, step: timedelta, lock: FileLock | None = None) -> None:
        """Take over an engine whose schema is up to date and whose counts have this step.

        lock  the right to be the only daemon, where it was asked for; released by `close`
        """
        self._engine = engine
        self._writer = engine.execution_options(writes=True)
        self._path = path
        self._step = step
        self._lock = lock
        self._turn = Lock()
        self._ids: Mapping[SeriesKey, int] = {}
        self._register: Register | None = None

    # counting
    def source_state(self, source: str) -> SourceState | None:
        """Return how far the source has been read; None before its first page."""
        return self.source_states().get(source)

    def commit_page(self, source: str, page: Page, *, since: datetime, seen_at: datetime) -> PageOutcome:
        """Take over a page: tickets, count deltas, cursor and watermark, together."""
        with self._writing() as connection:
            outcome, ids = counting.take_page(
                connection, source, page, since=since, seen_at=seen_at, step=self._step, ids=self._ids
            )
        self._ids = ids
        return outcome

    def rewind(self, source: str) -> None:
        """Forget the cursor of a source, so that reading starts again from a point in time."""
        with self._writing() as connection:
            counting.forget_cursor(connection, source)

    def roster(self) -> Roster:
        """Return all series ever counted."""
        with self._reading() as connection:
            return self._registered(connection).roster

    def counts(self, *, first: int, stop: int) -> Cells:
        """Return the counts of buckets `[first, stop)` of the configured step, with the roster of that moment."""
        with self._reading() as connection:
            return counting.counted(connection, self._registered(connection), first=first, stop=stop)

    def source_states(self) -> Mapping[str, SourceState]:
        """Return the state of every source that has been read."""
        with self._reading() as connection:
            return counting.source_states(connection)

    def ticket_totals(self) -> Mapping[SeriesKey, int]:
        """Return how often a ticket began to count in each series; these never fall."""
        with self._reading() as connection:
            register = self._registered(connection)
            keys, row = register.roster.keys, register.row
            totals: Any = connection.execute(select(series.c.id, series.c.total)).cursor
            return {keys[row[number]]: total for number, total in totals}

    # judging
    def judge_state(self) -> JudgeState:
        """Return where judging stands: every incident that is not closed, and the next bucket."""
        with self._reading() as connection:
            return telling.judge_state(connection)

    def commit_cycle(self, commit: CycleCommit) -> None:
        """Take over incident changes and outbox rows together."""
        with self._writing() as connection:
            telling.write_judge_state(connection, commit.state, changed=commit.changed)
            for delivery in commit.deliveries:
                telling.queue(connection, delivery)

    def calibration(self, *, week: int) -> Calibration | None:
        """Return what a week's thresholds follow from; None where it was not kept."""
        with self._reading() as connection:
            return calibrations.read(connection, week=week)

    def save_calibration(self, calibration: Calibration) -> None:
        """Keep a week's calibration, and drop those of weeks long before it."""
        with self._writing() as connection:
            calibrations.write(connection, calibration)

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
            if delivery.receipt is not None:
                telling.write_receipt(connection, delivery, delivery.receipt)

    def receipt(self, *, incident: str, channel: str) -> Receipt | None:
        """Return the receipt of the living message of an incident in a channel."""
        with self._reading() as connection:
            return telling.receipt_of(connection, incident=incident, channel=channel)

    def deliveries(self, *, state: str | None = None) -> Sequence[Delivery]:
        """Return deliveries, oldest first, of one state or all."""
        with self._reading() as connection:
            return telling.deliveries(connection, tuple(Stage) if state is None else (state,))

    # upkeep
    def forget(self, *, tickets_before: datetime, counts_before: datetime) -> int:
        """Drop tickets, counts and settled deliveries older than that; return how many rows went."""
        with self._writing() as connection:
            reached = counting.horizon(connection).moved_to(
                Horizon(int(tickets_before.timestamp() // 1), bucket_number(counts_before, self._step))
            )
            counting.write_horizon(connection, reached)
            tickets = counting.drop_tickets(connection, before=reached.second)
            rows = connection.execute(delete(count).where(count.c.bucket < reached.bucket)).rowcount
            return tickets + rows + telling.drop_settled(connection, before=tickets_before)

    def stats(self) -> StoreStats:
        """Return sizes."""
        with self._reading() as connection:
            tickets = connection.scalar(select(func.sum(source.c.tickets)))
            rows = connection.scalar(select(func.count()).select_from(count))
            oldest = connection.scalar(select(func.min(count.c.bucket)))
        files = [file for file in (self._path, Path(f"{self._path}-wal")) if file.exists()]
        return StoreStats(
            size_bytes=sum(file.stat().st_size for file in files),
            free_bytes=shutil.disk_usage(self._path.parent).free,
            tickets=int(tickets or 0),
            count_rows=rows or 0,
            oldest=None if oldest is None else bucket_start(oldest, self._step),
        )

    def close(self) -> None:
        """Release the file and the right to be the only daemon."""
        self._engine.dispose()
        if self._lock is not None:
            self._lock.release()

    def _registered(self, connection: Connection) -> Register:
        register = self._register = counting.registered(connection, self._register)
        return register

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with as_faults(self._path), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._turn, as_faults(self._path), self._writer.begin() as connection:
            yield connection
