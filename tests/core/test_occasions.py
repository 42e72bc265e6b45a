"""Events whose factor is learnt: what earlier ones brought is expected, and a surge in one is still a surge."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest

from spikewatch.core.baseline import Baseline
from spikewatch.core.calendars import build_calendar
from spikewatch.core.events import UNHEARD_FACTOR, Event
from spikewatch.core.incidents import Incident
from spikewatch.core.settings import CalendarEvent, CalendarSettings, Learn
from spikewatch.core.timegrid import Span
from spikewatch.lab.replay import history_of, replay
from tests.weekly_desk import PARCEL, TOKYO, WeeklyDesk, detector_of

TUESDAY = date(2026, 5, 12)
BEFORE = (date(2026, 4, 14), date(2026, 4, 21))
OPENS, CLOSES = 9, 21


def with_sales(times: float, days: Sequence[date], *, seed: int = 0) -> WeeklyDesk:
    """A desk whose shop has so many times the usual tickets on these days, announced but for the factor."""
    desk = WeeklyDesk.of(seed=seed)
    for day in days:
        desk.scale(times, desk.at(day, OPENS), desk.at(day, CLOSES), service="shop")
    desk.calendar = replace(desk.calendar, events=tuple(sale(desk, day) for day in days))
    return desk


def sale(desk: WeeklyDesk, day: date) -> Event:
    span = Span(desk.instant(desk.at(day, OPENS)), desk.instant(desk.at(day, CLOSES)))
    return Event("sale", span, "shop", None, UNHEARD_FACTOR, learns=True)


def learnt(desk: WeeklyDesk, hour: float, *, day: date = TUESDAY) -> Event:
    """What is believed of the last event at an hour of a day."""
    return fitted(desk, desk.at(day, hour)).calendar.events[-1]


def fitted(desk: WeeklyDesk, column: int) -> Baseline:
    detector = detector_of(desk.calendar)
    history = history_of(desk.recording(column).panel)
    return detector.fit(history, epoch=detector.epoch_of(desk.grid.first + column))


def opened(desk: WeeklyDesk) -> Sequence[Incident]:
    start, end = desk.at(TUESDAY), desk.at(TUESDAY, 24)
    detector = detector_of(desk.calendar, budget=1.0)
    return replay(desk.recording(end), detector, since=desk.instant(start), calibrated=False).incidents


def test_the_first_of_a_name_begins_with_what_campaigns_often_bring_and_follows_its_own_hours() -> None:
    desk = with_sales(2.0, [TUESDAY])

    before, later = learnt(desk, OPENS), learnt(desk, 15)

    assert (before.factor, before.learnt_from) == (UNHEARD_FACTOR, 0)
    assert later.factor == pytest.approx(2.0, abs=0.25)
    assert later.learnt_from == 5


def test_earlier_ones_of_the_same_name_are_believed_from_the_first_hour_on() -> None:
    desk = with_sales(2.2, [*BEFORE, TUESDAY])

    event = learnt(desk, OPENS)

    assert event.factor == pytest.approx(2.2, abs=0.2)
    assert event.learnt_from == 24


def test_another_name_or_another_service_says_nothing() -> None:
    desk = with_sales(2.2, [*BEFORE, TUESDAY])
    one, other, last = desk.calendar.events
    strangers = (replace(one, name="draw"), replace(other, service=None), last)
    desk.calendar = replace(desk.calendar, events=strangers)

    assert learnt(desk, OPENS).factor == UNHEARD_FACTOR


def test_a_quiet_day_of_a_name_lowers_what_is_expected() -> None:
    assert learnt(with_sales(0.5, [*BEFORE, TUESDAY]), OPENS).factor == pytest.approx(0.55, abs=0.15)


def test_only_what_was_announced_is_multiplied() -> None:
    desk = with_sales(2.2, [*BEFORE, TUESDAY])
    column = desk.at(TUESDAY, OPENS)
    baseline = fitted(desk, column)
    plain = replace(baseline, calendar=replace(baseline.calendar, events=()))
    first = desk.grid.first + column

    share = (
        baseline.expect(first, first + 1, desk.grid.step).mean[:, 0]
        / plain.expect(first, first + 1, desk.grid.step).mean[:, 0]
    )

    rows = baseline.roster.rows
    assert share[rows[PARCEL]] == pytest.approx(baseline.calendar.events[-1].factor)
    assert all(share[row] == 1.0 for key, row in rows.items() if key.service == "payments")


@pytest.mark.parametrize("seed", range(2))
def test_a_sale_as_before_is_quiet_and_a_surge_in_it_is_found(seed: int) -> None:
    quiet, surging = (with_sales(2.2, [*BEFORE, TUESDAY], seed=seed) for _ in range(2))
    surging.add(PARCEL, 45, surging.at(TUESDAY, 15), 3)

    assert opened(quiet) == ()
    assert [incident.service for incident in opened(surging)] == ["shop"]


def test_the_configuration_asks_for_it_by_name() -> None:
    announced = CalendarEvent.model_validate(
        {"name": "sale", "start": "2026-12-01", "end": "2026-12-03", "expect": "learn"}
    )

    (event,) = build_calendar(CalendarSettings(events=(announced,)), zone=TOKYO, years=[2026]).events

    assert announced.expect is Learn.LEARN
    assert (event.factor, event.learns) == (UNHEARD_FACTOR, True)
