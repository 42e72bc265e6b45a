"""Tallies: what a replay comes to for each service, category and week, and how labels judge it.

A label says what an incident was where it touches its time and one of its series. What is labelled `incident` was right;
everything else that opened is what the budget was spent on, labelled or not.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from zoneinfo import ZoneInfo

from spikewatch.core.counts import FLEET, Panel, SeriesKey
from spikewatch.core.events import Label, LabelKind
from spikewatch.core.incidents import Incident, Severity
from spikewatch.core.settings import SeriesRule
from spikewatch.core.timegrid import WEEK, Grid, aware
from spikewatch.lab.replay import Recording, Replayed


class Said(StrEnum):
    """What the labels say of an incident; the first that applies, in this order."""

    RIGHT = "right"
    EXPECTED = "expected"
    WRONG = "wrong"
    UNLABELLED = "unlabelled"


_INSTANT = timedelta(microseconds=1)

_SAID = {
    LabelKind.INCIDENT: Said.RIGHT,
    LabelKind.EXPECTED: Said.EXPECTED,
    LabelKind.FALSE_ALARM: Said.WRONG,
}


@dataclass(frozen=True, slots=True)
class Tally:
    """How often one series alerted; of a service, how many incidents it had.

    series   `(service, *)` is the service, `(*, *)` what was company-wide
    tickets  in the judged time, where they are known
    asked    its share, by weight, of the false alarms that the budget allows in the judged time
    said     incidents by what the labels say
    """

    series: SeriesKey
    tickets: int
    asked: float
    critical: int = 0
    said: Mapping[Said, int] = field(default_factory=dict)

    @property
    def alerts(self) -> int:
        """All incidents."""
        return sum(self.said.values())

    @property
    def spent(self) -> int:
        """Incidents that no label calls real."""
        return self.alerts - self.said.get(Said.RIGHT, 0)


@dataclass(frozen=True, slots=True)
class WeekTally:
    """One local week, named by its Monday; the first and the last may be judged in part."""

    monday: date
    opened: int
    spent: int


@dataclass(frozen=True)
class Tallies:
    """What a replay comes to.

    incidents   in order of opening; those merged into another are told by that one
    said        what the labels say, by incident id
    services    by alerts; what was company-wide is a row of its own
    categories  by alerts, those that never alerted too
    missed      labels of incidents within the judged time that nothing was opened for
    per_week    budget: false alarms a week of the whole fleet
    """

    incidents: tuple[Incident, ...]
    said: Mapping[str, Said]
    services: tuple[Tally, ...]
    categories: tuple[Tally, ...]
    weeks: tuple[WeekTally, ...]
    missed: tuple[Label, ...]
    per_week: float
    judged_from: datetime
    judged_until: datetime
    labelled: bool

    @property
    def judged_weeks(self) -> float:
        """How long was judged."""
        return (self.judged_until - self.judged_from) / WEEK

    @property
    def asked(self) -> float:
        """False alarms that the budget allows in the judged time."""
        return self.per_week * self.judged_weeks

    @cached_property
    def counted(self) -> Mapping[Said, int]:
        """Incidents by what the labels say."""
        return Counter(self.said.values())

    @property
    def spent(self) -> int:
        """Incidents that no label calls real."""
        return len(self.incidents) - self.counted.get(Said.RIGHT, 0)


def tally(
    replayed: Replayed,
    recording: Recording,
    *,
    labels: Sequence[Label],
    rules: Sequence[SeriesRule],
    per_week: float,
    zone: ZoneInfo,
) -> Tallies:
    """Count what a replay came to.

    rules     (n_series,) of the recording's roster
    per_week  budget: false alarms a week of the whole fleet
    """
    told = tuple(incident for incident in replayed.incidents if incident.merged_into is None)
    said = {incident.id: said_of(incident, labels, until=replayed.judged_until) for incident in told}
    asked = per_week * ((replayed.judged_until - replayed.judged_from) / WEEK)
    count = _Count(told, said, _tickets(recording.panel, replayed), _shares(recording, rules, asked))
    return Tallies(
        incidents=told,
        said=said,
        services=count.services(),
        categories=count.categories(),
        weeks=tuple(_weeks(told, said, replayed, zone)),
        missed=tuple(_missed(replayed, labels)),
        per_week=per_week,
        judged_from=replayed.judged_from,
        judged_until=replayed.judged_until,
        labelled=bool(labels),
    )


def said_of(incident: Incident, labels: Sequence[Label], *, until: datetime) -> Said:
    """Return what the labels say of an incident; `until` ends one that is still open."""
    kinds = {label.kind for label in labels if is_about(label, incident, until=until)}
    return next((said for kind, said in _SAID.items() if kind in kinds), Said.UNLABELLED)


def is_about(label: Label, incident: Incident, *, until: datetime) -> bool:
    """Tell whether a label touches the time of an incident and one of its series."""
    ends = incident.resolved_at or until
    in_time = aware(label.span.start) < ends and aware(label.span.end) > incident.started_at
    return in_time and any(_covers(label, surge.series) for surge in incident.surges)


def _covers(label: Label, series: SeriesKey) -> bool:
    of_service = series.is_fleet or label.service in (None, series.service)
    return of_service and (series.is_rollup or label.category in (None, series.category))


def _missed(replayed: Replayed, labels: Sequence[Label]) -> Sequence[Label]:
    return [
        label
        for label in labels
        if label.kind is LabelKind.INCIDENT
        and aware(label.span.start) < replayed.judged_until
        and aware(label.span.end) > replayed.judged_from
        and not any(is_about(label, incident, until=replayed.judged_until) for incident in replayed.incidents)
    ]


def _judged(grid: Grid, replayed: Replayed) -> slice:
    return slice(max(0, grid.column(replayed.judged_from)), max(0, grid.column(replayed.judged_until)))


def _tickets(panel: Panel, replayed: Replayed) -> Mapping[SeriesKey, int]:
    totals = panel.counts[:, _judged(panel.grid, replayed)].sum(axis=1).tolist()
    return dict(zip(panel.roster.keys, totals, strict=True))


def _shares(recording: Recording, rules: Sequence[SeriesRule], asked: float) -> Mapping[SeriesKey, float]:
    """Return what each series may err: all that are judged share the budget by weight."""
    keys = recording.panel.roster.keys
    weights = [rule.weight if rule.enabled else 0.0 for rule in rules]
    whole = sum(weights) or 1.0
    return {key: asked * weight / whole for key, weight in zip(keys, weights, strict=True)}


@dataclass(frozen=True)
class _Count:
    incidents: Sequence[Incident]
    said: Mapping[str, Said]
    tickets: Mapping[SeriesKey, int]
    shares: Mapping[SeriesKey, float]

    def services(self) -> tuple[Tally, ...]:
        found = [
            self._tally(
                key,
                [incident for incident in self.incidents if incident.service == key.service],
                asked=sum(share for other, share in self.shares.items() if other.service == key.service),
            )
            for key in self.tickets
            if key.is_rollup and not key.is_fleet
        ]
        company = [incident for incident in self.incidents if incident.service is None]
        if company:
            found.append(self._tally(FLEET, company, asked=self.shares.get(FLEET, 0.0)))
        return tuple(sorted(found, key=_noisiest))

    def categories(self) -> tuple[Tally, ...]:
        surging: dict[SeriesKey, list[Incident]] = {key: [] for key in self.tickets if not key.is_rollup}
        for incident in self.incidents:
            for surge in incident.surges:
                if surge.series in surging:
                    surging[surge.series].append(incident)
        found = [self._tally(key, told, asked=self.shares[key]) for key, told in surging.items()]
        return tuple(sorted(found, key=_noisiest))

    def _tally(self, key: SeriesKey, told: Sequence[Incident], *, asked: float) -> Tally:
        return Tally(
            key,
            self.tickets.get(key, 0),
            asked,
            critical=sum(incident.severity is Severity.CRITICAL for incident in told),
            said=Counter(self.said[incident.id] for incident in told),
        )


def _noisiest(counted: Tally) -> tuple[int, int, SeriesKey]:
    return (-counted.alerts, -counted.tickets, counted.series)


def _weeks(
    told: Sequence[Incident], said: Mapping[str, Said], replayed: Replayed, zone: ZoneInfo
) -> Sequence[WeekTally]:
    opened = Counter(_monday(incident.opened_at, zone) for incident in told)
    spent = Counter(
        _monday(incident.opened_at, zone) for incident in told if said[incident.id] is not Said.RIGHT
    )
    if replayed.judged_until <= replayed.judged_from:
        return []
    first, last = _monday(replayed.judged_from, zone), _monday(replayed.judged_until - _INSTANT, zone)
    mondays = [first + timedelta(weeks=number) for number in range((last - first).days // 7 + 1)]
    return [WeekTally(monday, opened[monday], spent[monday]) for monday in mondays]


def _monday(instant: datetime, zone: ZoneInfo) -> date:
    day = instant.astimezone(zone).date()
    return day - timedelta(days=day.weekday())
