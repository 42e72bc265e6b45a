"""Ready-made counts: what a source that counts for itself, such as a warehouse, says of a span of time.

A census says everything about its span and replaces what the same source said there before, so that reading it twice
changes nothing and a corrected row corrects the count. Other sources may count in the same series: each has its share.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, TypeAlias

from spikewatch.core.counts import ALL, SeriesKey, is_late
from spikewatch.core.timegrid import Span, bucket_number, bucket_start


class Tallied(NamedTuple):
    """So many tickets of one series were created in the bucket that begins at an instant, or at some time in it."""

    at: datetime
    series: SeriesKey
    tickets: int


@dataclass(frozen=True, slots=True)
class Census:
    """All tickets created in a span; several rows for one bucket add up, and what has no row had none.

    span  whole buckets
    """

    span: Span
    rows: Sequence[Tallied]

    def __post_init__(self) -> None:
        """Refuse rows outside the span, negative counts, and names that cannot be told from a roll-up."""
        for row in self.rows:
            if not self.span.holds(row.at):
                message = (
                    f"{row.at.isoformat()} lies outside the census, {self.span.start} to {self.span.end}"
                )
                raise ValueError(message)
            if row.tickets < 0 or ALL in row.series or not all(row.series):
                message = f"{row.series}: {row.tickets} is no legal count of a service and category"
                raise ValueError(message)

    @property
    def tickets(self) -> int:
        """How many tickets it counts."""
        return sum(row.tickets for row in self.rows)


class Share(NamedTuple):
    """What one source counts in a cell, and how many of these came late: history, not the live window."""

    tickets: int = 0
    late: int = 0


Cell: TypeAlias = tuple[int, SeriesKey]
"""Bucket number and series."""

NOTHING = Share()


def buckets_of(census: Census, *, step: timedelta, kept_from: float) -> range:
    """Return the numbers of the buckets that a census is about; those before `kept_from` are settled for good.

    Raises ValueError where the span is not made of whole buckets.
    """
    first, stop = (bucket_number(edge, step) for edge in (census.span.start, census.span.end))
    if (bucket_start(first, step), bucket_start(stop, step)) != (census.span.start, census.span.end):
        message = f"a census from {census.span.start} to {census.span.end} cuts a bucket of {step}"
        raise ValueError(message)
    return range(first if kept_from < first else int(kept_from), stop)


def shares_of(
    census: Census,
    before: Mapping[Cell, Share],
    *,
    buckets: range,
    step: timedelta,
    watermark: datetime | None,
) -> dict[Cell, Share]:
    """Return the shares that a census changes, as they are now; one that is gone is nothing.

    before     the shares of the same source in these buckets
    watermark  the committed one before this page: what a bucket far below it gains is late
    """
    said: Counter[Cell] = Counter()
    for row in census.rows:
        said[bucket_number(row.at, step), row.series] += row.tickets
    changed = {}
    for cell in {*said, *before}:
        if cell[0] not in buckets:
            continue
        was = before.get(cell, NOTHING)
        now = _share(
            was, said[cell], late=is_late(bucket_start(cell[0], step), step=step, watermark=watermark)
        )
        if now != was:
            changed[cell] = now
    return changed


def _share(was: Share, tickets: int, *, late: bool) -> Share:
    """Return the share as it is now: what a late cell gains is late, and what it loses it loses of the late ones first."""
    late_ones = max(0, was.late + tickets - was.tickets) if late else was.late
    return Share(tickets, min(late_ones, tickets))
