"""When customers write: days off, opening hours by channel, backlog mornings, month ends, slow trends.

Everything here is expectation, no chance but the dice that choose a desk's habits. Local time is always a named zone's.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import holidays
import numpy as np

from spikewatch.core.counts import Floats, Ints
from spikewatch.core.timegrid import Grid, seconds

WORKDAY, SATURDAY, DAY_OFF = 0, 1, 2
"""Kinds of day; Sundays, public holidays and the turn of the year are DAY_OFF."""

CHANNELS: Final = ("mail", "chat", "phone")

_DAY_S: Final = 86400
_LOOK_BACK: Final = 21  # days before the grid that may hold the days off which a backlog has piled up over
_WEEKDAY_FACTOR: Final = np.array([1.06, 1.02, 1.0, 0.98, 1.0, 1.0, 1.0])
_PAY_DAY: Final = 25


@dataclass(frozen=True)
class LocalTime:
    """A grid as the desk's wall clock shows it.

    first    the first local day
    day      (n_buckets,) local day, counted from `first`
    hour     (n_buckets,) hour of the day at the middle of the bucket, in [0, 24)
    kind     (n_days,) WORKDAY, SATURDAY or DAY_OFF
    weekday  (n_days,) 0 is Monday
    backlog  (n_days,) how many days off a workday follows, else 0
    pressure (n_days,) month end, in [0, 1]
    """

    first: date
    day: Ints
    hour: Floats
    kind: Ints
    weekday: Ints
    backlog: Ints
    pressure: Floats

    @classmethod
    def of(cls, grid: Grid, *, zone: ZoneInfo, country: str | None) -> "LocalTime":
        """Return the local time of a grid; `country` names the public holidays, None has none."""
        local = _local_seconds(grid, zone)
        ordinal = local // _DAY_S
        first, n_days = int(ordinal[0]), int(ordinal[-1] - ordinal[0]) + 1
        start = date(1970, 1, 1) + timedelta(days=first - _LOOK_BACK)
        days = [start + timedelta(days=n) for n in range(n_days + _LOOK_BACK + 7)]
        kind = _kinds(days, country)
        shown = slice(_LOOK_BACK, _LOOK_BACK + n_days)
        return cls(
            first=days[_LOOK_BACK],
            day=ordinal - first,
            hour=(local % _DAY_S + seconds(grid.step) / 2) / 3600,
            kind=kind[shown],
            weekday=np.array([day.weekday() for day in days], dtype=np.int64)[shown],
            backlog=_backlog(kind)[shown],
            pressure=_pressure(days, kind)[shown],
        )


def _local_seconds(grid: Grid, zone: ZoneInfo) -> Ints:
    """Return (n_buckets,) wall-clock seconds since 1970; offsets are looked up once an hour."""
    utc = (grid.first + np.arange(grid.length, dtype=np.int64)) * seconds(grid.step)
    hours, place = np.unique(utc // 3600, return_inverse=True)
    instants = (datetime.fromtimestamp(int(hour) * 3600, tz=UTC).astimezone(zone) for hour in hours)
    offsets = [seconds(instant.utcoffset() or timedelta(0)) for instant in instants]
    return utc + np.array(offsets, dtype=np.int64)[place]


def _kinds(days: list[date], country: str | None) -> Ints:
    years = {day.year for day in days}
    public = holidays.country_holidays(country, years=years) if country else {}
    return np.array([_kind(day, is_public=day in public) for day in days], dtype=np.int64)


def _kind(day: date, *, is_public: bool) -> int:
    turn_of_year = (day.month, day.day) in {(12, 30), (12, 31), (1, 1), (1, 2), (1, 3)}
    if is_public or turn_of_year or day.weekday() == 6:  # noqa: PLR2004 -- Sunday
        return DAY_OFF
    return SATURDAY if day.weekday() == 5 else WORKDAY  # noqa: PLR2004 -- Saturday


def _backlog(kind: Ints) -> Ints:
    """Return (n_days,) the length of the run of days off that a workday follows.

    >>> _backlog(np.array([0, 0, 1, 2, 0, 0, 2, 0])).tolist()
    [0, 0, 0, 0, 2, 0, 0, 1]
    """
    backlog = np.zeros_like(kind)
    off = 0
    for index, value in enumerate(kind):
        if value == WORKDAY:
            backlog[index], off = off, 0
        else:
            off += 1
    return backlog


def _pressure(days: list[date], kind: Ints) -> Floats:
    """Return (n_days,) 1 on the last workday of a month, 0.5 on the one before and on pay day."""
    pressure = np.zeros(len(days))
    workdays = [index for index in range(len(days)) if kind[index] == WORKDAY]
    for before, last, after in zip(workdays, workdays[1:], workdays[2:], strict=False):
        if days[last].day == _PAY_DAY:
            pressure[last] = max(pressure[last], 0.5)
        if days[last].month != days[after].month:
            pressure[last] = 1.0
            pressure[before] = max(pressure[before], 0.5)
    return pressure


@dataclass(frozen=True)
class Habits:
    """How one service's customers write.

    closes      hour at which chat closes
    day_level   (3 channels, 3 kinds of day) level against a workday
    backlog     rise on the first workday after one day off, at opening
    month_end   rise on the last workday of a month
    newsletter  (weekday, hour, rise) of a weekly mail to customers; None without
    """

    closes: float
    day_level: Floats
    backlog: float
    month_end: float
    newsletter: tuple[int, float, float] | None

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> "Habits":
        """Return a plausible service."""
        level = np.array([[1.0, 0.62, 0.55], [1.0, 0.5, 0.42], [1.0, 0.25, 0.08]])
        level[:, 1:] *= rng.uniform(0.8, 1.2, size=(3, 2))
        newsletter = (int(rng.integers(0, 5)), float(rng.integers(10, 20)), float(rng.uniform(0.3, 0.8)))
        return cls(
            closes=18.0 if rng.random() < 0.5 else 21.0,  # noqa: PLR2004 -- a coin
            day_level=level,
            backlog=float(rng.uniform(0.2, 0.45)),
            month_end=float(rng.uniform(0.05, 0.2)),
            newsletter=newsletter if rng.random() < 0.3 else None,  # noqa: PLR2004 -- three in ten send one
        )


def curves(hour: Floats, *, closes: float) -> Floats:
    """Return (3, n) how much each channel is used by hour of the day, in [0, 1]: mail, chat, phone."""
    hump = 0.75 * _bell(hour, 11.0, 2.8) + 0.85 * _bell(hour, 20.5, 2.6) + 0.3 * _bell(hour, 15.0, 3.0)
    mail = 0.08 + 0.9 * hump
    chat = _gate(hour, 9.0, closes, sharpness=7.0) * (
        0.75 + 0.2 * _bell(hour, 12.5, 1.2) + 0.1 * _bell(hour, 10, 1)
    )
    rush = 0.35 * np.exp(-np.maximum(hour - 9.0, 0.0) / 0.8)
    phone = _gate(hour, 9.0, 18.0, sharpness=40.0) * (0.62 + rush - 0.12 * _bell(hour, 12.5, 0.5))
    return np.stack([mail, chat, phone])


def _bell(hour: Floats, centre: float, width: float) -> Floats:
    return np.exp(-0.5 * ((hour - centre) / width) ** 2)


def _gate(hour: Floats, opens: float, closes: float, *, sharpness: float) -> Floats:
    """Return a plateau between two hours; `sharpness` is the slope of its edges per hour."""
    return 0.5 * (np.tanh(sharpness * (hour - opens)) - np.tanh(sharpness * (hour - closes)))


def season(local: LocalTime, habits: Habits, mix: Floats) -> Floats:
    """Return the (n_mixes, n_buckets) season of one service's categories; the peak of an ordinary workday is 1.

    mix  (n_mixes, 3) share of each channel; rows sum to 1
    """
    kind = local.kind[local.day]
    used = curves(local.hour, closes=habits.closes)
    shape = np.asarray(mix @ (used * habits.day_level[:, kind]))
    grid_of_day = np.linspace(0.0, 24.0, 288, endpoint=False)
    peak = np.asarray(mix @ curves(grid_of_day, closes=habits.closes)).max(axis=1)
    calendar = (
        _WEEKDAY_FACTOR[local.weekday[local.day]]
        * (1.0 + habits.month_end * local.pressure[local.day])
        * _morning(local, habits.backlog)
        * _mailing(local, habits)
    )
    return np.asarray(shape / peak[:, None] * calendar)


def _morning(local: LocalTime, rise: float) -> Floats:
    """Return (n_buckets,) what has piled up over k days off: it grows as k**0.6 and fades over the day."""
    size = rise * local.backlog[local.day] ** 0.6
    since = local.hour - 9.0
    return np.asarray(1.0 + size * np.where(since < 0, np.maximum(0.0, 1.0 + since), np.exp(-since / 4.0)))


def _mailing(local: LocalTime, habits: Habits) -> Floats:
    """Return (n_buckets,) the answers to a weekly mail: up at once, gone after about two hours."""
    if habits.newsletter is None:
        return np.ones(len(local.hour))
    weekday, hour, rise = habits.newsletter
    since = local.hour - hour
    answers = np.where(since >= 0, np.exp(-since / 0.8), 0.0)
    return np.asarray(1.0 + rise * answers * (local.weekday[local.day] == weekday))


def trend(rng: np.random.Generator, *, n: int, grid: Grid, weekly_sd: float) -> Floats:
    """Return (n, n_buckets) slow levels around 1: a random walk in the logarithm with weekly knots."""
    week = seconds(timedelta(weeks=1)) / seconds(grid.step)
    knots = np.arange(int(grid.length / week) + 2) * week
    walk = np.cumsum(rng.normal(0.0, weekly_sd, size=(n, len(knots))), axis=1)
    walk -= walk.mean(axis=1, keepdims=True)
    at = np.arange(grid.length)
    return np.asarray(np.exp(np.stack([np.interp(at, knots, row) for row in walk])))
