"""`explain` shows what the calendar announced: an event that mutes, and one that is expected."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from spikewatch.app.explaining import Look, facts, look, text
from spikewatch.app.explaining.origins import Origins
from spikewatch.core.events import Event
from spikewatch.core.scoring import WhyNot
from spikewatch.core.timegrid import Span
from spikewatch.cycle import Detector
from tests.simulated_desk import BEGAN, JUDGED, LOGIN, Desk, Live, Surge, detector

TOKYO = ZoneInfo("Asia/Tokyo")
BURST = Surge(LOGIN, JUDGED + timedelta(hours=2), tickets=25, buckets=3)
AT = JUDGED + timedelta(hours=2, minutes=30)
SPAN = Span(JUDGED + timedelta(hours=1), JUDGED + timedelta(hours=4))


def announced(*, factor: float | None) -> Detector:
    judging = detector()
    event = Event("prize draw", SPAN, LOGIN.service, LOGIN.category, factor)
    return replace(judging, calendar=replace(judging.calendar, events=(event,)))


def lived(judging: Detector) -> Live:
    live = Live(Desk.simulated(BURST), judged_by=judging).begin()
    live.live_through(JUDGED + timedelta(hours=5))
    return live


def explained(live: Live) -> Look:
    now = JUDGED + timedelta(hours=5)
    return look(live.store, live.judged_by, service=LOGIN.service, category=LOGIN.category, at=AT, now=now)


def lines(found: Look) -> Sequence[str]:
    return list(text.lines(found, zone=TOKYO, origins=Origins({}), budget=1.0))


def test_a_muted_series_tells_which_event_mutes_it_and_nobody_is_told() -> None:
    live = lived(announced(factor=None))

    found = explained(live)

    assert found.explanation.why is WhyNot.EVENT
    assert [line for line in lines(found) if "muted by the calendar: prize draw, " in line]
    assert not live.store.incidents(since=BEGAN)


def test_a_factor_is_shown_beside_what_else_is_expected() -> None:
    found = explained(lived(announced(factor=3.0)))

    told = json.loads(facts.as_json(found, zone=TOKYO, origins=Origins({}), budget=1.0))
    assert found.explanation.normal.event == 3.0
    assert [line for line in lines(found) if "x 3.00 announced (prize draw, " in line]
    assert told["normal"]["event_factor"] == 3.0
    assert [(each["name"], each["expect"]) for each in told["events"]] == [("prize draw", 3.0)]
