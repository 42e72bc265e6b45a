"""Zendesk as a source, against the simulated desk over real sockets."""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr, ValidationError

from spikewatch.adapters.clock import ManualClock
from spikewatch.adapters.memory import MemoryMeter
from spikewatch.adapters.zendesk.answers import retry_after
from spikewatch.adapters.zendesk.client import skew
from spikewatch.adapters.zendesk.settings import ZendeskSettings
from spikewatch.adapters.zendesk.source import QUOTA_HEADERS, ZendeskSource, read_quota
from spikewatch.core.counts import SeriesKey
from spikewatch.ports import (
    CredentialsRefused,
    CursorRefused,
    Page,
    Position,
    QueryRefused,
    Quota,
    TooLarge,
    Unavailable,
)
from spikewatch.sandbox.helpdesk import Catalogue, DeskTicket, DropDown, Endpoint, Fault, HelpDesk

NOW = datetime(2026, 5, 11, 9, 0, 30, tzinfo=UTC)
EPOCH = int(NOW.timestamp())
SINCE = NOW - timedelta(days=1)
START = Position(cursor=None, since=SINCE)
CATALOGUE = Catalogue(
    brands={21: "Payments", 22: "配送*"},
    fields=(DropDown(900, "Category", {"login": "Log-in\n problems", "refund": "Refund"}),),
    groups={5: "Night shift", 6: "Day shift"},
    forms={7: "Contact", 8: "Complaint"},
    organizations={9: "Example KK", 10: "Example GK"},
)
TICKETS = tuple(
    DeskTicket(
        number,
        created_at=NOW - timedelta(seconds=1000 - number),
        generated_timestamp=EPOCH - 1000 + number,
        brand_id=21,
        values=((900, "login"),),
    )
    for number in range(1, 6)
)


@dataclass
class Bench:
    """A desk, a source that reads it, and the clock of both."""

    desk: HelpDesk
    clock: ManualClock
    meter: MemoryMeter
    sources: list[ZendeskSource]

    def source(self, *, secret: str = "s3cret", **changes: object) -> ZendeskSource:
        made = ZendeskSource(
            settings(url=self.desk.url, **changes),
            secret=SecretStr(secret),
            clock=self.clock,
            meter=self.meter,
        )
        self.sources.append(made)
        return made


Open = Callable[..., Bench]


def settings(**changes: object) -> ZendeskSettings:
    given = {
        "kind": "zendesk",
        "name": "desk",
        "client_id": "tests",
        "category": {"field": 900},
        "per_page": 2,
        "timeout": "5s",
        **changes,
    }
    return ZendeskSettings.model_validate(given)


@pytest.fixture
def open_desk() -> Iterator[Open]:
    """`open_desk(*tickets)` starts a desk of these, or of five plain ones; it and its sources are closed afterwards."""
    opened: list[Bench] = []

    def start(*tickets: DeskTicket, token_life: timedelta = timedelta(minutes=30)) -> Bench:
        clock = ManualClock(NOW)
        desk = HelpDesk(
            tickets or TICKETS,
            now=clock.now,
            client_id="tests",
            client_secret="s3cret",
            catalogue=CATALOGUE,
            token_life=token_life,
        )
        bench = Bench(desk.start(), clock, MemoryMeter(), [])
        opened.append(bench)
        return bench

    yield start
    for bench in opened:
        for source in bench.sources:
            source.close()
        bench.desk.stop()


def after(page: Page) -> Position:
    return Position(cursor=page.cursor, since=SINCE)


def ticket_with(**changes: object) -> DeskTicket:
    return replace(TICKETS[0], **changes)  # type: ignore[arg-type]  # each test names real fields


# reading


def test_pages_follow_each_other_to_the_end(open_desk: Open) -> None:
    source = open_desk().source()

    first = source.fetch_page(START)
    second = source.fetch_page(after(first))
    third = source.fetch_page(after(second))
    fourth = source.fetch_page(after(third))

    assert [[ticket.id for ticket in page.tickets] for page in (first, second, third, fourth)] == [
        ["1", "2"],
        ["3", "4"],
        ["5"],
        [],
    ]
    assert [page.caught_up for page in (first, second, third, fourth)] == [False, False, True, True]
    assert fourth.cursor == third.cursor


def test_a_row_becomes_a_ticket(open_desk: Open) -> None:
    page = open_desk().source().fetch_page(START)

    ticket = page.tickets[0]
    assert (ticket.id, ticket.service, ticket.category) == ("1", "Payments", "login")
    assert ticket.created_at == NOW - timedelta(seconds=999)
    assert ticket.version == EPOCH - 999
    assert ticket.counted


def test_the_watermark_is_the_servers_time_less_a_minute_and_only_at_the_end(open_desk: Open) -> None:
    source = open_desk().source(per_page=3)

    first = source.fetch_page(START)
    last = source.fetch_page(after(first))

    assert first.watermark is None
    assert last.watermark == NOW - timedelta(seconds=60)
    assert last.newest == NOW - timedelta(seconds=995)


def test_the_servers_clock_decides_and_not_ours(open_desk: Open) -> None:
    bench = open_desk()
    source = bench.source(per_page=10)
    hour_ago = {"Date": "Mon, 11 May 2026 08:00:30 GMT"}
    bench.desk.fault(Endpoint.TOKENS, Fault(headers=hour_ago))
    bench.desk.fault(Endpoint.EXPORT, Fault(headers=hour_ago))

    page = source.fetch_page(Position(cursor=None, since=NOW))

    exports = [asked for asked in bench.desk.requests if asked.endpoint is Endpoint.EXPORT]
    assert exports[0].query["start_time"] == str(EPOCH - 3600 - 61)
    assert page.watermark == NOW - timedelta(hours=1, seconds=60)


def test_without_a_date_nothing_is_known_to_be_complete(open_desk: Open) -> None:
    bench = open_desk()
    bench.desk.fault(Endpoint.EXPORT, Fault(headers={"Date": "soon"}))

    page = bench.source(per_page=10).fetch_page(START)

    assert page.caught_up
    assert page.watermark is None


def test_reading_from_the_present_asks_for_no_more_than_the_desk_shows(open_desk: Open) -> None:
    bench = open_desk()

    page = bench.source().fetch_page(Position(cursor=None, since=NOW))

    assert page.tickets == []
    assert page.caught_up
    assert bench.desk.requests[-1].query["start_time"] == str(EPOCH - 61)


@pytest.mark.parametrize("header", QUOTA_HEADERS)
def test_the_stated_limit_is_read_in_both_spellings(header: str) -> None:
    quota = read_quota({header: "total=30; remaining=12; resets=6"}, now=NOW)

    assert quota == Quota(limit=30, remaining=12, resets_at=NOW + timedelta(seconds=6))


@pytest.mark.parametrize("stated", ["", "total=10", "remaining=9", "soon"])
def test_a_limit_that_says_too_little_is_no_limit(stated: str) -> None:
    assert read_quota({QUOTA_HEADERS[0]: stated}, now=NOW) is None
    assert read_quota({}, now=NOW) is None


def test_a_page_brings_the_limit_that_the_desk_states(open_desk: Open) -> None:
    page = open_desk().source().fetch_page(START)

    assert page.quota == Quota(limit=10, remaining=9, resets_at=NOW + timedelta(seconds=30))


def test_every_request_is_noted_by_its_code(open_desk: Open) -> None:
    bench = open_desk()
    source = bench.source()
    bench.desk.fault(Endpoint.EXPORT, Fault.error(401))
    bench.desk.fault(Endpoint.EXPORT, Fault(drop=True))

    with pytest.raises(Unavailable):
        source.fetch_page(START)

    assert [noted["code"] for noted in bench.meter.of("request")] == ["200", "401", "200", "error"]


# names


def test_deleted_and_merged_tickets_stay_known_and_count_nowhere(open_desk: Open) -> None:
    bench = open_desk(
        ticket_with(id=1, status="deleted"), ticket_with(id=2, tags=("closed_by_merge",)), ticket_with(id=3)
    )

    page = bench.source(per_page=10).fetch_page(START)

    assert [ticket.counted for ticket in page.tickets] == [False, False, True]


def test_names_are_cleaned_so_that_none_can_be_taken_for_a_roll_up(open_desk: Open) -> None:
    bench = open_desk(ticket_with(brand_id=22))

    page = bench.source(category={"field": 900, "show": "label"}).fetch_page(START)

    assert page.tickets[0].service == "配送＊"
    assert page.tickets[0].category == "Log-in problems"


@pytest.mark.parametrize(
    ("value", "category"),
    [
        (None, "uncategorised"),
        ("", "uncategorised"),
        ("\x00", "uncategorised"),
        ([], "uncategorised"),
        (["refund", "login"], "login"),
        (True, "true"),
        ("*", "＊"),
        ("🎫 نص", "🎫 نص"),
    ],
)
def test_any_field_value_makes_a_category(open_desk: Open, value: object, category: str) -> None:
    bench = open_desk(ticket_with(values=((900, value),)))

    page = bench.source().fetch_page(START)

    assert page.tickets[0].category == category


def test_a_ticket_without_brand_and_fields_is_counted_all_the_same(open_desk: Open) -> None:
    bench = open_desk(ticket_with(brand_id=None, values=()))

    page = bench.source(fallback="other").fetch_page(START)

    assert (page.tickets[0].service, page.tickets[0].category) == ("other", "other")


def test_fields_that_are_null_are_no_fields(open_desk: Open) -> None:
    bench = open_desk(TICKETS[0])
    bench.desk.fault(
        Endpoint.EXPORT,
        Fault(edit=lambda page: {**page, "tickets": [{**page["tickets"][0], "custom_fields": None}]}),
    )

    page = bench.source().fetch_page(START)

    assert page.tickets[0].category == "uncategorised"


def test_tags_can_make_the_service(open_desk: Open) -> None:
    bench = open_desk(
        ticket_with(id=1, tags=("vip", "svc_shop", "svc_billing")), ticket_with(id=2, tags=("svc_", "vip"))
    )

    page = bench.source(service={"tag": "svc_*"}).fetch_page(START)

    assert [ticket.service for ticket in page.tickets] == ["billing", "uncategorised"]


def test_brand_names_are_asked_for_once(open_desk: Open) -> None:
    bench = open_desk()
    source = bench.source()

    first = source.fetch_page(START)
    source.fetch_page(after(first))

    assert [asked.endpoint for asked in bench.desk.requests] == [
        Endpoint.TOKENS,
        Endpoint.EXPORT,
        Endpoint.BRANDS,
        Endpoint.EXPORT,
    ]


def test_names_are_asked_for_again_after_an_hour(open_desk: Open) -> None:
    bench = open_desk(token_life=timedelta(days=1))
    source = bench.source()
    source.fetch_page(START)

    bench.clock.advance(timedelta(hours=1))
    bench.desk.fault(
        Endpoint.BRANDS, Fault(edit=lambda body: {**body, "brands": [{"id": 21, "name": "Pay"}]})
    )
    page = source.fetch_page(START)

    assert page.tickets[0].service == "Pay"


def test_an_unknown_brand_is_looked_for_once_an_hour(open_desk: Open) -> None:
    bench = open_desk(ticket_with(id=1), ticket_with(id=2, brand_id=99))
    source = bench.source()

    first = source.fetch_page(START)
    source.fetch_page(START)

    assert [ticket.service for ticket in first.tickets] == ["Payments", "brand 99"]
    assert sum(asked.endpoint is Endpoint.BRANDS for asked in bench.desk.requests) == 1


def test_without_names_no_page_is_handed_over(open_desk: Open) -> None:
    bench = open_desk()
    source = bench.source()
    bench.desk.fault(Endpoint.BRANDS, Fault.error(503))
    bench.desk.fault(Endpoint.BRANDS, Fault(edit=lambda _: {}))

    for _ in range(2):
        with pytest.raises(Unavailable):
            source.fetch_page(START)

    assert len(source.fetch_page(START).tickets) == 2


# failures


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault.error(500), "server"),
        (Fault.error(503), "server"),
        (Fault.html(status=502), "server"),
        (Fault.html(status=524), "server"),
        (Fault.html(), "parse"),
        (Fault(truncate=True), "parse"),
        (Fault(body=b"[]"), "parse"),
        (Fault(body=b""), "parse"),
        (Fault(drop=True), "connect"),
        (Fault(breaks_off=True), "connect"),
        (Fault(headers={"Content-Encoding": "gzip"}), "parse"),
        (Fault(status=302, headers={"Location": "https://elsewhere.example"}), "connect"),
        (Fault.error(408), "timeout"),
        (Fault.error(404), "server"),
        (Fault.error(422), "server"),
    ],
)
def test_a_failure_that_may_pass_is_told_with_its_reason(open_desk: Open, fault: Fault, reason: str) -> None:
    bench = open_desk()
    source = bench.source()
    bench.desk.fault(Endpoint.EXPORT, fault)

    with pytest.raises(Unavailable) as failure:
        source.fetch_page(START)

    assert failure.value.reason == reason
    assert "s3cret" not in str(failure.value)
    assert len(source.fetch_page(START).tickets) == 2


def test_a_desk_that_does_not_answer_in_time_is_unavailable(open_desk: Open) -> None:
    bench = open_desk()
    source = bench.source(timeout=timedelta(milliseconds=50))
    bench.desk.fault(Endpoint.EXPORT, Fault(delay=timedelta(days=1)))

    with pytest.raises(Unavailable) as failure:
        source.fetch_page(START)

    assert failure.value.reason == "timeout"


def test_a_desk_that_is_gone_is_unavailable(open_desk: Open) -> None:
    bench = open_desk()
    source = bench.source()
    bench.desk.stop()

    with pytest.raises(Unavailable) as failure:
        source.fetch_page(START)

    assert failure.value.reason == "connect"


@pytest.mark.parametrize(
    ("header", "wish"),
    [("7", timedelta(seconds=7)), (None, timedelta(seconds=60)), ("tomorrow", timedelta(seconds=60))],
)
def test_a_rate_limit_is_told_at_once_with_the_wish_of_the_desk(
    open_desk: Open, header: str | None, wish: timedelta
) -> None:
    bench = open_desk()
    bench.desk.fault(Endpoint.EXPORT, Fault.error(429, retry_after=header))

    with pytest.raises(Unavailable) as failure:
        bench.source().fetch_page(START)

    assert (failure.value.reason, failure.value.retry_after) == ("rate_limited", wish)
    assert bench.clock.now() == NOW


@pytest.mark.parametrize(
    ("text", "wish_s"),
    [
        ("30", 30),
        ("1.5", 1.5),
        ("0", 1),
        ("-5", 1),
        ("1e9", 3600),
        ("inf", 3600),
        ("Mon, 11 May 2026 09:02:30 GMT", 120),
        ("Mon, 11 May 2026 09:02:30 -0000", 120),
        ("Mon, 11 May 2026 08:00:00 GMT", 1),
    ],
)
def test_every_form_of_retry_after_is_understood(text: str, wish_s: float) -> None:
    assert retry_after(text, server_now=NOW) == timedelta(seconds=wish_s)


@pytest.mark.parametrize("text", [None, "", "nan", "soon"])
def test_a_retry_after_that_is_no_time_is_no_wish(text: str | None) -> None:
    assert retry_after(text, server_now=NOW) is None


@pytest.mark.parametrize("status", [400, 404, 422])
def test_a_cursor_that_is_not_accepted_is_refused_as_such(open_desk: Open, status: int) -> None:
    bench = open_desk()
    source = bench.source()
    first = source.fetch_page(START)
    bench.desk.fault(Endpoint.EXPORT, Fault.error(status))

    with pytest.raises(CursorRefused):
        source.fetch_page(after(first))


def test_a_made_up_cursor_is_refused(open_desk: Open) -> None:
    with pytest.raises(CursorRefused):
        open_desk().source().fetch_page(Position(cursor="nonsense", since=SINCE))


Edit = Callable[[Mapping[str, object]], object]


@pytest.mark.parametrize(
    "edit",
    [
        lambda page: {**page, "tickets": None},
        lambda page: {**page, "tickets": [1]},
        lambda page: {**page, "end_of_stream": "false"},
        lambda page: {**page, "after_cursor": None},
        lambda page: {**page, "after_cursor": 7},
        lambda page: {**page, "tickets": [{"id": 1}]},
        lambda page: {**page, "tickets": [{**page["tickets"][0], "created_at": "yesterday"}]},
        lambda page: {**page, "tickets": [{**page["tickets"][0], "created_at": "2026-05-11T09:00:00"}]},
        lambda page: {**page, "tickets": [{**page["tickets"][0], "generated_timestamp": None}]},
        lambda page: {**page, "tickets": [{**page["tickets"][0], "generated_timestamp": 10**17}]},
        lambda page: {**page, "tickets": [], "after_cursor": None, "end_of_stream": False},
    ],
)
def test_a_page_that_makes_no_sense_is_not_believed(open_desk: Open, edit: Edit) -> None:
    bench = open_desk()
    bench.desk.fault(Endpoint.EXPORT, Fault(edit=edit))

    with pytest.raises(Unavailable) as failure:
        bench.source().fetch_page(START)

    assert failure.value.reason == "parse"


def test_a_cursor_that_does_not_move_before_the_end_is_an_error(open_desk: Open) -> None:
    bench = open_desk()
    source = bench.source()
    first = source.fetch_page(START)
    bench.desk.fault(Endpoint.EXPORT, Fault(edit=lambda page: {**page, "after_cursor": first.cursor}))

    with pytest.raises(Unavailable, match="does not move"):
        source.fetch_page(after(first))


def test_an_empty_page_in_the_middle_is_no_end(open_desk: Open) -> None:
    bench = open_desk()
    bench.desk.fault(Endpoint.EXPORT, Fault(edit=lambda page: {**page, "tickets": []}))

    page = bench.source().fetch_page(START)

    assert page.tickets == []
    assert not page.caught_up
    assert page.cursor
    assert page.newest is None


def test_an_empty_end_without_a_cursor_keeps_the_position(open_desk: Open) -> None:
    bench = open_desk()
    source = bench.source()
    first = source.fetch_page(START)
    gone = Fault(edit=lambda page: {**page, "tickets": [], "after_cursor": None, "end_of_stream": True})
    bench.desk.fault(Endpoint.EXPORT, gone, times=2)

    with_cursor = source.fetch_page(after(first))
    without = source.fetch_page(START)

    assert with_cursor.cursor == first.cursor
    assert without.cursor == ""
    assert [ticket.id for ticket in source.fetch_page(after(without)).tickets] == ["1", "2"]


def asked_for(bench: Bench) -> list[int]:
    """How many tickets each export asked for."""
    return [
        int(asked.query["per_page"]) for asked in bench.desk.requests if asked.endpoint is Endpoint.EXPORT
    ]


def test_after_a_504_half_as_much_is_asked_for_down_to_one_ticket(open_desk: Open) -> None:
    bench = open_desk()
    source = bench.source(per_page=1000)
    bench.desk.fault(Endpoint.EXPORT, Fault.error(504), times=10)
    refusals = []

    for _ in range(10):
        with pytest.raises((TooLarge, Unavailable)) as failure:
            source.fetch_page(START)
        refusals.append(failure.type)
        bench.clock.advance(timedelta(seconds=30))
    page = source.fetch_page(START)

    assert asked_for(bench) == [1000, 500, 250, 125, 62, 31, 15, 7, 3, 1, 1]
    assert refusals[:9] == [TooLarge] * 9
    assert refusals[9] is not TooLarge
    assert [ticket.id for ticket in page.tickets] == ["1"]


def test_after_a_while_without_504_more_is_asked_for_again(open_desk: Open) -> None:
    bench = open_desk(token_life=timedelta(days=1))
    source = bench.source(per_page=5)
    bench.desk.fault(Endpoint.EXPORT, Fault.error(504))
    with pytest.raises(TooLarge):
        source.fetch_page(START)

    for _ in range(30):
        source.fetch_page(START)
        bench.clock.advance(timedelta(minutes=1))

    assert asked_for(bench) == [5] + [2] * 10 + [4] * 10 + [5] * 10


def test_a_504_from_anything_but_the_export_is_no_reason_to_ask_for_less(open_desk: Open) -> None:
    bench = open_desk()
    source = bench.source()
    bench.desk.fault(Endpoint.BRANDS, Fault.error(504))

    with pytest.raises(Unavailable):
        source.fetch_page(START)
    source.fetch_page(START)

    assert asked_for(bench) == [2, 2]


def test_a_beginning_that_is_too_recent_lies_further_back_the_next_time(open_desk: Open) -> None:
    bench = open_desk()
    source = bench.source()
    present = Position(cursor=None, since=NOW)
    bench.desk.fault(Endpoint.EXPORT, Fault.error(422), times=2)

    for _ in range(2):
        with pytest.raises(Unavailable, match=r"answers 422: .* by its clock; set the clock here right"):
            source.fetch_page(present)
    source.fetch_page(present)

    exports = [asked for asked in bench.desk.requests if asked.endpoint is Endpoint.EXPORT]
    assert [EPOCH - int(asked.query["start_time"]) for asked in exports] == [61, 122, 244]


def test_a_redirect_is_refused_and_not_followed(open_desk: Open) -> None:
    bench = open_desk()
    elsewhere = {"Location": f"{bench.desk.url}/api/v2/brands"}
    bench.desk.fault(Endpoint.EXPORT, Fault(status=302, headers=elsewhere))

    with pytest.raises(Unavailable, match=r"redirects to 127\.0\.0\.1"):
        bench.source().fetch_page(START)

    assert [asked.endpoint for asked in bench.desk.requests] == [Endpoint.TOKENS, Endpoint.EXPORT]


# clocks


@pytest.mark.parametrize("location", ["http://[::1", "", "//", "https://elsewhere.example/"])
def test_a_redirect_to_anything_is_refused_whatever_it_names(open_desk: Open, location: str) -> None:
    bench = open_desk()
    bench.desk.fault(Endpoint.EXPORT, Fault(status=302, headers={"Location": location}))

    with pytest.raises(Unavailable, match=r"answers 302|redirects to "):
        bench.source().fetch_page(START)


@pytest.mark.parametrize(
    "date",
    [
        "no date",
        "Mon, 99 May 2026 10:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 -2300",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Wed, 13 May 2026 09:00:30 GMT",
    ],
)
def test_a_date_that_is_none_or_days_away_is_no_date(open_desk: Open, date: str) -> None:
    bench = open_desk()
    bench.desk.fault(Endpoint.EXPORT, Fault(headers={"Date": date}))

    page = bench.source(per_page=1000).fetch_page(START)

    assert (page.caught_up, page.watermark) == (True, None)


def test_json_that_is_nested_without_end_is_no_json(open_desk: Open) -> None:
    bench = open_desk()
    bench.desk.fault(Endpoint.EXPORT, Fault(body=b'{"tickets":' + b"[" * 200_000))

    with pytest.raises(Unavailable, match="that is no JSON"):
        bench.source().fetch_page(START)


@pytest.mark.parametrize("minutes", [-10, 10])
def test_a_clock_that_is_wrong_is_measured_and_warned_of_once(
    open_desk: Open, minutes: int, caplog: pytest.LogCaptureFixture
) -> None:
    bench = open_desk()
    source = bench.source()
    wrong = timedelta(minutes=minutes)
    bench.clock.advance(wrong)
    stated = {"Date": "Mon, 11 May 2026 09:00:30 GMT"}
    bench.desk.fault(Endpoint.TOKENS, Fault(headers=stated))
    bench.desk.fault(Endpoint.EXPORT, Fault(headers=stated), times=2)
    bench.desk.fault(Endpoint.BRANDS, Fault(headers=stated))

    with caplog.at_level(logging.INFO, logger="spikewatch.adapters.zendesk.client"):
        page = source.fetch_page(START)
        source.fetch_page(START)
        bench.clock.advance(-wrong)
        source.fetch_page(START)

    assert page.newest is not None
    assert [noted["ahead"] for noted in bench.meter.of("clock_skew")][:2] == [-wrong, -wrong]
    assert [record.message for record in caplog.records] == ["source_clock_skewed", "source_clock_agrees"]


def test_a_slow_answer_does_not_make_a_clock_wrong() -> None:
    asked_at, stated = NOW, NOW + timedelta(seconds=10)

    assert skew(stated, asked_at=asked_at, answered_at=NOW + timedelta(minutes=2)) == timedelta(0)


def test_a_clock_that_is_set_back_during_a_request_still_gives_a_skew() -> None:
    assert skew(NOW, asked_at=NOW, answered_at=NOW - timedelta(hours=1)) == timedelta(0)


# signing in


def test_an_expired_token_is_renewed_without_anybody_noticing(open_desk: Open) -> None:
    bench = open_desk()
    source = bench.source()
    first = source.fetch_page(START)

    bench.desk.revoke_tokens()
    second = source.fetch_page(after(first))

    assert [ticket.id for ticket in second.tickets] == ["3", "4"]
    assert sum(asked.endpoint is Endpoint.TOKENS for asked in bench.desk.requests) == 2


def test_a_token_is_renewed_before_it_expires(open_desk: Open) -> None:
    bench = open_desk()
    source = bench.source()
    first = source.fetch_page(START)

    bench.clock.advance(timedelta(minutes=29))
    source.fetch_page(after(first))

    asked = [request.endpoint for request in bench.desk.requests]
    assert asked[-2:] == [Endpoint.TOKENS, Endpoint.EXPORT]


def test_a_wrong_secret_is_refused_for_good(open_desk: Open) -> None:
    source = open_desk().source(secret="wr0ng")

    with pytest.raises(CredentialsRefused, match="SPIKEWATCH_DESK_CLIENT_SECRET") as failure:
        source.fetch_page(START)

    assert "wr0ng" not in str(failure.value)


def test_a_fresh_token_that_is_refused_means_wrong_permissions(open_desk: Open) -> None:
    bench = open_desk()
    bench.desk.fault(Endpoint.EXPORT, Fault.error(401), times=2)

    with pytest.raises(CredentialsRefused):
        bench.source().fetch_page(START)

    assert sum(asked.endpoint is Endpoint.EXPORT for asked in bench.desk.requests) == 2


def test_a_user_who_is_no_admin_is_refused(open_desk: Open) -> None:
    bench = open_desk()
    bench.desk.fault(Endpoint.EXPORT, Fault(status=403, headers={"Content-Type": "text/html"}, body=b""))

    with pytest.raises(CredentialsRefused, match="admin"):
        bench.source().fetch_page(START)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault.error(503), "server"),
        (Fault.error(404), "server"),
        (Fault.error(429), "rate_limited"),
        (Fault(drop=True), "connect"),
        (Fault(body=b"{}"), "parse"),
        (Fault(body=b'{"access_token": "a\\nb"}'), "parse"),
        (Fault(body=b'{"access_token": "a", "expires_in": 0}'), "parse"),
    ],
)
def test_a_sign_in_that_fails_for_now_is_tried_again(open_desk: Open, fault: Fault, reason: str) -> None:
    bench = open_desk()
    source = bench.source()
    bench.desk.fault(Endpoint.TOKENS, fault)

    with pytest.raises(Unavailable) as failure:
        source.fetch_page(START)

    assert failure.value.reason == reason
    assert source.fetch_page(START).tickets


def test_loopback_is_reached_past_any_proxy(open_desk: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")

    page = open_desk().source().fetch_page(START)

    assert page.tickets


# settings


def test_an_account_is_named_by_subdomain_or_address() -> None:
    by_name, by_address = settings(subdomain="acme"), settings(url="https://help.example.com/")

    assert by_name.address == "https://acme.zendesk.com"
    assert by_address.address == "https://help.example.com"
    assert by_name.secret_variable == "SPIKEWATCH_DESK_CLIENT_SECRET"
    assert not by_name.is_local
    assert settings(url="http://localhost:8081").is_local


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, "name the account by subdomain"),
        ({"subdomain": "acme", "url": "https://acme.example"}, "not both"),
        ({"url": "http://acme.example"}, "use https"),
        ({"url": "acme"}, "is no address"),
        ({"subdomain": "acme", "name": "My Desk"}, "pattern"),
        ({"subdomain": "acme", "category": {}}, "exactly one of"),
        ({"subdomain": "acme", "category": {"field": 9, "tag": "c_*"}}, "exactly one of"),
        ({"subdomain": "acme", "category": {"tag": "c_"}}, "one star"),
        ({"subdomain": "acme", "fallback": "*"}, "is no name"),
        ({"subdomain": "acme", "requests_per_minute": 0}, "greater than 0"),
        ({"subdomain": "acme", "subdomian": "acme"}, "subdomian"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes: Mapping[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        settings(**changes)


# other ways to sign in


@pytest.mark.parametrize(
    ("ways", "secret"),
    [
        ({"auth": "oauth_token", "client_id": None}, "lasting-token"),
        ({"auth": "api_token", "client_id": None, "email": "ops@acme.example"}, "api-token"),
    ],
)
def test_a_token_that_lasts_signs_every_request_without_signing_in(
    ways: Mapping[str, object], secret: str
) -> None:
    clock = ManualClock(NOW)
    tokens = ("lasting-token", "ops@acme.example/token:api-token")
    with HelpDesk(
        TICKETS, now=clock.now, client_id="tests", client_secret="s3cret", catalogue=CATALOGUE, tokens=tokens
    ) as desk:
        chosen = settings(url=desk.url, **ways)
        source = ZendeskSource(chosen, secret=SecretStr(secret), clock=clock, meter=MemoryMeter())
        page = source.fetch_page(START)
        desk.revoke_tokens()
        with pytest.raises(CredentialsRefused) as refused:
            source.fetch_page(after(page))
        asked = [each.endpoint for each in desk.requests]
        source.close()

    assert len(page.tickets) == 2
    assert Endpoint.TOKENS not in asked
    assert chosen.secret_variable in str(refused.value)
    assert secret not in str(refused.value)


def test_the_limit_of_the_whole_account_is_stated(open_desk: Open) -> None:
    page = open_desk().source().fetch_page(START)

    assert page.account is not None
    assert (page.account.limit, page.account.remaining) == (700, 699)
    assert page.account.resets_at == NOW + timedelta(seconds=30)


def test_a_desk_without_tls_is_not_trusted(open_desk: Open) -> None:
    bench = open_desk()
    source = bench.source()
    https = ZendeskSource(
        settings(url=bench.desk.url.replace("http://", "https://")),
        secret=SecretStr("s3cret"),
        clock=bench.clock,
        meter=bench.meter,
    )
    bench.sources.append(https)

    with pytest.raises(Unavailable, match="no valid TLS certificate") as failure:
        https.fetch_page(START)

    assert failure.value.reason == "connect"
    assert source.fetch_page(START).tickets


def test_the_account_counts_by_desk_brand_and_rule_what_search_can_say(open_desk: Open) -> None:
    bench = open_desk()
    source = bench.source()
    source.fetch_page(START)
    bench.clock.advance(timedelta(minutes=10))
    found = {
        (scope.level, scope.name): source.count(scope, start=SINCE, end=NOW)
        for scope in source.scopes([SeriesKey("Payments", "login"), SeriesKey("Payments", "uncategorised")])
    }

    assert found == {("rule", "login"): 5, ("brand", "Payments"): 5, ("desk", ""): 5}


def test_a_query_that_the_search_refuses_is_told_with_its_words(open_desk: Open) -> None:
    bench = open_desk()
    source = bench.source()
    bench.desk.fault(Endpoint.SEARCH, Fault.error(422))
    by_category, *_ = source.scopes([SeriesKey("Payments", "login")])

    with pytest.raises(QueryRefused, match=r'answers 422 when asked for .* custom_field_900:"login"'):
        source.count(by_category, start=SINCE, end=NOW)


@pytest.mark.parametrize("status", [403, 404])
def test_an_account_that_does_not_show_its_fields_counts_all_that_can_be_said_without_them(
    open_desk: Open, status: int
) -> None:
    bench = open_desk()
    source = bench.source()
    source.fetch_page(START)
    bench.desk.fault(Endpoint.FIELDS, Fault.error(status))

    scopes = source.scopes([SeriesKey("Payments", "login")])

    assert [(scope.level, scope.name) for scope in scopes] == [("brand", "Payments"), ("desk", "")]


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        ({"from": "brand"}, "Payments"),
        ({"from": "group"}, "Night shift"),
        ({"from": "form"}, "Contact"),
        ({"from": "organisation"}, "Example KK"),
        ({"from": "channel"}, "chat"),
        ({"field": 900}, "login"),
        ({"field": 900, "show": "label"}, "Log-in problems"),
    ],
)
def test_whatever_a_search_can_say_it_counts_as_the_rules_do(
    open_desk: Open, rule: Mapping[str, object], name: str
) -> None:
    one = ticket_with(
        id=1, group_id=5, form_id=7, organization_id=9, channel="chat", created_at=NOW - timedelta(minutes=20)
    )
    other = replace(
        one, id=2, brand_id=22, group_id=6, form_id=8, organization_id=10, channel="web", values=()
    )
    bench = open_desk(one, replace(one, id=3), other)
    source = bench.source(category=rule, per_page=1000)
    page = source.fetch_page(START)

    scopes = source.scopes([ticket.series for ticket in page.tickets])
    counted = {
        scope.name: source.count(scope, start=SINCE, end=NOW)
        for scope in scopes
        if scope.level != "desk" and {key.category for key in scope.series} == {name}
    }

    assert counted[name] == 2
