"""What may be asked of a simulated desk, and how a request is read."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from spikewatch.sandbox.helpdesk.faults import Answer


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


def number_of(text: str | None, *, default: int | None) -> int | None:
    """Return a query value as a whole number: the default where it is absent, None where it is none."""
    if text is None:
        return default
    return int(text) if re.fullmatch(r"\d{1,12}", text) else None


def bad_request(detail: str) -> Answer:
    """Return the answer to a request that makes no sense."""
    return Answer.of(400, {"errors": [{"code": "BadRequest", "title": "Bad request", "detail": detail}]})
