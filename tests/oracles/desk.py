"""What a desk holds, counted the slow way: every version of every ticket, looked through one by one."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from spikewatch.core.counts import SeriesKey
from spikewatch.sandbox.helpdesk import DeskTicket, FieldValue

FALLBACK = "uncategorised"


def newest(tickets: Iterable[DeskTicket], *, until: datetime) -> Mapping[int, DeskTicket]:
    """Return each ticket as it is, of the versions that came about at or before then and that the export shows."""
    found: dict[int, DeskTicket] = {}
    for ticket in tickets:
        visible = ticket.generated_timestamp <= until.timestamp() and ticket.support_type == "agent"
        older = found.get(ticket.id)
        if visible and (older is None or older.generated_timestamp <= ticket.generated_timestamp):
            found[ticket.id] = ticket
    return found


def counts(ticket: DeskTicket) -> bool:
    """Tell whether a ticket counts anywhere."""
    return ticket.status != "deleted" and "closed_by_merge" not in ticket.tags


def series_of(ticket: DeskTicket, *, brands: Mapping[int, str], field: int) -> SeriesKey:
    """Return the series of a ticket whose brand is its service and whose field is its category."""
    service = FALLBACK if ticket.brand_id is None else brands.get(ticket.brand_id, f"brand {ticket.brand_id}")
    return SeriesKey(service, _category(dict(ticket.values).get(field)))


def _category(value: FieldValue) -> str:
    if value is None or value == ():
        return FALLBACK
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else min(value)


def recount(
    tickets: Iterable[DeskTicket],
    *,
    until: datetime,
    step: timedelta,
    brands: Mapping[int, str],
    field: int,
) -> Counter[tuple[int, SeriesKey]]:
    """Return tickets by (bucket, series), as they were at `until`."""
    found: Counter[tuple[int, SeriesKey]] = Counter()
    for ticket in newest(tickets, until=until).values():
        if counts(ticket):
            bucket = int(ticket.created_at.timestamp()) // int(step.total_seconds())
            found[bucket, series_of(ticket, brands=brands, field=field)] += 1
    return found
