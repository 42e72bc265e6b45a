"""Statements of counting: series, tickets, counts, and how far sources are read; each within its caller's transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

import numpy as np
from sqlalchemy import Connection, bindparam, delete, func, select, update

from spikewatch.adapters.sql_store.intake import WHOLE_MEMORY, Horizon, Intake
from spikewatch.adapters.sql_store.rows import micros, source_of, source_row
from spikewatch.adapters.sql_store.tables import count, meta, series, source, ticket
from spikewatch.adapters.sql_store.upserts import insert_new, upsert
from spikewatch.core.counts import Cells, Ints, Roster, SeriesKey, TicketState
from spikewatch.ports import Page, PageOutcome, SourceState

_CHUNK = 1000
"""Ids looked up by one statement; SQLite takes 32,766 parameters, PostgreSQL 65,535."""

_TICKETS_FROM = "tickets_from"
_COUNTS_FROM = "counts_from"


def source_states(connection: Connection) -> Mapping[str, SourceState]:
    """Return the state of every source that has been read."""
    return {row.name: source_of(row) for row in connection.execute(select(source))}


def series_keys(connection: Connection) -> Mapping[int, SeriesKey]:
    """Return every series by its id."""
    rows = connection.execute(select(series.c.id, series.c.service, series.c.category))
    return {number: SeriesKey(service, category) for number, service, category in rows}


def horizon(connection: Connection) -> Horizon:
    """Return where memory begins; everything is remembered until something is forgotten."""
    known = {
        key: int(value)
        for key, value in connection.execute(
            select(meta.c.key, meta.c.value).where(meta.c.key.in_([_TICKETS_FROM, _COUNTS_FROM]))
        )
    }
    if not known:
        return WHOLE_MEMORY
    return Horizon(second=known[_TICKETS_FROM], bucket=known[_COUNTS_FROM])


def write_horizon(connection: Connection, now: Horizon) -> None:
    """Write where memory begins."""
    rows = [{"key": _TICKETS_FROM, "value": str(now.second)}, {"key": _COUNTS_FROM, "value": str(now.bucket)}]
    connection.execute(upsert(connection.dialect, meta, on=["key"], replace=["value"]), rows)


def forget_cursor(connection: Connection, name: str) -> None:
    """Forget where the next page of a source begins."""
    connection.execute(update(source).where(source.c.name == name).values(cursor=None))


def take_page(
    connection: Connection,
    name: str,
    page: Page,
    *,
    since: datetime,
    seen_at: datetime,
    step: timedelta,
    ids: Mapping[SeriesKey, int],
) -> tuple[PageOutcome, Mapping[SeriesKey, int]]:
    """Write what a page of the source changes; return that, and the series ids with those that are new.

    ids  of the series known so far; never changed
    """
    tickets = list(page.tickets)
    before = source_states(connection).get(name)
    known = _ticket_states(connection, name, [each.id for each in tickets])
    intake = Intake(dict(known), step, before.watermark if before else None, horizon(connection))
    for each in tickets:
        intake.take(each)
    ids = _with_new(connection, ids, intake.series)
    _write_tickets(connection, name, intake, ids)
    _write_counts(connection, intake, ids)
    _write_source(
        connection,
        name,
        (before or SourceState(since)).after(page),
        seen_at=seen_at,
        tickets=len(intake.known) - len(known),
    )
    return intake.page_outcome, ids


@dataclass(frozen=True)
class Register:
    """The series as they were read once.

    newest  highest id; a series is never dropped or renamed, so while this stands all the rest does
    row     (newest + 1,) row in the roster of each id
    """

    newest: int
    roster: Roster
    row: Ints


def registered(connection: Connection, last: Register | None) -> Register:
    """Return the series; those read last time while there is no new one, for 10,000 names take a while."""
    newest = connection.scalar(select(func.max(series.c.id))) or 0
    if last is not None and last.newest == newest:
        return last
    keys = series_keys(connection)
    roster = Roster.of(keys.values())
    row = np.full(newest + 1, -1, dtype=np.int64)
    row[list(keys)] = [roster.rows[key] for key in keys.values()]
    return Register(newest, roster, row)


def counted(connection: Connection, register: Register, *, first: int, stop: int) -> Cells:
    """Return the counts of buckets `[first, stop)`."""
    columns = (count.c.series_id, count.c.bucket, count.c.tickets, count.c.late)
    query = select(*columns).where(count.c.bucket >= first, count.c.bucket < stop)
    # from the driver straight into an array: a million rows need no wrapping and no list
    rows: Any = connection.execute(query).cursor
    found = np.fromiter(chain.from_iterable(rows), dtype=np.int64).reshape(-1, len(columns)).T
    return Cells(register.roster, register.row[found[0]], *found[1:])


def drop_tickets(connection: Connection, *, before: int) -> int:
    """Drop tickets created before that second; return how many."""
    gone = 0
    for name in connection.scalars(select(source.c.name)).all():
        old = delete(ticket).where(ticket.c.source == name, ticket.c.created_at < before)
        dropped = connection.execute(old).rowcount
        fewer = update(source).where(source.c.name == name).values(tickets=source.c.tickets - dropped)
        connection.execute(fewer)
        gone += dropped
    return gone


def _ticket_states(connection: Connection, name: str, wanted: Sequence[str]) -> Mapping[str, TicketState]:
    columns = (ticket.c.id, ticket.c.created_at, ticket.c.version, ticket.c.counted, ticket.c.late)
    query = (
        select(*columns, series.c.service, series.c.category)
        .outerjoin_from(ticket, series, ticket.c.series_id == series.c.id)
        .where(ticket.c.source == name, ticket.c.id.in_(bindparam("wanted", expanding=True)))
    )
    states = {}
    for start in range(0, len(wanted), _CHUNK):
        rows = connection.execute(query, {"wanted": wanted[start : start + _CHUNK]})
        for identifier, second, version, counted, late, service, category in rows:
            key = None if service is None else SeriesKey(service, category)
            states[identifier] = TicketState(second, version, key, counted, late)
    return states


def _with_new(
    connection: Connection, ids: Mapping[SeriesKey, int], wanted: set[SeriesKey]
) -> Mapping[SeriesKey, int]:
    new = [key for key in sorted(wanted) if key not in ids]
    if not new:
        return ids
    rows = [{"service": key.service, "category": key.category, "total": 0} for key in new]
    connection.execute(insert_new(connection.dialect, series), rows)
    return {key: number for number, key in series_keys(connection).items()}


def _write_tickets(connection: Connection, name: str, intake: Intake, ids: Mapping[SeriesKey, int]) -> None:
    rows = [
        {
            "source": name,
            "id": identifier,
            "created_at": state.second,
            "version": state.version,
            "series_id": None if state.series is None else ids[state.series],
            "counted": state.counted,
            "late": state.late,
        }
        for identifier in sorted(intake.written)
        for state in [intake.known[identifier]]
    ]
    fields = ["created_at", "version", "series_id", "counted"]
    if rows:
        connection.execute(upsert(connection.dialect, ticket, on=["source", "id"], replace=fields), rows)


def _write_counts(connection: Connection, intake: Intake, ids: Mapping[SeriesKey, int]) -> None:
    changes = sorted((bucket, ids[key], tickets, late) for bucket, key, tickets, late in intake.changes())
    rows = [dict(zip(("bucket", "series_id", "tickets", "late"), change, strict=True)) for change in changes]
    if rows:
        connection.execute(
            upsert(connection.dialect, count, on=["bucket", "series_id"], add=["tickets", "late"]), rows
        )
    emptied = [{"at": bucket, "of": number} for bucket, number, tickets, _ in changes if tickets < 0]
    if emptied:
        cell = (count.c.bucket == bindparam("at"), count.c.series_id == bindparam("of"))
        connection.execute(delete(count).where(*cell, count.c.tickets == 0), emptied)
    gains = [{"of": ids[key], "gain": gain} for key, gain in intake.gained.items()]
    if gains:
        more = {"total": series.c.total + bindparam("gain")}
        connection.execute(update(series).where(series.c.id == bindparam("of")).values(more), gains)


def _write_source(
    connection: Connection, name: str, state: SourceState, *, seen_at: datetime, tickets: int
) -> None:
    row = {**source_row(name, state), "seen_at": micros(seen_at), "tickets": tickets}
    fields = ["cursor", "watermark", "newest", "seen_at"]
    connection.execute(
        upsert(connection.dialect, source, on=["name"], replace=fields, add=["tickets"]), [row]
    )
