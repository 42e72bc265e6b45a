"""An alert with all that belongs to it: when it fires, what it says, and what to do about it."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

LOG = "The log of the daemon: a failure is logged once when it begins or changes."
"""Where most runbooks send their reader."""


class Urgency(StrEnum):
    """Label `severity` of an alert."""

    CRITICAL = "critical"
    """Wakes somebody."""
    WARNING = "warning"
    """Is looked at in working hours, or where a team is on duty."""
    INFO = "info"
    """Is on a dashboard."""
    NONE = "none"
    """Goes to a dead man's switch."""


@dataclass(frozen=True, slots=True)
class Runbook:
    """What a person who was just paged has to know.

    means  what happened and what it costs, in a sentence or two
    look   where to look, in order
    do     what helps, in order
    """

    means: str
    look: tuple[str, ...]
    do: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Alert:
    """One alerting rule.

    expr  PromQL
    wait  how long the expression holds before the alert fires
    keep  how long it goes on firing once the expression holds no more
    """

    name: str
    expr: str
    urgency: Urgency
    summary: str
    description: str
    runbook: Runbook
    wait: timedelta = timedelta(0)
    keep: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording rule, named level:metric:operation."""

    name: str
    expr: str
