"""Calendars: local time, days off, and which weekday a day behaves like.

A time-of-week slot is an hour of local wall time, 0 (Monday 00:00) to 167. A day off behaves like a Sunday and the first
business day after days off like a Monday, when the backlog of the days off arrives. The hour that daylight saving skips
has no slot; the repeated one uses its slot twice. Buckets of one UTC hour share a slot, the one of the hour's middle: where
local time is half an hour off the UTC grid, slot 6 is the hour around 06:00.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import holidays
import numpy as np

from spikewatch.core.counts import Bools, Ints
from spikewatch.core.events import UNHEARD_FACTOR, Event
from spikewatch.core.settings import CalendarEvent, CalendarSettings, Learn, Mute, local_moment
from spikewatch.core.timegrid import HOUR, Span, bucket_start, seconds

SLOTS = 168
_SATURDAY, _SUNDAY, _MONDAY = 5, 6, 0
_ONE_DAY = timedelta(days=1)
_BLOCK = 168
"""Spans whose local time is worked out together and kept: a replay asks for the same weeks every hour."""

_NO_SPANS = np.empty((0, 3), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class LocalTime:
    """Local time of some buckets.

    slot           (n,) time-of-week slot of the day that the bucket's day behaves like, in [0, 168)
    bucket_of_day  (n,) local wall time in buckets since midnight, counted from the beginning of the slot
    off            (n,) True on weekends and days off
    """

    slot: Ints
    bucket_of_day: Ints
    off: Bools


class Turned(NamedTuple):
    """How the days of a past were put in another order: those before `first` are really `by` later, whole weeks."""

    first: date
    by: timedelta


@dataclass(frozen=True)
class Calendar:
    """A time zone, its days off and what was announced.

    turned  None but for a past that was put in another order

    >>> calendar = Calendar(ZoneInfo("Asia/Tokyo"), frozenset({date(2026, 11, 3)}))
    >>> [calendar.like_weekday(date(2026, 11, day)) for day in (2, 3, 4, 5)]
    [0, 6, 0, 3]
    """

    zone: ZoneInfo
    days_off: frozenset[date] = field(default_factory=frozenset)
    turned: Turned | None = None
    events: tuple[Event, ...] = ()

    def real(self, day: date) -> date:
        """Return the day that stands there; another one only in a past that was put in another order."""
        return day if self.turned is None or day >= self.turned.first else day + self.turned.by

    def is_off(self, day: date) -> bool:
        """Tell whether it is a weekend day or a day off."""
        return day.weekday() >= _SATURDAY or self.real(day) in self.days_off

    def like_weekday(self, day: date) -> int:
        """Return the weekday (Monday is 0) whose normal this day follows."""
        weekday = day.weekday()
        if self.real(day) in self.days_off:
            return _SUNDAY
        if weekday < _SATURDAY and self.is_off(day - _ONE_DAY):
            return _MONDAY
        return weekday

    def local(self, first: int, stop: int, step: timedelta) -> LocalTime:
        """Return the local time of buckets `[first, stop)`."""
        width = seconds(step)
        span = max(width, seconds(HOUR))
        begins, position = np.divmod(np.arange(first, stop, dtype=np.int64) * width, span)
        blocks = range(first * width // span // _BLOCK, (stop - 1) * width // span // _BLOCK + 1)
        spans = np.concatenate([_NO_SPANS, *(_spans(self, block, span) for block in blocks)])
        cells = spans[begins - blocks.start * _BLOCK]
        return LocalTime(
            slot=cells[:, 0],
            bucket_of_day=(cells[:, 1] + position) // width,
            off=cells[:, 2].astype(np.bool_),
        )


@lru_cache(maxsize=2000)
def _spans(calendar: Calendar, block: int, width: int) -> Ints:
    """Return (168, 3) slot, begin of the slot in seconds since midnight, and whether off, of one block of spans."""
    numbers = range(block * _BLOCK, (block + 1) * _BLOCK)
    spans = np.array([_span(calendar, number, width) for number in numbers], dtype=np.int64)
    spans.setflags(write=False)
    return spans


def _span(calendar: Calendar, number: int, width: int) -> tuple[int, int, bool]:
    middle = bucket_start(number, timedelta(seconds=width)) + timedelta(seconds=width / 2)
    local = middle.astimezone(calendar.zone)
    day, since_midnight = local.date(), local.hour * 3600 + local.minute * 60
    return calendar.like_weekday(day) * 24 + local.hour, since_midnight // width * width, calendar.is_off(day)


def build_calendar(settings: CalendarSettings, *, zone: ZoneInfo, years: Iterable[int]) -> Calendar:
    """Return the calendar of the settings with the public holidays of these years.

    Raises NotImplementedError where the `holidays` library does not know the country or the subdivision.

    >>> settings = CalendarSettings(country="JP", days_off=(date(2026, 12, 30),))
    >>> calendar = build_calendar(settings, zone=ZoneInfo("Asia/Tokyo"), years=[2026])
    >>> date(2026, 9, 22) in calendar.days_off, date(2026, 12, 30) in calendar.days_off
    (True, True)
    """
    public: Iterable[date] = ()
    if settings.country is not None:
        public = holidays.country_holidays(settings.country, subdiv=settings.subdivision, years=years)
    events = tuple(_event(event, zone) for event in settings.events)
    return Calendar(zone, frozenset({*public, *settings.days_off}), events=events)


def _event(event: CalendarEvent, zone: ZoneInfo) -> Event:
    return Event(
        name=event.name,
        span=Span(local_moment(event.start, zone), local_moment(event.end, zone)),
        service=event.service,
        category=event.category,
        factor=_factor(event.expect),
        learns=isinstance(event.expect, Learn),
    )


def _factor(expect: float | Mute | Learn) -> float | None:
    if isinstance(expect, Mute):
        return None
    return UNHEARD_FACTOR if isinstance(expect, Learn) else expect


def years_around(instant: datetime) -> range:
    """Return the years whose holidays matter when history ends at the instant."""
    return range(instant.year - 2, instant.year + 3)
