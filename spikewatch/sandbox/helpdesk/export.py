"""The ticket export of a simulated desk: pages, cursors, and what a ticket looks like on them. No sockets."""

import base64
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from spikewatch.sandbox.helpdesk.faults import Answer
from spikewatch.sandbox.helpdesk.ledger import DeskTicket, Ledger
from spikewatch.sandbox.helpdesk.questions import Asked, bad_request, number_of

WITHHELD = timedelta(seconds=60)
"""The export shows nothing that came about more recently."""

MAX_PER_PAGE = 1000

_CURSOR = re.compile(r"(\d+)\.0\|\|(\d+)\|")


def page_of(ledger: Ledger, asked: Asked, *, url: str) -> Answer:
    """Return the page that a request asks for, by cursor or by instant; `url` is where the desk can be reached."""
    horizon = int((asked.at - WITHHELD).timestamp())
    limit = number_of(asked.query.get("per_page"), default=MAX_PER_PAGE)
    if limit is None or limit < 1:
        return bad_request("per_page must be a positive number")
    limit = min(limit, MAX_PER_PAGE)
    cursor = asked.query.get("cursor")
    if cursor is not None:
        place = read_cursor(cursor)
        if place is None:
            return bad_request("cursor is not valid")
        page = ledger.after(place, horizon=horizon, limit=limit)
    else:
        start = number_of(asked.query.get("start_time"), default=None)
        if start is None:
            return bad_request("start_time or cursor is required")
        if start > horizon:
            text = "Too recent start_time. Use a start_time older than 1 minute"
            return Answer.of(422, {"error": "InvalidValue", "description": text})
        page = ledger.since(start, horizon=horizon, limit=limit)
        cursor = write_cursor((start, 0))
    after = write_cursor(page.tickets[-1].place) if page.tickets else cursor
    link = f"{url}/api/v2/incremental/tickets/cursor.json?cursor={quote(after)}&per_page={limit}"
    scope = asked.query.get("support_type_scope", "agent")
    body = {
        "tickets": [
            ticket_json(ticket, url=url) for ticket in page.tickets if scope in {"all", ticket.support_type}
        ],
        "after_url": link,
        "after_cursor": after,
        "before_url": None,
        "before_cursor": None,
        "end_of_stream": page.is_last,
    }
    return Answer.of(200, body)


def write_cursor(place: tuple[int, int]) -> str:
    """Return the cursor behind a place in the export.

    >>> write_cursor((1700000000, 7))
    'MTcwMDAwMDAwMC4wfHw3fA=='
    """
    return base64.b64encode("{}.0||{}|".format(*place).encode()).decode()


def read_cursor(cursor: str) -> tuple[int, int] | None:
    """Return the place that a cursor names; None where it names none."""
    try:
        found = _CURSOR.fullmatch(base64.b64decode(cursor, validate=True).decode())
    except ValueError:
        return None
    return None if found is None else (int(found[1]), int(found[2]))


def ticket_json(ticket: DeskTicket, *, url: str) -> dict[str, Any]:
    """Return a ticket as the export shows it; texts and people are placeholders."""
    changed = ticket.updated_at or datetime.fromtimestamp(ticket.generated_timestamp, tz=UTC)
    values = [{"id": field_id, "value": value} for field_id, value in ticket.values]
    return {
        "url": f"{url}/api/v2/tickets/{ticket.id}.json",
        "id": ticket.id,
        "external_id": None,
        "via": {"channel": ticket.channel, "source": {"from": {}, "to": {}, "rel": None}},
        "created_at": _iso(ticket.created_at),
        "updated_at": _iso(changed),
        "generated_timestamp": ticket.generated_timestamp,
        "type": None,
        "subject": ticket.subject,
        "raw_subject": ticket.subject,
        "description": "(simulated)",
        "priority": None,
        "status": ticket.status,
        "requester_id": 1,
        "submitter_id": 1,
        "assignee_id": None,
        "organization_id": ticket.organization_id,
        "group_id": ticket.group_id,
        "tags": list(ticket.tags),
        "custom_fields": values,
        "fields": values,
        "ticket_form_id": ticket.form_id,
        "brand_id": ticket.brand_id,
        "is_public": True,
        "from_messaging_channel": False,
    }


def _iso(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
