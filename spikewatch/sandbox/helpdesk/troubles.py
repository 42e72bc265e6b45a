"""What happens to answers: failures, limits, pages that make no sense and wrong clocks, each for a while."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

from spikewatch.sandbox.helpdesk.export import write_cursor
from spikewatch.sandbox.helpdesk.faults import Fault
from spikewatch.sandbox.helpdesk.questions import Asked, Endpoint
from spikewatch.sandbox.helpdesk.script import BEGINS, LASTS, Play, Script, Stock, all_of, during
from spikewatch.sandbox.helpdesk.spells import Spell

_HOUR = timedelta(hours=1)
_LIMIT = "zendesk-ratelimit-incremental-exports"
_LIMIT_OF_2023 = "zendesk-rate-limit-incremental-exports"
_LIMITS_OF_THE_ACCOUNT = ("x-rate-limit", "x-rate-limit-remaining", "ratelimit-limit", "ratelimit-remaining")
_BEARABLE = 125
_ANONYMOUS = {"id": None, "name": "Anonymous user", "role": "end-user", "active": False}
_EMPTY_HTML = {"Content-Type": "text/html"}


def _edit(edit: Callable[[dict[str, Any]], dict[str, Any]]) -> Fault:
    return Fault(edit=edit)


def _rows(edit: Callable[[dict[str, Any]], dict[str, Any]]) -> Fault:
    return Fault(edit=lambda page: {**page, "tickets": [edit(row) for row in page["tickets"]]})


def _limited(retry_after: str | None) -> Fault:
    return Fault.error(429, retry_after=retry_after)


def _limited_by_date(stock: Stock) -> Script:
    until = stock.begins + BEGINS + LASTS
    return during(_limited(format_datetime(until, usegmt=True)))(stock)


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


def _by_field(asked: Asked) -> bool:
    return "custom_field_" in asked.query.get("query", "")


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


_CURSOR_REFUSED = during(Fault.error(400), when=_with_cursor, most=1)
_SIGN_IN_ANEW = during(Fault.error(401), most=1)

_ANSWERS: Mapping[str, tuple[str, Play]] = {
    "error-500": ("the desk answers 500 for ten minutes", during(Fault.error(500))),
    "error-502": ("the gateway answers 502 in HTML for ten minutes", during(Fault.html(status=502))),
    "error-503": (
        "the desk answers 503 and asks for two minutes",
        during(Fault.error(503, retry_after="120")),
    ),
    "error-504": ("the gateway gives up on every page for ten minutes", during(Fault.error(504))),
    "error-520": ("the gateway answers 520 for ten minutes", during(Fault.html(status=520))),
    "error-524": ("the gateway answers 524 for ten minutes", during(Fault.html(status=524))),
    "too-slow": (
        "for an hour, a page of more than 125 tickets ends in 504",
        during(Fault.error(504), lasts=_HOUR, when=_asks_for_much),
    ),
    "desk-down": (
        "nothing of the desk can be reached for 45 minutes",
        all_of(
            during(Fault(drop=True), lasts=timedelta(minutes=45)),
            during(Fault(drop=True), endpoint=Endpoint.TOKENS, lasts=timedelta(minutes=45)),
        ),
    ),
    "connection-reset": ("the connection ends without an answer", during(Fault(drop=True))),
    "broken-off": (
        "the connection ends in the middle of every page",
        during(Fault(breaks_off=True)),
    ),
    "no-answer": ("two answers never come", during(Fault(delay=timedelta(days=1)), most=2)),
    "redirect": (
        "every page redirects to another host",
        during(Fault(status=302, headers={"Location": "https://elsewhere.example/"})),
    ),
    "maintenance-page": ("200 with a page in HTML for ten minutes", during(Fault.html())),
    "truncated": ("every second half of a page is missing", during(Fault(truncate=True))),
    "gzip-error": ("pages say gzip and are not", during(Fault(headers={"Content-Encoding": "gzip"}))),
    "token-expired": ("the token is refused once", _SIGN_IN_ANEW),
    "token-expired-in-history": (
        "the token is refused in the middle of the first reading",
        during(Fault.error(401), begins=timedelta(0), when=_with_cursor, most=1),
    ),
    "token-endpoint-limited": (
        "the token expires, and signing in is limited for ten minutes",
        all_of(_SIGN_IN_ANEW, during(_limited("20"), endpoint=Endpoint.TOKENS)),
    ),
    "token-endpoint-down": (
        "the token expires while nobody can sign in",
        all_of(_SIGN_IN_ANEW, during(Fault.error(503), endpoint=Endpoint.TOKENS)),
    ),
    "secret-refused": (
        "the token expires and the secret is refused for ten minutes",
        all_of(_SIGN_IN_ANEW, during(Fault.error(401), endpoint=Endpoint.TOKENS)),
    ),
    "scope-refused": ("the scope of the token is not enough: 403", during(Fault.error(403))),
    "forbidden-html": (
        "403 without a word, as HTML",
        during(Fault(status=403, headers=_EMPTY_HTML, body=b"")),
    ),
    "brands-down": (
        "the list of brands is not to be had for ten minutes",
        during(Fault.error(503), endpoint=Endpoint.BRANDS, begins=timedelta(0), lasts=2 * LASTS),
    ),
    "brands-forbidden": (
        "the agent whose token it is may not see brands for ten minutes",
        during(Fault.error(403), endpoint=Endpoint.BRANDS, begins=timedelta(0)),
    ),
    "account-gone": (
        "no account is there for ten minutes: 404",
        during(Fault.error(404)),
    ),
    "nobody": (
        "asked who it is, the desk says Anonymous; only the doctor asks",
        during(
            Fault(edit=lambda _: {"user": _ANONYMOUS}),
            endpoint=Endpoint.OURSELVES,
            begins=timedelta(0),
            lasts=timedelta(days=365),
        ),
    ),
    "brand-removed": (
        "the list of brands is empty from now on; tickets keep theirs",
        during(
            _edit(lambda body: {**body, "brands": []}), endpoint=Endpoint.BRANDS, lasts=timedelta(days=365)
        ),
    ),
}

_LIMITS: Mapping[str, tuple[str, Play]] = {
    "rate-limited": ("429 in JSON for ten minutes, wait 20 s", during(_limited("20"))),
    "rate-limited-in-text": ("429 in plain text for ten minutes", during(_LIMITED_IN_TEXT)),
    "rate-limited-without-wait": ("429 that does not say for how long", during(_limited(None))),
    "rate-limited-for-nothing": (
        "429 that asks for no wait at all, ten minutes long",
        during(_limited("0")),
    ),
    "rate-limited-by-fractions": ("429 that asks for 1.5 s, ten minutes long", during(_limited("1.5"))),
    "rate-limited-until": ("429 that names the end as a date", _limited_by_date),
    "rate-limited-for-an-hour": ("one 429 that asks for an hour", during(_limited("3600"), most=1)),
    "limit-used-up": (
        "another program uses the limit up for an hour",
        during(Fault(headers={_LIMIT: "total=10; remaining=2; resets=30"}), lasts=_HOUR),
    ),
    "limit-raised": (
        "the limit is 30 a minute for an hour",
        during(Fault(headers={_LIMIT: "total=30; remaining=29; resets=30"}), lasts=_HOUR),
    ),
    "headers-of-2023": (
        "the limit is stated as it was in 2023",
        during(Fault(headers={_LIMIT: "", _LIMIT_OF_2023: "total=10; remaining=9; resets=6"}), lasts=_HOUR),
    ),
    "no-limit-headers": (
        "no limit is stated, of exports or of the account",
        during(Fault(headers=dict.fromkeys((_LIMIT, *_LIMITS_OF_THE_ACCOUNT), "")), lasts=_HOUR),
    ),
}

_PAGES: Mapping[str, tuple[str, Play]] = {
    "empty-page": ("one empty page in the middle", during(_edit(_nothing_yet), most=1)),
    "stuck-cursor": ("the cursor leads to the same page for ten minutes", during(_edit(_stuck))),
    "endless": (
        "no page is the last for ten minutes",
        during(_edit(lambda page: {**page, "end_of_stream": False})),
    ),
    "no-cursor": ("pages come without a cursor", during(_edit(lambda page: {**page, "after_cursor": None}))),
    "no-tickets": (
        "pages come without tickets",
        during(_edit(lambda page: {key: value for key, value in page.items() if key != "tickets"})),
    ),
    "links-elsewhere": (
        "links to the next page lead to another host",
        during(_edit(lambda page: {**page, "after_url": "https://elsewhere.example/"}), lasts=_HOUR),
    ),
    "search-counts-more": (
        "the search counts five tickets more than there are, all day long",
        during(
            _edit(lambda body: {"count": body["count"] + 5}),
            endpoint=Endpoint.SEARCH,
            begins=timedelta(0),
            lasts=timedelta(days=1),
        ),
    ),
    "search-refused": (
        "the search refuses every query with a custom field, all day long",
        during(
            Fault.error(422),
            endpoint=Endpoint.SEARCH,
            begins=timedelta(0),
            lasts=timedelta(days=1),
            when=_by_field,
        ),
    ),
    "unknown-keys": (
        "pages and tickets have keys that nobody knows",
        all_of(
            during(_edit(lambda page: {**page, "next": {}}), lasts=LASTS),
            during(_rows(lambda row: {**row, "mood": None}), begins=BEGINS + LASTS, lasts=_HOUR),
        ),
    ),
    "null-fields": (
        "tickets without custom fields say null",
        during(_rows(lambda row: {**row, "custom_fields": row["custom_fields"] or None}), lasts=_HOUR),
    ),
    "channel-number": (
        "channels come as numbers",
        during(_rows(lambda row: {**row, "via": {"channel": 21}}), lasts=_HOUR),
    ),
    "older-after-newer": (
        "an older version of each ticket comes behind the newer",
        during(_edit(_older_behind), lasts=_HOUR),
    ),
    "same-version-other-content": (
        "tickets come as deleted, then again, with the same version, as they are",
        all_of(
            during(_rows(lambda row: {**row, "status": "deleted"}), lasts=timedelta(minutes=5)),
            during(Fault.error(400), begins=BEGINS + timedelta(minutes=5), when=_with_cursor, most=1),
        ),
    ),
    "cursor-refused": ("the cursor is refused once", _CURSOR_REFUSED),
    "start-too-recent": (
        "the cursor is refused, and two beginnings are too recent",
        all_of(_CURSOR_REFUSED, during(Fault.error(422), when=_without_cursor, most=2)),
    ),
}

_CLOCKS: Mapping[str, tuple[str, Play]] = {
    "no-date": ("no answer states the time for ten minutes", during(Fault(headers={"Date": ""}))),
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
