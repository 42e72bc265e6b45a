"""What the desk plays about brands, groups, forms, options and tags, read by rules that look at them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from spikewatch import recounting
from spikewatch.adapters.clock import ManualClock
from spikewatch.adapters.memory import MemoryMeter, MemoryStore
from spikewatch.adapters.zendesk.settings import ZendeskSettings
from spikewatch.adapters.zendesk.source import ZendeskSource
from spikewatch.ingest import Ingest, Outcome
from spikewatch.sandbox.helpdesk import SCENARIOS, Catalogue, DeskTicket, DropDown, HelpDesk, Stock

BEGINS = datetime(2026, 5, 11, 9, 0, 30, tzinfo=UTC)
SINCE = BEGINS - timedelta(hours=8)
MINUTE = timedelta(minutes=1)
FIELD = 900
CATALOGUE = Catalogue(
    brands={1: "Shop JP", 2: "Shop EN"},
    fields=(DropDown(FIELD, "Category", {"refund": "Refund", "login": "Log-in", "parcel": "Parcel"}),),
    groups={5: "Night shift"},
    forms={7: "Contact form"},
    organizations={9: "Example KK"},
)
TICKETS = tuple(
    DeskTicket(
        number,
        created_at=SINCE + number * 4 * MINUTE,
        generated_timestamp=int((SINCE + number * 4 * MINUTE).timestamp()) + 3,
        brand_id=1 + number % 2,
        values=((FIELD, ("refund", "login", "parcel")[number % 3]),),
        group_id=5,
        form_id=7,
        organization_id=9,
    )
    for number in range(1, 100)
)


@dataclass
class Reading:
    """A desk that plays a scenario, and whoever reads it by some rules."""

    desk: HelpDesk
    clock: ManualClock
    store: MemoryStore

    def read(self, duration: timedelta, **rules: Any) -> Counter[str]:  # noqa: ANN401 -- as in the file
        """Read for so long by these rules, as after a restart; return what counts where."""
        given = {
            "kind": "zendesk",
            "name": "desk",
            "url": self.desk.url,
            "client_id": "tests",
            "category": {"default": "all"},
            **rules,
        }
        settings = ZendeskSettings.model_validate(given)
        kept = self.store.naming("desk")
        meter = MemoryMeter()
        source = ZendeskSource(
            settings,
            secret=SecretStr("s3cret"),
            clock=self.clock,
            meter=meter,
            names=None if kept is None else kept.names,
        )
        recounting.take_up(self.store, "desk", source.naming)
        with closing(source):
            ingest = Ingest(source, self.store, clock=self.clock, meter=meter, since=SINCE)
            until = self.clock.now() + duration
            while self.clock.now() < until:
                self.clock.advance(5 * MINUTE)
                assert recounting.finish(self.store, "desk", clock=self.clock, step=7)
                assert ingest.poll().outcome in {Outcome.CAUGHT_UP, Outcome.MORE}
                assert recounting.finish(self.store, "desk", clock=self.clock, step=7)
        found: Counter[str] = Counter()
        for row in self.store.counts(first=0, stop=2**40):
            found[str(row.series)] += row.tickets
        return found


@contextmanager
def playing(name: str, tickets: Sequence[DeskTicket] = TICKETS) -> Iterator[Reading]:
    script = SCENARIOS[name].script(Stock.of(tickets, catalogue=CATALOGUE, begins=BEGINS))
    clock = ManualClock(BEGINS)
    with HelpDesk(
        (*tickets, *script.tickets),
        now=clock.now,
        client_id="tests",
        client_secret="s3cret",
        catalogue=CATALOGUE,
        spells=script.spells,
        token_life=timedelta(days=1),
    ) as desk:
        yield Reading(desk, clock, MemoryStore(step=5 * MINUTE))


@pytest.mark.parametrize(
    ("name", "rules", "expected"),
    [
        ("several-values", {"field": FIELD}, {"refund": 53, "login": 33, "parcel": 33}),
        (
            "several-values",
            {"field": FIELD, "names": {"login": "account", "*": "rest"}},
            {"account": 53, "rest": 66},
        ),
        ("checkbox", {"field": FIELD, "names": {"true": "ticked"}}, {"ticked": 20, "uncategorised": 99}),
        ("form-lost", {"from": "form"}, {"Contact form": 99, "uncategorised": 20}),
        ("form-removed", {"from": "form"}, {"Contact form": 99, "form 999999997": 20}),
        ("group-removed", {"group": {"Night shift": "night"}}, {"night": 99, "uncategorised": 20}),
        ("unknown-brand", [{"brand": {"Shop*": "shop"}}, {"default": "else"}], {"shop": 99, "else": 20}),
        ("tag-only", [{"field": FIELD}, {"tag": "category_*"}], {"refund": 53, "login": 33, "parcel": 33}),
        (
            "two-categories",
            {"tag": {"category_refund": "money", "category_*": "rest"}},
            {"money": 20, "uncategorised": 99},
        ),
        ("two-categories", {"tag": "category_*"}, {"login": 20, "uncategorised": 99}),
        ("channel-number", {"channel": {"21": "recovered", "web": "site"}}, {"site": 99}),
        ("spam-wave", {"organisation": {"Example*": "example"}}, {"example": 99}),
    ],
)
def test_each_case_counts_where_the_rules_say(name: str, rules: object, expected: Mapping[str, int]) -> None:
    with playing(name) as reading:
        found = reading.read(timedelta(minutes=50), service={"default": "all"}, category=rules)

    new = {category: found[f"all/{category}"] for category in expected}
    assert new == expected
    assert sum(found.values()) == sum(expected.values())


def test_an_option_that_is_renamed_takes_its_history_along() -> None:
    several = [{"field": FIELD, "show": "label"}]
    with playing("option-renamed") as reading:
        before = reading.read(timedelta(minutes=50), service={"default": "all"}, category=several)
        after = reading.read(timedelta(minutes=70), service={"default": "all"}, category=several)

    assert before == {"all/Refund": 34, "all/Log-in": 33, "all/Parcel": 33}
    assert after == {"all/Refund (new)": 35, "all/Log-in (new)": 33, "all/Parcel (new)": 33}
    assert [
        str(key) for key in reading.store.roster().keys if key.service == "all" and not key.is_rollup
    ] == [
        "all/Log-in (new)",
        "all/Parcel (new)",
        "all/Refund (new)",
    ]


def test_other_rules_count_what_was_read_without_reading_it_again() -> None:
    tagged = tuple(replace(ticket, tags=("vip",)) if ticket.id % 4 else ticket for ticket in TICKETS)
    with playing("deleted-and-restored", tagged) as reading:
        by_brand = reading.read(timedelta(minutes=50), service={"from": "brand"})
        exports = len(reading.desk.requests)
        by_tag = reading.read(
            timedelta(minutes=5), service=[{"tag": {"vip": "vip"}}, {"group": {"5": "night"}}]
        )

    assert by_brand == {"Shop EN/all": 50, "Shop JP/all": 49}
    assert by_tag == {"vip/all": 75, "night/all": 24}
    asked = [each.query for each in reading.desk.requests[exports:] if "start_time" in each.query]
    assert asked == []
