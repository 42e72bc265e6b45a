"""Every scenario of the simulated desk, read by the real source into a store, against a recount of what the desk holds."""

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from spikewatch import recounting
from spikewatch.adapters.clock import ManualClock
from spikewatch.adapters.memory import MemoryMeter, MemoryStore
from spikewatch.adapters.zendesk.settings import ZendeskSettings
from spikewatch.adapters.zendesk.source import ZendeskSource
from spikewatch.core.counts import SeriesKey
from spikewatch.core.settings import ReconcileSettings
from spikewatch.ingest import Ingest, Outcome, PollResult
from spikewatch.pacing import Pace
from spikewatch.ports import Position
from spikewatch.reconciling import Reconciler
from spikewatch.sandbox.helpdesk import (
    SCENARIOS,
    Catalogue,
    DeskTicket,
    DropDown,
    Endpoint,
    HelpDesk,
    Script,
    Stock,
)
from tests.oracles.desk import recount

BEGINS = datetime(2026, 5, 11, 9, 0, 30, tzinfo=UTC)
SINCE = BEGINS - timedelta(days=2)
STEP = timedelta(minutes=5)
POLL_EVERY = timedelta(minutes=4)
PLAYS = timedelta(hours=2)
WITHHELD = timedelta(minutes=1)
FIELD = 900
PER_PAGE = 200
CATALOGUE = Catalogue(
    brands={1: "shop", 2: "payments"},
    fields=(DropDown(FIELD, "Category", {"login": "Log-in", "refund": "Refund", "parcel": "Parcel"}),),
)
OPTIONS = tuple(CATALOGUE.fields[0].options)
TICKETS = tuple(
    DeskTicket(
        number,
        created_at=SINCE + number * timedelta(minutes=4),
        generated_timestamp=int((SINCE + number * timedelta(minutes=4)).timestamp()) + 3,
        brand_id=1 + number % 2,
        values=((FIELD, OPTIONS[number % len(OPTIONS)]),),
    )
    for number in range(1, 780)
)
"""Fifteen an hour, before the scenario begins and for hours after."""

LATE = {
    "import-weeks-back": 2000,
    "created-in-1970": 10,
    "export-loses-tickets": 2,
    "shown-late": 6,
    "last-too-soon": 303,
}
"""Scenarios in which tickets arrive that are history and no news, and how many.

Whoever believes that a page is the last believes that older tickets have all come: the rest of the crowd is late.
"""

CHECKED = {"export-loses-tickets", "search-counts-more", "search-refused", "shown-late"}
"""Scenarios that only the nightly check notices."""

NOT_READ = {"nobody"}
"""Scenarios of which reading notices nothing."""

IMPATIENT = {"no-answer"}
"""Scenarios whose answers nobody waits for long."""

STOCK = Stock.of(TICKETS, catalogue=CATALOGUE, begins=BEGINS)


@dataclass
class Reading:
    """A desk that plays a scenario, and whoever reads it."""

    tickets: Sequence[DeskTicket]
    script: Script
    clock: ManualClock
    desk: HelpDesk
    meter: MemoryMeter
    store: MemoryStore
    source: ZendeskSource
    ingest: Ingest
    reconciler: Reconciler | None

    @property
    def desk_now(self) -> datetime:
        """The instant at the desk."""
        return self.clock.now() + self.script.ahead

    def behind(self) -> timedelta:
        """How far the watermark is behind what the desk shows."""
        state = self.store.source_state("desk")
        assert state is not None
        assert state.watermark is not None
        return self.desk_now - WITHHELD - state.watermark

    def play(self, duration: timedelta) -> list[PollResult]:
        """Read for so long, poll after poll."""
        until = self.clock.now() + duration
        results = []
        while self.clock.now() < until:
            results.append(self.ingest.poll())
            assert recounting.finish(self.store, "desk", clock=self.clock)
            if self.reconciler is not None:
                self.reconciler.run()
            self.clock.advance(POLL_EVERY)
        return results

    def counted(self) -> Counter[tuple[int, SeriesKey]]:
        """What the store has counted."""
        rows = self.store.counts(first=-(2**40), stop=2**40)
        return Counter({(row.bucket, row.series): row.tickets for row in rows})

    def late(self) -> int:
        """How many tickets are history only."""
        return sum(row.late for row in self.store.counts(first=-(2**40), stop=2**40))


@contextmanager
def reading(name: str, tickets: Sequence[DeskTicket] = TICKETS) -> Iterator[Reading]:
    """Read the desk that plays the scenario of that name, from the moment on at which it begins."""
    script = SCENARIOS[name].script(Stock.of(tickets, catalogue=CATALOGUE, begins=BEGINS))
    clock = ManualClock(BEGINS - script.ahead)
    every = (*tickets, *script.tickets)
    with HelpDesk(
        every,
        now=lambda: clock.now() + script.ahead,
        client_id="tests",
        client_secret="s3cret",
        catalogue=CATALOGUE,
        spells=script.spells,
    ) as desk:
        settings = ZendeskSettings.model_validate(
            {
                "kind": "zendesk",
                "name": "desk",
                "url": desk.url,
                "client_id": "tests",
                "category": {"field": FIELD},
                "per_page": PER_PAGE,
                "timeout": timedelta(seconds=0.25 if name in IMPATIENT else 20),
            }
        )
        meter, store = MemoryMeter(), MemoryStore(step=STEP)
        source = ZendeskSource(settings, secret=SecretStr("s3cret"), clock=clock, meter=meter)
        with closing(source):
            ingest = Ingest(source, store, clock=clock, meter=meter, since=SINCE)
            reconciler = Reconciler(
                source,
                store,
                settings=ReconcileSettings(at=time(10)),
                zone=ZoneInfo("UTC"),
                remembers=timedelta(weeks=13),
                clock=clock,
                meter=meter,
                pace=Pace(),
                turn=threading.Lock(),
            )
            checks = reconciler if name in CHECKED else None
            yield Reading(every, script, clock, desk, meter, store, source, ingest, checks)


@pytest.mark.parametrize("name", SCENARIOS)
def test_whatever_happens_the_counts_end_up_as_the_desk_holds_them(name: str) -> None:
    with reading(name) as read:
        read.play(PLAYS)

        read.clock.advance(timedelta(minutes=10))
        last = read.ingest.poll()

        assert last.detail == ""
        assert read.behind() < timedelta(minutes=1)
        assert read.counted() == recount(
            read.tickets, until=read.desk_now - WITHHELD, step=STEP, brands=CATALOGUE.brands, field=FIELD
        )
        assert read.late() == LATE.get(name, 0)
        assert all(read.desk.spoiled) or name in NOT_READ


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_is_described_and_begins_when_it_is_played(name: str) -> None:
    scenario = SCENARIOS[name]

    script = scenario.script(STOCK)

    assert scenario.says
    assert script.tickets or script.spells or script.ahead
    assert all(ticket.generated_timestamp >= BEGINS.timestamp() for ticket in script.tickets)
    assert all(spell.start >= BEGINS for spell in script.spells)


def test_a_mass_update_of_old_tickets_is_lag_and_no_stall_and_changes_no_count() -> None:
    old = tuple(
        replace(
            TICKETS[0],
            id=1000 + number,
            created_at=SINCE + number * timedelta(seconds=25),
            generated_timestamp=int(SINCE.timestamp()) + 25 * number,
        )
        for number in range(6000)
    )
    with reading("mass-system-update", old) as read:
        read.play(timedelta(minutes=12))
        before = read.counted()

        polls = read.play(timedelta(minutes=40))

        sent_again = [poll for poll in polls if poll.tickets]
        assert sum(poll.tickets for poll in sent_again) == len(read.script.tickets) == 5000
        assert all(poll.pages <= 5 for poll in polls)
        assert [poll.outcome for poll in sent_again] == [Outcome.MORE] * 4 + [Outcome.CAUGHT_UP]
        assert all(poll.changes.ignored == poll.tickets for poll in sent_again)
        assert read.counted() == before
        assert read.late() == 0
        assert read.behind() < 2 * POLL_EVERY


def test_what_the_export_left_out_is_found_by_night_and_counted() -> None:
    with reading("export-loses-tickets") as read:
        read.play(PLAYS)

        (swept,) = [noted["missed"] for noted in read.meter.of("reconciled") if noted["check"] == "sweep"]
        assert swept == read.late() == LATE["export-loses-tickets"]


def test_a_search_that_counts_more_is_noticed_by_desk_by_brand_and_by_rule() -> None:
    with reading("search-counts-more") as read:
        read.play(PLAYS)

        noted = [each for each in read.meter.of("reconciled") if each["check"] != "sweep"]
        assert [(each["check"], each["difference"]) for each in noted[-3:]] == [
            ("brand", 5),
            ("desk", 5),
            ("rule", 5),
        ]


def test_a_search_that_refuses_rules_still_counts_brands_and_the_whole_desk(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with reading("search-refused") as read:
        read.play(PLAYS)

        noted = [each["check"] for each in read.meter.of("reconciled")]
        refused = [record for record in caplog.records if record.getMessage() == "count_refused"]
        assert noted == ["sweep", "brand", "desk"]
        assert {vars(each)["of"] for each in refused} == set(OPTIONS)


def test_a_limit_of_an_hour_is_an_hour_of_silence_and_nothing_is_late_afterwards() -> None:
    with reading("rate-limited-for-an-hour") as read:
        read.play(timedelta(minutes=60))
        silent = [asked.at for asked in read.desk.requests if asked.at > BEGINS + timedelta(minutes=13)]
        behind = read.behind()

        read.play(timedelta(minutes=30))

        assert silent == []
        assert behind > timedelta(minutes=45)
        assert read.behind() < 2 * POLL_EVERY
        assert read.late() == 0


def test_a_page_that_is_too_slow_is_asked_for_in_smaller_parts_and_costs_minutes_only() -> None:
    with reading("too-slow") as read:
        read.play(timedelta(minutes=20))

        asked = [int(each.query["per_page"]) for each in read.desk.requests if "per_page" in each.query]
        assert asked[-1] == 100
        assert read.behind() < 2 * POLL_EVERY


def test_what_an_ai_agent_closes_out_of_sight_stays_as_it_was_seen_last() -> None:
    with reading("ai-agent") as read:
        read.play(timedelta(minutes=14))
        seen = sum(read.counted().values())

        polls = read.play(timedelta(minutes=14))

        arrived = sum(poll.tickets for poll in polls)
        assert sum(ticket.status == "closed" for ticket in read.script.tickets) == 10
        assert sum(read.counted().values()) == seen + arrived
        assert sum(poll.changes.ignored for poll in polls) == 0


def test_what_is_shown_late_is_found_by_night_and_counts_as_history() -> None:
    with reading("shown-late") as read:
        before = read.play(timedelta(minutes=50))
        read.play(timedelta(minutes=70))

        (swept,) = [noted["missed"] for noted in read.meter.of("reconciled") if noted["check"] == "sweep"]
        assert before[-1].outcome is Outcome.CAUGHT_UP
        assert swept == read.late() == 6


def test_a_crowd_whose_pages_overlap_is_counted_once() -> None:
    with reading("twice-on-two-pages") as read:
        polls = read.play(timedelta(minutes=40))

        assert sum(poll.changes.ignored for poll in polls) > 7
        assert read.behind() < 2 * POLL_EVERY


def test_brands_that_may_not_be_seen_stop_nothing_and_are_named_once_they_may() -> None:
    with reading("brands-forbidden") as read:
        read.play(timedelta(minutes=8))
        forbidden = {series.service for _, series in read.counted()}
        behind = read.behind()

        read.play(timedelta(minutes=60))

        assert forbidden == {"brand 1", "brand 2"}
        assert behind < 2 * POLL_EVERY
        assert {series.service for _, series in read.counted()} == {"shop", "payments"}


def test_a_desk_that_knows_nobody_gives_no_admin() -> None:
    with reading("nobody") as read:
        assert read.source.role() == "end-user"
        assert read.desk.spoiled == (1,)


def test_a_token_that_expires_in_the_first_reading_costs_no_page() -> None:
    with reading("token-expired-in-history") as read:
        first = read.ingest.poll()

        assert (first.outcome, first.pages) == (Outcome.CAUGHT_UP, 4)
        assert sum(asked.endpoint is Endpoint.TOKENS for asked in read.desk.requests) == 2


@pytest.mark.parametrize(
    ("name", "exports", "account"), [("headers-of-2023", 10, 700), ("no-limit-headers", None, None)]
)
def test_limits_are_read_in_the_old_spelling_and_missed_where_none_is_stated(
    name: str, exports: int | None, account: int | None
) -> None:
    with reading(name) as read:
        read.clock.advance(timedelta(minutes=12))

        page = read.source.fetch_page(Position(cursor=None, since=SINCE))

        assert (page.quota and page.quota.limit) == exports
        assert (page.account and page.account.limit) == account
