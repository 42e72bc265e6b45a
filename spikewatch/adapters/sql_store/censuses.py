"""Statements of ready-made counts: what a census changes, within its caller's transaction."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, select

from spikewatch.adapters.sql_store.cells import Change, with_new, write_counts, write_feeds
from spikewatch.adapters.sql_store.tables import series, share
from spikewatch.adapters.sql_store.upserts import upsert
from spikewatch.core.census import NOTHING, Cell, Census, Share, buckets_of, shares_of
from spikewatch.core.counts import SeriesKey
from spikewatch.ports import PageOutcome


def take(
    connection: Connection,
    source: str,
    census: Census,
    *,
    watermark: datetime | None,
    step: timedelta,
    kept_from: int,
    ids: Mapping[SeriesKey, int],
) -> tuple[PageOutcome, Mapping[SeriesKey, int]]:
    """Write what a census changes; return that, and the series ids with those that are new."""
    buckets = buckets_of(census, step=step, kept_from=kept_from)
    before = _shares(connection, source, buckets)
    after = shares_of(census, before, buckets=buckets, step=step, watermark=watermark)
    ids = with_new(connection, ids, {key for _, key in after})
    _write_shares(connection, source, after, ids)
    changes = list(_changes(before, after))
    gained: Counter[SeriesKey] = Counter()
    for _, key, tickets, _ in changes:
        gained[key] += max(0, tickets)
    write_counts(connection, changes, gained=gained, ids=ids)
    write_feeds(connection, source, {ids[key] for _, key in after})
    return PageOutcome.of_census(census, before=before, after=after), ids


def forget(connection: Connection, *, before: int) -> None:
    """Drop the shares of buckets before that one."""
    connection.execute(delete(share).where(share.c.bucket < before))


def _shares(connection: Connection, source: str, buckets: range) -> Mapping[Cell, Share]:
    query = (
        select(share.c.bucket, series.c.service, series.c.category, share.c.tickets, share.c.late)
        .join_from(share, series, share.c.series_id == series.c.id)
        .where(share.c.source == source, share.c.bucket >= buckets.start, share.c.bucket < buckets.stop)
    )
    return {
        (bucket, SeriesKey(service, category)): Share(tickets, late)
        for bucket, service, category, tickets, late in connection.execute(query)
    }


def _changes(before: Mapping[Cell, Share], after: Mapping[Cell, Share]) -> Iterable[Change]:
    for (bucket, key), now in after.items():
        was = before.get((bucket, key), NOTHING)
        yield bucket, key, now.tickets - was.tickets, now.late - was.late


def _write_shares(
    connection: Connection, source: str, after: Mapping[Cell, Share], ids: Mapping[SeriesKey, int]
) -> None:
    rows = [
        {"source": source, "bucket": bucket, "series_id": ids[key], "tickets": now.tickets, "late": now.late}
        for (bucket, key), now in after.items()
        if now != NOTHING
    ]
    if rows:
        key = ["source", "bucket", "series_id"]
        connection.execute(upsert(connection.dialect, share, on=key, replace=["tickets", "late"]), rows)
    gone = [
        {"from": source, "at": bucket, "of": ids[key]}
        for (bucket, key), now in after.items()
        if now == NOTHING
    ]
    if gone:
        cell = (share.c.source == bindparam("from"), share.c.bucket == bindparam("at"))
        connection.execute(delete(share).where(*cell, share.c.series_id == bindparam("of")), gone)
