"""What never alerts, through the real replay and the real cycle; and that a surge in the same situation is found.

Each law is tried on a few desks. Where a law is about chance alone (`BUDGET`), so few false alarms are allowed that one
would be systematic.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from spikewatch.core.calendars import Calendar
from spikewatch.core.counts import SeriesKey, Ticket
from spikewatch.core.incidents import Incident
from spikewatch.core.settings import ModelName
from spikewatch.lab.replay import replay
from spikewatch.ports import Page
from tests import simulated_desk
from tests.simulated_desk import JUDGED, Desk, Live
from tests.weekly_desk import LOGIN, PARCEL, REFUND, SIZE, WeeklyDesk, detector_of

SEEDS = range(4)
GOLDEN_WEEK = [date(2026, 5, day) for day in (3, 4, 5, 6)]
SHOWA_DAY, LAST_OF_APRIL = date(2026, 4, 29), date(2026, 4, 30)
BACK_AT_WORK = date(2026, 5, 7)
MONDAY, TUESDAY = date(2026, 5, 11), date(2026, 5, 12)

Situation = Callable[[WeeklyDesk], WeeklyDesk]


def ordinary(desk: WeeklyDesk) -> WeeklyDesk:
    return desk


def larger_backlog(desk: WeeklyDesk) -> WeeklyDesk:
    """As if nobody gave up waiting: five days off leave two and a half times the backlog of two."""
    return desk.scale(1.15, desk.at(BACK_AT_WORK, 8), desk.at(BACK_AT_WORK, 13))


def busy_billing(desk: WeeklyDesk) -> WeeklyDesk:
    """The last day of a month is a bit busier for payments."""
    return desk.scale(1.2, desk.at(LAST_OF_APRIL), desk.at(LAST_OF_APRIL, 24), service="payments")


def busy_shop(desk: WeeklyDesk) -> WeeklyDesk:
    return desk.scale(1.25, desk.at(TUESDAY), desk.at(TUESDAY, 24), service="shop")


def pairs(desk: WeeklyDesk) -> WeeklyDesk:
    """Two questions about sizes at once, at night and by day."""
    return desk.add(SIZE, 2, desk.at(TUESDAY, 3)).add(SIZE, 2, desk.at(TUESDAY, 14))


def fall(times: float, *, hours: float) -> Situation:
    """Hardly anything comes in until 14:00; then all is normal again."""

    def fallen(desk: WeeklyDesk) -> WeeklyDesk:
        return desk.scale(times, desk.at(TUESDAY, 14 - hours), desk.at(TUESDAY, 14))

    return fallen


CASES = [
    pytest.param(ordinary, SHOWA_DAY, LOGIN, 12.0, id="a holiday in the week"),
    *(pytest.param(ordinary, day, PARCEL, 12.0, id=f"the holiday of May {day.day}") for day in GOLDEN_WEEK),
    pytest.param(ordinary, MONDAY, LOGIN, 10.0, id="the backlog of a weekend"),
    pytest.param(ordinary, BACK_AT_WORK, LOGIN, 10.0, id="the first day after a long holiday"),
    pytest.param(larger_backlog, BACK_AT_WORK, LOGIN, 10.0, id="a larger backlog than ever"),
    pytest.param(busy_billing, LAST_OF_APRIL, LOGIN, 15.0, id="the end of a month"),
    pytest.param(busy_shop, TUESDAY, PARCEL, 15.0, id="a busy day"),
    pytest.param(pairs, TUESDAY, SIZE, 14.0, id="a pair of tickets in a sparse category"),
    pytest.param(fall(0.3, hours=5), TUESDAY, LOGIN, 16.0, id="the return after a fall"),
    pytest.param(fall(0.0, hours=5), TUESDAY, LOGIN, 16.0, id="the return after nothing at all"),
    pytest.param(fall(0.0, hours=14), TUESDAY, PARCEL, 16.0, id="the return after a day of nothing"),
    pytest.param(ordinary, TUESDAY, REFUND, 3.0, id="a calm day"),
]


@pytest.mark.parametrize(("situation", "day", "series", "hour"), CASES)
def test_nothing_alerts_on(situation: Situation, day: date, series: SeriesKey, hour: float) -> None:
    found = [alerts(situation, day=day, seed=seed) for seed in SEEDS]

    assert found == [()] * len(SEEDS), (series, hour)


@pytest.mark.parametrize(("situation", "day", "series", "hour"), CASES)
def test_and_a_surge_is_found_in(situation: Situation, day: date, series: SeriesKey, hour: float) -> None:
    def surging(desk: WeeklyDesk) -> WeeklyDesk:
        start = desk.at(day, hour)
        tickets = max(7, round(5 * max(desk.rates[series][start : start + 4])))
        return situation(desk).add(series, tickets, start, 4)

    for seed in SEEDS:
        (incident,) = alerts(surging, day=day, seed=seed)[:1]

        assert incident.service == series.service
        began = WeeklyDesk.of(seed=seed)
        start = began.instant(began.at(day, hour))
        assert start < incident.opened_at <= start + timedelta(hours=1)


def alerts(situation: Situation, *, day: date, seed: int) -> tuple[Incident, ...]:
    """The incidents of one local day."""
    desk = situation(WeeklyDesk.of(seed=seed))
    return desk.judged(desk.at(day), desk.at(day, 24))


@pytest.mark.parametrize(
    ("times", "hours"), [(0.0, 34), (0.3, 34), (0.0, 72)], ids=["a day and a night", "in part", "three days"]
)
@pytest.mark.parametrize("seed", range(2))
def test_the_return_after_a_long_fall_is_quiet_at_the_usual_budget_too(
    times: float, hours: float, seed: int
) -> None:
    desk = fall(times, hours=hours)(WeeklyDesk.of(seed=seed))

    assert desk.judged(desk.at(TUESDAY, 14), desk.at(TUESDAY, 24), budget=1.0) == ()


@pytest.mark.parametrize("seed", range(2))
def test_the_first_day_after_a_gap_is_quiet_at_the_usual_budget_too(seed: int) -> None:
    desk = WeeklyDesk.of(seed=seed)
    gap = slice(desk.at(TUESDAY, -20), desk.at(TUESDAY, 14))
    whole = desk.recording(desk.at(TUESDAY, 24))
    known = whole.panel.known.copy()
    known[:, gap] = False
    counts = np.where(known[0], whole.panel.counts, 0)
    blind = replace(whole, panel=replace(whole.panel, counts=counts, known=known))

    found = replay(blind, detector_of(desk.calendar, budget=1.0), since=desk.instant(desk.at(TUESDAY, 14)))

    assert found.incidents == ()


def test_an_incident_of_two_weeks_ago_delays_the_next_by_nothing() -> None:
    delays = []
    for seed in SEEDS:
        for past in (0, 20):
            desk = WeeklyDesk.of(seed=seed)
            desk.add(LOGIN, past, desk.at(date(2026, 4, 28), 14), 12)
            start = desk.at(TUESDAY, 14)
            desk.add(LOGIN, 12, start, 6)
            (incident,) = desk.judged(start, start + 8)[:1]
            delays.append(incident.opened_at - desk.instant(start))

    before, after = delays[::2], delays[1::2]
    assert sum(after, timedelta(0)) <= sum(before, timedelta(0)) + timedelta(minutes=15)
    assert all(later - sooner <= timedelta(minutes=15) for sooner, later in zip(before, after, strict=True))


# -- daylight saving time

BERLIN = Calendar(ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("began", "turn"),
    [(date(2026, 1, 26), date(2026, 3, 29)), (date(2026, 8, 24), date(2026, 10, 25))],
    ids=["an hour is skipped", "an hour is repeated"],
)
@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_alerts_on_the_change_of_daylight_saving_time(began: date, turn: date, seed: int) -> None:
    desk = WeeklyDesk.of(seed=seed, calendar=BERLIN, began=began)
    surging = WeeklyDesk.of(seed=seed, calendar=BERLIN, began=began)
    start = surging.at(turn + timedelta(days=1), 14)
    surging.add(PARCEL, 30, start, 3)

    assert desk.judged(desk.at(turn), desk.at(turn + timedelta(days=2))) == ()
    assert [incident.service for incident in surging.judged(start - 8, start + 4)] == ["shop"]


# -- in life

PROFILE = simulated_desk.detector(
    detection=simulated_desk.detector().detection.model_copy(update={"model": ModelName.PROFILE})
)
AT = JUDGED + timedelta(hours=2)


def living(desk: Desk) -> Live:
    """A desk that judges by profile and has been read until some time after it was warm."""
    live = Live(desk, judged_by=PROFILE).begin()
    live.live_through(AT)
    return live


def opened(live: Live) -> Sequence[str | None]:
    return [incident.service for incident in live.store.incidents(since=datetime(2026, 1, 1, tzinfo=UTC))]


def surge_of(series: SeriesKey, *, at: datetime) -> simulated_desk.Surge:
    return simulated_desk.Surge(series, at, tickets=30, buckets=2)


def back_dated(live: Live) -> Sequence[Ticket]:
    """Two hundred tickets of an hour ago that nobody had seen."""
    created_at = live.read_until - timedelta(minutes=70)
    return [Ticket(f"late-{number}", created_at, *simulated_desk.LOGIN, version=1) for number in range(200)]


def moved(live: Live) -> Sequence[Ticket]:
    """All of the last three days' parcels, under a category that hardly anybody uses."""
    start = live.read_until - timedelta(days=3)
    tickets = live.desk.tickets(start, live.read_until - timedelta(hours=4))
    old = [ticket for ticket in tickets if ticket.series == simulated_desk.PARCEL]
    return [replace(ticket, service="payments", category="refund", version=2) for ticket in old]


@pytest.mark.parametrize("edit", [back_dated, moved], ids=["back-dated tickets", "a bulk re-categorisation"])
@pytest.mark.parametrize("surges", [False, True], ids=["alone", "with a surge"])
def test_nothing_but_a_surge_alerts_on(edit: Callable[[Live], Sequence[Ticket]], *, surges: bool) -> None:
    later = AT + timedelta(hours=2)
    surge = [surge_of(simulated_desk.CRASH, at=later)] if surges else []
    live = living(Desk.steady(*surge))

    extra = edit(live)
    live.poll(live.read_until + simulated_desk.STEP, extra=extra)
    live.judge()
    live.live_through(later + timedelta(hours=1))

    assert len(extra) > 100
    assert opened(live) == (["app"] if surges else [])


def test_a_bucket_that_still_fills_is_not_judged_and_neither_a_surge_nor_a_fall() -> None:
    live = living(Desk.steady(surge_of(simulated_desk.LOGIN, at=AT)))
    part = Page([*live.desk.tickets(AT, AT + simulated_desk.STEP)], cursor="part", caught_up=True)

    live.store.commit_page(
        "desk", replace(part, watermark=AT + timedelta(minutes=14)), since=simulated_desk.BEGAN, seen_at=AT
    )
    assert live.judge() == 0
    assert opened(live) == []

    live.store.commit_page(
        "desk",
        Page([], cursor="whole", caught_up=True, watermark=AT + timedelta(minutes=15)),
        since=simulated_desk.BEGAN,
        seen_at=AT,
    )  # fmt: skip -- one page, one line
    assert live.judge() == 1
    assert opened(live) == ["payments"]
