"""What people are told beside incidents, in which language, and where messages lead."""

import re
from datetime import time
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    field_validator,
)

from spikewatch.core.settings.values import (
    Settings,
)


class Language(StrEnum):
    """A language that messages can be written in."""

    JA = "ja"
    EN = "en"


class LinkSettings(Settings):
    """Where messages lead to, beside the runbooks of services and categories."""

    tickets: bool = True
    """A link to the help desk's own search that comes nearest to the tickets of an incident; false leaves it out."""
    grafana: str | None = Field(default=None, examples=["https://grafana.example.com"])
    """Address of Grafana: a message links to the dashboard of its service at the time of the incident."""
    dashboard: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")] = "spikewatch-service"
    """The dashboard's uid, as it stands in its address; the default is the one that `spikewatch prom dashboards` writes."""

    @field_validator("grafana")
    @classmethod
    def _plain_address(cls, grafana: str | None) -> str | None:
        if grafana is not None and not re.fullmatch(
            r"https?://[\w.\[\]:-]+(?:/[\w.~/-]*)?", grafana, re.ASCII
        ):
            message = f"{grafana!r} is no address; write https://grafana.example.com, without a query"
            raise ValueError(message)
        return grafana if grafana is None else grafana.rstrip("/")


_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _week_time(text: Any) -> Any:  # noqa: ANN401 -- pydantic hands over whatever the YAML held
    day, _, moment = str(text).strip().partition(" ")
    try:
        return f"{_WEEKDAYS[_WEEKDAYS.index(day.lower())].capitalize()} {time.fromisoformat(moment.strip()):%H:%M}"
    except ValueError:
        message = f"{text!r} is no time of the week; write a day and a time, such as 'Mon 09:00'"
        raise ValueError(message) from None


class ReportSettings(Settings):
    """The week in figures, for the support team."""

    enabled: bool = True
    """Without it only `spikewatch report` shows the week."""
    every: Literal["weekly"] = "weekly"
    """How often; there is no other yet."""
    at: Annotated[str, BeforeValidator(_week_time)] = "Mon 09:00"
    """Local day and time at which the week before is told: when the team begins. A daemon that was down then tells it
    later."""
    channel: Annotated[str | None, Field(min_length=1)] = None
    """Slack channel of the report; without it the one of incidents. A webhook or mail with `report: true` is told too."""

    @property
    def weekday(self) -> int:
        """Return the day, 0 for Monday."""
        return _WEEKDAYS.index(self.at.partition(" ")[0].lower())

    @property
    def time_of_day(self) -> time:
        """Return the local time."""
        return time.fromisoformat(self.at.partition(" ")[2])
