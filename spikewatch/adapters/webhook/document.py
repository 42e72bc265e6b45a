"""A message as the JSON that a webhook posts: facts for programs, and the text for people.

Its form is config/webhook.schema.json. `version` changes with every change that a reader could stumble over; a key may be
added without.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from html import unescape
from typing import Any, assert_never
from zoneinfo import ZoneInfo

from spikewatch.core.blindness import Blindness, BlindNotice
from spikewatch.core.counts import SeriesKey
from spikewatch.core.misconfiguration import ConfigNotice
from spikewatch.core.notices import Facts, Notice, Part
from spikewatch.core.recaps import RecapNotice
from spikewatch.core.scoring import Reading
from spikewatch.core.weekly import WeeklyNotice
from spikewatch.core.weekly import document as figures
from spikewatch.core.wording import Mark, Message, Source

VERSION = 1


def document(message: Message, *, key: str) -> Mapping[str, Any]:
    """Return the document of a message; two with the same key say the same."""
    source = message.source
    told = {} if source is None else _told(source)
    return {
        "version": VERSION,
        "key": key,
        "test": Mark.TEST in message.marks,
        "fallback": Mark.FALLBACK in message.marks,
        "text": unescape(message.text),
        **told,
    }


def key_of(source: Source | None, *, otherwise: str) -> str:
    """Return the key of a state, which its repetitions share."""
    return otherwise if source is None else source.notice.key


def _told(source: Source) -> dict[str, Any]:
    notice, zone = source.notice, source.zone
    known = {
        "at": _local(notice.at, zone),
        "language": source.language.value,
        "late_seconds": _seconds(source.late),
    }
    match notice:
        case Notice():
            return {"event": notice.reason.value, **known, "incident": incident(notice.facts, zone=zone)}
        case BlindNotice():
            event = "blind" if notice.facts.until is None else "seeing"
            return {"event": event, **known, "blindness": _blindness(notice.facts, zone=zone)}
        case RecapNotice():
            missed = [incident(facts, zone=zone) for facts in notice.facts.missed]
            return {"event": "recap", **known, "missed": missed}
        case ConfigNotice():
            event = "config_refused" if notice.lasts else "config_mended"
            return {"event": event, **known, "problems": list(notice.facts.problems)}
        case WeeklyNotice():
            return {"event": "week", **known, "report": figures(notice.facts, zone=zone)}
        case _:
            assert_never(notice)


def incident(facts: Facts, *, zone: ZoneInfo) -> dict[str, Any]:
    """Return an incident as a document states it; instants are local, with their offset."""
    handling = facts.handling
    return {
        "id": facts.incident,
        "revision": facts.revision,
        "service": facts.service,
        "phase": facts.phase.value,
        "severity": facts.severity.value,
        "opened_at": _local(facts.opened_at, zone),
        "started_at": _local(facts.started_at, zone),
        "resolved_at": _local(facts.resolved_at, zone),
        "data_until": _local(facts.data_until, zone),
        "merged_into": facts.merged_into,
        "lead": {**_series(facts.lead_series), **_reading(facts.lead)},
        "peak": _reading(facts.peak),
        "series": [_part(part) for part in facts.parts],
        "more_series": facts.more,
        "extra_tickets": round(max(facts.excess, 0.0), 1),
        "chance_weeks": round(facts.chance_weeks, 2),
        "ebbing": facts.ebbing,
        "runbook": facts.runbook,
        "acknowledged_by": handling.acknowledged_by,
        "snoozed_until": _local(handling.snoozed_until, zone),
        "closed_by": handling.dismissed_by,
        "verdict": None if handling.verdict is None else handling.verdict.kind.value,
    }


def _part(part: Part) -> dict[str, Any]:
    share = None if part.share is None else round(part.share, 3)
    return {**_series(part.series), **_reading(part.reading), "share": share, "surging": part.surging}


def _series(series: SeriesKey) -> dict[str, str | None]:
    return {
        "service": None if series.is_fleet else series.service,
        "category": None if series.is_rollup else series.category,
    }


def _reading(reading: Reading) -> dict[str, Any]:
    return {
        "window_minutes": reading.window_minutes,
        "observed": reading.observed,
        "expected": round(reading.expected, 2),
        "upper": reading.upper,
        "score": round(reading.score, 2),
    }


def _blindness(facts: Blindness, *, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "source": facts.source,
        "cause": facts.cause.value,
        "since": _local(facts.since, zone),
        "until": _local(facts.until, zone),
        "tickets": facts.tickets,
        "incidents": facts.incidents,
        "removed": facts.removed,
    }


def _local(instant: datetime | None, zone: ZoneInfo) -> str | None:
    return None if instant is None else instant.astimezone(zone).isoformat()


def _seconds(duration: timedelta | None) -> int | None:
    return None if duration is None else int(duration.total_seconds())
