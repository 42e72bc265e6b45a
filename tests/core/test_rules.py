"""Static rules: counts alone decide, from the first day on, and the meanings of score and upper stay true."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikewatch.core.budget import rules_of
from spikewatch.core.calendars import Calendar
from spikewatch.core.events import Event
from spikewatch.core.incidents import Incident, Severity
from spikewatch.core.rules import RuleMet, StaticRules
from spikewatch.core.scoring import Assessment, assess
from spikewatch.core.settings import (
    CategorySettings,
    DetectionSettings,
    RuleSeverity,
    ServiceSettings,
    StaticRule,
)
from spikewatch.core.surges import QUIET_SCORE
from spikewatch.core.timegrid import Span
from spikewatch.lab.replay import replay
from tests.core_factories import LOGIN, NOON, PARCEL, PAYMENTS, STEP, baseline, limits, panel
from tests.weekly_desk import JAPAN, REFUND, SIZE, WeeklyDesk, detector_of

WINDOWS = (timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
HALF_HOUR = timedelta(minutes=30)
THREE = StaticRule(tickets=3, within=HALF_HOUR)
TUESDAY = date(2026, 5, 12)
EARLY = date(2026, 3, 4)
"""The third day of the desk: nothing is learnt yet."""


def ruled(*rules: StaticRule, enabled: bool = True) -> dict[str, ServiceSettings]:
    """Those rules for questions about logging in."""
    return {"payments": ServiceSettings(categories={"log*": CategorySettings(rules=rules, enabled=enabled)})}


def seen(
    tickets: Sequence[int], services: dict[str, ServiceSettings], *, events: tuple[Event, ...] = ()
) -> Assessment:
    """The newest bucket of a desk on which hardly a ticket is normal."""
    counts = panel({LOGIN: [0] * (24 - len(tickets)) + list(tickets), PARCEL: [0] * 24})
    rules = StaticRules.of(rules_of(counts.roster, detection=DetectionSettings(), services=services))
    normal = baseline(counts.roster, {LOGIN: 0.5, PARCEL: 0.5})
    if events:
        normal = replace(normal, calendar=Calendar(ZoneInfo("UTC"), events=events))
    asked = replace(limits(counts.roster, cutoff=50.0), rules=rules)
    return assess(counts, normal, asked, first=counts.grid.stop - 1, windows=WINDOWS)


def alerts(assessment: Assessment, *, warm: bool = True) -> bool:
    row = assessment.limits.roster.rows[LOGIN]
    return bool(assessment.alerting(warm=warm)[row, -1])


@pytest.mark.parametrize("warm", [True, False])
@pytest.mark.parametrize(
    ("tickets", "expected"),
    [
        ([1, 1, 1], True),
        ([1, 1, 0, 0, 0, 1], True),
        ([1, 1, 0], False),
        ([1, 0, 0, 0, 0, 1, 1], False),
        ([1, 0, 0, 0, 0, 0, 1, 1], False),
    ],
    ids=["at once", "over the whole span", "too few", "the first has left the span", "long ago"],
)
def test_a_rule_alerts_from_its_limit_on(tickets: list[int], expected: bool, warm: bool) -> None:  # noqa: FBT001 -- a table
    assert alerts(seen(tickets, ruled(THREE)), warm=warm) is expected


@given(tickets=st.lists(st.integers(0, 6), min_size=1, max_size=8), within=st.sampled_from([5, 15, 30, 60]))
def test_score_is_below_one_exactly_up_to_upper(tickets: list[int], within: int) -> None:
    found = seen(tickets, ruled(StaticRule(tickets=4, within=timedelta(minutes=within))))
    row = found.limits.roster.rows[LOGIN]

    reading = found.reading(row, found.n_judged - 1)

    assert reading is not None
    assert (reading.score >= 1) == (reading.observed > reading.upper)
    assert alerts(found) == (reading.rule is not None)
    assert alerts(found) == (sum(tickets[-within // 5 :]) >= 4)


def test_a_reading_holds_the_upper_of_its_window_where_a_rule_lowers_it() -> None:
    found = seen([1, 1, 1], ruled(StaticRule(tickets=2, within=timedelta(minutes=15))))
    row = found.limits.roster.rows[LOGIN]

    uppers = [
        reading.upper for place in range(3) if (reading := found.reading(row, 0, window=place)) is not None
    ]

    assert uppers == [found.upper(place, 0)[row] for place in range(3)]
    assert uppers[1] == 1 < min(uppers[0], uppers[2])


def test_a_rule_that_is_not_met_keeps_no_surge_going() -> None:
    found = seen([1, 1], ruled(THREE, enabled=False))
    unjudged = replace(found, judged=np.zeros_like(found.judged))

    reading = unjudged.reading(found.limits.roster.rows[LOGIN], 0)

    assert reading is not None
    assert 0 < reading.score < QUIET_SCORE
    assert (reading.observed, reading.upper, reading.rule) == (2, 2, None)


def test_it_concerns_what_it_stands_under() -> None:
    under_service = {"payments": ServiceSettings(rules=(THREE,))}
    found = seen([1, 1, 1], under_service)
    rows = found.limits.roster.rows

    assert {key for key in rows if found.alerting(warm=True)[rows[key], -1]} == {PAYMENTS}


def test_a_category_that_is_not_judged_still_has_its_rules() -> None:
    services = ruled(THREE, enabled=False)
    (rule,) = rules_of(seen([1], services).limits.roster, detection=DetectionSettings(), services=services)[
        :1
    ]

    assert not rule.enabled
    assert alerts(seen([3], services))


def test_a_critical_rule_is_told_before_one_that_is_exceeded_more() -> None:
    loud = StaticRule(tickets=6, within=timedelta(hours=1), severity=RuleSeverity.CRITICAL)
    found = seen([6], ruled(THREE, loud))

    reading = found.reading(found.limits.roster.rows[LOGIN], 0)

    assert reading is not None
    assert (reading.score, reading.window_minutes) == (2.0, 30)
    assert reading.rule == RuleMet(6, 60, 6, critical=True)


def test_a_muting_event_mutes_rules_too() -> None:
    muted = Event("works", Span(NOON - timedelta(minutes=10), NOON + STEP), None, None, None)

    assert alerts(seen([9, 0, 0], ruled(THREE)))
    assert not alerts(seen([9, 0, 0], ruled(THREE), events=(muted,)))


# -- through the replay


def replayed(desk: WeeklyDesk, day: date, services: dict[str, ServiceSettings]) -> tuple[Incident, ...]:
    detector = replace(detector_of(JAPAN), services=services)
    end = desk.at(day, 24)
    return replay(desk.recording(end), detector, since=desk.instant(desk.at(day)), calibrated=False).incidents


@pytest.mark.parametrize("severity", list(RuleSeverity))
def test_an_incident_opens_on_the_third_day_and_ends_by_itself(severity: RuleSeverity) -> None:
    rule = StaticRule(tickets=4, within=HALF_HOUR, severity=severity)
    desk = WeeklyDesk.of(seed=0).add(SIZE, 2, WeeklyDesk.of(seed=0).at(EARLY, 14), 2)

    (incident,) = replayed(
        desk, EARLY, {"shop": ServiceSettings(categories={"size": CategorySettings(rules=(rule,))})}
    )

    assert incident.opened_at == datetime(2026, 3, 4, 5, 30, tzinfo=UTC)
    assert incident.severity == Severity(severity)
    assert incident.resolved_at == incident.opened_at + timedelta(minutes=30)
    (surge,) = incident.surges
    assert surge.joined.is_by_rule
    assert (surge.joined.window_minutes, surge.joined.observed, surge.joined.upper) == (30, 4, 3)


def test_elsewhere_nothing_changes() -> None:
    desk = WeeklyDesk.of(seed=1)
    desk.add(REFUND, 14, desk.at(TUESDAY, 14), 4)
    never = {"shop": ServiceSettings(rules=(StaticRule(tickets=5000, within=HALF_HOUR),))}

    assert replayed(desk, TUESDAY, never) == replayed(desk, TUESDAY, {}) != ()
