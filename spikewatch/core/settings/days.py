"""Days that are not like the others, and when the desk is staffed."""

from datetime import date, time
from enum import StrEnum
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    Field,
    ValidationInfo,
    field_validator,
)

from spikewatch.core.settings.values import ClockTime, Moment, Name, Settings, clock_text

MOST_EXPECTED = 100.0


class Mute(StrEnum):
    """What an event may ask for in place of a factor: not to be judged."""

    MUTE = "mute"


class Learn(StrEnum):
    """What an event may ask for in place of a factor: that its factor is learnt."""

    LEARN = "learn"


def _expect(given: Any) -> Any:  # noqa: ANN401 -- pydantic hands over whatever the YAML held
    if isinstance(given, Mute) or given == Mute.MUTE.value:
        return Mute.MUTE
    if isinstance(given, Learn) or given == Learn.LEARN.value:
        return Learn.LEARN
    if isinstance(given, bool) or not isinstance(given, int | float):
        message = f"{given!r} is not understood; write a factor such as 1.6, or learn, or mute"
        raise ValueError(message)  # noqa: TRY004 -- pydantic reports a ValueError and lets a TypeError through
    if not 0 < given <= MOST_EXPECTED:
        remedy = "write mute for a span that is not judged, or a factor such as 1.6 or 0.5"
        message = f"{given:g} is no factor between 0 and {MOST_EXPECTED:g}; {remedy}"
        raise ValueError(message)
    return float(given)


class CalendarEvent(Settings):
    """A campaign, a sale, a planned outage: something that was announced."""

    name: Annotated[str, Field(min_length=1)] = Field(examples=["autumn sale"])
    """What `explain` calls it."""
    start: Moment = Field(examples=["2026-12-01"])
    """When it begins: a date, which is local midnight, or a time with its offset."""
    end: Moment = Field(examples=["2026-12-03"])
    """The first instant after it, written in the same way."""
    service: Name | None = Field(default=None, examples=["shop"])
    """The service it is about; without it all of them."""
    category: Name | None = Field(default=None, examples=["coupon"])
    """The category it is about; without it all of them."""
    expect: Annotated[float | Mute | Learn, BeforeValidator(_expect)] = Field(examples=[1.6])
    """So many times the usual tickets (1.6, or 0.5 for fewer), `learn` where nobody knows how many, or `mute`: not judged
    while it lasts. What `learn` expects follows from earlier events of that name within the history and, two hours later,
    from its own hours; the first of a name begins with 1.3 times the usual."""


class BusinessHoursSettings(Settings):
    """When the desk is staffed, on every day that is neither a weekend day nor a day off; local time."""

    opens: ClockTime = Field(default=time(9), examples=["09:00"])
    """When a business day begins: what is snoozed until the next business morning is told then."""
    closes: ClockTime = Field(default=time(18), examples=["18:00"])
    """When it ends; what comes later is out of hours for slack.routes."""

    @field_validator("closes")
    @classmethod
    def _after_opening(cls, closes: time, info: ValidationInfo) -> time:
        opens: time | None = info.data.get("opens")
        if opens is not None and closes <= opens:
            message = f"{clock_text(closes)} is not after opens, {clock_text(opens)}; a business day ends on its own day"
            raise ValueError(message)
        return closes


class CalendarSettings(Settings):
    """Which days are not like the others."""

    country: str | None = Field(default=None, examples=["JP"])
    """Two-letter country code whose public holidays count as days off, for example JP; without it there are none."""
    subdivision: str | None = Field(default=None, examples=["CA"])
    """State or province of that country, where holidays differ inside it."""
    business_hours: BusinessHoursSettings = Field(default_factory=BusinessHoursSettings)
    """When the desk is staffed, for slack.routes and for snoozing until the next business morning: 09:00 to 18:00, unless
    opens or closes say otherwise."""
    days_off: tuple[date, ...] = Field(default=(), examples=[["2026-12-30", "2026-12-31"]])
    """Further days off of your own, such as 2026-12-30; public holidays need not be repeated."""
    events: tuple[CalendarEvent, ...] = Field(
        default=(),
        examples=[
            [
                {
                    "name": "winter sale",
                    "start": "2026-12-01",
                    "end": "2026-12-03",
                    "service": "shop",
                    "expect": 1.6,
                }
            ]
        ],
    )
    """What was announced: from start until before end, expect so many times the usual tickets, learn or mute. Dates are
    local midnights, times need an offset; without service or category all are meant. What is normal is not learnt from
    its hours."""
