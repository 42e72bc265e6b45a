"""Local time: which weekday a day behaves like, and what daylight saving does to the slots of a week."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikewatch.core.calendars import SLOTS, Calendar, build_calendar, years_around
from spikewatch.core.settings import CalendarSettings
from spikewatch.core.timegrid import HOUR, WEEK, bucket_number, bucket_start

TOKYO = ZoneInfo("Asia/Tokyo")
NEW_YORK = ZoneInfo("America/New_York")
KOLKATA = ZoneInfo("Asia/Kolkata")
KATHMANDU = ZoneInfo("Asia/Kathmandu")
FIVE_MINUTES = timedelta(minutes=5)

# May 2026 begins on a Friday; in Japan the 3rd to the 6th are holidays
GOLDEN_WEEK = frozenset({date(2026, 5, 4), date(2026, 5, 5), date(2026, 5, 6)})


def local_day(zone: ZoneInfo, day: date, step: timedelta) -> tuple[int, int]:
    """The first bucket of a local day and the first of the next."""
    begin = datetime(day.year, day.month, day.day, tzinfo=zone)
    after = day + timedelta(days=1)
    end = datetime(after.year, after.month, after.day, tzinfo=zone)
    return bucket_number(begin, step), bucket_number(end, step)


@pytest.mark.parametrize(
    ("day", "like"),
    [
        (date(2026, 5, 1), 4),
        (date(2026, 5, 2), 5),
        (date(2026, 5, 3), 6),
        (date(2026, 5, 4), 6),
        (date(2026, 5, 5), 6),
        (date(2026, 5, 6), 6),
        (date(2026, 5, 7), 0),
        (date(2026, 5, 8), 4),
        (date(2026, 5, 9), 5),
        (date(2026, 5, 11), 0),
        (date(2026, 5, 12), 1),
    ],
    ids=[
        "Friday",
        "Saturday",
        "Sunday",
        "Monday off",
        "Tuesday off",
        "Wednesday off",
        "Thursday, backlog of days off",
        "Friday again",
        "Saturday again",
        "plain Monday",
        "plain Tuesday",
    ],
)  # fmt: skip -- one day a line reads as a calendar
def test_a_day_off_is_like_a_sunday_and_the_first_business_day_after_it_like_a_monday(
    day: date, like: int
) -> None:
    assert Calendar(TOKYO, GOLDEN_WEEK).like_weekday(day) == like


def test_a_tuesday_after_a_monday_off_is_like_a_monday() -> None:
    calendar = Calendar(TOKYO, frozenset({date(2026, 11, 23)}))

    assert [calendar.like_weekday(date(2026, 11, day)) for day in (23, 24, 25)] == [6, 0, 2]


def test_a_saturday_off_is_like_a_sunday_and_a_saturday_after_a_friday_off_stays_one() -> None:
    calendar = Calendar(TOKYO, frozenset({date(2026, 5, 8), date(2026, 5, 16)}))

    assert calendar.like_weekday(date(2026, 5, 9)) == 5
    assert calendar.like_weekday(date(2026, 5, 16)) == 6
    assert calendar.like_weekday(date(2026, 5, 18)) == 0


@pytest.mark.parametrize(
    ("day", "off"), [(date(2026, 5, 1), False), (date(2026, 5, 2), True), (date(2026, 5, 4), True)]
)
def test_weekends_and_days_off_are_off(day: date, *, off: bool) -> None:
    assert Calendar(TOKYO, GOLDEN_WEEK).is_off(day) is off


@given(
    st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.frozensets(st.dates(date(2020, 1, 1), date(2030, 1, 1)))
)
def test_only_days_next_to_a_day_off_leave_their_own_weekday(day: date, days_off: frozenset[date]) -> None:
    calendar = Calendar(TOKYO, days_off)

    like = calendar.like_weekday(day)

    if day in days_off:
        assert like == 6
    elif day - timedelta(days=1) not in days_off:
        assert like == day.weekday()
    else:
        assert like in (0, day.weekday())


def test_the_hour_that_daylight_saving_skips_has_no_slot() -> None:
    first, stop = local_day(NEW_YORK, date(2026, 3, 8), HOUR)

    slots = Calendar(NEW_YORK).local(first, stop, HOUR).slot

    sunday = 6 * 24
    assert slots.tolist() == [sunday + hour for hour in range(24) if hour != 2]


def test_the_hour_that_daylight_saving_repeats_uses_its_slot_twice() -> None:
    first, stop = local_day(NEW_YORK, date(2026, 11, 1), HOUR)

    slots = Calendar(NEW_YORK).local(first, stop, HOUR).slot

    sunday = 6 * 24
    assert slots.tolist() == sorted([*range(sunday, sunday + 24), sunday + 1])


def test_fine_buckets_of_the_repeated_hour_repeat_their_place_in_the_day() -> None:
    first, stop = local_day(NEW_YORK, date(2026, 11, 1), FIVE_MINUTES)

    places = Counter(Calendar(NEW_YORK).local(first, stop, FIVE_MINUTES).bucket_of_day.tolist())

    assert {place for place, times in places.items() if times == 2} == set(range(12, 24))
    assert set(places) == set(range(288))


@pytest.mark.parametrize("zone", [TOKYO, NEW_YORK, ZoneInfo("Europe/Berlin")], ids=str)
def test_where_local_hours_are_utc_hours_a_bucket_is_its_local_wall_time(zone: ZoneInfo) -> None:
    first = bucket_number(datetime(2026, 3, 1, tzinfo=UTC), FIVE_MINUTES)
    numbers = range(first, first + 5 * 7 * 288)

    local = Calendar(zone).local(numbers.start, numbers.stop, FIVE_MINUTES)

    walls = [bucket_start(number, FIVE_MINUTES).astimezone(zone) for number in numbers]
    assert local.bucket_of_day.tolist() == [wall.hour * 12 + wall.minute // 5 for wall in walls]
    assert (local.slot % 24).tolist() == [wall.hour for wall in walls]
    assert local.off.tolist() == [wall.weekday() >= 5 for wall in walls]


@pytest.mark.parametrize(
    ("zone", "instant", "slot"),
    [
        (KOLKATA, datetime(2026, 5, 11, 0, 0, tzinfo=UTC), 6),
        (KOLKATA, datetime(2026, 5, 11, 18, 0, tzinfo=UTC), 24),
        (KATHMANDU, datetime(2026, 5, 11, 0, 0, tzinfo=UTC), 6),
        (KATHMANDU, datetime(2026, 5, 11, 18, 0, tzinfo=UTC), 24),
    ],
    ids=["05:30-06:30", "23:30-00:30", "05:45-06:45", "23:45-00:45"],
)
def test_where_local_hours_are_half_an_hour_off_the_middle_names_the_slot(
    zone: ZoneInfo, instant: datetime, slot: int
) -> None:
    number = bucket_number(instant, HOUR)

    assert Calendar(zone).local(number, number + 1, HOUR).slot.tolist() == [slot]


@pytest.mark.parametrize(
    "zone", [TOKYO, NEW_YORK, KOLKATA, KATHMANDU, ZoneInfo("Australia/Lord_Howe")], ids=str
)
@pytest.mark.parametrize("minutes", [5, 15, 30])
def test_all_buckets_of_an_hour_share_its_slot_and_lie_in_it_in_order(zone: ZoneInfo, minutes: int) -> None:
    step = timedelta(minutes=minutes)
    per_hour = HOUR // step
    hour = bucket_number(datetime(2026, 3, 20, tzinfo=UTC), HOUR)

    hours = Calendar(zone).local(hour, hour + 600, HOUR)
    fine = Calendar(zone).local(hour * per_hour, (hour + 600) * per_hour, step)

    assert fine.slot.tolist() == np.repeat(hours.slot, per_hour).tolist()
    assert fine.off.tolist() == np.repeat(hours.off, per_hour).tolist()
    assert (fine.bucket_of_day % per_hour).tolist() == list(range(per_hour)) * 600
    assert (fine.bucket_of_day // per_hour).tolist() == (fine.slot % 24).tolist()


def test_a_week_without_daylight_saving_uses_every_slot_once() -> None:
    hour = bucket_number(datetime(2026, 5, 11, tzinfo=TOKYO), HOUR)

    assert Calendar(TOKYO).local(hour, hour + WEEK // HOUR, HOUR).slot.tolist() == list(range(SLOTS))


def test_a_day_off_takes_its_slots_from_a_sunday() -> None:
    first, stop = local_day(TOKYO, date(2026, 5, 5), HOUR)

    local = Calendar(TOKYO, GOLDEN_WEEK).local(first, stop, HOUR)

    assert local.slot.tolist() == list(range(6 * 24, 7 * 24))
    assert local.off.all()


def test_a_bucket_wider_than_an_hour_lies_where_its_middle_does() -> None:
    number = bucket_number(datetime(2026, 5, 11, 0, tzinfo=UTC), 2 * HOUR)

    local = Calendar(ZoneInfo("UTC")).local(number, number + 2, 2 * HOUR)

    assert local.slot.tolist() == [1, 3]
    assert local.bucket_of_day.tolist() == [0, 1]


def test_no_buckets_have_no_local_time() -> None:
    local = Calendar(TOKYO).local(7, 7, HOUR)

    assert len(local.slot) == len(local.bucket_of_day) == len(local.off) == 0


@pytest.mark.parametrize(
    ("settings", "off", "working"),
    [
        (CalendarSettings(), [], [date(2026, 1, 1)]),
        (CalendarSettings(country="JP"), [date(2026, 5, 6), date(2026, 9, 22)], [date(2026, 12, 30)]),
        (
            CalendarSettings(country="JP", days_off=(date(2026, 12, 30),)),
            [date(2026, 12, 30)],
            [date(2026, 12, 29)],
        ),
        (CalendarSettings(country="US", subdivision="CA"), [date(2026, 3, 31)], [date(2026, 5, 6)]),
    ],
    ids=["none", "Japan with its bridge day", "days of your own", "a state's own"],
)
def test_a_calendar_knows_public_holidays_and_days_of_your_own(
    settings: CalendarSettings, off: Sequence[date], working: Sequence[date]
) -> None:
    calendar = build_calendar(settings, zone=TOKYO, years=[2026])

    assert all(calendar.is_off(day) for day in off)
    assert not any(calendar.is_off(day) for day in working)


def test_a_country_that_nobody_knows_is_refused() -> None:
    with pytest.raises(NotImplementedError):
        build_calendar(CalendarSettings(country="XX"), zone=TOKYO, years=[2026])


def test_holidays_of_the_years_around_are_loaded() -> None:
    assert list(years_around(datetime(2026, 5, 11, tzinfo=UTC))) == [2024, 2025, 2026, 2027, 2028]
