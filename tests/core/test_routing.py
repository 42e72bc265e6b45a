"""Who hears of an incident, by service, category, severity and time of day."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikewatch.core.business_hours import BusinessHours
from spikewatch.core.calendars import Calendar
from spikewatch.core.incidents import Severity
from spikewatch.core.muting import Mute, Muted
from spikewatch.core.notices import Notice
from spikewatch.core.oncall import RouteSettings
from spikewatch.core.routing import Route, Routing, route
from spikewatch.core.settings import Language
from tests.factories import grouped, notice

HOURS = BusinessHours(Calendar(ZoneInfo("Asia/Tokyo"), frozenset({date(2026, 11, 23)})))
DAY = datetime(2026, 11, 20, 1, tzinfo=UTC)
NIGHT = datetime(2026, 11, 20, 12, tzinfo=UTC)


def routing(*routes: Mapping[str, object]) -> Routing:
    return Routing(
        channel="#support",
        hours=HOURS,
        company_channel="#all",
        services={"payments": "#payments"},
        mention="here",
        routes=[RouteSettings.model_validate(each) for each in routes],
    )


def to(told: Notice, *routes: Mapping[str, object], at: datetime = DAY) -> Route | Mute:
    return route(told, routing(*routes), at=at)


def test_without_routes_the_channel_of_the_service_hears_it() -> None:
    assert to(notice()) == Route("#payments", "here")
    assert to(notice(service="shop")) == Route("#support", "here")
    assert to(notice(service=None)) == Route("#all", "here")


def test_the_first_route_that_matches_wins_and_what_it_leaves_out_is_as_without() -> None:
    found = to(
        notice(),
        {"service": "shop", "channel": "#shop"},
        {"service": "pay*", "language": "en"},
        {"channel": "#never"},
    )

    assert found == Route("#payments", "here", Language.EN)


def test_a_route_can_call_somebody_else_or_nobody() -> None:
    assert to(notice(), {"mention": "S0123456789"}) == Route("#payments", "S0123456789")
    assert to(notice(), {"mention": "none"}) == Route("#payments", None)


def test_the_time_of_day_decides() -> None:
    routes = ({"when": "business_hours", "channel": "#day"}, {"when": "off_hours", "channel": "#night"})

    assert to(notice(), *routes, at=DAY) == Route("#day", "here")
    assert to(notice(), *routes, at=NIGHT) == Route("#night", "here")


def test_a_warning_waits_where_only_critical_is_let_through() -> None:
    only = {"when": "off_hours", "at_least": "critical"}

    assert to(notice(), only, at=NIGHT) == Mute(Muted.BELOW_SEVERITY, name="critical in off_hours")
    assert to(notice(severity=Severity.CRITICAL), only, at=NIGHT) == Route("#payments", "here")
    assert to(notice(), only, at=DAY) == Route("#payments", "here")


def test_a_category_matches_where_one_that_surges_does() -> None:
    assert to(notice(**grouped()), {"category": "card*", "channel": "#cards"}) == Route("#cards", "here")
    assert to(notice(**grouped()), {"category": "receipt", "channel": "#x"}) == Route("#payments", "here")


def test_a_route_of_a_service_is_not_for_the_whole_company() -> None:
    assert to(notice(service=None), {"service": "p*", "channel": "#x"}) == Route("#all", "here")


# -- business hours


@pytest.mark.parametrize(
    ("local", "is_open"),
    [
        ("2026-11-20T08:59:59+09:00", False),
        ("2026-11-20T09:00:00+09:00", True),
        ("2026-11-20T17:59:59+09:00", True),
        ("2026-11-20T18:00:00+09:00", False),
        ("2026-11-21T10:00:00+09:00", False),
        ("2026-11-23T10:00:00+09:00", False),
    ],
)
def test_business_hours_are_of_days_that_are_not_off(local: str, is_open: bool) -> None:  # noqa: FBT001 -- a table
    assert HOURS.is_open(datetime.fromisoformat(local)) is is_open


@pytest.mark.parametrize(
    ("after", "morning"),
    [
        ("2026-11-19T23:30:00+09:00", "2026-11-20T09:00:00+09:00"),
        ("2026-11-20T03:00:00+09:00", "2026-11-20T09:00:00+09:00"),
        ("2026-11-20T09:00:00+09:00", "2026-11-24T09:00:00+09:00"),
        ("2026-11-22T12:00:00+09:00", "2026-11-24T09:00:00+09:00"),
    ],
)
def test_the_next_business_morning_leaves_out_weekends_and_holidays(after: str, morning: str) -> None:
    assert HOURS.next_morning(datetime.fromisoformat(after)) == datetime.fromisoformat(morning)


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001 -- bounds
def test_the_next_morning_is_later_and_the_desk_opens_then(at: datetime) -> None:
    hours = BusinessHours(Calendar(ZoneInfo("America/New_York")), time(8, 30), time(17))

    morning = hours.next_morning(at)

    assert morning > at
    assert hours.is_open(morning)
    assert morning.astimezone(ZoneInfo("America/New_York")).time() == time(8, 30)
