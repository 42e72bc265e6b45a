"""Day types: what makes one Tuesday unlike another, beyond the weekday it behaves like.

The calendar says which weekday a day follows (a day off a Sunday, the first business day after days off a Monday). Here
the rest is learnt or scaled: the backlog grows with the number of days off, and the first and the last business day of a
month and the eve of a day off get a factor a service, shrunk to 1 while examples are few.
"""

from datetime import date, timedelta
from enum import StrEnum

import numpy as np

from spikewatch.core.calendars import Calendar
from spikewatch.core.counts import Floats, Panel
from spikewatch.core.timegrid import HOUR, bucket_start

WEEKEND = 2
"""Days off before an ordinary Monday, whose backlog the Monday slots hold."""

BACKLOG_POWER = 0.7
"""The backlog of k days off against a weekend's is (k / 2) ** 0.7: people who gave up waiting do not write twice."""

LONGEST_BREAK = 14
FACTOR_SPREAD = 0.15
"""How far a kind of day is from an ordinary one before any has been seen (relative standard deviation)."""

DAY_SPREAD = 0.10
NEIGHBOURS = 10
"""Ordinary days on either side that say what level a special day stood on."""

LEAST_FACTOR, MOST_FACTOR = 0.7, 1.6
_ONE_DAY = timedelta(days=1)
_MONDAY = slice(0, 24)
_MIDWEEK = (1, 2, 3, 4)


class DayKind(StrEnum):
    """What is special about a business day; the first that fits counts."""

    FIRST_OF_MONTH = "first_of_month"
    LAST_OF_MONTH = "last_of_month"
    EVE = "eve"
    ORDINARY = "ordinary"
    OFF = "off"


def kind_of(day: date, calendar: Calendar) -> DayKind:
    """Return the kind of a day; the eve of a weekend is ordinary, for every week has one.

    >>> from zoneinfo import ZoneInfo
    >>> tokyo = Calendar(ZoneInfo("Asia/Tokyo"), frozenset({date(2026, 11, 3)}))
    >>> [kind_of(date(2026, 11, n), tokyo).value for n in (1, 2, 3, 4, 30)]
    ['off', 'first_of_month', 'off', 'ordinary', 'last_of_month']
    """
    day = calendar.real(day)
    if calendar.is_off(day):
        return DayKind.OFF
    if _business_day(day - _ONE_DAY, -_ONE_DAY, calendar).month != day.month:
        return DayKind.FIRST_OF_MONTH
    if _business_day(day + _ONE_DAY, _ONE_DAY, calendar).month != day.month:
        return DayKind.LAST_OF_MONTH
    return DayKind.EVE if (day + _ONE_DAY) in calendar.days_off else DayKind.ORDINARY


def days_off_before(day: date, calendar: Calendar) -> int:
    """Return how many days off in a row end the day before; 0 on a day off and after a business day."""
    if calendar.is_off(day):
        return 0
    number = 0
    while number < LONGEST_BREAK and calendar.is_off(day - (number + 1) * _ONE_DAY):
        number += 1
    return number


def fitted_to_day(mean: Floats, hourly: Panel, *, calendar: Calendar, hour: int) -> Floats:
    """Return the profile (n_series, 168) as it holds on the local day of that hour number.

    mean    (n_series, 168) expected tickets an hour by time-of-week slot, from the hours below
    hourly  the history it was learnt from
    """
    day = bucket_start(hour, HOUR).astimezone(calendar.zone).date()
    fitted = _with_backlog(mean, days_off_before(day, calendar))
    kind = kind_of(day, calendar)
    if kind in (DayKind.ORDINARY, DayKind.OFF):
        return fitted
    slots = slice(24 * calendar.like_weekday(day), 24 * calendar.like_weekday(day) + 24)
    factor = _factors(mean, hourly, calendar, kind=kind)
    fitted = fitted.copy()
    fitted[:, slots] *= factor[hourly.roster.service_of][:, None]
    return fitted


def backlog_share(days_off: int) -> float:
    """Return the backlog after that many days off, as a multiple of a weekend's.

    >>> [round(backlog_share(n), 2) for n in (1, 2, 3, 5)]
    [0.62, 1.0, 1.33, 1.9]
    """
    return (days_off / WEEKEND) ** BACKLOG_POWER


def _with_backlog(mean: Floats, days_off: int) -> Floats:
    """Return the profile with its Monday slots scaled to the backlog of a shorter or longer break."""
    if days_off in (0, WEEKEND):
        return mean
    usual = np.mean([mean[:, 24 * weekday : 24 * weekday + 24] for weekday in _MIDWEEK], axis=0)
    scaled = mean.copy()
    scaled[:, _MONDAY] = usual + backlog_share(days_off) * (mean[:, _MONDAY] - usual)
    floor = 0.5 * np.minimum(usual, mean[:, _MONDAY])
    scaled[:, _MONDAY] = np.maximum(scaled[:, _MONDAY], floor)
    return scaled


def _factors(mean: Floats, hourly: Panel, calendar: Calendar, *, kind: DayKind) -> Floats:
    """Return (n_services + 1,) how much busier such days were than ordinary ones around them; the fleet last."""
    roster = hourly.roster
    rollups = slice(roster.n_leaves, len(roster))
    local = calendar.local(hourly.grid.first, hourly.grid.stop, HOUR)
    dates = [
        bucket_start(hourly.grid.first + column, HOUR).astimezone(calendar.zone).date()
        for column in range(hourly.grid.length)
    ]
    numbers = np.array([day.toordinal() for day in dates], dtype=np.int64)
    place = numbers - numbers[:1]
    n_days = int(place.max(initial=-1)) + 1
    known = hourly.learnt_rows[rollups]
    expected = _by_day(mean[rollups][:, local.slot] * known, place, n_days)
    usual = 1.3 * mean[rollups][:, local.slot]
    clipped = np.minimum(hourly.counts[rollups], usual + 3.0 * np.sqrt(2.0 * usual) + 2.0)
    observed = _by_day(clipped * known, place, n_days)
    first = dates[0] if dates else None
    kinds = [kind_of(first + number * _ONE_DAY, calendar) for number in range(n_days)] if first else []
    return _shrunk(observed, expected, np.array([other is kind for other in kinds]), kinds)


def _shrunk(observed: Floats, expected: Floats, special: np.ndarray, kinds: list[DayKind]) -> Floats:
    factors = np.ones(len(observed))
    ordinary = np.array([kind is DayKind.ORDINARY for kind in kinds])
    weight = np.full(len(observed), 1.0 / FACTOR_SPREAD**2)
    for day in np.flatnonzero(special):
        around = np.flatnonzero(ordinary & (np.abs(np.arange(len(kinds)) - day) <= NEIGHBOURS))
        level = (observed[:, around].sum(axis=1) + 20.0) / (expected[:, around].sum(axis=1) + 20.0)
        tickets = np.maximum(expected[:, day] * level, 1.0)
        certainty = np.where(expected[:, day] > 0, 1.0 / (DAY_SPREAD**2 + 1.0 / tickets), 0.0)
        factors = (factors * weight + certainty * observed[:, day] / tickets) / (weight + certainty)
        weight = weight + certainty
    return np.clip(factors, LEAST_FACTOR, MOST_FACTOR)


def _by_day(values: Floats, place: np.ndarray, n_days: int) -> Floats:
    sums = np.zeros((values.shape[0], n_days))
    np.add.at(sums.T, place, values.T)
    return sums


def _business_day(day: date, step: timedelta, calendar: Calendar) -> date:
    """Return the next business day from `day` on, in steps of a day either way."""
    for _ in range(LONGEST_BREAK):
        if not calendar.is_off(day):
            return day
        day += step
    return day
