"""A storm: hundreds of series rise at once, and one message tells it, within what Slack takes."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from spikewatch.adapters.clock import ManualClock
from spikewatch.adapters.slack.messenger import SlackMessenger
from spikewatch.core.counts import SeriesKey
from spikewatch.core.incidents import Incidents
from spikewatch.core.notices import Notice, Reason
from spikewatch.core.outbox import Kind, plan
from spikewatch.core.settings import Language
from spikewatch.core.timegrid import bucket_number
from spikewatch.core.wording import render
from spikewatch.cycle import judge
from spikewatch.sandbox.chat import Chat
from tests.core_factories import NOON, STEP, baseline, limits, panel
from tests.factories import course
from tests.simulated_desk import detector

TOKYO = ZoneInfo("Asia/Tokyo")
USUAL = 3
LONG = "あ" * 80


def storm(keys: Sequence[SeriesKey]) -> tuple[Notice, ...]:
    """All that is told when these jump from three tickets a bucket to forty and more, each to more than the one before."""
    judging = replace(detector(), step=STEP)
    first = bucket_number(NOON, STEP) - 1
    before = first + 1 - judging.reach(first)
    counts = {key: [USUAL] * (before - 2) + [40 + place, 40 + place] for place, key in enumerate(keys)}
    shown = panel(counts)
    normal = baseline(shown.roster, dict.fromkeys(keys, USUAL * 12.0))
    return judge(
        shown, normal, limits(shown.roster), first=first, incidents=Incidents(), detector=judging
    ).notices


def table_of(notice: Notice) -> list[list[str]]:
    message = render(notice, language=Language.EN, zone=TOKYO)
    [table] = [block for block in message.blocks if block["type"] == "table"]
    rows: Any = table["rows"]
    return [[cell["text"] for cell in row] for row in rows]


@pytest.fixture(scope="module")
def of_everything() -> Notice:
    """What is told when four hundred series with long names rise at once."""
    [told] = storm([SeriesKey(f"{s:02d}{LONG}", f"{c:02d}{LONG}") for s in range(20) for c in range(20)])
    return replace(told, facts=replace(told.facts, course=course()))


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("plain", [0, 2, 3, 4])
def test_four_hundred_series_at_once_are_one_message_that_slack_takes(
    of_everything: Notice, language: Language, plain: int
) -> None:
    [delivery] = plan(
        [of_everything], receiver="slack", channel_of=lambda _: "#support", now=of_everything.at
    )

    message = render(of_everything, language=language, zone=TOKYO, plain=plain)

    with Chat(clock=ManualClock(NOON)) as chat:
        SlackMessenger(token="xoxb-sandbox", url=chat.url).post(message, channel="#support", key="k")
        assert len(chat.messages) == 1
    assert (of_everything.reason, delivery.kind) == (Reason.OPENED, Kind.ROOT)


def test_many_services_are_listed_by_excess_the_ten_greatest_first() -> None:
    keys = [SeriesKey(f"service {s:02d}", f"c{c}") for s in range(20) for c in range(20)]

    [told] = storm(keys)

    head, *rows = table_of(told)
    assert head[0] == "Service"
    assert [row[0] for row in rows] == [f"service {number:02d}" for number in range(19, 9, -1)]
    assert "and 10 more" in str(render(told, language=Language.EN, zone=TOKYO).blocks)


def test_many_categories_of_a_service_are_one_message_with_the_rest_counted() -> None:
    [told] = storm([SeriesKey("payments", f"category {number:02d}") for number in range(37)])

    head, *rows = table_of(told)
    assert (head[0], len(rows), rows[0][0]) == ("Category", 10, "category 36")
    assert "and 27 more" in str(render(told, language=Language.EN, zone=TOKYO).blocks)
    assert "ほか27項目は省略" in str(render(told, language=Language.JA, zone=TOKYO).blocks)


def test_each_part_says_its_share_of_the_rise() -> None:
    [told] = storm([SeriesKey("payments", name) for name in ("login", "refund")])

    _, *rows = table_of(told)

    assert sum(float(row[-1].removesuffix("%")) for row in rows) == pytest.approx(100, abs=1)
    assert told.facts.started_at == told.at - timedelta(minutes=10)
