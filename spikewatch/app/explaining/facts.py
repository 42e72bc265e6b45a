"""An explanation as an object for programs: snake_case keys, local ISO times, numbers unrounded but for their tails."""

import json
from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from spikewatch.app.explaining.looking import Look
from spikewatch.app.explaining.origins import Origins
from spikewatch.core.counts import SeriesKey
from spikewatch.core.events import Event
from spikewatch.core.explaining import Joining
from spikewatch.core.explanations import Explanation, Gate, Normal, RulePart, Turning, WindowPart
from spikewatch.core.incidents import Incident
from spikewatch.core.muting import Silence
from spikewatch.core.scoring import Reading, WhyNot
from spikewatch.core.surges import Surge

_DIGITS = 4


def as_json(look: Look, *, zone: ZoneInfo, origins: Origins, budget: float) -> str:
    """Return one line of JSON; `budget` is the fleet's false alarms a week."""
    explanation = look.explanation
    facts = {
        **_named(explanation.series),
        "at": _iso(explanation.at, zone),
        "bucket_start": _iso(explanation.at - explanation.step, zone),
        "judged": look.is_judged,
        "alerts": explanation.why is WhyNot.ALERTS,
        "reason": explanation.why.value,
        "window_minutes": explanation.leading.reading.window_minutes,
        "needed": _needed(explanation),
        "alerts_from": _alerts_from(explanation.turning),
        "windows": [_window(part) for part in explanation.windows],
        "gates": [_gate(gate, origins) for gate in explanation.gates],
        "rules": [_rule(part, origins) for part in explanation.rules],
        "cutoff": {
            "value": _rounded(explanation.cutoff),
            "calibrated": explanation.calibrated,
            "false_alarms_per_week": budget,
            "series_sharing": explanation.sharing,
            "weight": explanation.rule.weight,
            "weight_origin": explanation.rule.origin["weight"],
        },
        "normal": _normal(explanation.normal),
        "data": {
            "watermarks": {name: _iso(state.watermark, zone) for name, state in look.sources.items()},
            "history_since": _iso(max(state.since for state in look.sources.values()), zone),
            "judged_until": _iso(look.judged_until, zone),
            "known_days": _rounded(explanation.learned.known_days),
            "first_ticket": _iso(explanation.learned.first_ticket, zone),
            "late_tickets": explanation.late,
        },
        "events": [_event(event, zone) for event in explanation.events],
        "as_judged": None if look.kept is None else _as_judged(look.kept, zone, origins),
        "silences": [_silence(silence, zone) for silence in look.silences],
        "joining": None if look.joining is None else _joining(look.joining, zone),
        "incidents": [_incident(incident, surge, zone) for incident, surge in look.incidents],
    }
    return json.dumps(facts, ensure_ascii=False, allow_nan=False)


def _as_judged(kept: Explanation, zone: ZoneInfo, origins: Origins) -> dict[str, object]:
    """Return what an incident has kept of the judgement that opened it."""
    return {
        "at": _iso(kept.at, zone),
        "reason": kept.why.value,
        "window_minutes": kept.leading.reading.window_minutes,
        "windows": [_window(part) for part in kept.windows],
        "gates": [_gate(gate, origins) for gate in kept.gates],
        "rules": [_rule(part, origins) for part in kept.rules],
        "alerts_from": _alerts_from(kept.turning),
        "cutoff": {"value": _rounded(kept.cutoff), "calibrated": kept.calibrated},
        "normal": _normal(kept.normal),
    }


def _named(series: SeriesKey) -> Mapping[str, str | None]:
    return {
        "service": None if series.is_fleet else series.service,
        "category": None if series.is_rollup else series.category,
    }


def _needed(explanation: Explanation) -> Mapping[str, int] | None:
    needed = explanation.needed
    return None if needed is None else {"window_minutes": needed.window_minutes, "tickets": needed.tickets}


def _alerts_from(turning: Turning | None) -> Mapping[str, float | None] | None:
    return (
        None
        if turning is None
        else {
            "window_minutes": turning.window_minutes,
            "false_alarms_per_week": turning.false_alarms_per_week,
            "weight": turning.weight,
        }
    )


def _reading(reading: Reading) -> dict[str, object]:
    return {
        "window_minutes": reading.window_minutes,
        "observed": reading.observed,
        "expected": _rounded(reading.expected),
        "upper": reading.upper,
        "score": _rounded(reading.score),
    }


def _window(part: WindowPart) -> dict[str, object]:
    return {
        **_reading(part.reading),
        "reason": part.why.value,
        "surprise": _rounded(part.surprise),
        "surprise_counted": _rounded(part.counted),
        "evidence_added": _rounded(part.evidence),
        "standard_deviation": _rounded(part.deviation),
        "known_share": _rounded(part.known_share),
        "unknown_buckets": part.unknown_buckets,
    }


def _gate(gate: Gate, origins: Origins) -> dict[str, object]:
    return {
        "gate": gate.name.value,
        "holds": gate.holds,
        "value": _rounded(gate.value),
        "limit": _rounded(gate.limit),
        "origin": gate.origin,
        "place": None if gate.origin is None else origins.place(gate.origin),
    }


def _rule(part: RulePart, origins: Origins) -> dict[str, object]:
    return {
        "tickets": part.counted.tickets,
        "within_minutes": part.counted.within_minutes,
        "severity": "critical" if part.counted.critical else "warning",
        "observed": part.counted.observed,
        "met": part.is_met,
        "origin": part.origin,
        "place": origins.place(part.origin),
    }


def _normal(normal: Normal) -> dict[str, object]:
    return {
        "model": normal.model.value,
        "modelled": normal.modelled,
        "day": normal.day.isoformat(),
        "day_kind": normal.kind.value,
        "like_weekday": normal.like_weekday,
        "hour": normal.hour,
        "shape_per_hour": _rounded(normal.shape),
        "level_factor": _rounded(normal.level),
        "today_factor": _rounded(normal.today),
        "day_factor": _rounded(normal.of_day),
        "event_factor": _rounded(normal.event),
        "within_hour_factor": _rounded(normal.within),
        "bucket_expected": _rounded(normal.bucket),
        "dispersion": _rounded(normal.dispersion),
        "day_spread": _rounded(normal.day_spread),
    }


def _event(event: Event, zone: ZoneInfo) -> dict[str, object]:
    return {
        "name": event.name,
        "start": _iso(event.span.start, zone),
        "end": _iso(event.span.end, zone),
        "service": event.service,
        "category": event.category,
        "expect": "mute" if event.factor is None else _rounded(event.factor),
        "learnt_from_hours": event.learnt_from if event.learns else None,
    }


def _silence(silence: Silence, zone: ZoneInfo) -> dict[str, object]:
    return {
        "kind": silence.why.value,
        "number": silence.number,
        "author": silence.author,
        "reason": silence.reason,
        "start": _iso(silence.span.start, zone),
        "end": _iso(silence.span.end, zone),
        "matches": str(silence.matcher),
    }


def _joining(joining: Joining, zone: ZoneInfo) -> dict[str, object]:
    return {"incident": joining.incident.id, "reopens_until": _iso(joining.until, zone)}


def _incident(incident: Incident, surge: Surge | None, zone: ZoneInfo) -> dict[str, object]:
    return {
        "incident": incident.id,
        "service": incident.service,
        "state": incident.phase.value,
        "severity": incident.severity.value,
        "opened_at": _iso(incident.opened_at, zone),
        "started_at": _iso(incident.started_at, zone),
        "resolved_at": _iso(incident.resolved_at, zone),
        "merged_into": incident.merged_into,
        "acknowledged_by": incident.handling.acknowledged_by,
        "snoozed_until": _iso(incident.handling.snoozed_until, zone),
        "dismissed_by": incident.handling.dismissed_by,
        "joined_at": None if surge is None else _iso(surge.opened_at, zone),
        "joined": None if surge is None else _reading(surge.joined),
    }


def _iso(instant: datetime | None, zone: ZoneInfo) -> str | None:
    return None if instant is None else instant.astimezone(zone).isoformat()


def _rounded(number: float) -> float:
    return round(number, _DIGITS)
