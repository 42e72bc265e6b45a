"""Statements of counting: series, tickets, counts, and how far sources are read; each within its caller's transaction."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from json import dumps, loads
from typing import Any

import numpy as np
from sqlalchemy import Connection, bindparam, delete, func, select, update

from spikewatch.adapters.sql_store import attributes, censuses
from spikewatch.adapters.sql_store.cells import (
    feeds,
    retired_series,
    series_keys,
    with_new,
    write_counts,
    write_feeds,
)
from spikewatch.adapters.sql_store.intake import WHOLE_MEMORY, Horizon, Intake
from spikewatch.adapters.sql_store.rows import micros, source_of, source_row
from spikewatch.adapters.sql_store.tables import count, meta, retired, series, source, ticket
from spikewatch.adapters.sql_store.upserts import upsert
from spikewatch.core.counts import (
    Cells,
    Ints,
    Roster,
    SeriesKey,
    TicketState,
)
from spikewatch.core.dimensions import added_up, renamed
from spikewatch.core.settings import RenameSettings
from spikewatch.ports import Page, PageOutcome, SourceState

_CHUNK = 1000
"""Ids looked up by one statement; SQLite takes 32,766 parameters, PostgreSQL 65,535."""

_TICKETS_FROM = "tickets_from"
_COUNTS_FROM = "counts_from"
_UNUSED_SOURCES = "unused_sources"
RECOUNTS = "recounts"
"""Where it stands how often a recount came to its end."""


def source_states(connection: Connection) -> Mapping[str, SourceState]:
    """Return the state of every source that has been read."""
    return {row.name: source_of(row) for row in connection.execute(select(source))}


def use_sources(connection: Connection, names: Collection[str]) -> None:
    """Write which of the sources that have been read are not used any more."""
    unused = sorted(name for name in connection.scalars(select(source.c.name)) if name not in names)
    row = {"key": _UNUSED_SOURCES, "value": dumps(unused)}
    connection.execute(upsert(connection.dialect, meta, on=["key"], replace=["value"]), [row])


def unused_sources(connection: Connection) -> frozenset[str]:
    """Return the sources that are not used any more."""
    value = connection.scalar(select(meta.c.value).where(meta.c.key == _UNUSED_SOURCES))
    return frozenset(() if value is None else loads(value))


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
    before = source_states(connection).get(name)
    outcome, ids, new = take_tickets(
        connection, name, page, watermark=before.watermark if before else None, step=step, ids=ids
    )
    _write_source(connection, name, (before or SourceState(since)).after(page), seen_at=seen_at, tickets=new)
    return outcome, ids


def take_beside(
    connection: Connection,
    name: str,
    page: Page,
    *,
    watermark: datetime | None,
    step: timedelta,
    ids: Mapping[SeriesKey, int],
) -> tuple[PageOutcome, Mapping[SeriesKey, int]]:
    """Write the tickets of a page that was read beside the cursor; how far the source is read stays as it was.

    watermark  by which tickets seen first are late; None where none is
    """
    outcome, ids, new = take_tickets(connection, name, page, watermark=watermark, step=step, ids=ids)
    more = {"tickets": source.c.tickets + new}
    connection.execute(update(source).where(source.c.name == name).values(more))
    return outcome, ids


def take_tickets(
    connection: Connection,
    name: str,
    page: Page,
    *,
    watermark: datetime | None,
    step: timedelta,
    ids: Mapping[SeriesKey, int],
) -> tuple[PageOutcome, Mapping[SeriesKey, int], int]:
    """Write tickets and counts of a page; return what changed, the series ids, and how many tickets are new."""
    tickets = list(page.tickets)
    known = _ticket_states(connection, name, [each.id for each in tickets])
    intake = Intake(dict(known), step, watermark, horizon(connection))
    for each in tickets:
        intake.take(each)
    ids = with_new(connection, ids, intake.series)
    attributes.keep(
        connection, name, {number: (held, ids[key]) for number, (held, key) in intake.sets.items()}
    )
    _write_tickets(connection, name, intake, ids)
    write_counts(connection, intake.changes(), gained=intake.gained, ids=ids)
    write_feeds(connection, name, {ids[key] for key in intake.series})
    outcome, new = intake.page_outcome, len(intake.known) - len(known)
    if page.census is None:
        return outcome, ids, new
    counted_there, ids = censuses.take(
        connection,
        name,
        page.census,
        watermark=watermark,
        step=step,
        kept_from=intake.horizon.bucket,
        ids=ids,
    )
    return outcome + counted_there, ids, new


@dataclass(frozen=True)
class Register:
    """The series as they were read once.

    state   highest id, how many series are retired and the sum of their ids, for one may come back as another goes, and
            how many recounts retired some; while this stands the rest does
    row     (highest id + 1,) row in the roster of each id, -1 for one that is retired
    merges  whether several series share one row, by their present names
    """

    state: tuple[int, ...]
    roster: Roster
    row: Ints
    merges: bool


def registered(connection: Connection, last: Register | None, *, renames: RenameSettings) -> Register:
    """Return the series by their present names; those read last time while none came or went, for 10,000 take a while."""
    newest = select(func.max(series.c.id)).scalar_subquery()
    gone, which_gone = (
        select(each).select_from(retired).scalar_subquery()
        for each in (func.count(), func.sum(retired.c.series_id))
    )
    recounts = select(meta.c.value).where(meta.c.key == RECOUNTS).scalar_subquery()
    state = tuple(
        int(each or 0) for each in connection.execute(select(newest, gone, which_gone, recounts)).one()
    )
    if last is not None and last.state == state:
        return last
    absent = retired_series(connection)
    keys = {
        each: renamed(key, renames) for each, key in series_keys(connection).items() if each not in absent
    }
    roster = Roster.of(keys.values())
    row = np.full(state[0] + 1, -1, dtype=np.int64)
    row[list(keys)] = [roster.rows[key] for key in keys.values()]
    return Register(state, roster, row, merges=roster.n_leaves < len(keys))


def counted(connection: Connection, register: Register, *, first: int, stop: int) -> Cells:
    """Return the counts of buckets `[first, stop)`."""
    columns = (count.c.series_id, count.c.bucket, count.c.tickets, count.c.late)
    query = select(*columns).where(count.c.bucket >= first, count.c.bucket < stop)
    # from the driver straight into an array: a million rows need no wrapping and no list
    rows: Any = connection.execute(query).cursor
    found = np.fromiter(chain.from_iterable(rows), dtype=np.int64).reshape(-1, len(columns)).T
    cells = Cells(register.roster, register.row[found[0]], *found[1:])
    return added_up(cells) if register.merges else cells


def services_fed(connection: Connection, register: Register) -> Mapping[str, frozenset[str]]:
    """Return the services that each source feeds, under their present names."""
    keys, row = register.roster.keys, register.row
    return {
        name: frozenset(keys[row[number]].service for number in numbers if row[number] >= 0)
        for name, numbers in feeds(connection).items()
    }


def versions(connection: Connection, name: str, ids: Sequence[str]) -> Mapping[str, int]:
    """Return the stored version of each of these tickets that is known."""
    return {each: state.version for each, state in _ticket_states(connection, name, ids).items()}


def tally(connection: Connection, name: str, *, start: datetime, end: datetime) -> Mapping[SeriesKey, int]:
    """Return how many tickets of one source, created in `[start, end)`, count in each series; reads them all."""
    query = (
        select(series.c.service, series.c.category, func.count())
        .join_from(ticket, series, ticket.c.series_id == series.c.id)
        .where(ticket.c.source == name, ticket.c.counted)
        .where(ticket.c.created_at >= start.timestamp() // 1, ticket.c.created_at < end.timestamp() // 1)
        .group_by(series.c.service, series.c.category)
    )
    return {SeriesKey(service, category): tickets for service, category, tickets in connection.execute(query)}


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
        select(*columns, ticket.c.attributes, series.c.service, series.c.category)
        .outerjoin_from(ticket, series, ticket.c.series_id == series.c.id)
        .where(ticket.c.source == name, ticket.c.id.in_(bindparam("wanted", expanding=True)))
    )
    states = {}
    for start in range(0, len(wanted), _CHUNK):
        rows = connection.execute(query, {"wanted": wanted[start : start + _CHUNK]})
        for identifier, second, version, counted, late, held, service, category in rows:
            key = None if service is None else SeriesKey(service, category)
            states[identifier] = TicketState(second, version, key, counted, late, held)
    return states


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
            "attributes": state.attributes,
        }
        for identifier in sorted(intake.written)
        for state in [intake.known[identifier]]
    ]
    fields = ["created_at", "version", "series_id", "counted", "attributes"]
    if rows:
        connection.execute(upsert(connection.dialect, ticket, on=["source", "id"], replace=fields), rows)


def _write_source(
    connection: Connection, name: str, state: SourceState, *, seen_at: datetime, tickets: int
) -> None:
    row = {**source_row(name, state), "seen_at": micros(seen_at), "tickets": tickets}
    fields = ["cursor", "watermark", "newest", "seen_at"]
    connection.execute(
        upsert(connection.dialect, source, on=["name"], replace=fields, add=["tickets"]), [row]
    )
