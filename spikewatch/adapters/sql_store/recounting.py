"""Statements of a recount: tickets that count by an earlier naming are moved, in steps of which each is complete.

Nothing but the tables says what is left to do: a ticket whose series is not that of its set of attributes. A recount that
breaks off goes on wherever it stood, by whichever naming was adopted last.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, union, update

from spikewatch.adapters.sql_store import attributes, calibrations, counting
from spikewatch.adapters.sql_store.cells import Change, series_keys, with_new, write_counts, write_feeds
from spikewatch.adapters.sql_store.tables import (
    attribute_set,
    count,
    feed,
    meta,
    naming,
    retired,
    series,
    ticket,
)
from spikewatch.adapters.sql_store.upserts import insert_new, upsert
from spikewatch.core.counts import SeriesKey
from spikewatch.core.timegrid import seconds
from spikewatch.ports import KeptNaming, Naming, Recounts


def naming_of(connection: Connection, name: str) -> KeptNaming | None:
    """Return by which naming a source's tickets are counted."""
    row = connection.execute(select(naming).where(naming.c.source == name)).one_or_none()
    return None if row is None else KeptNaming(row.digest, json.loads(row.names), row.pending)


def adopt(
    connection: Connection, name: str, chosen: Naming, *, ids: Mapping[SeriesKey, int]
) -> tuple[int, Mapping[SeriesKey, int]]:
    """Say of each set of attributes which series it makes by the naming; return how many changed, and the series ids.

    ids  of the series known so far; never changed
    """
    keys = series_keys(connection)
    found = {
        number: key
        for number, members, series_id in attributes.sets_of(connection, name)
        if (key := chosen.series_of(members)) != keys[series_id]
    }
    ids = with_new(connection, ids, set(found.values()))
    moved = [{"set": number, "to": ids[key]} for number, key in found.items()]
    if moved:
        one = (attribute_set.c.source == name, attribute_set.c.id == bindparam("set"))
        connection.execute(update(attribute_set).where(*one).values(series_id=bindparam("to")), moved)
    before = naming_of(connection, name)
    pending = bool(moved) or (before is not None and before.is_pending)
    names = json.dumps(dict(chosen.names), ensure_ascii=False)
    row = {"source": name, "digest": chosen.digest, "names": names, "pending": pending}
    fields = ["digest", "names", "pending"]
    connection.execute(upsert(connection.dialect, naming, on=["source"], replace=fields), [row])
    if before is not None and not pending:
        _retire_empty(connection)  # all that the earlier naming had may have been forgotten with its sets
    return len(moved), ids


def follow(
    connection: Connection, name: str, chosen: Naming | None, *, ids: Mapping[SeriesKey, int]
) -> Mapping[SeriesKey, int]:
    """Adopt the naming of a page unless its source is counted by it already; return the series ids."""
    if chosen is None:
        return ids
    standing = connection.scalar(select(naming.c.digest).where(naming.c.source == name))
    return ids if standing == chosen.digest else adopt(connection, name, chosen, ids=ids)[1]


def step_on(connection: Connection, name: str, *, after: str, most: int, step: timedelta) -> str | None:
    """Move those of the next tickets that count by an earlier naming; return the last id looked at, None at the end."""
    following = (ticket.c.source == name, ticket.c.id > after)
    edge = select(ticket.c.id).where(*following).order_by(ticket.c.id).offset(most - 1).limit(2)
    last, *more = connection.scalars(edge).all() or [None]
    last = last if more else None
    span = following if last is None else (*following, ticket.c.id <= last)
    rows = _misplaced(connection, span)
    if rows:
        _move(connection, name, rows, step=step)
    if last is None:
        _finish(connection, name)
    return last


def recounts(connection: Connection) -> Recounts:
    """Return how often a recount has moved tickets, and whether one is pending."""
    done = connection.scalar(select(meta.c.value).where(meta.c.key == counting.RECOUNTS))
    pending = connection.scalar(select(naming.c.source).where(naming.c.pending).limit(1))
    return Recounts(int(done or 0), is_pending=pending is not None)


def _misplaced(connection: Connection, span: Sequence[Any]) -> Sequence[Any]:
    target = attribute_set.c.series_id
    columns = (ticket.c.id, ticket.c.created_at, ticket.c.series_id, ticket.c.counted, ticket.c.late)
    its_set = (attribute_set.c.source == ticket.c.source) & (attribute_set.c.id == ticket.c.attributes)
    query = select(*columns, target.label("target")).join_from(ticket, attribute_set, its_set)
    return connection.execute(query.where(*span, ticket.c.series_id != target)).all()


def _move(connection: Connection, name: str, rows: Sequence[Any], *, step: timedelta) -> None:
    keys = series_keys(connection)
    ids = {key: number for number, key in keys.items()}
    with_new(
        connection, ids, {keys[row.target] for row in rows}
    )  # another source's end may have retired them
    moved = [{"ticket": row.id, "to": row.target} for row in rows]
    one = (ticket.c.source == name, ticket.c.id == bindparam("ticket"))
    connection.execute(update(ticket).where(*one).values(series_id=bindparam("to")), moved)
    kept_from = counting.horizon(connection).bucket
    counting_now = [row for row in rows if row.counted and row.created_at // seconds(step) >= kept_from]
    write_counts(
        connection,
        _changes(counting_now, keys, step=step),
        gained=Counter(keys[row.target] for row in counting_now),
        ids=ids,
    )
    write_feeds(connection, name, {row.target for row in rows})


def _changes(rows: Sequence[Any], keys: Mapping[int, SeriesKey], *, step: timedelta) -> Iterator[Change]:
    tickets, late = Counter[tuple[int, int]](), Counter[tuple[int, int]]()
    for row in rows:
        bucket = row.created_at // seconds(step)
        for number, change in ((row.series_id, -1), (row.target, 1)):
            tickets[bucket, number] += change
            late[bucket, number] += change * row.late
    for (bucket, number), change in tickets.items():
        if change or late[bucket, number]:
            yield bucket, keys[number], change, late[bucket, number]


def _finish(connection: Connection, name: str) -> None:
    """Note the end of a recount that was pending."""
    ended = update(naming).where(naming.c.source == name, naming.c.pending).values(pending=False)
    if not connection.execute(ended).rowcount:
        return
    _retire_empty(connection)
    calibrations.drop_all(connection)
    row = {"key": counting.RECOUNTS, "value": str(recounts(connection).done + 1)}
    connection.execute(upsert(connection.dialect, meta, on=["key"], replace=["value"]), [row])


def _retire_empty(connection: Connection) -> None:
    """Take series that have nothing left off the roster, with what fed them."""
    living = union(
        select(count.c.series_id), select(ticket.c.series_id).where(ticket.c.series_id.is_not(None))
    )
    empty = [
        {"series_id": each}
        for each in connection.scalars(select(series.c.id).where(series.c.id.not_in(living)))
    ]
    if empty:
        connection.execute(insert_new(connection.dialect, retired), empty)
        connection.execute(delete(feed).where(feed.c.series_id.in_(select(retired.c.series_id))))
