"""Notices: what there is to tell about an incident, with a copy of the facts it states.

A notice is made together with the change it tells, and never looks anything up later: rendering it twice gives the same
message, however much has happened since.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

import numpy as np

from spikewatch.core.attribution import candidates, shares
from spikewatch.core.calibration import Tail
from spikewatch.core.counts import ALL, FLEET, SeriesKey
from spikewatch.core.courses import Course
from spikewatch.core.handling import UNTOUCHED, Handling
from spikewatch.core.incidents import Change, Incident, Phase, Severity
from spikewatch.core.rules import RuleMet
from spikewatch.core.scoring import Assessment, Reading
from spikewatch.core.surges import Surge

MOST_PARTS = 10
LEAST_SHARE = 0.05
"""A category that does not surge by itself is listed from this share of the excess on."""

MOST_CHANCE_WEEKS = 520.0
"""Nothing is called rarer than once in ten years: no model knows more than that."""


class Reason(StrEnum):
    """Why something is told."""

    OPENED = "opened"
    RAISED = "raised"
    JOINED = "joined"
    CHANGED = "changed"
    REOPENED = "reopened"
    RESOLVED = "resolved"
    MERGED = "merged"
    ACKNOWLEDGED = "acknowledged"
    HANDED_BACK = "handed_back"
    SNOOZED = "snoozed"
    LABELLED = "labelled"
    DISMISSED = "dismissed"
    UNMUTED = "unmuted"


@dataclass(frozen=True, slots=True)
class Part:
    """One series of an incident, as the message lists it.

    share     of the incident's excess now, in [0, 1]; None for a roll-up
    surging   False for a category that drives the rise and was never significant by itself
    """

    series: SeriesKey
    reading: Reading
    share: float | None
    surging: bool = True


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a message may state.

    lead         the reading that says it best: the one series if there is one, else the roll-up
    parts        the categories (or services) that drive it, greatest excess first, at most ten
    more         how many further ones are left out
    peak         the highest-scoring reading so far
    excess       tickets above expectation since it began
    chance_weeks about once in so many weeks this would happen by chance, over the whole fleet; 0 where a static rule alerted
    rule         a static rule that one of its series meets now, or met when it joined
    data_until   end of the newest bucket judged
    ebbing       True while it lasts and every series is back below the level at which it would go on
    handling     what people had done to it by then
    growing      True while it lasts and has never scored higher than now
    joined       the categories (or services) that this change drew in, at most ten
    course       the lead series over the last hours; None where nobody looked it up
    """

    incident: str
    service: str | None
    phase: Phase
    severity: Severity
    opened_at: datetime
    started_at: datetime
    resolved_at: datetime | None
    merged_into: str | None
    lead_series: SeriesKey
    lead: Reading
    peak: Reading
    parts: tuple[Part, ...]
    more: int
    excess: float
    chance_weeks: float
    data_until: datetime
    revision: int
    runbook: str | None = None
    ebbing: bool = False
    handling: Handling = UNTOUCHED
    rule: RuleMet | None = None
    growing: bool = False
    joined: tuple[SeriesKey, ...] = ()
    course: Course | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell: why, when, and what. `key` is unique for ever."""

    key: str
    incident: str
    reason: Reason
    at: datetime
    facts: Facts


def why_tell(change: Change) -> Reason | None:
    """Return why a change is told; None where there is nothing to tell."""
    before, after = change.before, change.after
    if before is None:
        return Reason.OPENED
    if after.merged_into is not None:
        return Reason.MERGED
    if after.phase is Phase.CLOSED:
        return None
    if after.phase is not before.phase:
        return Reason.RESOLVED if after.phase is Phase.RESOLVED else Reason.REOPENED
    if after.severity is not before.severity:
        return Reason.RAISED
    return Reason.JOINED if len(after.surges) > len(before.surges) else Reason.CHANGED


_REPLIED = frozenset(set(Reason) - {Reason.OPENED, Reason.CHANGED, Reason.JOINED, Reason.MERGED})


def is_worth_a_reply(notice: Notice) -> bool:
    """Tell whether people who follow an incident should be told of the change, beside the message that states it all."""
    spread = bool(notice.facts.joined) and notice.reason is not Reason.MERGED
    return notice.reason in _REPLIED or spread


def notice_of(
    change: Change, reason: Reason, *, assessment: Assessment, column: int, at: datetime, budget: float
) -> Notice:
    """Return the notice of a change with the facts as they stand at the bucket (a column of the assessment).

    budget  false alarms a week of the whole fleet at score 1, from which the chance in words follows
    """
    incident = change.after
    return Notice(
        key=f"{incident.id}.{incident.revision}",
        incident=incident.id,
        reason=reason,
        at=at,
        facts=replace(
            facts_of(incident, assessment=assessment, column=column, at=at, budget=budget),
            joined=_drawn_in(change),
        ),
    )


def chance_weeks(score: float, *, cutoff: float, budget: float, tail: Tail | None = None) -> float:
    """Return once in how many weeks the fleet sees such a score by chance, in (0, 520].

    What lies cutoff * (score - 1) above the threshold, which is met `budget` times a week, is rarer as the tail of the
    fleet's past says. Without one, a surprise of score x cutoff is 10**(cutoff * (score - 1)) times rarer.

    >>> round(chance_weeks(1.2, cutoff=5.0, budget=1.0), 1)
    10.0
    """
    if tail is not None:
        beyond = tail.threshold(false_alarms_per_week=budget) + cutoff * (score - 1.0)
        return min(1.0 / max(tail.per_week(beyond), 1e-9), MOST_CHANCE_WEEKS)
    return float(min(10.0 ** min(cutoff * (score - 1.0), 6.0) / budget, MOST_CHANCE_WEEKS))


def facts_of(
    incident: Incident, *, assessment: Assessment, column: int, at: datetime, budget: float
) -> Facts:
    """Return the facts of an incident as they stand at a bucket; see `notice_of`."""
    strongest = max(incident.surges, key=lambda surge: (surge.is_open, surge.now.score, surge.peak.score))
    lead_series, lead = _lead(incident, strongest, assessment, column)
    parts = _parts(incident, assessment, column, minutes=_telling_minutes(incident, lead, at=at))
    peaking = max(incident.surges, key=lambda surge: surge.peak.score)
    row = assessment.limits.roster.rows[peaking.series]
    return Facts(
        incident=incident.id,
        service=incident.service,
        phase=incident.phase,
        severity=incident.severity,
        opened_at=incident.opened_at,
        started_at=incident.started_at,
        resolved_at=incident.resolved_at,
        merged_into=incident.merged_into,
        lead_series=lead_series,
        lead=lead,
        peak=peaking.peak,
        parts=parts[:MOST_PARTS],
        more=max(0, len(parts) - MOST_PARTS),
        excess=incident.excess,
        chance_weeks=0.0
        if peaking.peak.is_by_rule
        else chance_weeks(
            peaking.peak.score,
            cutoff=float(assessment.limits.cutoff[row]),
            budget=budget,
            tail=assessment.limits.tail,
        ),
        data_until=at,
        revision=incident.revision,
        runbook=assessment.limits.runbook[assessment.limits.roster.rows[lead_series]],
        ebbing=incident.phase is Phase.OPEN and all(surge.quiet or surge.ended for surge in incident.surges),
        handling=incident.handling,
        rule=_rule(incident),
        growing=_is_growing(incident),
    )


def _drawn_in(change: Change) -> tuple[SeriesKey, ...]:
    """Return what a change added to the list: categories, or services where the company is listed."""
    if change.before is None:
        return ()
    listed = {_as_part(surge.series, change.before) for surge in change.before.surges}
    parts = dict.fromkeys(_as_part(surge.series, change.after) for surge in change.after.surges)
    whole = FLEET if change.after.service is None else SeriesKey(change.after.service, ALL)
    return tuple(part for part in parts if part not in listed and part != whole)[:MOST_PARTS]


def _is_growing(incident: Incident) -> bool:
    lasting = [surge for surge in incident.surges if surge.is_open]
    if incident.phase is not Phase.OPEN or not lasting:
        return False
    highest = max(lasting, key=lambda surge: surge.peak.score)
    return highest.now == highest.peak and highest.last_surging > incident.opened_at


def _rule(incident: Incident) -> RuleMet | None:
    """Return a static rule that one of the surges meets, a critical one before others."""
    met = [reading.rule for surge in incident.surges for reading in (surge.now, surge.joined) if reading.rule]
    return max(met, key=lambda rule: rule.critical, default=None)


def _lead(
    incident: Incident, strongest: Surge, assessment: Assessment, column: int
) -> tuple[SeriesKey, Reading]:
    """Return the series and reading for the first line: the only category, else the service, else the company.

    What several categories drove keeps its service's name when one of them lasts longer. The window is the one that says
    most now; once the rise ebbs, the one that said most at its peak.
    """
    minutes = strongest.peak.window_minutes if strongest.quiet else strongest.now.window_minutes
    leaves = [surge for surge in incident.surges if not surge.series.is_rollup]
    if len(leaves) == 1 and incident.service is not None:
        series = leaves[0].series
    else:
        series = FLEET if incident.service is None else SeriesKey(incident.service, ALL)
    if series == strongest.series and strongest.now.is_by_rule:
        return series, strongest.now
    row = assessment.limits.roster.rows[series]
    reading = assessment.reading(row, column, window=_place(assessment, minutes))
    return (series, reading) if reading is not None else (strongest.series, strongest.now)


def _telling_minutes(incident: Incident, lead: Reading, *, at: datetime) -> float:
    """Return how long a window tells what drives it: the lead's while it lasts, the whole of it once it is over.

    By then the newest minutes say nothing of what drove it.
    """
    if incident.phase is Phase.OPEN:
        return lead.window_minutes
    return ((incident.resolved_at or at) - incident.started_at).total_seconds() / 60


def _parts(incident: Incident, assessment: Assessment, column: int, *, minutes: float) -> tuple[Part, ...]:
    roster, window = assessment.limits.roster, _place(assessment, minutes)
    rows = candidates(roster, service=incident.service)
    observed, expected = assessment.observed[rows, window, column], assessment.expected[rows, window, column]
    share = shares(observed.tolist(), expected.tolist())
    surging = {_as_part(surge.series, incident) for surge in incident.surges}
    lasting = {_as_part(surge.series, incident) for surge in incident.surges if surge.is_open}
    chosen = [
        (float(share[place]), int(row))
        for place, row in enumerate(rows)
        if roster.keys[row] in lasting or share[place] >= LEAST_SHARE
    ]
    listed = []
    for part_share, row in sorted(chosen, key=lambda item: (-item[0], roster.keys[item[1]])):
        reading = assessment.reading(row, column, window=window)
        if reading is not None:
            listed.append(Part(roster.keys[row], reading, part_share, roster.keys[row] in surging))
    return tuple(listed)


def _as_part(series: SeriesKey, incident: Incident) -> SeriesKey:
    """Return the series that stands for a surge in the list: itself, or its service where the company is listed."""
    return series if incident.service is not None or series.is_fleet else SeriesKey(series.service, ALL)


def _place(assessment: Assessment, minutes: float) -> int:
    step_minutes = assessment.step.total_seconds() / 60
    distances = np.abs(np.array(assessment.windows) * step_minutes - minutes)
    return int(np.argmin(distances))
