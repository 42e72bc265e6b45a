"""Rows of a query into counts, or ValueError with what would be right."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

from spikewatch.core.census import Tallied
from spikewatch.core.counts import ALL, SeriesKey
from spikewatch.core.timegrid import Span

COLUMNS = ("bucket_start", "service", "category", "count")
_MOST = 1_000_000_000
_OFFSET = "return it with its offset, such as AT TIME ZONE 'UTC' or 2026-05-11T10:00:00+00:00"


def tallied(
    columns: Sequence[str], rows: Iterator[Sequence[Any]], *, span: Span, fallback: str
) -> Iterator[Tallied]:
    """Yield the rows of a result as counts.

    Raises ValueError for a missing column, and with the number of the row, from 1, for an instant without offset or
    outside the span, a name that is none, and anything but a whole number of tickets.
    """
    place = _places(columns)
    for number, row in enumerate(rows, start=1):
        values = {column: row[place[column]] for column in COLUMNS}
        try:
            yield _tallied(values, span=span, fallback=fallback)
        except ValueError as error:
            message = f"row {number}: {error}"
            raise ValueError(message) from error


def _tallied(values: Mapping[str, Any], *, span: Span, fallback: str) -> Tallied:
    at = _instant(values["bucket_start"])
    if not span.holds(at):
        message = (
            f"bucket_start {at.isoformat()} is outside the range that was asked for, {span.start.isoformat()} to"
            f" {span.end.isoformat()}; keep to :since <= bucket_start and bucket_start < :until"
        )
        raise ValueError(message)
    names = (_name(values[column], column, fallback=fallback) for column in ("service", "category"))
    return Tallied(at, SeriesKey(*names), _count(values["count"]))


def _places(columns: Sequence[str]) -> Mapping[str, int]:
    folded = [column.casefold() for column in columns]
    missing = [column for column in COLUMNS if column not in folded]
    if missing:
        message = f"the column {missing[0]} is missing; the query returns {', '.join(columns) or 'nothing'}"
        raise ValueError(message)
    return {column: folded.index(column) for column in COLUMNS}


def _instant(value: Any) -> datetime:
    try:
        found = datetime.fromisoformat(value.strip()) if isinstance(value, str) else value
        is_local = found.utcoffset() is None
        if not is_local:
            return cast("datetime", found.astimezone(UTC))
    except (AttributeError, OverflowError, ValueError):
        message = f"bucket_start {value!r} is no time; {_OFFSET}"
        raise ValueError(message) from None
    message = f"bucket_start {found.isoformat()} has no UTC offset; {_OFFSET}"
    raise ValueError(message)


def _name(value: Any, column: str, *, fallback: str) -> str:
    name = "" if value is None else str(value)
    if not name.strip():
        return fallback
    if name == ALL or "\0" in name:
        message = f"{column} {name!r} is no name; leave sums over all out, they are made here"
        raise ValueError(message)
    return name


def _is_finite(value: Any) -> bool:
    match value:
        case bool():
            return False
        case int():
            return True
        case float():
            return math.isfinite(value)
        case Decimal():
            return value.is_finite()
        case _:
            return False


def _count(value: Any) -> int:
    if not _is_finite(value):
        message = f"count {value!r} is no whole number of tickets"
        raise ValueError(message)
    if value < 0:
        message = f"count {value!r} is negative; a count is 0 or more"
        raise ValueError(message)
    if value > _MOST:
        message = f"count {value!r} is more than {_MOST}; check the number"
        raise ValueError(message)
    if value != int(value):
        message = f"count {value!r} is no whole number of tickets"
        raise ValueError(message)
    return int(value)
