"""Statements of series and their cells: names, counts by bucket, and which source feeds what; tickets are unknown here."""

from collections.abc import Collection, Iterable, Mapping
from typing import TypeAlias

from sqlalchemy import Connection, bindparam, delete, select, update

from spikewatch.adapters.sql_store.tables import count, feed, retired, series
from spikewatch.adapters.sql_store.upserts import insert_new, upsert
from spikewatch.core.counts import SeriesKey

Change: TypeAlias = tuple[int, SeriesKey, int, int]
"""Bucket, series, change of tickets, change of late ones."""


def series_keys(connection: Connection) -> Mapping[int, SeriesKey]:
    """Return every series by its id."""
    rows = connection.execute(select(series.c.id, series.c.service, series.c.category))
    return {number: SeriesKey(service, category) for number, service, category in rows}


def with_new(
    connection: Connection, ids: Mapping[SeriesKey, int], wanted: Collection[SeriesKey]
) -> Mapping[SeriesKey, int]:
    """Return the ids of the series with those that are new; what was handed over stays as it is."""
    new = [key for key in sorted(wanted) if key not in ids]
    if new:
        rows = [{"service": key.service, "category": key.category, "total": 0} for key in new]
        connection.execute(insert_new(connection.dialect, series), rows)
        ids = {key: number for number, key in series_keys(connection).items()}
    _revive(connection, {ids[key] for key in wanted})
    return ids


def retired_series(connection: Connection) -> set[int]:
    """Return the ids of the series that a recount left without anything."""
    return set(connection.scalars(select(retired.c.series_id)))


def _revive(connection: Connection, numbers: set[int]) -> None:
    back = retired_series(connection) & numbers
    if back:
        connection.execute(delete(retired).where(retired.c.series_id.in_(back)))


def write_counts(
    connection: Connection,
    changes: Iterable[Change],
    *,
    gained: Mapping[SeriesKey, int],
    ids: Mapping[SeriesKey, int],
) -> None:
    """Add changes to counts, drop those that are zero then, and add to the totals what was gained."""
    ordered = sorted((bucket, ids[key], tickets, late) for bucket, key, tickets, late in changes)
    rows = [dict(zip(("bucket", "series_id", "tickets", "late"), change, strict=True)) for change in ordered]
    if rows:
        connection.execute(
            upsert(connection.dialect, count, on=["bucket", "series_id"], add=["tickets", "late"]), rows
        )
    emptied = [{"at": bucket, "of": number} for bucket, number, tickets, _ in ordered if tickets < 0]
    if emptied:
        cell = (count.c.bucket == bindparam("at"), count.c.series_id == bindparam("of"))
        connection.execute(delete(count).where(*cell, count.c.tickets == 0), emptied)
    gains = [{"of": ids[key], "gain": gain} for key, gain in gained.items() if gain]
    if gains:
        more = {"total": series.c.total + bindparam("gain")}
        connection.execute(update(series).where(series.c.id == bindparam("of")).values(more), gains)


def write_feeds(connection: Connection, source: str, numbers: Collection[int]) -> None:
    """Note that the source feeds these series."""
    rows = [{"source": source, "series_id": number} for number in sorted(numbers)]
    if rows:
        connection.execute(insert_new(connection.dialect, feed), rows)


def feeds(connection: Connection) -> Mapping[str, frozenset[int]]:
    """Return the ids of the series that each source feeds."""
    found: dict[str, set[int]] = {}
    for source, number in connection.execute(select(feed.c.source, feed.c.series_id)):
        found.setdefault(source, set()).add(number)
    return {source: frozenset(numbers) for source, numbers in found.items()}
