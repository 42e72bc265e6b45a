"""What a replay comes to: alerts by series and week, what labels say of them, and what of the budget is spent."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from spikewatch.core.counts import FLEET, SeriesKey
from spikewatch.core.events import Label, LabelKind
from spikewatch.core.incidents import Incident, Severity
from spikewatch.core.timegrid import Span
from spikewatch.lab.replay import Replayed
from spikewatch.lab.tallies import Said, Tallies, said_of, tally
from tests.core_factories import incident, surge
from tests.simulated_desk import CRASH, JUDGED, LOGIN, PARCEL, REFUND, Desk, backtester

TOKYO = ZoneInfo("Asia/Tokyo")
UNTIL = JUDGED + timedelta(days=7)
RECORDING = Desk.simulated().recording(until=UNTIL)
HOUR = timedelta(hours=1)


def opened(hours: float, *series: SeriesKey, name: str = "a") -> Incident:
    at = JUDGED + timedelta(hours=hours)
    return replace(incident(*(surge(each, at=at) for each in series), id=name), resolved_at=at + HOUR)


def label(hours: float, kind: LabelKind, *, service: str | None = None, category: str | None = None) -> Label:
    start = JUDGED + timedelta(hours=hours)
    return Label(Span(start, start + HOUR), service, category, kind)


def counted(*incidents: Incident, labels: tuple[Label, ...] = (), per_week: float = 2.0) -> Tallies:
    rules = backtester().rules(RECORDING.panel.roster)
    replayed = Replayed(incidents, JUDGED, UNTIL)
    return tally(replayed, RECORDING, labels=labels, rules=rules, per_week=per_week, zone=TOKYO)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param(label(0, LabelKind.INCIDENT), Said.RIGHT, id="everything is labelled"),
        pytest.param(label(0, LabelKind.INCIDENT, service="payments", category="login"), Said.RIGHT, id="it"),
        pytest.param(label(0, LabelKind.EXPECTED, service="payments"), Said.EXPECTED, id="its service"),
        pytest.param(label(0, LabelKind.FALSE_ALARM, category="login"), Said.WRONG, id="its category"),
        pytest.param(label(0, LabelKind.INCIDENT, category="refund"), Said.UNLABELLED, id="another one"),
        pytest.param(label(0, LabelKind.INCIDENT, service="shop"), Said.UNLABELLED, id="another service"),
        pytest.param(label(1, LabelKind.INCIDENT), Said.UNLABELLED, id="begins as it ends"),
        pytest.param(label(-1.25, LabelKind.INCIDENT), Said.UNLABELLED, id="ends as it begins"),
    ],
)
def test_a_label_is_about_an_incident_where_it_touches_its_time_and_a_series(
    said: Label, expected: Said
) -> None:
    assert said_of(opened(0, LOGIN), [said], until=UNTIL) is expected


def test_who_calls_it_real_is_believed_before_others() -> None:
    labels = [label(0, LabelKind.FALSE_ALARM), label(0, LabelKind.EXPECTED), label(0, LabelKind.INCIDENT)]

    assert said_of(opened(0, LOGIN), labels, until=UNTIL) is Said.RIGHT
    assert said_of(opened(0, LOGIN), labels[:2], until=UNTIL) is Said.EXPECTED


def test_the_budget_is_spent_by_what_no_label_calls_real() -> None:
    found = counted(
        opened(1, LOGIN, name="a"),
        opened(5, LOGIN, name="b"),
        opened(9, PARCEL, name="c"),
        labels=(label(1, LabelKind.INCIDENT), label(5, LabelKind.FALSE_ALARM)),
    )

    assert (found.asked, found.spent) == (2.0, 2)
    assert found.said == {"a": Said.RIGHT, "b": Said.WRONG, "c": Said.UNLABELLED}
    assert [(each.series.service, each.alerts, each.spent) for each in found.services] == [
        ("payments", 2, 1),
        ("shop", 1, 1),
        ("app", 0, 0),
    ]


def test_a_category_counts_each_incident_in_which_it_surged_and_quiet_ones_are_listed_too() -> None:
    both = replace(opened(1, LOGIN, REFUND), severity=Severity.CRITICAL)

    found = counted(both)

    counts = {each.series: (each.alerts, each.critical) for each in found.categories}
    assert counts == {LOGIN: (1, 1), REFUND: (1, 1), PARCEL: (0, 0), CRASH: (0, 0)}


def test_the_budget_is_shared_by_weight_and_adds_up() -> None:
    found = counted()

    fleet = 2.0 - sum(each.asked for each in found.services)
    assert {round(each.asked, 9) for each in found.categories} == {round(fleet, 9)}


def test_tickets_are_those_of_the_judged_time() -> None:
    found = {each.series: each.tickets for each in counted().categories}

    grid, panel = RECORDING.panel.grid, RECORDING.panel
    judged = panel.counts[panel.roster.rows[LOGIN], grid.column(JUDGED) :]
    assert found[LOGIN] == judged.sum()


def test_what_was_merged_is_told_by_the_company_wide_incident() -> None:
    company = replace(opened(1, FLEET, name="company"), service=None)

    found = counted(replace(opened(0, LOGIN), merged_into="company"), company)

    assert [each.id for each in found.incidents] == ["company"]
    assert [each.series for each in found.services if each.alerts] == [FLEET]


def test_labelled_incidents_that_nothing_was_opened_for_are_missed() -> None:
    found_one, missed_one = label(0, LabelKind.INCIDENT), label(30, LabelKind.INCIDENT)
    before, campaign = label(-90, LabelKind.INCIDENT), label(60, LabelKind.EXPECTED)

    found = counted(opened(0, LOGIN), labels=(found_one, missed_one, before, campaign))

    assert found.missed == (missed_one,)


def test_weeks_are_local_and_none_is_left_out() -> None:
    sunday_night = datetime(2026, 5, 3, 14, 59, tzinfo=UTC)
    monday = sunday_night + timedelta(minutes=1)
    at = [replace(opened(0, LOGIN, name=str(opens)), opened_at=opens) for opens in (sunday_night, monday)]

    found = counted(*at)

    weeks = [(week.monday, week.opened, week.spent) for week in found.weeks]
    assert weeks == [(date(2026, 4, 27), 1, 1), (date(2026, 5, 4), 1, 1)]
