"""What an account calls things: how often it is asked for names, and what counts while a name is not known yet."""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from spikewatch.adapters.clock import ManualClock
from spikewatch.adapters.memory import MemoryMeter
from spikewatch.adapters.zendesk.settings import ZendeskSettings
from spikewatch.adapters.zendesk.source import ZendeskSource
from spikewatch.ports import Position, Unavailable
from spikewatch.sandbox.helpdesk import Catalogue, DeskTicket, DropDown, Endpoint, Fault, HelpDesk

NOW = datetime(2026, 5, 11, 9, 0, 30, tzinfo=UTC)
SINCE = NOW - timedelta(days=1)
MINUTE = timedelta(minutes=1)
FIELD = 900
CATALOGUE = Catalogue(
    brands={21: "Payments"},
    fields=(DropDown(FIELD, "Category", {"login": "Log-in", "refund": "Refund"}),),
    forms={7: "Contact form"},
    organizations={number: f"Company {number}" for number in range(1, 2001)},
)
RULES = {
    "service": [{"from": "organisation"}, {"from": "brand"}],
    "category": {"field": FIELD, "show": "label"},
}


@dataclass
class Bench:
    """A desk that shows one ticket a page, the clock, and who reads it page by page."""

    desk: HelpDesk
    clock: ManualClock
    source: ZendeskSource
    cursor: str | None = None
    services: list[str] = field(default_factory=list)

    def read(self, pages: int = 1, *, apart: timedelta = timedelta(0)) -> list[Endpoint]:
        """Read so many pages on; return what was asked for, sign-in and pages left out."""
        before = len(self.desk.requests)
        for _ in range(pages):
            self.clock.advance(apart)
            page = self.source.fetch_page(Position(cursor=self.cursor, since=SINCE))
            self.cursor = page.cursor
            self.services += [ticket.service for ticket in page.tickets]
        return [
            asked.endpoint
            for asked in self.desk.requests[before:]
            if asked.endpoint not in {Endpoint.TOKENS, Endpoint.EXPORT}
        ]

    def named(self, *, organisation: int) -> str:
        """What a ticket of the organisation counts under now."""
        return self.source.naming.series_of((f"organisation:{organisation}",)).service

    @property
    def looked_up(self) -> list[str]:
        """The numbers of each look-up of organisations."""
        return [
            asked.query["ids"] for asked in self.desk.requests if asked.endpoint is Endpoint.ORGANIZATIONS
        ]


Open = Callable[..., Bench]


@pytest.fixture
def open_desk() -> Iterator[Open]:
    """`open_desk(*rows)` starts a desk with a ticket for each row; it and its source are closed afterwards."""
    opened: list[Bench] = []

    def start(
        *rows: Mapping[str, object],
        names: Mapping[str, str] | None = None,
        per_page: int = 1,
        **rules: object,
    ) -> Bench:
        clock = ManualClock(NOW)
        tickets = [
            DeskTicket(
                number,
                created_at=NOW - timedelta(hours=2),
                generated_timestamp=int(NOW.timestamp()) - 7200 + number,
                **{"values": ((FIELD, "login"),), **row},  # type: ignore[arg-type]  # each test names real fields
            )
            for number, row in enumerate(rows, start=1)
        ]
        desk = HelpDesk(
            tickets,
            now=clock.now,
            client_id="tests",
            client_secret="s3cret",
            catalogue=CATALOGUE,
            exports_per_minute=10_000,
            requests_per_minute=10_000,
            token_life=timedelta(days=10),
        ).start()
        settings = ZendeskSettings.model_validate(
            {
                "kind": "zendesk",
                "name": "desk",
                "client_id": "tests",
                "url": desk.url,
                "per_page": per_page,
                **RULES,
                **rules,
            }
        )
        source = ZendeskSource(
            settings, secret=SecretStr("s3cret"), clock=clock, meter=MemoryMeter(), names=names
        )
        opened.append(Bench(desk, clock, source))
        return opened[-1]

    yield start
    for bench in opened:
        bench.source.close()
        bench.desk.stop()


def of(organisation: int) -> dict[str, object]:
    return {"organization_id": organisation}


def test_an_unknown_organisation_costs_one_look_up_of_itself_alone(open_desk: Open) -> None:
    bench = open_desk(of(1), {"brand_id": 21}, of(2))
    bench.read(2)

    asked = bench.read()

    assert asked == [Endpoint.ORGANIZATIONS]
    assert bench.looked_up == ["1", "2"]
    assert bench.services == ["Company 1", "Payments", "Company 2"]


def test_organisations_of_one_page_are_looked_up_together(open_desk: Open) -> None:
    bench = open_desk(*(of(number) for number in range(1, 251)), per_page=1000)

    bench.read()

    assert [len(numbers.split(",")) for numbers in bench.looked_up] == [100, 100, 50]
    assert bench.services == [f"Company {number}" for number in range(1, 251)]


def test_many_unknown_organisations_are_looked_up_at_a_pace_and_all_are_named_in_the_end(
    open_desk: Open,
) -> None:
    bench = open_desk(*(of(number) for number in range(1, 61)))

    at_once = bench.read(59).count(Endpoint.ORGANIZATIONS)
    after = bench.read(apart=MINUTE).count(Endpoint.ORGANIZATIONS)

    assert at_once == 20
    assert after == 1
    assert bench.services[20] == "organisation 21"
    assert {bench.named(organisation=number) for number in range(1, 61)} == {
        f"Company {number}" for number in range(1, 61)
    }


def test_an_organisation_that_nobody_knows_is_looked_up_once_an_hour(open_desk: Open) -> None:
    bench = open_desk(*(of(9_999) for _ in range(5)))

    bench.read(4, apart=MINUTE)
    once = len(bench.looked_up)
    bench.read(apart=timedelta(hours=1))

    assert (once, len(bench.looked_up)) == (1, 2)
    assert set(bench.services) == {"organisation 9999"}


def test_an_organisation_is_looked_up_again_after_an_hour_and_its_new_name_is_taken(open_desk: Open) -> None:
    bench = open_desk(of(1), of(1))
    bench.read()
    renamed = Fault(edit=lambda body: {**body, "organizations": [{"id": 1, "name": "New Company"}]})
    bench.desk.fault(Endpoint.ORGANIZATIONS, renamed)

    bench.read(apart=timedelta(hours=1))

    assert bench.services == ["Company 1", "New Company"]


def test_brands_that_the_list_does_not_show_read_it_once_a_minute_at_most(open_desk: Open) -> None:
    bench = open_desk(*({"brand_id": 1000 + number} for number in range(30)))

    asked = bench.read(29, apart=timedelta(seconds=1))
    after = bench.read(apart=MINUTE)

    assert asked.count(Endpoint.BRANDS) == 1
    assert after.count(Endpoint.BRANDS) == 1
    assert set(bench.services) == {f"brand {1000 + number}" for number in range(30)}


def test_a_brand_that_came_while_the_list_was_fresh_is_named_a_minute_later(open_desk: Open) -> None:
    bench = open_desk({"brand_id": 21}, {"brand_id": 22}, {})
    bench.read(2)
    made = Fault(edit=lambda body: {**body, "brands": [*body["brands"], {"id": 22, "name": "Shop"}]})
    bench.desk.fault(Endpoint.BRANDS, made)

    bench.read(apart=MINUTE)

    assert bench.services[1] == "brand 22"
    assert bench.source.naming.series_of(("brand:22",)).service == "Shop"


def test_a_look_up_that_fails_costs_no_name_that_came_before_it(open_desk: Open) -> None:
    bench = open_desk({"brand_id": 21}, of(3))
    bench.read()
    bench.desk.fault(Endpoint.ORGANIZATIONS, Fault.error(503))

    with pytest.raises(Unavailable):
        bench.read()
    asked = bench.read()

    assert asked == [Endpoint.ORGANIZATIONS]
    assert bench.services == ["Payments", "Company 3"]


def test_names_learnt_do_not_change_the_naming_when_they_are_learnt_again(open_desk: Open) -> None:
    bench = open_desk(of(2), of(1), {"brand_id": 21}, of(2), of(1), {"brand_id": 21})
    bench.read(3)
    before = bench.source.naming.digest

    again = bench.read(3, apart=timedelta(hours=1))

    assert {Endpoint.ORGANIZATIONS, Endpoint.BRANDS, Endpoint.FIELDS} <= set(again)
    assert bench.source.naming.digest == before


def test_names_from_before_a_restart_hold_until_the_account_says_otherwise(open_desk: Open) -> None:
    bench = open_desk(of(1), of(7_000), names={"organisation:1": "Old Company", "organisation:7000": "Gone"})

    bench.read(2)

    assert bench.services == ["Company 1", "Gone"]


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        (Endpoint.BRANDS, {}),
        (Endpoint.BRANDS, {"brands": None}),
        (Endpoint.BRANDS, {"brands": ["Payments"]}),
        (Endpoint.BRANDS, {"brands": [{"id": 21}]}),
        (Endpoint.BRANDS, {"brands": [{"name": "Payments"}]}),
        (Endpoint.ORGANIZATIONS, {}),
        (Endpoint.ORGANIZATIONS, {"organizations": {"1": "Company"}}),
        (Endpoint.FIELDS, {"ticket_fields": [{"title": "Category"}]}),
        (Endpoint.FIELDS, {"ticket_fields": [{"id": FIELD, "custom_field_options": [{"name": "Log-in"}]}]}),
    ],
)
def test_a_list_that_makes_no_sense_is_said_to_be_none(
    open_desk: Open, endpoint: Endpoint, body: object
) -> None:
    bench = open_desk({"brand_id": 21, "organization_id": 1})
    bench.desk.fault(endpoint, Fault(edit=lambda _: body), times=2)

    with pytest.raises(Unavailable, match=r"answers with .* when asked for") as told:
        bench.read()
    with pytest.raises(Unavailable, match=r"answers with .* when asked for"):
        bench.source.names({"brand:21", "organisation:1", f"field:{FIELD}=login"})

    assert told.value.reason == "parse"


def test_a_form_is_named_and_a_list_of_forms_that_makes_no_sense_is_told(open_desk: Open) -> None:
    bench = open_desk({"form_id": 7}, service={"from": "form"})
    bench.desk.fault(Endpoint.FORMS, Fault(edit=lambda _: {"error": "odd"}))

    with pytest.raises(Unavailable, match="no such list when asked for ticket_forms"):
        bench.read()
    bench.read()

    assert bench.services == ["Contact form"]


def test_a_name_that_was_cut_in_the_middle_of_an_emoji_can_be_stored(open_desk: Open) -> None:
    bench = open_desk({"brand_id": 21}, service={"from": "brand"})
    cut = Fault(edit=lambda body: {**body, "brands": [{"id": 21, "name": "Pay \ud83d"}]})
    bench.desk.fault(Endpoint.BRANDS, cut)

    bench.read()

    assert bench.services == ["Pay ?"]
    assert bench.source.naming.names["brand:21"].encode()


@pytest.mark.parametrize("status", [403, 404])
def test_names_that_are_refused_are_done_without_and_asked_for_again_in_an_hour(
    open_desk: Open, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    bench = open_desk(*({"brand_id": 21} for _ in range(4)), service={"from": "brand"})
    bench.desk.fault(Endpoint.BRANDS, Fault.error(status), times=2)

    bench.read(2, apart=MINUTE)
    bench.read(2, apart=timedelta(hours=1))

    assert bench.services == ["brand 21", "brand 21", "brand 21", "Payments"]
    assert [asked.endpoint for asked in bench.desk.requests].count(Endpoint.BRANDS) == 3
    told = [record for record in caplog.records if "names" in record.getMessage()]
    assert [each.getMessage() for each in told] == ["names_failed", "names_recovered"]
    assert (vars(told[0])["source"], vars(told[0])["of"]) == ("desk", "brand")


def test_while_a_list_is_not_to_be_had_what_was_known_of_it_stands(open_desk: Open) -> None:
    bench = open_desk(*({"brand_id": 21} for _ in range(5)), service={"from": "brand"})
    bench.read()
    bench.desk.fault(Endpoint.BRANDS, Fault.error(503), times=2)

    hourly = bench.read(apart=timedelta(hours=1))
    at_once = bench.read(apart=timedelta(seconds=30))
    later = bench.read(2, apart=MINUTE)

    assert (hourly.count(Endpoint.BRANDS), at_once, later.count(Endpoint.BRANDS)) == (1, [], 2)
    assert bench.services == ["Payments"] * 5


def test_while_organisations_are_not_to_be_had_what_was_known_of_them_stands(open_desk: Open) -> None:
    bench = open_desk(of(1), of(1))
    bench.read()
    bench.desk.fault(Endpoint.ORGANIZATIONS, Fault.error(503))

    bench.read(apart=timedelta(hours=1))

    assert bench.services == ["Company 1", "Company 1"]


def test_a_rate_limit_met_on_the_way_to_a_name_holds_for_all(open_desk: Open) -> None:
    bench = open_desk({"brand_id": 21}, {"brand_id": 21})
    bench.read()
    bench.desk.fault(Endpoint.BRANDS, Fault.error(429, retry_after="20"))

    with pytest.raises(Unavailable) as limited:
        bench.read(apart=timedelta(hours=1))

    assert (limited.value.reason, limited.value.retry_after) == ("rate_limited", timedelta(seconds=20))


def test_names_still_to_be_asked_for_hold_up_no_page_that_does_not_want_them(open_desk: Open) -> None:
    bench = open_desk(*(of(number) for number in range(1, 22)), {"brand_id": 21}, {"brand_id": 21})
    bench.read(21)
    bench.desk.fault(Endpoint.ORGANIZATIONS, Fault.error(503))

    bench.read(apart=MINUTE)
    without = bench.named(organisation=21)
    bench.read(apart=MINUTE)

    assert bench.services[20:] == ["organisation 21", "Payments", "Payments"]
    assert (without, bench.named(organisation=21)) == ("organisation 21", "Company 21")


def test_an_organisation_that_was_refused_is_named_in_an_hour_whatever_comes_then(open_desk: Open) -> None:
    bench = open_desk(of(1), {"brand_id": 21}, {"brand_id": 21})
    bench.desk.fault(Endpoint.ORGANIZATIONS, Fault.error(403))

    bench.read(2)
    before = bench.named(organisation=1)
    bench.read(apart=timedelta(hours=1))

    assert (before, bench.named(organisation=1)) == ("organisation 1", "Company 1")
    assert len(bench.looked_up) == 2
