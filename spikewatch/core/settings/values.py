"""How single values are written: durations, times, names, ratios and secrets."""

import re
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SecretStr,
)

from spikewatch.core.timegrid import seconds

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}

FIRST_YEAR, LAST_YEAR = 1970, 2199
"""Years of a moment: every zone can say every time in them, and every duration from there."""

LONGEST_DURATION = timedelta(days=36_525)
"""A hundred years: nothing of a desk lasts longer, and from now it ends in a year that a calendar has."""

_DURATION = re.compile(r"(?:\d+[smhdw])+")

_WRITE_DURATION = "write a number and a unit such as 30s, 5m, 3h, 2d or 8w"
_CLOCK_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


class Settings(BaseModel):
    """Base of all settings: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Secret(SecretStr):
    """A password or token: prints as `<secret>` wherever it goes; `get_secret_value` is for the vendor alone.

    >>> Secret("hunter2"), f"{Secret('hunter2')}"
    (<secret>, '<secret>')
    """

    def __repr__(self) -> str:
        return "<secret>"

    __str__ = __repr__


def parse_duration(text: Any) -> Any:  # noqa: ANN401 -- pydantic hands over whatever the YAML held
    """Read `5m`, `8w` or `1h30m`; anything else raises ValueError with the remedy.

    >>> parse_duration("1h30m")
    datetime.timedelta(seconds=5400)
    """
    if isinstance(text, timedelta):
        return text
    if not isinstance(text, str) or not _DURATION.fullmatch(text):
        message = f"{text!r} is no duration; {_WRITE_DURATION}"
        raise ValueError(message)
    total = sum(int(n) * _UNITS[unit] for n, unit in re.findall(r"(\d+)([smhdw])", text))
    if total > seconds(LONGEST_DURATION):
        message = f"{text!r} is longer than a hundred years; {_WRITE_DURATION}"
        raise ValueError(message)
    return timedelta(seconds=total)


def format_duration(duration: timedelta) -> str:
    """Write a duration the way the configuration reads it.

    >>> format_duration(timedelta(minutes=90))
    '90m'
    """
    total = seconds(duration)
    for unit in ("w", "d", "h", "m"):
        if total and total % _UNITS[unit] == 0:
            return f"{total // _UNITS[unit]}{unit}"
    return f"{total}s"


Duration = Annotated[
    timedelta, BeforeValidator(parse_duration), PlainSerializer(format_duration, return_type=str)
]


def _ratio(ratio: float) -> float:
    if not ratio >= 1:
        message = f"{ratio:g} would alert on falls; use 1.0 or more"
        raise ValueError(message)
    return ratio


Ratio = Annotated[float, AfterValidator(_ratio)]


def _moment(text: Any) -> Any:  # noqa: ANN401 -- pydantic hands over whatever the YAML held
    """Read a date or a time with its offset; anything else raises ValueError with the remedy."""
    found = _day_or_time(text)
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        message = f"{found.isoformat()} is no time of a help desk; write one from {FIRST_YEAR} to {LAST_YEAR}"
        raise ValueError(message)
    return found


def _day_or_time(text: Any) -> date:  # noqa: ANN401 -- as above
    if isinstance(text, date):
        return text
    try:
        return date.fromisoformat(text)
    except (ValueError, TypeError):
        pass
    example = "2026-12-01 for local midnight, or 2026-12-01T10:00:00+09:00"
    try:
        found = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        message = f"{text!r} is no time; write {example}"
        raise ValueError(message) from None
    if found.utcoffset() is None:
        message = f"{text!r} has no UTC offset; write {example}"
        raise ValueError(message)
    return found


def local_moment(moment: date, zone: ZoneInfo) -> datetime:
    """Return the instant that a date or a time names; a bare date is local midnight.

    >>> local_moment(date(2026, 12, 1), ZoneInfo("Asia/Tokyo")).isoformat()
    '2026-12-01T00:00:00+09:00'
    """
    if isinstance(moment, datetime):
        return moment
    return datetime(moment.year, moment.month, moment.day, tzinfo=zone)


Moment = Annotated[date | datetime, BeforeValidator(_moment)]


def _clock_time(text: Any) -> Any:  # noqa: ANN401 -- pydantic hands over whatever the YAML held
    """Read a local time of day such as 09:00; anything else raises ValueError with the remedy."""
    if isinstance(text, time):
        return text
    found = _CLOCK_TIME.fullmatch(str(text))
    if found is None:
        message = f'{text!r} is no time of day; write it in quotes, such as "09:00"'
        raise ValueError(message)
    return time(int(found[1]), int(found[2]))


def clock_text(moment: time) -> str:
    """Write a time of day as `09:00`."""
    return moment.strftime("%H:%M")


ClockTime = Annotated[time, BeforeValidator(_clock_time), PlainSerializer(clock_text, return_type=str)]


def _time_of_day(text: Any) -> Any:  # noqa: ANN401 -- pydantic hands over whatever the YAML held
    try:
        return text if isinstance(text, time) else time.fromisoformat(str(text))
    except ValueError:
        message = f"{text!r} is no time of day; write one such as '04:00', in quotation marks"
        raise ValueError(message) from None


TimeOfDay = Annotated[
    time, BeforeValidator(_time_of_day), PlainSerializer(lambda at: at.isoformat("minutes"), return_type=str)
]


def _one_name(name: str) -> str:
    if name == "*":
        message = "'*' is no name; without this key all are meant"
        raise ValueError(message)
    return name


Name = Annotated[str, Field(min_length=1), AfterValidator(_one_name)]
