"""Muting: why a notice is held back, and why not. It keeps messages quiet, never the detection.

Silences are made by people while the daemon runs, maintenance windows stand in the configuration; a snooze and a dismissal
belong to one incident. What a person did, and that an incident is over, is always shown where it was told before.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo

from spikewatch.core.counts import ALL, SeriesKey
from spikewatch.core.incidents import Severity
from spikewatch.core.notices import Facts, Notice, Reason
from spikewatch.core.oncall import MaintenanceSettings, Weekday, WeeklySettings
from spikewatch.core.settings import local_moment
from spikewatch.core.timegrid import Span

NEVER_MUTED = frozenset(
    {
        Reason.ACKNOWLEDGED,
        Reason.HANDED_BACK,
        Reason.SNOOZED,
        Reason.LABELLED,
        Reason.DISMISSED,
        Reason.RESOLVED,
        Reason.MERGED,
    }
)
"""Reasons that only change what stands in a channel already; they never make a message where there was none."""

_WEEKDAYS = tuple(Weekday)
_ONE_DAY = timedelta(days=1)


class Muted(StrEnum):
    """What keeps a notice back; labels metrics."""

    SILENCE = "silence"
    MAINTENANCE = "maintenance"
    SNOOZE = "snooze"
    DISMISSED = "dismissed"
    BELOW_SEVERITY = "below_severity"
    OUTSIDE_HOURS = "outside_hours"


@dataclass(frozen=True, slots=True)
class Mute:
    """Why a notice is held back; `until` is None where nobody knows, `name` says which one or who."""

    why: Muted
    until: datetime | None = None
    name: str = ""

    def __str__(self) -> str:
        """Return it as a line: `silence 3 by sato`."""
        return f"{self.why.value} {self.name}".strip()


@dataclass(frozen=True, slots=True)
class Matcher:
    """Which incidents are meant: globs of service and category, and one severity or any (None).

    All that surges must match, so that a silence for one category never hides another.
    """

    service: str = ALL
    category: str = ALL
    severity: Severity | None = None

    def matches(self, facts: Facts) -> bool:
        """Tell whether an incident is meant."""
        if self.severity not in (None, facts.severity):
            return False
        if (self.service, self.category) == (ALL, ALL):
            return True
        return not facts.more and all(self._covers(series) for series in surging(facts))

    def covers(self, series: SeriesKey) -> bool:
        """Tell whether an incident of this series alone is meant, given its severity is."""
        return (self.service, self.category) == (ALL, ALL) or self._covers(series)

    def _covers(self, series: SeriesKey) -> bool:
        if series.is_fleet:
            return False
        return fnmatchcase(series.service, self.service) and (
            self.category == ALL or (not series.is_rollup and fnmatchcase(series.category, self.category))
        )

    def __str__(self) -> str:
        """Return it as `payments/login*`, with the severity where one is meant."""
        severity = "" if self.severity is None else f" {self.severity.value}"
        return f"{self.service}/{self.category}{severity}"


def surging(facts: Facts) -> tuple[SeriesKey, ...]:
    """Return the series that an incident is about: those that surge among its parts, else the one that leads."""
    parts = tuple(part.series for part in facts.parts if part.surging)
    return parts or (facts.lead_series,)


@dataclass(frozen=True, slots=True)
class Silence:
    """A time in which somebody wants no messages about some incidents; `number` is its number in the store."""

    matcher: Matcher
    span: Span
    author: str
    reason: str
    number: int | None = None
    why: Muted = Muted.SILENCE

    def mute(self) -> Mute:
        """Return it as the reason for which a notice is held back."""
        name = self.reason if self.number is None else f"{self.number} by {self.author}: {self.reason}"
        return Mute(self.why, self.span.end, name)


def why_muted(notice: Notice, *, silences: Iterable[Silence], at: datetime) -> Mute | None:
    """Return why a notice is held back at an instant; None where it is told."""
    if notice.reason in NEVER_MUTED:
        return None
    handling = notice.facts.handling
    if handling.is_dismissed:
        return Mute(Muted.DISMISSED, None, f"by {handling.dismissed_by}")
    if handling.snoozed_until is not None and at < handling.snoozed_until:
        return Mute(Muted.SNOOZE, handling.snoozed_until, f"by {handling.snoozed_by}")
    found = (each for each in silences if each.span.holds(at) and each.matcher.matches(notice.facts))
    return next((each.mute() for each in found), None)


def maintenance(
    windows: Sequence[MaintenanceSettings], *, zone: ZoneInfo, at: datetime
) -> tuple[Silence, ...]:
    """Return the maintenance windows that hold at an instant, as silences."""
    return tuple(
        Silence(
            Matcher(window.service, window.category),
            span,
            author="configuration",
            reason=window.name,
            why=Muted.MAINTENANCE,
        )
        for window in windows
        for span in _spans(window, zone=zone, at=at)
        if span.holds(at)
    )


def _spans(window: MaintenanceSettings, *, zone: ZoneInfo, at: datetime) -> Iterable[Span]:
    if window.weekly is not None:
        yield from _weekly(window.weekly, zone=zone, at=at)
    elif window.start is not None and window.end is not None:
        yield Span(local_moment(window.start, zone), local_moment(window.end, zone))


def _weekly(weekly: WeeklySettings, *, zone: ZoneInfo, at: datetime) -> Iterable[Span]:
    """Yield the spans that began today or in the week before."""
    today = at.astimezone(zone).date()
    for back in range(len(_WEEKDAYS) + 1):
        day = today - back * _ONE_DAY
        if _WEEKDAYS[day.weekday()] in weekly.days:
            start = datetime.combine(day, weekly.at, tzinfo=zone).astimezone(UTC)
            yield Span(start, start + weekly.lasts)
