"""What the export does with tickets that are there: leaves them out, shows them late, or shows them twice."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from spikewatch.sandbox.helpdesk.export import write_cursor
from spikewatch.sandbox.helpdesk.faults import Fault
from spikewatch.sandbox.helpdesk.histories import HISTORIES
from spikewatch.sandbox.helpdesk.ledger import AI_AGENT, DeskTicket
from spikewatch.sandbox.helpdesk.script import BEGINS, Play, Script, Stock, all_of, during

_HOUR = timedelta(hours=1)
_LATE = 6
_SHOWN_AFTER = timedelta(minutes=16)


def _rows(choose: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> Fault:
    return Fault(edit=lambda page: {**page, "tickets": choose(page["tickets"])})


def _overlapping(page: dict[str, Any]) -> dict[str, Any]:
    """Return the page with a cursor that stands before its last row, which the next page brings again."""
    if len(page["tickets"]) < 2:  # noqa: PLR2004 -- before the only row stands nothing
        return page
    before = page["tickets"][-2]
    return {**page, "after_cursor": write_cursor((before["generated_timestamp"], before["id"]))}


def _fresh(stock: Stock, number: int, *, minutes: float, **fields: Any) -> tuple[DeskTicket, ...]:
    """Return so many new tickets like the newest one, a second apart."""
    first = stock.begins + timedelta(minutes=minutes)
    made = [first + place * timedelta(seconds=1) for place in range(number)]
    return tuple(
        replace(
            stock.tickets[-1],
            id=stock.next_id + place,
            created_at=at,
            generated_timestamp=int(at.timestamp()),
            updated_at=None,
            **fields,
        )
        for place, at in enumerate(made)
    )


def _shown_late(stock: Stock) -> Script:
    """Hold back tickets until the cursor is far behind them."""
    tickets = _fresh(stock, _LATE, minutes=12)
    held = {ticket.id for ticket in tickets}
    fault = _rows(lambda rows: [row for row in rows if row["id"] not in held])
    return Script(tickets, during(fault, lasts=_SHOWN_AFTER)(stock).spells)


def _answered_by_machine(stock: Stock) -> Script:
    """Let an AI agent take 20 tickets that were seen, close half of them without a category, and hand half back."""
    seen = _fresh(stock, 20, minutes=5)
    taken = [_later(ticket, minutes=10, support_type=AI_AGENT) for ticket in seen]
    closed = [
        _later(ticket, minutes=20, support_type=AI_AGENT, status="closed", values=()) for ticket in seen[:10]
    ]
    back = [_later(ticket, minutes=30, status="open") for ticket in seen[10:]]
    return Script((*seen, *taken, *closed, *back))


def _later(ticket: DeskTicket, *, minutes: int, **fields: Any) -> DeskTicket:
    return replace(ticket, generated_timestamp=ticket.generated_timestamp + 60 * minutes, **fields)


def _one_second(stock: Stock) -> Script:
    _, play = HISTORIES["one-second"]
    return play(stock)


OMISSIONS: Mapping[str, tuple[str, Play]] = {
    "export-loses-tickets": (
        "the export leaves out every third ticket for ten minutes; the nightly check finds them",
        during(_rows(lambda rows: [row for place, row in enumerate(rows) if place % 3])),
    ),
    "shown-late": (
        "6 tickets are shown a quarter of an hour late, behind the cursor; the nightly check finds them",
        _shown_late,
    ),
    "ai-agent": (
        "an AI agent takes 20 tickets: the export shows them no more, until half of them come back",
        _answered_by_machine,
    ),
    "last-too-soon": (
        "full pages of a crowd of 1,500 tickets say that they are the last",
        all_of(_one_second, during(Fault(edit=lambda page: {**page, "end_of_stream": True}), lasts=_HOUR)),
    ),
    "twice-on-a-page": (
        "each ticket comes twice, on pages larger than asked for",
        during(_rows(lambda rows: rows * 2), lasts=_HOUR),
    ),
    "twice-on-two-pages": (
        "the last ticket of each page comes again on the next; it begins with a crowd of 1,500",
        all_of(_one_second, during(Fault(edit=_overlapping), begins=BEGINS / 2, lasts=_HOUR)),
    ),
}
"""Name, description and script of each omission."""
