"""Rows of a query into counts, or ValueError with what would be right."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from spikewatch.core.census import Tallied
from spikewatch.core.counts import ALL, SeriesKey
from spikewatch.core.timegrid import Span

COLUMNS = ("bucket_start", "service", "category", "count")
_OFFSET = "return it with its offset, such as AT TIME ZONE 'UTC' or 2026-05-11T10:00:00+00:00"


def tallied(
    columns: Sequence[str], rows: Iterator[Sequence[Any]], *, span: Span, fallback: str
) -> Iterator[Tallied]:
    """Yield the rows of a result as counts.

    Raises ValueError for a missing column, an instant without offset or outside the span, and anything but a whole
    number of tickets.
    """
    place = _places(columns)
    for row in rows:
        at = _instant(row[place["bucket_start"]])
        if not span.holds(at):
            message = (
                f"bucket_start {at.isoformat()} is outside the range that was asked for, {span.start.isoformat()} to"
                f" {span.end.isoformat()}; keep to :since <= bucket_start and bucket_start < :until"
            )
            raise ValueError(message)
        names = (_name(row[place[column]], column, fallback=fallback) for column in ("service", "category"))
        yield Tallied(at, SeriesKey(*names), _count(row[place["count"]]))


def _places(columns: Sequence[str]) -> Mapping[str, int]:
    folded = [column.casefold() for column in columns]
    missing = [column for column in COLUMNS if column not in folded]
    if missing:
        message = f"the column {missing[0]} is missing; the query returns {', '.join(columns) or 'nothing'}"
        raise ValueError(message)
    return {column: folded.index(column) for column in COLUMNS}


def _instant(value: Any) -> datetime:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            message = f"bucket_start {value!r} is no time; {_OFFSET}"
            raise ValueError(message) from None
    if not isinstance(value, datetime):
        message = f"bucket_start {value!r} is no time; {_OFFSET}"
        raise ValueError(message)  # noqa: TRY004 -- one kind of error for every row that is wrong
    if value.utcoffset() is None:
        message = f"bucket_start {value.isoformat()} has no UTC offset; {_OFFSET}"
        raise ValueError(message)
    return value.astimezone(UTC)


def _name(value: Any, column: str, *, fallback: str) -> str:
    name = "" if value is None else str(value)
    if not name.strip():
        return fallback
    if name == ALL or "\0" in name:
        message = f"{column} {name!r} is no name; leave sums over all out, they are made here"
        raise ValueError(message)
    return name


def _count(value: Any) -> int:
    whole = isinstance(value, int | float | Decimal) and not isinstance(value, bool) and value == value // 1
    if not whole:
        message = f"count {value!r} is no whole number of tickets"
        raise ValueError(message)
    if value < 0:
        message = f"count {value!r} is negative; a count is 0 or more"
        raise ValueError(message)
    return int(value)
