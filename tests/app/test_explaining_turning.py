"""What would have had to be different, in terms of the budget and the weight: set it, and it is."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest

from spikewatch.app.explaining import Look, facts, look, text
from spikewatch.app.explaining.origins import Origins
from spikewatch.core.counts import ALL, SeriesKey
from spikewatch.core.explanations import Turning
from spikewatch.core.scoring import WhyNot
from spikewatch.core.settings import CategorySettings, ServiceSettings
from spikewatch.cycle import Detector
from tests.simulated_desk import JUDGED, LOGIN, STEP, Desk, Live, Surge, detector

TOKYO = ZoneInfo("Asia/Tokyo")
BURST = Surge(LOGIN, JUDGED + timedelta(hours=2), tickets=25, buckets=3)
QUIET, ALERTING, ENDING = JUDGED + timedelta(hours=1), BURST.start + STEP, JUDGED + timedelta(hours=5)
FLEET = SeriesKey(ALL, ALL)
PAYMENTS = SeriesKey("payments", ALL)
NO_FLOORS = {"min_tickets": 1, "min_ratio": 1.0}


@cache
def lived(tickets: int) -> Live:
    """A desk on which so many wrote about the login within a quarter of an hour, three times running."""
    desk = Live(Desk.simulated(replace(BURST, tickets=tickets))).begin()
    desk.live_through(ENDING)
    return desk


def judging(*, services: dict[str, ServiceSettings] | None = None, **detection: object) -> Detector:
    kept = detector()
    changed = kept.detection.model_copy(update={**NO_FLOORS, **detection})
    return replace(kept, detection=changed, services=services or {})


def seen(live: Live, series: SeriesKey, judged_by: Detector, *, at: datetime = ALERTING) -> Look:
    return look(live.store, judged_by, service=series.service, category=series.category, at=at, now=ENDING)


def alerts(found: Look) -> bool:
    return found.explanation.why is WhyNot.ALERTS


def just_below(number: float) -> float:
    """What is named has three digits: a hundredth less is at least one step down."""
    return number * 0.99


def lines(found: Look, *, budget: float = 1.0) -> list[str]:
    return [line.strip() for line in text.lines(found, zone=TOKYO, origins=Origins({}), budget=budget)]


def told(found: Look) -> dict[str, object]:
    read: dict[str, object] = json.loads(facts.as_json(found, zone=TOKYO, origins=Origins({}), budget=1.0))
    return read


@pytest.mark.parametrize(
    ("tickets", "series"),
    [(13, LOGIN), (15, LOGIN), (13, PAYMENTS), (15, FLEET)],
)
def test_the_budget_that_is_named_alerts_and_just_below_it_does_not(tickets: int, series: SeriesKey) -> None:
    live = lived(tickets)

    turning = seen(live, series, judging()).explanation.turning

    assert turning is not None
    budget = turning.false_alarms_per_week
    assert budget is not None
    assert alerts(seen(live, series, judging(false_alarms_per_week=budget)))
    assert not alerts(seen(live, series, judging(false_alarms_per_week=just_below(budget))))


def of_category(weight: float) -> dict[str, ServiceSettings]:
    return {"payments": ServiceSettings(categories={"login": CategorySettings(weight=weight)})}


def of_service(weight: float) -> dict[str, ServiceSettings]:
    return {"payments": ServiceSettings(weight=weight)}


@pytest.mark.parametrize(
    ("tickets", "series", "setting"),
    [
        (13, LOGIN, of_category),
        (15, LOGIN, of_category),
        (15, PAYMENTS, of_service),
    ],
)
def test_the_weight_that_is_named_alerts_and_just_below_it_does_not(
    tickets: int, series: SeriesKey, setting: Callable[[float], dict[str, ServiceSettings]]
) -> None:
    live = lived(tickets)

    turning = seen(live, series, judging()).explanation.turning

    assert turning is not None
    weight = turning.weight
    assert weight is not None
    assert alerts(seen(live, series, judging(services=setting(weight))))
    assert not alerts(seen(live, series, judging(services=setting(just_below(weight)))))


def test_what_did_not_alert_says_which_budget_and_which_weight_would_have() -> None:
    said = lines(seen(lived(13), LOGIN, judging()))

    assert said[2].startswith("to alert")
    assert said[3:5] == [
        "or false_alarms_per_week 2.33 or more (now 1)",
        "or weight 2.87 or more (now 1, default)",
    ]


def test_what_alerted_says_below_which_budget_and_which_weight_it_would_not_have() -> None:
    said = lines(seen(lived(15), LOGIN, judging()))

    assert said[2].startswith("to stay quiet")
    assert said[3:5] == [
        "or false_alarms_per_week below 0.218 (now 1)",
        "or weight below 0.196 (now 1, default)",
    ]


def test_what_no_budget_and_no_weight_would_have_let_through_is_said() -> None:
    said = lines(seen(lived(13), LOGIN, judging(), at=QUIET))

    assert said[3] == "no false_alarms_per_week up to 1000 and no weight up to 100 would have"


def test_what_every_budget_and_every_weight_would_have_told_is_said() -> None:
    said = lines(seen(lived(25), LOGIN, judging()))

    assert said[3] == "every false_alarms_per_week and every weight from 0.001 on would have alerted"


def test_what_one_of_them_would_have_told_at_any_value_names_no_value_below_all() -> None:
    found = seen(lived(25), LOGIN, judging())
    turning = Turning(15, 0.02, 0.001)

    said = lines(replace(found, explanation=replace(found.explanation, turning=turning)))

    assert said[3:5] == [
        "or false_alarms_per_week below 0.02 (now 1)",
        "every weight from 0.001 on would have alerted",
    ]


def test_a_floor_says_that_neither_has_a_say() -> None:
    floor = judging(min_tickets=500)

    said = lines(seen(lived(25), LOGIN, floor))

    assert said[3] == "a floor holds it back: no false_alarms_per_week and no weight would have alerted"


def test_the_whole_fleet_is_told_of_the_budget_alone() -> None:
    said = lines(seen(lived(15), FLEET, judging()))

    assert said[3] == "or false_alarms_per_week 6.3 or more (now 1)"
    assert not [line for line in said[4:6] if "weight" in line]


def test_the_window_is_named_where_it_is_not_the_one_that_decided() -> None:
    said = lines(seen(lived(15), LOGIN, judging(min_tickets=25)))

    assert "held back by min_tickets 25" in said[1]
    assert said[3] == "or false_alarms_per_week 4.25 or more (now 1), in its window of 1 h"


def test_programs_read_the_same() -> None:
    assert told(seen(lived(13), LOGIN, judging()))["alerts_from"] == {
        "window_minutes": 15,
        "false_alarms_per_week": 2.33,
        "weight": 2.87,
    }
    assert told(seen(lived(13), LOGIN, judging(), at=QUIET))["alerts_from"] == {
        "window_minutes": None,
        "false_alarms_per_week": None,
        "weight": None,
    }
    off = judging(services={"payments": ServiceSettings(enabled=False)})
    assert told(seen(lived(13), LOGIN, off))["alerts_from"] is None


def test_what_an_incident_kept_says_at_which_budget_it_would_not_have_opened() -> None:
    kept = told(seen(lived(25), LOGIN, judging()))["as_judged"]

    assert isinstance(kept, dict)
    assert kept["alerts_from"]["false_alarms_per_week"] == 0.001
