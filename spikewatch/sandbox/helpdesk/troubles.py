"""What happens to answers: failures, limits, pages that make no sense and wrong clocks, each for a while."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

from spikewatch.sandbox.helpdesk.api import Asked, Endpoint, write_cursor
from spikewatch.sandbox.helpdesk.faults import Fault
from spikewatch.sandbox.helpdesk.script import Play, Script, Stock
from spikewatch.sandbox.helpdesk.spells import Spell

BEGINS = timedelta(minutes=10)
LASTS = timedelta(minutes=10)
_HOUR = timedelta(hours=1)
_LIMIT = "zendesk-ratelimit-incremental-exports"
_LIMIT_OF_2023 = "zendesk-rate-limit-incremental-exports"
_BEARABLE = 125
_EMPTY_HTML = {"Content-Type": "text/html"}


def _during(
    fault: Fault,
    *,
    endpoint: Endpoint = Endpoint.EXPORT,
    begins: timedelta = BEGINS,
    lasts: timedelta = LASTS,
    when: Callable[[Asked], bool] = lambda _: True,
    most: int | None = None,
) -> Play:
    """Return the script in which one fault lasts a while."""

    def play(stock: Stock) -> Script:
        start = stock.begins + begins
        return Script(spells=(Spell(endpoint, fault, start, start + lasts, when, most),))

    return play


def _all_of(*plays: Play) -> Play:
    def play(stock: Stock) -> Script:
        return Script(spells=tuple(spell for one in plays for spell in one(stock).spells))

    return play


def _edit(edit: Callable[[dict[str, Any]], dict[str, Any]]) -> Fault:
    return Fault(edit=edit)


def _rows(edit: Callable[[dict[str, Any]], dict[str, Any]]) -> Fault:
    return Fault(edit=lambda page: {**page, "tickets": [edit(row) for row in page["tickets"]]})


def _limited(retry_after: str | None) -> Fault:
    return Fault.error(429, retry_after=retry_after)


def _limited_by_date(stock: Stock) -> Script:
    until = stock.begins + BEGINS + LASTS
    return _during(_limited(format_datetime(until, usegmt=True)))(stock)


_LIMITED_IN_TEXT = Fault(
    status=429,
    headers={"Content-Type": "text/plain", "Retry-After": "20"},
    body=b"Number of allowed API requests per minute exceeded",
)


def _with_cursor(asked: Asked) -> bool:
    return "cursor" in asked.query


def _without_cursor(asked: Asked) -> bool:
    return "cursor" not in asked.query


def _asks_for_much(asked: Asked) -> bool:
    return int(asked.query.get("per_page", 0)) > _BEARABLE


def _nothing_yet(page: dict[str, Any]) -> dict[str, Any]:
    """Return an empty page in the middle whose cursor stands just before the rows that it holds back."""
    return {**_stuck(page), "tickets": [], "end_of_stream": False}


def _stuck(page: dict[str, Any]) -> dict[str, Any]:
    """Return the page with a cursor that leads to its own rows again."""
    if not page["tickets"]:
        return {**page, "end_of_stream": False}
    first = page["tickets"][0]
    cursor = write_cursor((first["generated_timestamp"], first["id"] - 1))
    return {**page, "after_cursor": cursor, "end_of_stream": False}


def _older_behind(page: dict[str, Any]) -> dict[str, Any]:
    """Return the page with an older version of each ticket behind the newer one."""
    older = [
        {**row, "generated_timestamp": row["generated_timestamp"] - 1, "status": "deleted"}
        for row in page["tickets"]
    ]
    return {**page, "tickets": [*page["tickets"], *older]}


def _some_left_out(page: dict[str, Any]) -> dict[str, Any]:
    """Return the page without every third ticket; its cursor is behind all of them."""
    return {**page, "tickets": [row for place, row in enumerate(page["tickets"]) if place % 3]}


_CURSOR_REFUSED = _during(Fault.error(400), when=_with_cursor, most=1)
_SIGN_IN_ANEW = _during(Fault.error(401), most=1)

_ANSWERS: Mapping[str, tuple[str, Play]] = {
    "error-500": ("the desk answers 500 for ten minutes", _during(Fault.error(500))),
    "error-502": ("the gateway answers 502 in HTML for ten minutes", _during(Fault.html(status=502))),
    "error-503": (
        "the desk answers 503 and asks for two minutes",
        _during(Fault.error(503, retry_after="120")),
    ),
    "error-504": ("the gateway gives up on every page for ten minutes", _during(Fault.error(504))),
    "error-520": ("the gateway answers 520 for ten minutes", _during(Fault.html(status=520))),
    "error-524": ("the gateway answers 524 for ten minutes", _during(Fault.html(status=524))),
    "too-slow": (
        "for an hour, a page of more than 125 tickets ends in 504",
        _during(Fault.error(504), lasts=_HOUR, when=_asks_for_much),
    ),
    "desk-down": (
        "nothing of the desk can be reached for 45 minutes",
        _all_of(
            _during(Fault(drop=True), lasts=timedelta(minutes=45)),
            _during(Fault(drop=True), endpoint=Endpoint.TOKENS, lasts=timedelta(minutes=45)),
        ),
    ),
    "connection-reset": ("the connection ends without an answer", _during(Fault(drop=True))),
    "no-answer": ("two answers never come", _during(Fault(delay=timedelta(days=1)), most=2)),
    "redirect": (
        "every page redirects to another host",
        _during(Fault(status=302, headers={"Location": "https://elsewhere.example/"})),
    ),
    "maintenance-page": ("200 with a page in HTML for ten minutes", _during(Fault.html())),
    "truncated": ("every second half of a page is missing", _during(Fault(truncate=True))),
    "gzip-error": ("pages say gzip and are not", _during(Fault(headers={"Content-Encoding": "gzip"}))),
    "token-expired": ("the token is refused once", _SIGN_IN_ANEW),
    "token-endpoint-down": (
        "the token expires while nobody can sign in",
        _all_of(_SIGN_IN_ANEW, _during(Fault.error(503), endpoint=Endpoint.TOKENS)),
    ),
    "secret-refused": (
        "the token expires and the secret is refused for ten minutes",
        _all_of(_SIGN_IN_ANEW, _during(Fault.error(401), endpoint=Endpoint.TOKENS)),
    ),
    "scope-refused": ("the scope of the token is not enough: 403", _during(Fault.error(403))),
    "forbidden-html": (
        "403 without a word, as HTML",
        _during(Fault(status=403, headers=_EMPTY_HTML, body=b"")),
    ),
    "brands-down": (
        "the list of brands is not to be had for ten minutes",
        _during(Fault.error(503), endpoint=Endpoint.BRANDS, begins=timedelta(0), lasts=2 * LASTS),
    ),
    "brand-removed": (
        "the list of brands is empty from now on; tickets keep theirs",
        _during(
            _edit(lambda body: {**body, "brands": []}), endpoint=Endpoint.BRANDS, lasts=timedelta(days=365)
        ),
    ),
}

_LIMITS: Mapping[str, tuple[str, Play]] = {
    "rate-limited": ("429 in JSON for ten minutes, wait 20 s", _during(_limited("20"))),
    "rate-limited-in-text": ("429 in plain text for ten minutes", _during(_LIMITED_IN_TEXT)),
    "rate-limited-without-wait": ("429 that does not say for how long", _during(_limited(None))),
    "rate-limited-for-nothing": (
        "429 that asks for no wait at all, ten minutes long",
        _during(_limited("0")),
    ),
    "rate-limited-by-fractions": ("429 that asks for 1.5 s, ten minutes long", _during(_limited("1.5"))),
    "rate-limited-until": ("429 that names the end as a date", _limited_by_date),
    "rate-limited-for-an-hour": ("one 429 that asks for an hour", _during(_limited("3600"), most=1)),
    "limit-used-up": (
        "another program uses the limit up for an hour",
        _during(Fault(headers={_LIMIT: "total=10; remaining=2; resets=30"}), lasts=_HOUR),
    ),
    "limit-raised": (
        "the limit is 30 a minute for an hour",
        _during(Fault(headers={_LIMIT: "total=30; remaining=29; resets=30"}), lasts=_HOUR),
    ),
    "headers-of-2023": (
        "the limit is stated as it was in 2023",
        _during(Fault(headers={_LIMIT: "", _LIMIT_OF_2023: "total=10; remaining=9; resets=6"}), lasts=_HOUR),
    ),
    "no-limit-headers": ("no limit is stated", _during(Fault(headers={_LIMIT: ""}), lasts=_HOUR)),
}

_PAGES: Mapping[str, tuple[str, Play]] = {
    "empty-page": ("one empty page in the middle", _during(_edit(_nothing_yet), most=1)),
    "stuck-cursor": ("the cursor leads to the same page for ten minutes", _during(_edit(_stuck))),
    "endless": (
        "no page is the last for ten minutes",
        _during(_edit(lambda page: {**page, "end_of_stream": False})),
    ),
    "no-cursor": ("pages come without a cursor", _during(_edit(lambda page: {**page, "after_cursor": None}))),
    "no-tickets": (
        "pages come without tickets",
        _during(_edit(lambda page: {key: value for key, value in page.items() if key != "tickets"})),
    ),
    "links-elsewhere": (
        "links to the next page lead to another host",
        _during(_edit(lambda page: {**page, "after_url": "https://elsewhere.example/"}), lasts=_HOUR),
    ),
    "export-loses-tickets": (
        "the export leaves out every third ticket for ten minutes; the nightly check finds them",
        _during(_edit(_some_left_out)),
    ),
    "search-counts-more": (
        "the search counts five tickets more than there are, all day long",
        _during(
            _edit(lambda body: {"count": body["count"] + 5}),
            endpoint=Endpoint.SEARCH,
            begins=timedelta(0),
            lasts=timedelta(days=1),
        ),
    ),
    "unknown-keys": (
        "pages and tickets have keys that nobody knows",
        _all_of(
            _during(_edit(lambda page: {**page, "next": {}}), lasts=LASTS),
            _during(_rows(lambda row: {**row, "mood": None}), begins=BEGINS + LASTS, lasts=_HOUR),
        ),
    ),
    "null-fields": (
        "tickets without custom fields say null",
        _during(_rows(lambda row: {**row, "custom_fields": row["custom_fields"] or None}), lasts=_HOUR),
    ),
    "channel-number": (
        "channels come as numbers",
        _during(_rows(lambda row: {**row, "via": {"channel": 21}}), lasts=_HOUR),
    ),
    "twice-on-a-page": (
        "each ticket comes twice, on pages larger than asked for",
        _during(_edit(lambda page: {**page, "tickets": page["tickets"] * 2}), lasts=_HOUR),
    ),
    "older-after-newer": (
        "an older version of each ticket comes behind the newer",
        _during(_edit(_older_behind), lasts=_HOUR),
    ),
    "same-version-other-content": (
        "tickets come as deleted, then again, with the same version, as they are",
        _all_of(
            _during(_rows(lambda row: {**row, "status": "deleted"}), lasts=timedelta(minutes=5)),
            _during(Fault.error(400), begins=BEGINS + timedelta(minutes=5), when=_with_cursor, most=1),
        ),
    ),
    "cursor-refused": ("the cursor is refused once", _CURSOR_REFUSED),
    "start-too-recent": (
        "the cursor is refused, and two beginnings are too recent",
        _all_of(_CURSOR_REFUSED, _during(Fault.error(422), when=_without_cursor, most=2)),
    ),
}

_CLOCKS: Mapping[str, tuple[str, Play]] = {
    "no-date": ("no answer states the time for ten minutes", _during(Fault(headers={"Date": ""}))),
    "clock-ahead": (
        "the clock of the desk is ten minutes ahead",
        lambda _: Script(ahead=timedelta(minutes=10)),
    ),
    "clock-behind": (
        "the clock of the desk is ten minutes behind",
        lambda _: Script(ahead=-timedelta(minutes=10)),
    ),
}

RENAMED = " (new)"
"""What an option's name ends with once it is renamed."""


def _renamed(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "ticket_fields": [_with_new_names(field) for field in body["ticket_fields"]]}


def _with_new_names(field: dict[str, Any]) -> dict[str, Any]:
    options = [
        {**option, "name": option["name"] + RENAMED} for option in field.get("custom_field_options") or ()
    ]
    return {**field, "custom_field_options": options}


def _options_renamed(stock: Stock) -> Script:
    """Rename every option after an hour; tickets of several values make whoever reads look at the options."""
    field, like = stock.catalogue.fields[0], stock.tickets[-1]
    several = tuple(field.options)[:2]
    made = [stock.begins + minutes * timedelta(minutes=1) for minutes in (10, 90)]
    tickets = tuple(
        replace(
            like,
            id=stock.next_id + number,
            created_at=at,
            generated_timestamp=int(at.timestamp()),
            values=((field.id, several),),
            updated_at=None,
        )
        for number, at in enumerate(made)
    )
    start = stock.begins + _HOUR
    spell = Spell(Endpoint.FIELDS, _edit(_renamed), start, start + timedelta(days=365))
    return Script(tickets=tickets, spells=(spell,))


_NAMES: Mapping[str, tuple[str, Play]] = {
    "option-renamed": ("after an hour every option is called otherwise; its value stays", _options_renamed),
}

TROUBLES: Mapping[str, tuple[str, Play]] = {**_ANSWERS, **_LIMITS, **_PAGES, **_CLOCKS, **_NAMES}
"""Name, description and script of each trouble."""
