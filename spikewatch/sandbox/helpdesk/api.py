"""What a simulated desk answers to a request at an instant: sign-in and limits, before it comes to anything. No sockets."""

import json
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from functools import partial
from itertools import count

from spikewatch.sandbox.helpdesk import lists
from spikewatch.sandbox.helpdesk.export import page_of
from spikewatch.sandbox.helpdesk.faults import Answer
from spikewatch.sandbox.helpdesk.ledger import Catalogue, Ledger
from spikewatch.sandbox.helpdesk.questions import Asked, Endpoint
from spikewatch.sandbox.helpdesk.searching import INDEX_LAG, terms_of

ADMIN = "admin"
"""The only role that may read the export."""

_EXPORT_LIMIT_HEADER = "zendesk-ratelimit-incremental-exports"


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
        self._client = (client_id, client_secret)
        self._token_life = token_life
        self._exports = Limit(exports_per_minute)
        self._requests = Limit(requests_per_minute)
        self._tokens: dict[str, datetime] = {}
        self._lasting = frozenset(tokens)
        self._token_numbers = count(1)
        self._answers: dict[Endpoint, Callable[[Asked, str], Answer]] = {
            Endpoint.EXPORT: self._export,
            Endpoint.FIELDS: partial(lists.fields, catalogue),
            Endpoint.BRANDS: partial(lists.brands, catalogue),
            Endpoint.GROUPS: partial(lists.groups, catalogue),
            Endpoint.FORMS: partial(lists.forms, catalogue),
            Endpoint.ORGANIZATIONS: partial(lists.organizations, catalogue),
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
        answer = page_of(self._ledger, asked, url=url)
        return Answer(answer.status, answer.body, {**answer.headers, **headers})

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


def _nothing_here(asked: Asked, url: str) -> Answer:  # noqa: ARG001 -- one signature for all endpoints
    return Answer.of(404, {"error": "InvalidEndpoint", "description": "Not found"})
