"""Tickets from Zendesk's incremental export: one raw page a call, checked before anything is believed."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr

from spikewatch.adapters.zendesk.client import Answer, Client, Declined, TooSlow
from spikewatch.adapters.zendesk.settings import ZendeskSettings
from spikewatch.adapters.zendesk.tickets import Lookup, lookups, needs_names, to_ticket
from spikewatch.core.counts import Ticket
from spikewatch.core.timegrid import aware
from spikewatch.ports import Clock, CursorRefused, Meter, Page, Position, Quota, TooLarge, Unavailable

_EXPORT = "/api/v2/incremental/tickets/cursor"
_WITHHELD = timedelta(seconds=60)
_START_AGE = timedelta(seconds=61)
_START_AGE_MOST = timedelta(hours=1)
_TOO_RECENT = 422
_GROWS_AFTER = 10
"""Pages that came in time before more is asked for again."""

_NAMES_LAST = timedelta(hours=1)

QUOTA_HEADERS = ("zendesk-ratelimit-incremental-exports", "zendesk-rate-limit-incremental-exports")
"""Today's spelling and that of 2023."""

_QUOTA_PART = re.compile(r"(\w+)=(\d{1,9})")


@dataclass(frozen=True, slots=True)
class _Names:
    """Names as the account keeps them; `missing` was looked for in vain; all is looked for again at `until`."""

    known: Mapping[Lookup, str]
    missing: frozenset[Lookup]
    until: datetime


class ZendeskSource:
    """One Zendesk account as a source of tickets; for one thread."""

    def __init__(self, settings: ZendeskSettings, *, secret: SecretStr, clock: Clock, meter: Meter) -> None:
        self._settings = settings
        self._clock = clock
        self._client = Client(settings, secret=secret, clock=clock, meter=meter)
        self._names = _Names({}, frozenset(), until=clock.now())
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
        tickets = self._tickets(rows)
        return Page(
            tickets=tickets,
            cursor=cursor,
            caught_up=is_end,
            watermark=answer.date - _WITHHELD if is_end and answer.date is not None else None,
            newest=_instant(max(ticket.version for ticket in tickets)) if tickets else None,
            quota=read_quota(answer.headers, now=self._clock.now()),
        )

    def close(self) -> None:
        """End idle connections."""
        self._client.close()

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

    def _tickets(self, rows: Sequence[dict[str, Any]]) -> list[Ticket]:
        try:
            names = self._names_for(lookups(rows, settings=self._settings))
            return [to_ticket(row, settings=self._settings, names=names) for row in rows]
        except (KeyError, TypeError, ValueError, OverflowError, OSError, AttributeError) as error:
            raise _garbled(f"a ticket that cannot be read ({type(error).__name__})") from error

    def _names_for(self, wanted: set[Lookup]) -> Mapping[Lookup, str]:
        now = self._clock.now()
        names = self._names
        if wanted and (now >= names.until or not wanted <= names.known.keys() | names.missing):
            known = {**names.known, **dict(self._fetch_names())}  # an option that was removed keeps its name
            missing = frozenset((names.missing | wanted) - known.keys())
            self._names = _Names(known, missing, until=now + _NAMES_LAST)
        return self._names.known

    def _fetch_names(self) -> Iterator[tuple[Lookup, str]]:
        attributes = [self._settings.service, self._settings.category]
        needed = [attribute for attribute in attributes if needs_names(attribute)]
        if any(attribute.origin == "brand" for attribute in needed):
            yield from _brand_names(self._list("brands"))
        if any(attribute.field is not None for attribute in needed):
            yield from _option_names(self._list("ticket_fields"))

    def _list(self, what: str) -> Iterator[dict[str, Any]]:
        """Return all brands or fields of the account, by pages of 100."""
        query: dict[str, str | int] = {"page[size]": 100}
        while True:
            try:
                body = self._client.get(f"/api/v2/{what}", query).body
            except Declined as error:
                raise Unavailable(f"{error} when asked for {what}") from error
            yield from body[what]
            meta = body.get("meta") or {}
            after = meta.get("after_cursor")
            if not meta.get("has_more") or not after or after == query.get("page[after]"):
                return
            query["page[after]"] = after


def read_quota(headers: Mapping[str, str], *, now: datetime) -> Quota | None:
    """Return the limit on exports that an answer states; None where it states none. `now` is ours, for `resets_at`."""
    stated = next((headers[name] for name in QUOTA_HEADERS if name in headers), "")
    parts = {key: int(number) for key, number in _QUOTA_PART.findall(stated)}
    if not {"total", "remaining"} <= parts.keys():
        return None
    resets_at = now + timedelta(seconds=parts["resets"]) if "resets" in parts else None
    return Quota(limit=parts["total"], remaining=parts["remaining"], resets_at=resets_at)


def _brand_names(brands: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Lookup, str]]:
    for brand in brands:
        yield Lookup(None, str(brand["id"])), str(brand["name"])


def _option_names(fields: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Lookup, str]]:
    for field in fields:
        for option in field.get("custom_field_options") or ():
            yield Lookup(field["id"], str(option["value"])), str(option["name"])


def _instant(version: int) -> datetime:
    return datetime.fromtimestamp(version, tz=UTC)


def _garbled(what: str) -> Unavailable:
    return Unavailable(f"the ticket export answers with {what}", reason="parse")
