"""Statements of what is read beside a source's cursor: sweeps, and older history; each within its caller's transaction."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update

from spikewatch.adapters.sql_store.counting import source_states, take_beside
from spikewatch.adapters.sql_store.rows import instant, micros
from spikewatch.adapters.sql_store.tables import backfill, source
from spikewatch.adapters.sql_store.upserts import upsert
from spikewatch.core.counts import SeriesKey
from spikewatch.ports import Backfill, Page, PageOutcome


def take_sweep(
    connection: Connection, name: str, page: Page, *, step: timedelta, ids: Mapping[SeriesKey, int]
) -> tuple[PageOutcome, Mapping[SeriesKey, int]]:
    """Write the tickets of a page that was read once more."""
    watermark = source_states(connection)[name].watermark
    return take_beside(connection, name, page, watermark=watermark, step=step, ids=ids)


def backfill_of(connection: Connection, name: str) -> Backfill | None:
    """Return which older history of the source is being read."""
    row = connection.execute(select(backfill).where(backfill.c.source == name)).one_or_none()
    if row is None:
        return None
    newest = None if row.newest is None else instant(row.newest)
    return Backfill(instant(row.since), instant(row.until), row.cursor, newest)


def ask_backfill(connection: Connection, name: str, *, since: datetime) -> Backfill | None:
    """Begin to read further back, unless it is there, or being read; return what is left to read."""
    under_way = backfill_of(connection, name)
    state = source_states(connection).get(name)
    if under_way is not None or state is None or since >= state.since:
        return under_way
    _write(connection, name, Backfill(since, state.since))
    return Backfill(since, state.since)


def take_backfill(
    connection: Connection, name: str, page: Page, *, step: timedelta, ids: Mapping[SeriesKey, int]
) -> tuple[PageOutcome, Mapping[SeriesKey, int]]:
    """Write a page of older history; after the last one the source is read from its beginning on."""
    before = backfill_of(connection, name)
    if before is None:
        message = f"source {name}: no older history is being read"
        raise LookupError(message)
    outcome, ids = take_beside(connection, name, page, watermark=None, step=step, ids=ids)
    left = before.after(page)
    if left is None:
        connection.execute(delete(backfill).where(backfill.c.source == name))
        connection.execute(update(source).where(source.c.name == name).values(since=micros(before.since)))
    else:
        _write(connection, name, left)
    return outcome, ids


def forget_cursor(connection: Connection, name: str) -> None:
    """Forget where the next page of the older history begins."""
    connection.execute(update(backfill).where(backfill.c.source == name).values(cursor=None))


def _write(connection: Connection, name: str, state: Backfill) -> None:
    row = {
        "source": name,
        "since": micros(state.since),
        "until": micros(state.until),
        "cursor": state.cursor,
        "newest": None if state.newest is None else micros(state.newest),
    }
    fields = ["since", "until", "cursor", "newest"]
    connection.execute(upsert(connection.dialect, backfill, on=["source"], replace=fields), [row])
