"""Acts: what a person does to an incident, and what becomes of it.

An act is a value with a key of its own, so that the same press of a button never counts twice. Applying it is pure: the
incident after it and why that is told, or the reason for which nothing happened. Incidents that are over still take a
verdict; everything else needs one that lasts.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from spikewatch.core.events import LabelKind
from spikewatch.core.handling import Handling, Verdict
from spikewatch.core.incidents import Incident, Phase
from spikewatch.core.notices import Notice, Reason


class ActKind(StrEnum):
    """What a person does."""

    ACKNOWLEDGE = "acknowledge"
    HAND_BACK = "hand_back"
    SNOOZE = "snooze"
    EXPECTED = "expected"
    CONFIRM = "confirm"
    FALSE_ALARM = "false_alarm"
    RESOLVE = "resolve"


class Via(StrEnum):
    """Through what it was done."""

    SLACK = "slack"
    SHELL = "cli"


VERDICTS = {
    ActKind.EXPECTED: LabelKind.EXPECTED,
    ActKind.CONFIRM: LabelKind.INCIDENT,
    ActKind.FALSE_ALARM: LabelKind.FALSE_ALARM,
}
"""The kind of label that an act leaves behind."""


@dataclass(frozen=True, slots=True)
class Act:
    """Something a person did to an incident.

    key      unique for ever: the same act arriving twice has the same key
    by       the person's name, as they or their machine are called
    user     the person's id at the vendor; None in a shell
    lasts    how long a snooze lasts; None with `until` None: until the next business morning
    until    when a snooze ends, where that was said outright
    note     the event of an expected rise, or any other remark
    message  channel and name of the message whose button was pressed; None in a shell
    address  where the person can be answered for a while; None in a shell
    """

    key: str
    kind: ActKind
    incident: str
    by: str
    via: Via
    at: datetime
    user: str | None = None
    lasts: timedelta | None = None
    until: datetime | None = None
    note: str | None = None
    message: tuple[str, str] | None = None
    address: str | None = None


class Refusal(StrEnum):
    """Why an act changed nothing."""

    UNKNOWN = "unknown_incident"
    ELSEWHERE = "other_message"
    NOT_ALLOWED = "not_allowed"
    NOT_CHECKED = "not_checked"
    OVER = "over"
    DISMISSED = "dismissed"
    ALREADY = "already"
    NOBODY = "nobody_has_it"
    PAST = "past"


@dataclass(frozen=True, slots=True)
class Applied:
    """An incident after an act, and why that is told."""

    incident: Incident
    reason: Reason


@dataclass(frozen=True, slots=True)
class Refused:
    """Why nothing happened; `by` and `at` say who had done it already and when, or when it was over."""

    why: Refusal
    by: str | None = None
    at: datetime | None = None


class ActStage(StrEnum):
    """Where an act stands on its way."""

    RECEIVED = "received"
    SETTLED = "settled"
    ANSWERED = "answered"


@dataclass(frozen=True, slots=True)
class Entry:
    """An act in the inbox with what became of it: `refused` is None where it was applied or is still to be."""

    act: Act
    stage: ActStage = ActStage.RECEIVED
    settled_at: datetime | None = None
    refused: Refused | None = None

    def settled(self, *, at: datetime, refused: Refused | None) -> "Entry":
        """Return it once it was applied or refused; an act that nobody waits to hear about needs no answer."""
        stage = ActStage.ANSWERED if self.act.address is None else ActStage.SETTLED
        return replace(self, stage=stage, settled_at=at, refused=refused)

    def answered(self) -> "Entry":
        """Return it once the person was told, or cannot be told any more."""
        return replace(self, stage=ActStage.ANSWERED)


def apply(
    act: Act, incident: Incident | None, *, now: datetime, morning: Callable[[datetime], datetime]
) -> Applied | Refused:
    """Return what an act makes of its incident.

    morning  returns the next business morning after an instant
    """
    if incident is None:
        return Refused(Refusal.UNKNOWN)
    if act.kind in VERDICTS:
        return _judged(act, incident)
    return _why_over(incident) or _handled(act, incident, now=now, morning=morning)


def _why_over(incident: Incident) -> Refused | None:
    """Return why nobody can take care of an incident any more."""
    if incident.phase is not Phase.OPEN:
        return Refused(Refusal.OVER, at=incident.resolved_at or incident.closed_at)
    handling = incident.handling
    if handling.is_dismissed:
        return Refused(Refusal.DISMISSED, by=handling.dismissed_by, at=handling.dismissed_at)
    return None


def _handled(
    act: Act, incident: Incident, *, now: datetime, morning: Callable[[datetime], datetime]
) -> Applied | Refused:
    match act.kind:
        case ActKind.ACKNOWLEDGE:
            return _acknowledged(act, incident)
        case ActKind.HAND_BACK:
            return _handed_back(incident)
        case ActKind.SNOOZE:
            return _snoozed(act, incident, until=_snooze_end(act, morning=morning), now=now)
        case _:
            return Applied(_with(incident, _dismissal(act, incident.handling)), Reason.DISMISSED)


def _acknowledged(act: Act, incident: Incident) -> Applied | Refused:
    handling = incident.handling
    if handling.acknowledged_by is not None:
        return Refused(Refusal.ALREADY, by=handling.acknowledged_by, at=handling.acknowledged_at)
    taken = replace(handling, acknowledged_by=act.by, acknowledged_at=act.at)
    return Applied(_with(incident, taken), Reason.ACKNOWLEDGED)


def _handed_back(incident: Incident) -> Applied | Refused:
    if incident.handling.acknowledged_by is None:
        return Refused(Refusal.NOBODY)
    free = replace(incident.handling, acknowledged_by=None, acknowledged_at=None)
    return Applied(_with(incident, free), Reason.HANDED_BACK)


def _snooze_end(act: Act, *, morning: Callable[[datetime], datetime]) -> datetime:
    if act.until is not None:
        return act.until
    return morning(act.at) if act.lasts is None else act.at + act.lasts


def _snoozed(act: Act, incident: Incident, *, until: datetime, now: datetime) -> Applied | Refused:
    if until <= now:
        return Refused(Refusal.PAST, at=until)
    if incident.handling.snoozed_until == until:
        return Refused(Refusal.ALREADY, by=incident.handling.snoozed_by, at=until)
    quiet = replace(incident.handling, snoozed_by=act.by, snoozed_until=until)
    return Applied(_with(incident, quiet), Reason.SNOOZED)


def _judged(act: Act, incident: Incident) -> Applied | Refused:
    """Say what an incident was. A later verdict replaces an earlier one; what is not real is not told any more."""
    before, kind = incident.handling.verdict, VERDICTS[act.kind]
    if before is not None and (before.kind, before.note) == (kind, act.note):
        return Refused(Refusal.ALREADY, by=before.by, at=before.at)
    handling = replace(incident.handling, verdict=Verdict(kind, act.by, act.at, act.note))
    if incident.phase is not Phase.OPEN:
        return Applied(_with(incident, handling), Reason.LABELLED)
    if kind is LabelKind.INCIDENT:
        return Applied(_with(incident, handling.grown()), Reason.LABELLED)
    return Applied(_with(incident, _dismissal(act, handling)), Reason.DISMISSED)


def _dismissal(act: Act, handling: Handling) -> Handling:
    return replace(handling.calmed(), dismissed_by=act.by, dismissed_at=act.at)


def _with(incident: Incident, handling: Handling) -> Incident:
    return replace(incident, handling=handling, revision=incident.revision + 1)


def told_again(notice: Notice, *, incident: Incident, reason: Reason, at: datetime) -> Notice:
    """Return a notice of an incident that a person has changed: the facts of an earlier one, brought up to date.

    The counts are those of the earlier notice, and say until when they reach.
    """
    facts = replace(
        notice.facts,
        phase=incident.phase,
        severity=incident.severity,
        resolved_at=incident.resolved_at,
        merged_into=incident.merged_into,
        revision=incident.revision,
        handling=incident.handling,
    )
    return Notice(f"{incident.id}.{incident.revision}", incident.id, reason, at, facts)
