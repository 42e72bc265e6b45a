"""A week as a JSON object: what `report --format json` prints, and a webhook is sent."""

from dataclasses import asdict
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from spikewatch.core.counts import ALL, SeriesKey
from spikewatch.core.weekly.figures import Line, Volume, Weekly


def document(weekly: Weekly, *, zone: ZoneInfo) -> dict[str, object]:
    """Return a week as JSON states it; instants are local, with their offset."""
    found = weekly.accuracy
    return {
        "week": str(weekly.week),
        "start": _iso(weekly.span.start, zone),
        "end": _iso(weekly.span.end, zone),
        "known_until": _iso(weekly.until, zone),
        "incidents": [_incident(line, zone) for line in weekly.incidents],
        "precision": found.precision,
        "recall": found.recall,
        "labelled": {
            "incident": found.real,
            "expected": found.expected,
            "false_alarm": found.false_alarms,
            "none": found.unlabelled,
        },
        "known_incidents": {"all": found.known, "told": found.found},
        "budget": {"false_alarms_per_week": weekly.budget, "spent": found.spent},
        "delay_seconds": {"median": _seconds(weekly.typical), "longest": _seconds(weekly.slowest)},
        "noisiest": [
            {**_series(each.series), "incidents": each.incidents, "not_called_real": each.not_real}
            for each in weekly.noisiest
        ],
        "volumes": [_volume(each) for each in weekly.volumes],
        "blind": [
            {"source": each.source, "since": _iso(each.since, zone), "until": _iso(each.until, zone)}
            for each in weekly.blind
        ],
        "unlisted": asdict(weekly.unlisted),
    }


def _incident(line: Line, zone: ZoneInfo) -> dict[str, object]:
    return {
        "incident": line.incident,
        "service": line.service,
        "severity": line.severity.value,
        "started_at": _iso(line.started_at, zone),
        "opened_at": _iso(line.opened_at, zone),
        "told_at": _iso(line.told_at, zone),
        "resolved_at": _iso(line.resolved_at, zone),
        "series": [_series(each) for each in line.series],
        "more_series": line.more,
        "observed": line.observed,
        "expected": line.expected,
        "window_minutes": line.window_minutes,
        "label": None if line.label is None else line.label.value,
    }


def _volume(each: Volume) -> dict[str, object]:
    return {
        **_series(each.series),
        "tickets": each.tickets,
        "expected": each.expected,
        "week_before": each.before,
        "grew": each.has_grown,
    }


def _series(series: SeriesKey) -> dict[str, object]:
    service, category = (None if name == ALL else name for name in series)
    return {"service": service, "category": category}


def _iso(instant: datetime | None, zone: ZoneInfo) -> str | None:
    return None if instant is None else instant.astimezone(zone).isoformat()


def _seconds(duration: timedelta | None) -> float | None:
    return None if duration is None else duration.total_seconds()
