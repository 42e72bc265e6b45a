"""An incident as alerts of Alertmanager's API v2.

Labels name an alert, so they may not change while it lasts: `alertname` (SpikewatchIncident or SpikewatchBlind),
`incident`, `severity`, `service` (none where the whole company is meant) or `source`, and those of the settings. What
changes stands in annotations: `summary`, `description`, `category`, `observed`, `expected`, `acknowledged_by`,
`runbook_url`. A raised severity is another alert; the one before it ends in the same request.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import unescape

from spikewatch.core.blindness import Blindness, BlindNotice
from spikewatch.core.incidents import Phase
from spikewatch.core.notices import Facts, Notice
from spikewatch.core.outbox import Told
from spikewatch.core.wording import Mark, Message
from spikewatch.core.wording.links import is_link

LASTS = timedelta(minutes=15)
"""An alert that is not repeated ends after so long: Alertmanager says it is over if we are gone for good."""

REPEATS_EVERY = timedelta(minutes=4)
"""Well within that, three times."""

SUMMARY_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert; `ends` in the future while it lasts."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts: datetime
    ends: datetime

    def document(self) -> dict[str, object]:
        """Return it as the API reads it."""
        return {
            "labels": dict(self.labels),
            "annotations": dict(self.annotations),
            "startsAt": self.starts.isoformat(),
            "endsAt": self.ends.isoformat(),
        }


def severity_of(message: Message) -> str:
    """Return the severity under which a message is an alert; empty where it is none."""
    source = message.source
    return "" if source is None or _facts(source.notice) is None else source.notice.facts.severity.value


def alerts(
    message: Message, *, raised_as: str = "", extra: Mapping[str, str], now: datetime
) -> Iterator[Alert]:
    """Yield the alerts of a message; none of a recap, and of one that was made of nothing but words.

    raised_as  the severity under which it was raised, which ends where it is another one now
    """
    source = message.source
    facts = None if source is None else _facts(source.notice)
    if source is None or facts is None:
        return
    labels, starts = _named(source.notice.incident, facts, extra), _starts(facts)
    if Mark.TEST in message.marks:
        labels["alertname"] = "SpikewatchTest"
    annotations = _annotations(message, facts)
    ends = now + LASTS if _lasts(facts) else max(starts, _ended(facts, now=now))
    yield Alert({**labels, "severity": facts.severity.value}, annotations, starts, ends)
    if raised_as not in ("", facts.severity.value):
        yield Alert({**labels, "severity": raised_as}, annotations, starts, max(starts, min(ends, now)))


def _facts(notice: Told) -> Facts | Blindness | None:
    return notice.facts if isinstance(notice, Notice | BlindNotice) else None


def _named(incident: str, facts: Facts | Blindness, extra: Mapping[str, str]) -> dict[str, str]:
    name = "SpikewatchBlind" if isinstance(facts, Blindness) else "SpikewatchIncident"
    labels = {**extra, "alertname": name, "incident": incident}
    if isinstance(facts, Blindness):
        labels["source"] = facts.source
    elif facts.service is not None:
        labels["service"] = facts.service
    return labels


def _annotations(message: Message, facts: Facts | Blindness) -> dict[str, str]:
    text = unescape(message.text)
    said = {"summary": _first_sentence(text), "description": text}
    if isinstance(facts, Facts):
        said |= {"observed": str(facts.lead.observed), "expected": f"{facts.lead.expected:.1f}"}
        if not facts.lead_series.is_rollup:
            said["category"] = facts.lead_series.category
        if facts.handling.acknowledged_by is not None:
            said["acknowledged_by"] = facts.handling.acknowledged_by
        if facts.runbook is not None and is_link(facts.runbook):
            said["runbook_url"] = facts.runbook
    return said


def _first_sentence(text: str) -> str:
    for stop in ("。", ". "):
        first, found, _ = text.partition(stop)
        if found:
            return first[:SUMMARY_LIMIT]
    return text[:SUMMARY_LIMIT]


def _starts(facts: Facts | Blindness) -> datetime:
    return facts.since if isinstance(facts, Blindness) else facts.started_at


def _lasts(facts: Facts | Blindness) -> bool:
    if facts.phase is not Phase.OPEN:
        return False
    return isinstance(facts, Blindness) or not facts.handling.is_dismissed


def _ended(facts: Facts | Blindness, *, now: datetime) -> datetime:
    if isinstance(facts, Blindness) or facts.resolved_at is None or facts.phase is Phase.OPEN:
        return now
    return min(facts.resolved_at, now)
