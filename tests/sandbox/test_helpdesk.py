"""The simulated help desk, asked over real sockets as any client would."""

import base64
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.message import Message
from http.client import HTTPException, IncompleteRead
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikewatch.adapters.clock import ManualClock
from spikewatch.sandbox.helpdesk import Catalogue, DeskTicket, DropDown, Endpoint, Fault, HelpDesk
from spikewatch.sandbox.helpdesk.ledger import Ledger

NOW = datetime(2026, 5, 11, 9, 0, 30, tzinfo=UTC)
EPOCH = int(NOW.timestamp())
CATALOGUE = Catalogue(
    brands={21: "Payments", 22: "配送"},
    fields=(DropDown(900, "Category", {"login": "Log-in", "refund": "Refund"}),),
)
EXPORT = "/api/v2/incremental/tickets/cursor"


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Message
    body: bytes

    def json(self) -> Any:  # noqa: ANN401 -- a vendor's JSON, looked into by each test
        return json.loads(self.body)


class Visitor:
    """A client that knows nothing but HTTP."""

    def __init__(self, desk: HelpDesk) -> None:
        self.desk = desk
        self.token: str | None = None

    def send(
        self, path: str, query: Mapping[str, object] | None = None, *, body: bytes | None = None
    ) -> Reply:
        target = f"{self.desk.url}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        request = urllib.request.Request(target, data=body, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return Reply(response.status, response.headers, response.read())
        except urllib.error.HTTPError as error:
            with error:
                return Reply(error.code, error.headers, error.read())

    def sign_in(self, secret: str = "s3cret", grant: str = "client_credentials") -> Reply:
        form = {"grant_type": grant, "client_id": "tests", "client_secret": secret}
        reply = self.send("/oauth/tokens", body=json.dumps(form).encode())
        if reply.status == 200:
            self.token = reply.json()["access_token"]
        return reply


def ticket(number: int, *, age_s: int = 600) -> DeskTicket:
    return DeskTicket(number, NOW - timedelta(seconds=age_s), EPOCH - age_s)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


def desk_of(clock: ManualClock, *tickets: DeskTicket, requests_per_minute: int = 700) -> HelpDesk:
    return HelpDesk(
        tickets,
        now=clock.now,
        client_id="tests",
        client_secret="s3cret",
        catalogue=CATALOGUE,
        requests_per_minute=requests_per_minute,
    )


@pytest.fixture
def visitor(clock: ManualClock) -> Iterator[Visitor]:
    """Somebody signed in at a desk of three tickets, of which the third is still withheld."""
    tickets = (
        ticket(3, age_s=30),
        replace(ticket(2), brand_id=22, values=((900, "login"),), tags=("login",), status="open"),
        replace(ticket(1), brand_id=21),
    )
    with desk_of(clock, *tickets) as desk:
        signed_in = Visitor(desk)
        signed_in.sign_in()
        yield signed_in


def test_a_client_signs_in_with_its_secret(visitor: Visitor) -> None:
    reply = visitor.sign_in()

    assert reply.status == 200
    assert reply.json()["expires_in"] == 1800
    assert reply.json()["token_type"] == "bearer"


@pytest.mark.parametrize(
    ("secret", "grant", "status"), [("wrong", "client_credentials", 401), ("s3cret", "password", 400)]
)
def test_a_wrong_secret_or_grant_is_refused(visitor: Visitor, secret: str, grant: str, status: int) -> None:
    reply = visitor.sign_in(secret, grant)

    assert reply.status == status
    assert "error" in reply.json()


def test_a_token_request_that_is_no_form_is_refused(visitor: Visitor) -> None:
    assert visitor.send("/oauth/tokens", body=b"[]").status == 400
    assert visitor.send("/oauth/tokens", body=b"{").status == 400


@pytest.mark.parametrize("path", [EXPORT, "/api/v2/brands", "/api/v2/ticket_fields", "/api/v2/users/me"])
def test_nothing_is_answered_without_a_token(visitor: Visitor, path: str) -> None:
    visitor.token = None

    reply = visitor.send(path, {"start_time": 0})

    assert reply.status == 401
    assert reply.json() == {"error": "Couldn't authenticate you"}


def test_a_token_dies_at_the_end_of_its_life(visitor: Visitor, clock: ManualClock) -> None:
    clock.advance(timedelta(minutes=30) - timedelta(seconds=1))
    before = visitor.send(EXPORT, {"start_time": 0}).status
    clock.advance(timedelta(seconds=1))
    after = visitor.send(EXPORT, {"start_time": 0}).status

    assert (before, after) == (200, 401)


def test_a_revoked_token_is_worthless(visitor: Visitor) -> None:
    visitor.desk.revoke_tokens()

    assert visitor.send(EXPORT, {"start_time": 0}).status == 401


@pytest.mark.parametrize("suffix", ["", ".json"])
def test_the_export_shows_what_is_older_than_a_minute_in_order(visitor: Visitor, suffix: str) -> None:
    page = visitor.send(EXPORT + suffix, {"start_time": 0}).json()

    assert [row["id"] for row in page["tickets"]] == [1, 2]
    assert page["end_of_stream"] is True
    assert base64.b64decode(page["after_cursor"]).decode() == f"{EPOCH - 600}.0||2|"
    assert page["after_url"].startswith(f"{visitor.desk.url}{EXPORT}.json?cursor=")
    assert page["before_url"] is page["before_cursor"] is None


def test_a_ticket_looks_like_a_ticket(visitor: Visitor) -> None:
    row = visitor.send(EXPORT, {"start_time": 0}).json()["tickets"][1]

    assert row["created_at"] == row["updated_at"] == "2026-05-11T08:50:30Z"
    assert row["generated_timestamp"] == EPOCH - 600
    assert row["custom_fields"] == row["fields"] == [{"id": 900, "value": "login"}]
    assert (row["brand_id"], row["status"], row["tags"]) == (22, "open", ["login"])
    assert row["via"]["channel"] == "web"


def test_start_time_includes_its_own_second(visitor: Visitor) -> None:
    at = visitor.send(EXPORT, {"start_time": EPOCH - 600}).json()["tickets"]
    behind = visitor.send(EXPORT, {"start_time": EPOCH - 599}).json()["tickets"]

    assert (len(at), len(behind)) == (2, 0)


def test_a_withheld_ticket_arrives_after_a_minute(visitor: Visitor, clock: ManualClock) -> None:
    cursor = visitor.send(EXPORT, {"start_time": 0}).json()["after_cursor"]

    clock.advance(timedelta(seconds=29))
    too_soon = visitor.send(EXPORT, {"cursor": cursor}).json()
    clock.advance(timedelta(seconds=1))
    then = visitor.send(EXPORT, {"cursor": cursor}).json()

    assert (too_soon["tickets"], too_soon["after_cursor"]) == ([], cursor)
    assert [row["id"] for row in then["tickets"]] == [3]


def test_pages_follow_each_other_even_within_one_second(clock: ManualClock) -> None:
    with desk_of(clock, *(ticket(number) for number in range(1, 8))) as desk:
        visitor = Visitor(desk)
        visitor.sign_in()
        page = visitor.send(EXPORT, {"start_time": 0, "per_page": 3}).json()
        pages = [page]
        while not page["end_of_stream"]:
            page = visitor.send(EXPORT, {"cursor": page["after_cursor"], "per_page": 3}).json()
            pages.append(page)

    assert [[row["id"] for row in page["tickets"]] for page in pages] == [[1, 2, 3], [4, 5, 6], [7]]


def test_a_page_never_holds_more_than_a_thousand(clock: ManualClock) -> None:
    with desk_of(clock, *(ticket(number) for number in range(1, 1002))) as desk:
        visitor = Visitor(desk)
        visitor.sign_in()
        page = visitor.send(EXPORT, {"start_time": 0, "per_page": 5000}).json()

    assert len(page["tickets"]) == 1000
    assert page["end_of_stream"] is False


def test_a_changed_ticket_moves_to_its_new_place(clock: ManualClock) -> None:
    created, changed = ticket(1, age_s=100), replace(ticket(1, age_s=40), values=((900, "login"),))
    with desk_of(clock, created, changed, ticket(2, age_s=90)) as desk:
        visitor = Visitor(desk)
        visitor.sign_in()
        first = visitor.send(EXPORT, {"start_time": 0}).json()
        clock.advance(timedelta(seconds=20))
        second = visitor.send(EXPORT, {"cursor": first["after_cursor"]}).json()
        afresh = visitor.send(EXPORT, {"start_time": 0}).json()

    assert [(row["id"], row["custom_fields"]) for row in first["tickets"]] == [(1, []), (2, [])]
    assert [row["id"] for row in second["tickets"]] == [1]
    assert second["tickets"][0]["custom_fields"] == [{"id": 900, "value": "login"}]
    assert [row["id"] for row in afresh["tickets"]] == [2, 1]


def test_a_start_time_within_the_last_minute_is_refused(visitor: Visitor) -> None:
    edge = visitor.send(EXPORT, {"start_time": EPOCH - 60})
    too_recent = visitor.send(EXPORT, {"start_time": EPOCH - 59})

    assert edge.status == 200
    assert too_recent.status == 422
    assert too_recent.json()["error"] == "InvalidValue"


@pytest.mark.parametrize(
    "query", [{}, {"cursor": "nonsense"}, {"start_time": "soon"}, {"start_time": 0, "per_page": 0}]
)
def test_a_request_that_makes_no_sense_is_refused(visitor: Visitor, query: Mapping[str, Any]) -> None:
    assert visitor.send(EXPORT, query).status == 400


def test_an_unknown_path_is_not_found(visitor: Visitor) -> None:
    assert visitor.send("/api/v2/nothing").status == 404


def test_the_eleventh_export_of_a_minute_is_turned_away(visitor: Visitor, clock: ManualClock) -> None:
    replies = [visitor.send(EXPORT, {"start_time": 0}) for _ in range(11)]
    clock.advance(timedelta(seconds=30))
    later = visitor.send(EXPORT, {"start_time": 0})

    assert [reply.status for reply in replies] == [200] * 10 + [429]
    assert replies[0].headers["zendesk-ratelimit-incremental-exports"] == "total=10; remaining=9; resets=30"
    assert replies[10].headers["Retry-After"] == "30"
    assert replies[10].json()["error"] == "APIRateLimitExceeded"
    assert later.status == 200


def test_the_account_has_a_limit_too(clock: ManualClock) -> None:
    with desk_of(clock, requests_per_minute=1) as desk:
        visitor = Visitor(desk)
        visitor.sign_in()
        replies = [visitor.send("/api/v2/brands") for _ in range(2)]

    assert replies[0].headers["x-rate-limit-remaining"] == "0"
    assert replies[1].status == 429
    assert replies[1].body == b"Number of allowed API requests per minute exceeded"


def test_every_answer_tells_the_time_of_the_desk(visitor: Visitor, clock: ManualClock) -> None:
    clock.advance(timedelta(days=1))

    reply = visitor.sign_in()

    assert reply.headers["Date"] == "Tue, 12 May 2026 09:00:30 GMT"
    assert reply.headers["x-request-id"]


def test_fields_and_brands_give_names(visitor: Visitor) -> None:
    fields = visitor.send("/api/v2/ticket_fields.json").json()["ticket_fields"]
    brands = visitor.send("/api/v2/brands").json()["brands"]

    options = fields[0]["custom_field_options"]
    assert [(option["value"], option["name"]) for option in options] == [
        ("login", "Log-in"),
        ("refund", "Refund"),
    ]
    assert [(brand["id"], brand["name"]) for brand in brands] == [(21, "Payments"), (22, "配送")]


def test_brands_come_in_pages_when_asked_so(visitor: Visitor) -> None:
    first = visitor.send("/api/v2/brands", {"page[size]": 1}).json()
    second = visitor.send(
        "/api/v2/brands", {"page[size]": 1, "page[after]": first["meta"]["after_cursor"]}
    ).json()

    assert [first["meta"]["has_more"], second["meta"]["has_more"]] == [True, False]
    assert [page["brands"][0]["id"] for page in (first, second)] == [21, 22]
    assert visitor.send("/api/v2/brands", {"page[size]": 101}).status == 400


def test_a_fault_spoils_one_answer_and_in_the_order_placed(visitor: Visitor) -> None:
    visitor.desk.fault(Endpoint.EXPORT, Fault.error(503))
    visitor.desk.fault(Endpoint.EXPORT, Fault.error(429, retry_after="7"))

    replies = [visitor.send(EXPORT, {"start_time": 0}) for _ in range(3)]

    assert [reply.status for reply in replies] == [503, 429, 200]
    assert replies[1].headers["Retry-After"] == "7"


def test_a_fault_can_pretend_that_all_is_well(visitor: Visitor) -> None:
    visitor.desk.fault(Endpoint.EXPORT, Fault.html())
    visitor.desk.fault(Endpoint.EXPORT, Fault(truncate=True))
    visitor.desk.fault(Endpoint.EXPORT, Fault(edit=lambda page: {**page, "tickets": []}))

    html, half, emptied = (visitor.send(EXPORT, {"start_time": 0}) for _ in range(3))

    assert (html.status, html.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        half.json()
    assert emptied.json()["tickets"] == []
    assert emptied.json()["after_cursor"]


def test_a_fault_can_use_a_status_that_has_no_name(visitor: Visitor) -> None:
    visitor.desk.fault(Endpoint.BRANDS, Fault.html(status=524))

    assert visitor.send("/api/v2/brands").status == 524


def test_a_fault_can_break_off_after_the_headers(visitor: Visitor) -> None:
    visitor.desk.fault(Endpoint.EXPORT, Fault(breaks_off=True))

    with pytest.raises(IncompleteRead) as broken:
        visitor.send(EXPORT, {"start_time": 0})

    assert broken.value.partial
    assert broken.value.expected
    assert visitor.send(EXPORT, {"start_time": 0}).status == 200


def test_a_fault_can_take_headers_away(visitor: Visitor) -> None:
    visitor.desk.fault(Endpoint.BRANDS, Fault(headers={"Date": "", "x-rate-limit": ""}))

    bare, whole = (visitor.send("/api/v2/brands").headers for _ in range(2))

    assert [name in bare for name in ("Date", "x-rate-limit", "ratelimit-limit")] == [False, False, True]
    assert "Date" in whole


def test_what_an_ai_agent_answers_is_shown_where_it_is_asked_for(clock: ManualClock) -> None:
    with desk_of(clock, ticket(1), replace(ticket(2), support_type="ai_agent")) as desk:
        visitor = Visitor(desk)
        visitor.sign_in()

        shown = {
            scope: [
                row["id"] for row in visitor.send(EXPORT, {"start_time": 0, **scope_of}).json()["tickets"]
            ]
            for scope, scope_of in (
                ("", {}),
                ("agent", {"support_type_scope": "agent"}),
                ("ai_agent", {"support_type_scope": "ai_agent"}),
                ("all", {"support_type_scope": "all"}),
            )
        }

    assert shown == {"": [1], "agent": [1], "ai_agent": [2], "all": [1, 2]}


def test_a_fault_can_drop_the_connection(visitor: Visitor) -> None:
    visitor.desk.fault(Endpoint.EXPORT, Fault(drop=True))

    with pytest.raises((HTTPException, OSError)):
        visitor.send(EXPORT, {"start_time": 0})
    assert visitor.send(EXPORT, {"start_time": 0}).status == 200


def test_stopping_does_not_wait_for_an_answer_that_is_being_delayed(clock: ManualClock) -> None:
    desk = desk_of(clock).start()
    visitor = Visitor(desk)
    visitor.sign_in()
    asked = threading.Event()

    def note(body: object) -> object:
        asked.set()
        return body

    desk.fault(Endpoint.BRANDS, Fault(edit=note, delay=timedelta(days=1)))

    def ask() -> None:
        with suppress(HTTPException, OSError):
            visitor.send("/api/v2/brands")

    client = threading.Thread(target=ask, daemon=True)
    client.start()
    assert asked.wait(10)
    desk.stop()
    client.join(10)

    assert not client.is_alive()
    with pytest.raises(RuntimeError, match="no address"):
        _ = desk.url


def test_the_desk_remembers_what_it_was_asked(visitor: Visitor) -> None:
    visitor.send(EXPORT, {"start_time": 7})

    asked = visitor.desk.requests

    assert [request.endpoint for request in asked] == [Endpoint.TOKENS, Endpoint.EXPORT]
    assert asked[1].query == {"start_time": "7"}


versions = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 40)), max_size=30)


@given(versions=versions, limit=st.integers(1, 5), horizon=st.integers(0, 45))
def test_pages_hold_the_newest_visible_version_of_each_ticket_once(
    versions: list[tuple[int, int]], limit: int, horizon: int
) -> None:
    ledger = Ledger(DeskTicket(number, NOW, generated) for number, generated in versions)
    newest: dict[int, int] = {}
    for number, generated in versions:
        if generated <= horizon:
            newest[number] = max(generated, newest.get(number, 0))

    found = ledger.since(0, horizon=horizon, limit=limit)
    places = [row.place for row in found.tickets]
    while not found.is_last:
        found = ledger.after(places[-1], horizon=horizon, limit=limit)
        places += [row.place for row in found.tickets]

    assert places == sorted((generated, number) for number, generated in newest.items())
