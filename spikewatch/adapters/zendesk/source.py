"""Tickets from Zendesk's incremental export: one raw page a call, checked before anything is believed."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr

from spikewatch.adapters.zendesk.answers import Answer, Declined, TooSlow
from spikewatch.adapters.zendesk.attributes import Kept, attributes_of
from spikewatch.adapters.zendesk.client import Client
from spikewatch.adapters.zendesk.counting import query_of, scopes_of
from spikewatch.adapters.zendesk.dimensions import naming_of, wanted_names
from spikewatch.adapters.zendesk.names import Names
from spikewatch.adapters.zendesk.settings import ZendeskSettings
from spikewatch.adapters.zendesk.tickets import to_ticket
from spikewatch.adapters.zendesk.vocabulary import FieldFound, Vocabulary
from spikewatch.core.counts import SeriesKey, Ticket
from spikewatch.core.timegrid import aware
from spikewatch.ports import (
    Clock,
    CredentialsRefused,
    CursorRefused,
    Meter,
    Naming,
    Page,
    Position,
    QueryRefused,
    Quota,
    Scope,
    TooLarge,
    Unavailable,
)

_SEARCH = "/api/v2/search/count"
_OURSELVES = "/api/v2/users/me"
_EXPORT = "/api/v2/incremental/tickets/cursor"
_WITHHELD = timedelta(seconds=60)
_START_AGE = timedelta(seconds=61)
_START_AGE_MOST = timedelta(hours=1)
_TOO_RECENT = 422
_GROWS_AFTER = 10
"""Pages that came in time before more is asked for again."""

QUOTA_HEADERS = ("zendesk-ratelimit-incremental-exports", "zendesk-rate-limit-incremental-exports")
"""Today's spelling and that of 2023."""

_QUOTA_PART = re.compile(r"(\w+)=(\d{1,9})")


class ZendeskSource:
    """One Zendesk account as a source of tickets; for one thread.

    naming  how it names the tickets of the page that it gave last
    """

    def __init__(
        self,
        settings: ZendeskSettings,
        *,
        secret: SecretStr,
        clock: Clock,
        meter: Meter,
        names: Mapping[str, str] | None = None,
    ) -> None:
        """Begin to read an account; `names` are those that a naming of it had before a restart."""
        self._settings = settings
        self._clock = clock
        self._client = Client(settings, secret=secret, clock=clock, meter=meter)
        self._account = Vocabulary(self._client, settings)
        self._kept = Kept.of(settings)
        self._names = Names(self._account, source=settings.name, clock=clock, known=names or {})
        self.naming = naming_of(settings, names or {})
        self._per_page = settings.per_page
        self._in_time = 0
        self._start_age = _START_AGE

    @property
    def name(self) -> str:
        """Return the configured name."""
        return self._settings.name

    def fetch_page(self, position: Position) -> Page:
        """Return the page after the position's cursor, or from its instant where there is none.

        The watermark is the server's clock less what the export withholds, and stated only by a page that ends the
        stream: after an outage nothing counts as late before it has been read up to the present.
        """
        answer = self._ask(position)
        rows, cursor, is_end = self._read(answer.body, position)
        tickets, naming = self._tickets(rows)
        return Page(
            tickets=tickets,
            cursor=cursor,
            caught_up=is_end,
            watermark=answer.date - _WITHHELD if is_end and answer.date is not None else None,
            newest=_instant(max(ticket.version for ticket in tickets)) if tickets else None,
            quota=read_quota(answer.headers, now=self._clock.now()),
            account=read_account_limit(answer.headers, now=self._clock.now()),
            naming=naming,
        )

    def scopes(self, series: Sequence[SeriesKey]) -> Sequence[Scope]:
        """Return what the account can count of these series by its own search; asks which of its fields are drop-downs."""
        rules = (*self._settings.service, *self._settings.category)
        kinds = self._kinds() if any(rule.field is not None for rule in rules) else {}
        return scopes_of(series, settings=self._settings, names=self.naming.names, kinds=kinds)

    def count(self, scope: Scope, *, start: datetime, end: datetime) -> int:
        """Return how many tickets the account finds; what came about in the last minutes is not in its index yet."""
        query = query_of(scope, settings=self._settings, start=start, end=end)
        try:
            found = self._client.get(_SEARCH, {"query": query}).body.get("count")
        except Declined as error:
            raise QueryRefused(f"{error} when asked for {query}") from error
        if not isinstance(found, int):
            raise Unavailable("the search answers without a count", reason="parse")
        return found

    def role(self) -> str | None:
        """Return the role of the person we are signed in as, such as `admin`; None where the account does not tell.

        Raises Unavailable or CredentialsRefused.
        """
        try:
            user = self._client.get(_OURSELVES, {}).body.get("user")
        except Declined as error:
            raise Unavailable(f"{error} when asked who we are: check subdomain (or url)") from error
        return str(user["role"]) if isinstance(user, dict) and user.get("role") else None

    def fields(self) -> Sequence[FieldFound]:
        """Return the custom fields of the account. Raises Unavailable, CredentialsRefused or QueryRefused."""
        return self._account.fields()

    def names(self, wanted: set[str]) -> Mapping[str, str]:
        """Return what the account calls what its rules look at. Raises Unavailable, CredentialsRefused or QueryRefused."""
        return dict(self._account.names(wanted))

    def close(self) -> None:
        """End idle connections."""
        self._client.close()

    def _kinds(self) -> Mapping[int, str]:
        """Return the kind of each custom field; none where the account does not show them: the rest can be counted."""
        try:
            return {field.number: field.kind for field in self._account.fields()}
        except (CredentialsRefused, QueryRefused):
            return {}

    def _ask(self, position: Position) -> Answer:
        query: dict[str, str | int] = {"per_page": self._per_page}
        if position.cursor:
            query["cursor"] = position.cursor
        else:
            latest = self._client.server_now() - self._start_age
            query["start_time"] = max(0, int(min(aware(position.since), latest).timestamp()))
        try:
            answer = self._client.get(_EXPORT, query)
        except Declined as error:
            raise self._refusal(error, position) from error
        except TooSlow as error:
            raise self._shrunk(error) from error
        self._grow()
        return answer

    def _refusal(self, error: Declined, position: Position) -> CursorRefused | Unavailable:
        """Return what a refused request means; a beginning that is too recent will lie further back next time."""
        if position.cursor:
            return CursorRefused(str(error))
        if error.status == _TOO_RECENT:
            self._start_age = min(2 * self._start_age, _START_AGE_MOST)
            return Unavailable(f"{error}: the present is earlier by its clock; set the clock here right")
        return Unavailable(f"{error}; check the subdomain")

    def _shrunk(self, error: TooSlow) -> TooLarge | Unavailable:
        """Ask for half from now on; below one ticket there is nothing less."""
        self._in_time = 0
        if self._per_page == 1:
            return error
        self._per_page //= 2
        return TooLarge(f"{error}; asking for {self._per_page} tickets at once")

    def _grow(self) -> None:
        """Ask for twice as much after a while in which all came in time, up to what was configured."""
        self._in_time += 1
        if self._in_time >= _GROWS_AFTER and self._per_page < self._settings.per_page:
            self._in_time = 0
            self._per_page = min(2 * self._per_page, self._settings.per_page)

    def _read(self, body: Mapping[str, Any], position: Position) -> tuple[list[dict[str, Any]], str, bool]:
        """Return (rows, cursor to go on with, whether the stream ends), or raise Unavailable where they make no sense."""
        rows, cursor, is_end = body.get("tickets"), body.get("after_cursor"), body.get("end_of_stream")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise _garbled("no list of tickets")
        if not isinstance(is_end, bool):
            raise _garbled("no end_of_stream")
        if cursor is None and not rows:
            cursor = position.cursor or ""
        if not isinstance(cursor, str) or (rows and not cursor):
            raise _garbled("no after_cursor")
        if not is_end and cursor == (position.cursor or ""):
            raise _garbled("a cursor that does not move, before the end of the stream")
        return rows, cursor, is_end

    def _tickets(self, rows: Sequence[dict[str, Any]]) -> tuple[list[Ticket], Naming]:
        with _legible():
            held = [attributes_of(row, kept=self._kept) for row in rows]
        naming = self._naming_for(wanted_names(held, settings=self._settings))
        with _legible():
            tickets = [
                to_ticket(row, attributes, settings=self._settings, naming=naming)
                for row, attributes in zip(rows, held, strict=True)
            ]
        return tickets, naming

    def _naming_for(self, wanted: set[str]) -> Naming:
        names = self._names.learn(wanted)
        if list(names.items()) != list(self.naming.names.items()):
            self.naming = naming_of(self._settings, names)
        return self.naming


def read_quota(headers: Mapping[str, str], *, now: datetime) -> Quota | None:
    """Return the limit on exports that an answer states; None where it states none. `now` is ours, for `resets_at`."""
    stated = next((headers[name] for name in QUOTA_HEADERS if name in headers), "")
    parts = {key: int(number) for key, number in _QUOTA_PART.findall(stated)}
    if not {"total", "remaining"} <= parts.keys():
        return None
    resets_at = now + timedelta(seconds=parts["resets"]) if "resets" in parts else None
    return Quota(limit=parts["total"], remaining=parts["remaining"], resets_at=resets_at)


def read_account_limit(headers: Mapping[str, str], *, now: datetime) -> Quota | None:
    """Return the limit on all requests of the account that an answer states; None where it states none."""
    stated = [headers.get(name, "") for name in ("x-rate-limit", "x-rate-limit-remaining")]
    if not all(number.isascii() and number.isdigit() for number in stated):
        return None
    reset = headers.get("ratelimit-reset", headers.get("rate-limit-reset", ""))
    resets_at = now + timedelta(seconds=int(reset[:5])) if reset.isascii() and reset.isdigit() else None
    limit, remaining = map(int, stated)
    return Quota(limit=limit, remaining=remaining, resets_at=resets_at)


def _instant(version: int) -> datetime:
    return datetime.fromtimestamp(version, tz=UTC)


@contextmanager
def _legible() -> Iterator[None]:
    """Turn whatever a ticket breaks that is none into the failure that it is."""
    try:
        yield
    except (KeyError, TypeError, ValueError, OverflowError, OSError, AttributeError) as error:
        raise _garbled(f"a ticket that cannot be read ({type(error).__name__})") from error


def _garbled(what: str) -> Unavailable:
    return Unavailable(f"the ticket export answers with {what}", reason="parse")
