"""Incidents: surges that on-call handles together, and how they open, grow, resolve, reopen and close.

One incident a service: a surge joins the open incident of its service when it begins within `JOIN_WITHIN` after that
incident's last surging bucket. A resolved incident reopens under its id for `REOPEN_FOR`, then it is closed and never
edited. Surges in `COMPANY_SERVICES` services within `COMPANY_WITHIN` are one company-wide incident.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from spikewatch.core.counts import SeriesKey
from spikewatch.core.explanations import Explanation
from spikewatch.core.handling import UNTOUCHED, Handling
from spikewatch.core.surges import Surge, resume

JOIN_WITHIN = timedelta(minutes=60)
REOPEN_FOR = timedelta(minutes=60)
COMPANY_SERVICES = 3
COMPANY_WITHIN = timedelta(minutes=30)
CRITICAL_CATEGORIES = 3


class Phase(StrEnum):
    """Where an incident stands."""

    OPEN = "open"
    RESOLVED = "resolved"
    CLOSED = "closed"


class Severity(StrEnum):
    """How loud an incident is."""

    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Incident:
    """Surges told as one.

    service      None for the whole company
    started_at   when the earliest of its surges began
    opened_at    end of the newest bucket judged when it opened
    surges       each series once, in the order in which they joined; the newest surge of a series replaces its earlier one
    merged_into  the company-wide incident that took it over
    handling     what people have done to it
    explained    why the series alerted that it opened on, as it was judged then; None where that was not kept
    """

    id: str
    service: str | None
    opened_at: datetime
    started_at: datetime
    severity: Severity
    surges: tuple[Surge, ...]
    phase: Phase = Phase.OPEN
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    merged_into: str | None = None
    revision: int = 1
    handling: Handling = UNTOUCHED
    explained: Explanation | None = None

    @property
    def is_company_wide(self) -> bool:
        """Tell whether it covers several services."""
        return self.service is None

    @property
    def peak_score(self) -> float:
        """The highest score any of its series reached."""
        return max(surge.peak.score for surge in self.surges)

    @property
    def last_surging(self) -> datetime:
        """End of the newest bucket at which one of its series was above normal."""
        return max(surge.last_surging for surge in self.surges)

    @property
    def excess(self) -> float:
        """Tickets above expectation over its leaves, or over its roll-ups where no leaf surges."""
        leaves = [surge.excess for surge in self.surges if not surge.series.is_rollup]
        rollups = [surge.excess for surge in self.surges if surge.series.is_rollup]
        return max(sum(leaves), max(rollups, default=0.0))


@dataclass(frozen=True, slots=True)
class Incidents:
    """All incidents that are not closed, and the number that the next one gets."""

    active: tuple[Incident, ...] = ()
    next_number: int = 1


@dataclass(frozen=True, slots=True)
class Rules:
    """What the life of an incident depends on beside the counts.

    critical_score  by series, where it differs from the default
    name            makes the id of a new incident from its number, service and opening
    explain         tells why a series alerts at this bucket; an incident that opens keeps it
    """

    critical_score: Callable[[SeriesKey], float]
    name: Callable[[int, str | None, datetime], str]
    explain: Callable[[SeriesKey], Explanation | None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Change:
    """One incident before and after a bucket; `before` is None where it opened."""

    before: Incident | None
    after: Incident


def advance(
    incidents: Incidents,
    *,
    followed: Mapping[SeriesKey, Surge],
    risen: Sequence[Surge],
    rules: Rules,
    now: datetime,
) -> tuple[Incidents, tuple[Change, ...]]:
    """Return the incidents one bucket later, and what changed.

    followed  the newest state of every surge that was open
    risen     series that crossed the threshold at this bucket
    now       end of the bucket
    """
    before = {incident.id: incident for incident in incidents.active}
    desk = _Desk(
        active=[_follow(incident, followed) for incident in incidents.active],
        next_number=incidents.next_number,
        rules=rules,
        now=now,
    )
    desk.admit(risen)
    desk.gather_company()
    settled = [_settle(incident, before.get(incident.id), rules=rules, now=now) for incident in desk.active]
    changes = tuple(
        Change(before.get(incident.id), incident)
        for incident in settled
        if incident != before.get(incident.id)
    )
    left = tuple(incident for incident in settled if incident.phase is not Phase.CLOSED)
    return Incidents(left, desk.next_number), changes


def open_surges(incidents: Incidents) -> dict[SeriesKey, Surge]:
    """Return the surge of each series that lasts."""
    return {
        surge.series: surge
        for incident in incidents.active
        if incident.phase is Phase.OPEN
        for surge in incident.surges
        if surge.is_open
    }


def ended_surges(incidents: Incidents) -> dict[SeriesKey, datetime]:
    """Return for each series whose surges are over when the last of them ended."""
    ended: dict[SeriesKey, datetime] = {}
    for incident in incidents.active:
        for surge in incident.surges:
            if surge.ended is not None:
                ended[surge.series] = max(surge.ended, ended.get(surge.series, surge.ended))
    return ended


@dataclass
class _Desk:
    """The incidents while one bucket's surges are sorted into them; lives within one call of `advance`."""

    active: list[Incident]
    next_number: int
    rules: Rules
    now: datetime

    def admit(self, risen: Sequence[Surge]) -> None:
        """Put each new surge into the incident it belongs to, or open one: categories first, then roll-ups."""
        for surge in sorted(
            risen, key=lambda surge: (surge.series.is_fleet, surge.series.is_rollup, surge.series)
        ):
            place = self._home(surge)
            if place is not None:
                self.active[place] = _joined(self.active[place], surge)
            elif not (surge.series.is_fleet and self._explained()):
                self._open(None if surge.series.is_fleet else surge.series.service, (surge,))

    def _home(self, surge: Surge) -> int | None:
        service = None if surge.series.is_fleet else surge.series.service
        for wanted in (service, None):
            for place, incident in enumerate(self.active):
                if incident.service == wanted and _takes(incident, service=service, now=self.now):
                    return place
        return None

    def _explained(self) -> bool:
        """Tell whether a rise of the whole fleet is already told by surges of its services."""
        return any(surge.is_open for incident in self.active for surge in incident.surges)

    def _open(
        self, service: str | None, surges: tuple[Surge, ...], *, handling: Handling = UNTOUCHED
    ) -> Incident:
        incident = Incident(
            id=self.rules.name(self.next_number, service, self.now),
            service=service,
            opened_at=self.now,
            started_at=min(surge.began for surge in surges),
            severity=Severity.CRITICAL if service is None else Severity.WARNING,
            surges=surges,
            handling=handling,
            explained=self.rules.explain(max(surges, key=lambda surge: surge.now.score).series),
        )
        self.next_number += 1
        self.active.append(incident)
        return incident

    def gather_company(self) -> None:
        """Make one company-wide incident of what began in several services at about the same time.

        A new one is acknowledged where all its children were, by whoever took the last of them. Where one was not, nobody
        has the whole: a child keeps who had it, and its last message says that this was for the part alone. Snoozes and
        dismissals end, as with any raised severity. One that was open keeps who has it, and is told again where it was
        dismissed, as whenever a service joins.
        """
        children = [incident for incident in self.active if self._is_recent(incident)]
        if len({incident.service for incident in children}) < COMPANY_SERVICES:
            return
        self.active = [incident for incident in self.active if incident not in children]
        company = next((i for i in self.active if i.service is None and i.phase is Phase.OPEN), None)
        surges = tuple(surge for incident in children for surge in incident.surges)
        if company is None:
            company = self._open(None, _each_once(surges), handling=_gathered(children))
        else:
            started_at = min(company.started_at, *(child.started_at for child in children))
            grown = replace(
                company,
                surges=_each_once((*company.surges, *surges)),
                started_at=started_at,
                handling=company.handling.grown(),
            )
            self.active[self.active.index(company)] = grown
        self.active += [
            replace(child, phase=Phase.CLOSED, merged_into=company.id, closed_at=self.now)
            for child in children
            if child.opened_at < self.now
        ]

    def _is_recent(self, incident: Incident) -> bool:
        return (
            incident.service is not None
            and incident.phase is Phase.OPEN
            and any(
                surge.is_open and surge.opened_at >= self.now - COMPANY_WITHIN for surge in incident.surges
            )
        )


def _gathered(children: Sequence[Incident]) -> Handling:
    """Return what people have done to all of these together: see `_Desk.gather_company`."""
    taken = [(child.handling.acknowledged_at, child.handling.acknowledged_by) for child in children]
    known = [(at, by) for at, by in taken if at is not None and by is not None]
    if len(known) < len(children):
        return UNTOUCHED
    at, by = max(known)
    return Handling(acknowledged_by=by, acknowledged_at=at)


def _each_once(surges: Sequence[Surge]) -> tuple[Surge, ...]:
    """Return the newest surge of each series, a lasting one before one that is over, in the order of joining."""
    newest: dict[SeriesKey, Surge] = {}
    for surge in surges:
        other = newest.get(surge.series, surge)
        newest[surge.series] = max(other, surge, key=lambda each: (each.is_open, each.last_surging))
    return tuple(newest.values())


def _takes(incident: Incident, *, service: str | None, now: datetime) -> bool:
    if incident.phase is Phase.OPEN:
        return now - incident.last_surging <= JOIN_WITHIN
    if incident.phase is Phase.CLOSED or incident.resolved_at is None:
        return False
    known = incident.service == service or any(member.series.service == service for member in incident.surges)
    return known and now - incident.resolved_at <= REOPEN_FOR


def _joined(incident: Incident, surge: Surge) -> Incident:
    members = [member for member in incident.surges if member.series != surge.series]
    earlier = next((member for member in incident.surges if member.series == surge.series), None)
    if earlier is None:
        members.append(surge)
    else:
        again = resume(earlier, surge.now, bucket_end=surge.opened_at, excess=surge.excess)
        members.insert(incident.surges.index(earlier), again)
    return replace(
        incident,
        phase=Phase.OPEN,
        resolved_at=None,
        surges=tuple(members),
        started_at=min(incident.started_at, *(member.began for member in members)),
        handling=incident.handling
        if earlier is not None and incident.phase is Phase.OPEN
        else incident.handling.grown(),
    )


def _follow(incident: Incident, followed: Mapping[SeriesKey, Surge]) -> Incident:
    surges = tuple(followed.get(surge.series, surge) if surge.is_open else surge for surge in incident.surges)
    return replace(incident, surges=surges) if surges != incident.surges else incident


def _settle(incident: Incident, before: Incident | None, *, rules: Rules, now: datetime) -> Incident:
    """Return the incident with phase, severity and revision brought up to date."""
    settled = incident
    if settled.phase is Phase.OPEN and not any(surge.is_open for surge in settled.surges):
        settled = replace(settled, phase=Phase.RESOLVED, resolved_at=now, handling=settled.handling.calmed())
    elif settled.resolved_at is not None and now - settled.resolved_at > REOPEN_FOR:
        settled = replace(settled, phase=Phase.CLOSED, closed_at=now)
    if settled.severity is not Severity.CRITICAL and _is_critical(settled, rules):
        settled = replace(settled, severity=Severity.CRITICAL, handling=settled.handling.raised())
    if before is not None and settled != before:
        settled = replace(settled, revision=before.revision + 1)
    return settled


def _is_critical(incident: Incident, rules: Rules) -> bool:
    categories = sum(surge.is_open and not surge.series.is_rollup for surge in incident.surges)
    return (
        incident.is_company_wide
        or categories >= CRITICAL_CATEGORIES
        or any(_is_loud(surge, rules) for surge in incident.surges)
    )


def _is_loud(surge: Surge, rules: Rules) -> bool:
    """Tell whether one surge makes an incident critical: by its score, or because a static rule says so."""
    by_rule = any(reading.rule is not None and reading.rule.critical for reading in (surge.joined, surge.now))
    return by_rule or surge.peak.score >= rules.critical_score(surge.series)
