"""What a simulated desk answers to a request at an instant: sign-in, limits, the export, fields and brands. No sockets."""

import base64
import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import count
from typing import Any
from urllib.parse import quote

from spikewatch.sandbox.helpdesk.faults import Answer
from spikewatch.sandbox.helpdesk.ledger import Catalogue, DeskTicket, Ledger
from spikewatch.sandbox.helpdesk.searching import INDEX_LAG, terms_of

WITHHELD = timedelta(seconds=60)
"""The export shows nothing that came about more recently."""

MAX_PER_PAGE = 1000
ADMIN = "admin"
"""The only role that may read the export."""

_EXPORT_LIMIT_HEADER = "zendesk-ratelimit-incremental-exports"
_CURSOR = re.compile(r"(\d+)\.0\|\|(\d+)\|")


class Endpoint(StrEnum):
    """A kind of request, by which faults are placed and requests are found again."""

    TOKENS = "tokens"
    EXPORT = "export"
    FIELDS = "fields"
    BRANDS = "brands"
    GROUPS = "groups"
    FORMS = "forms"
    ORGANIZATIONS = "organizations"
    SEARCH = "search"
    OURSELVES = "ourselves"
    OTHER = "other"


_ENDPOINTS = {
    ("POST", "/oauth/tokens"): Endpoint.TOKENS,
    ("GET", "/api/v2/incremental/tickets/cursor"): Endpoint.EXPORT,
    ("GET", "/api/v2/ticket_fields"): Endpoint.FIELDS,
    ("GET", "/api/v2/brands"): Endpoint.BRANDS,
    ("GET", "/api/v2/groups"): Endpoint.GROUPS,
    ("GET", "/api/v2/ticket_forms"): Endpoint.FORMS,
    ("GET", "/api/v2/organizations/show_many"): Endpoint.ORGANIZATIONS,
    ("GET", "/api/v2/search/count"): Endpoint.SEARCH,
    ("GET", "/api/v2/users/me"): Endpoint.OURSELVES,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, as it came in."""

    endpoint: Endpoint
    query: Mapping[str, str]
    at: datetime
    token: str | None = None
    body: bytes = b""


def endpoint_of(method: str, path: str) -> Endpoint:
    """Return what a request asks for; a `.json` at the end of the path makes no difference."""
    return _ENDPOINTS.get((method, path.removesuffix(".json")), Endpoint.OTHER)


class Limit:
    """So many requests in each minute of the desk's clock."""

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        self._minute, self._used = 0, 0

    def take(self, now: datetime) -> tuple[int, int]:
        """Count a request; return how many remain, -1 when it was one too many, and seconds until the next minute."""
        minute, second = divmod(int(now.timestamp()), 60)
        if minute != self._minute:
            self._minute, self._used = minute, 0
        self._used = min(self._used + 1, self.per_minute + 1)
        return self.per_minute - self._used, 60 - second


class Api:
    """The desk behind the sockets; the caller sees to it that one request is answered at a time."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        catalogue: Catalogue,
        client_id: str,
        client_secret: str,
        exports_per_minute: int,
        requests_per_minute: int,
        token_life: timedelta,
        tokens: Collection[str] = (),
        role: str = ADMIN,
    ) -> None:
        self._role = role
        self._ledger = ledger
        self._catalogue = catalogue
        self._client = (client_id, client_secret)
        self._token_life = token_life
        self._exports = Limit(exports_per_minute)
        self._requests = Limit(requests_per_minute)
        self._tokens: dict[str, datetime] = {}
        self._lasting = frozenset(tokens)
        self._token_numbers = count(1)
        self._answers: dict[Endpoint, Callable[[Asked, str], Answer]] = {
            Endpoint.EXPORT: self._export,
            Endpoint.FIELDS: self._fields,
            Endpoint.BRANDS: self._brands,
            Endpoint.GROUPS: self._groups,
            Endpoint.FORMS: self._forms,
            Endpoint.ORGANIZATIONS: self._organizations,
            Endpoint.SEARCH: self._search,
            Endpoint.OURSELVES: self._ourselves,
            Endpoint.OTHER: _nothing_here,
        }

    def answer(self, asked: Asked, *, url: str) -> Answer:
        """Return the answer; `url` is where the desk can be reached, for the links in bodies."""
        if asked.endpoint is Endpoint.TOKENS:
            return self._token(asked)
        is_signed_in = (
            asked.token in self._lasting or self._tokens.get(asked.token or "", asked.at) > asked.at
        )
        if not is_signed_in:
            return Answer.of(401, {"error": "Couldn't authenticate you"})
        remaining, resets_s = self._requests.take(asked.at)
        headers = {
            "x-rate-limit": str(self._requests.per_minute),
            "x-rate-limit-remaining": str(max(0, remaining)),
            "ratelimit-limit": str(self._requests.per_minute),
            "ratelimit-remaining": str(max(0, remaining)),
            "ratelimit-reset": str(resets_s),
        }
        if remaining < 0:
            text = "Number of allowed API requests per minute exceeded"
            return Answer.plain(429, text, headers={**headers, "Retry-After": str(resets_s)})
        answer = self._answers[asked.endpoint](asked, url)
        return Answer(answer.status, answer.body, {**headers, **answer.headers})

    def revoke_tokens(self) -> None:
        """Make every token given out so far worthless."""
        self._tokens.clear()
        self._lasting = frozenset()

    def _token(self, asked: Asked) -> Answer:
        try:
            form = json.loads(asked.body)
            client = (form["client_id"], form["client_secret"])
            grant = form["grant_type"]
        except (ValueError, KeyError, TypeError):
            return Answer.of(400, {"error": "invalid_request", "error_description": "Not a token request."})
        if grant != "client_credentials":
            return Answer.of(400, {"error": "unsupported_grant_type", "error_description": str(grant)})
        if client != self._client:
            return Answer.of(401, {"error": "invalid_client", "error_description": "Client not found."})
        token = f"sandbox-token-{next(self._token_numbers)}"
        self._tokens[token] = asked.at + self._token_life
        life_s = int(self._token_life.total_seconds())
        return Answer.of(
            200, {"access_token": token, "token_type": "bearer", "scope": "read", "expires_in": life_s}
        )

    def _ourselves(self, _asked: Asked, url: str) -> Answer:
        """Return the person whose token it is, as far as anybody should look at a person."""
        user = {"id": 1, "url": f"{url}/api/v2/users/1.json", "role": self._role, "active": True}
        return Answer.of(200, {"user": user})

    def _export(self, asked: Asked, url: str) -> Answer:
        if self._role != ADMIN:
            problem = {"error": "Forbidden", "description": "You are not authorized to do that."}
            return Answer.of(403, problem)
        remaining, resets_s = self._exports.take(asked.at)
        total = self._exports.per_minute
        stated = f"total={total}; remaining={max(0, remaining)}; resets={resets_s}"
        headers = {_EXPORT_LIMIT_HEADER: stated}
        if remaining < 0:
            text = "Number of allowed incremental ticket export API requests per minute exceeded"
            problem = {"error": "APIRateLimitExceeded", "description": text}
            return Answer.of(429, problem, headers={**headers, "Retry-After": str(resets_s)})
        answer = self._export_page(asked, url)
        return Answer(answer.status, answer.body, {**answer.headers, **headers})

    def _export_page(self, asked: Asked, url: str) -> Answer:
        horizon = int((asked.at - WITHHELD).timestamp())
        limit = _number(asked.query.get("per_page"), default=MAX_PER_PAGE)
        if limit is None or limit < 1:
            return _bad_request("per_page must be a positive number")
        limit = min(limit, MAX_PER_PAGE)
        cursor = asked.query.get("cursor")
        if cursor is not None:
            place = read_cursor(cursor)
            if place is None:
                return _bad_request("cursor is not valid")
            page = self._ledger.after(place, horizon=horizon, limit=limit)
        else:
            start = _number(asked.query.get("start_time"), default=None)
            if start is None:
                return _bad_request("start_time or cursor is required")
            if start > horizon:
                text = "Too recent start_time. Use a start_time older than 1 minute"
                return Answer.of(422, {"error": "InvalidValue", "description": text})
            page = self._ledger.since(start, horizon=horizon, limit=limit)
            cursor = write_cursor((start, 0))
        after = write_cursor(page.tickets[-1].place) if page.tickets else cursor
        link = f"{url}/api/v2/incremental/tickets/cursor.json?cursor={quote(after)}&per_page={limit}"
        scope = asked.query.get("support_type_scope", "agent")
        body = {
            "tickets": [
                ticket_json(ticket, url=url)
                for ticket in page.tickets
                if scope in {"all", ticket.support_type}
            ],
            "after_url": link,
            "after_cursor": after,
            "before_url": None,
            "before_cursor": None,
            "end_of_stream": page.is_last,
        }
        return Answer.of(200, body)

    def _search(self, asked: Asked, url: str) -> Answer:  # noqa: ARG002 -- one signature for all endpoints
        try:
            terms = terms_of(asked.query.get("query", ""))
            horizon = int((asked.at - INDEX_LAG).timestamp())
            found = sum(
                ticket.status != "deleted" and all(term.fits(ticket) for term in terms)
                for ticket in self._ledger.current(horizon=horizon)
            )
        except ValueError as error:
            return Answer.of(422, {"error": "invalid", "description": f"Invalid search: {error}"})
        return Answer.of(200, {"count": found})

    def _fields(self, asked: Asked, url: str) -> Answer:
        rows = [
            {
                "url": f"{url}/api/v2/ticket_fields/{drop_down.id}.json",
                "id": drop_down.id,
                "type": drop_down.kind,
                "title": drop_down.title,
                "raw_title": drop_down.title,
                "position": position,
                "active": True,
                "custom_field_options": [
                    {"id": drop_down.id + number, "name": name, "raw_name": name, "value": value}
                    for number, (value, name) in enumerate(drop_down.options.items(), start=1)
                ],
            }
            for position, drop_down in enumerate(self._catalogue.fields)
        ]
        return _listed("ticket_fields", rows, asked)

    def _brands(self, asked: Asked, url: str) -> Answer:
        rows = [
            {
                "url": f"{url}/api/v2/brands/{brand_id}.json",
                "id": brand_id,
                "name": name,
                "active": True,
                "default": position == 0,
                "is_deleted": False,
            }
            for position, (brand_id, name) in enumerate(self._catalogue.brands.items())
        ]
        return _listed("brands", rows, asked)

    def _groups(self, asked: Asked, _url: str) -> Answer:
        rows = [{"id": each, "name": name, "deleted": False} for each, name in self._catalogue.groups.items()]
        return _listed("groups", rows, asked)

    def _forms(self, _asked: Asked, _url: str) -> Answer:
        rows = [{"id": each, "name": name, "active": True} for each, name in self._catalogue.forms.items()]
        return Answer.of(200, {"ticket_forms": rows, "count": len(rows), "next_page": None})

    def _organizations(self, asked: Asked, _url: str) -> Answer:
        wanted = asked.query.get("ids", "").split(",")
        named = self._catalogue.organizations.items()
        rows = [{"id": each, "name": name} for each, name in named if str(each) in wanted]
        return Answer.of(200, {"organizations": rows, "count": len(rows), "next_page": None})


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


def _number(text: str | None, *, default: int | None) -> int | None:
    """Return a query value as a whole number: the default where it is absent, None where it is none."""
    if text is None:
        return default
    return int(text) if re.fullmatch(r"\d{1,12}", text) else None


def _listed(key: str, rows: Sequence[Any], asked: Asked) -> Answer:
    """Return all rows at once, or one page of them where `page[size]` asks for that."""
    if "page[size]" not in asked.query:
        return Answer.of(200, {key: rows, "count": len(rows), "next_page": None, "previous_page": None})
    size = _number(asked.query["page[size]"], default=None)
    first = _number(asked.query.get("page[after]"), default=0)
    if size is None or first is None or not 0 < size <= 100:  # noqa: PLR2004 -- the vendor's limit, said below
        return _bad_request("page[size] is 1 to 100, page[after] a cursor")
    stop = first + size
    after = str(stop) if stop < len(rows) else None
    return Answer.of(
        200, {key: rows[first:stop], "meta": {"has_more": after is not None, "after_cursor": after}}
    )


def _bad_request(detail: str) -> Answer:
    return Answer.of(400, {"errors": [{"code": "BadRequest", "title": "Bad request", "detail": detail}]})


def _nothing_here(asked: Asked, url: str) -> Answer:  # noqa: ARG001 -- one signature for all endpoints
    return Answer.of(404, {"error": "InvalidEndpoint", "description": "Not found"})
