"""What a person chooses about who is told and when to keep quiet: routes and maintenance windows.

Settings alone, as in `settings`; `routing` and `muting` follow them.
"""

import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from spikewatch.core.settings import ClockTime, Duration, Language, Moment, RuleSeverity, Settings

_MENTION = re.compile(r"here|channel|none|S[A-Z0-9]+|[UW][A-Z0-9]+")
_PERSON = re.compile(r"[UW][A-Z0-9]+")
_GROUP = re.compile(r"S[A-Z0-9]+")
NOBODY = "none"
"""The mention that calls nobody."""

LONGEST_WINDOW = timedelta(days=7)
"""Of what comes back every week: a longer one would overtake itself."""

LONGEST_MUTE = timedelta(days=366)
"""Nobody remembers a quiet of more than a year, and what it hides is watched in vain."""


def _mention(whom: str) -> str:
    if not _MENTION.fullmatch(whom):
        message = (
            f"{whom!r} is nobody that can be called; write here, channel, none, or an id such as S0123456789"
        )
        raise ValueError(message)
    return whom


def _person(identity: str) -> str:
    if not _PERSON.fullmatch(identity):
        message = f"{identity!r} is no id of a person; in Slack, a profile's menu copies it: U0123456789"
        raise ValueError(message)
    return identity


def _group(identity: str) -> str:
    if not _GROUP.fullmatch(identity):
        message = f"{identity!r} is no id of a user group; it reads like S0123456789"
        raise ValueError(message)
    return identity


Mention = Annotated[str, AfterValidator(_mention)]
PersonId = Annotated[str, AfterValidator(_person)]
GroupId = Annotated[str, AfterValidator(_group)]


class When(StrEnum):
    """A time of day by what the desk does then."""

    ALWAYS = "always"
    BUSINESS_HOURS = "business_hours"
    OFF_HOURS = "off_hours"


class Weekday(StrEnum):
    """A day of the week, in the order of the week."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


class RouteSettings(Settings):
    """Where the incidents that it matches are told; the first route that matches wins."""

    service: Annotated[str, Field(min_length=1)] = "*"
    """A service by name or glob; a company-wide incident matches `*` alone."""
    category: Annotated[str, Field(min_length=1)] = "*"
    """A category by name or glob; one of the categories that surge must match."""
    when: When = When.ALWAYS
    """`business_hours` and `off_hours` follow calendar.business_hours; `always` is any time."""
    at_least: RuleSeverity = RuleSeverity.WARNING
    """What is less severe waits until a route lets it through: `critical` keeps warnings for the morning."""
    channel: Annotated[str | None, Field(min_length=1)] = None
    """Channel; without it the service's own, else slack.channel."""
    mention: Mention | None = Field(default=None, examples=["S0123456789"])
    """Who is called: `here`, `channel`, the id of a user group or person, or `none`; without it slack.mention."""
    language: Language | None = None
    """Language; without it that of the channel."""


class ReceiverSettings(Settings):
    """A receiver beside Slack, and which incidents it is told."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,39}$")] = Field(examples=["pager"])
    """What metrics, `outbox list` and the names of its secrets call it."""
    service: Annotated[str, Field(min_length=1)] = "*"
    """A service by name or glob; a company-wide incident matches `*` alone."""
    category: Annotated[str, Field(min_length=1)] = "*"
    """A category by name or glob; one of the categories that surge must match."""
    when: When = When.ALWAYS
    """`business_hours` and `off_hours` follow calendar.business_hours: what opens at another time waits for them, and is
    told if it still surges then. What was told is followed to its end at any hour; that a source is not read is told at
    any hour too."""
    at_least: RuleSeverity = RuleSeverity.WARNING
    """`critical`: a warning is told once it is raised."""
    language: Language | None = None
    """Language; without it the top-level `language`."""


class WeeklySettings(Settings):
    """A time that comes back every week."""

    days: tuple[Weekday, ...] = Field(examples=[["sun"]])
    """The days on which it begins."""
    at: ClockTime = Field(examples=["02:00"])
    """When it begins, local time."""
    lasts: Duration = Field(examples=["3h"])
    """How long it lasts; it may reach into the next day."""

    @field_validator("days")
    @classmethod
    def _some(cls, days: tuple[Weekday, ...]) -> tuple[Weekday, ...]:
        if not days:
            message = "is empty; name at least one, such as sun"
            raise ValueError(message)
        return days

    @field_validator("lasts")
    @classmethod
    def _within_a_week(cls, lasts: timedelta) -> timedelta:
        if not timedelta(0) < lasts < LONGEST_WINDOW:
            message = "lasts longer than nothing and less than a week, such as 3h"
            raise ValueError(message)
        return lasts


def _one_line(text: str) -> str:
    return " ".join(text.split())


class MaintenanceSettings(Settings):
    """A time in which surges are expected and nobody is to be called: judged and recorded, but not told."""

    name: Annotated[str, Field(min_length=1), AfterValidator(_one_line)] = Field(examples=["weekly release"])
    """What `status` and `outbox list` call it."""
    service: Annotated[str, Field(min_length=1)] = "*"
    """A service by name or glob."""
    category: Annotated[str, Field(min_length=1)] = "*"
    """A category by name or glob; all that surges must match."""
    start: Moment | None = Field(default=None, examples=["2026-12-01T01:00:00+09:00"])
    """When it begins once: a date, which is local midnight, or a time with its offset."""
    end: Moment | None = Field(default=None, examples=["2026-12-01T05:00:00+09:00"])
    """The first instant after it, at most a year after start."""
    weekly: WeeklySettings | None = Field(
        default=None, examples=[{"days": ["sun"], "at": "02:00", "lasts": "3h"}]
    )
    """When it comes back every week, in place of start and end."""

    @field_validator("end")
    @classmethod
    def _both_or_none(cls, end: Moment | None, info: ValidationInfo) -> Moment | None:
        if end is not None and info.data.get("start") is None:
            message = "needs start beside it"
            raise ValueError(message)
        return end

    @model_validator(mode="after")
    def _once_or_weekly(self) -> "MaintenanceSettings":
        if (self.weekly is None) == (self.end is None) or (self.weekly and self.start):
            message = f"{self.name!r} needs either start and end, or weekly"
            raise ValueError(message)
        return self
