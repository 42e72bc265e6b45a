"""Reporting: what a replay found, as a table for people and as JSON lines for programs."""

import json
from collections.abc import Iterator
from datetime import datetime
from io import StringIO
from zoneinfo import ZoneInfo

from rich import box
from rich.console import Console
from rich.table import Table

from spikewatch.core.counts import ALL, SeriesKey
from spikewatch.core.incidents import Incident
from spikewatch.core.surges import Surge
from spikewatch.lab.replay import Replayed

WIDTH = 132
MOST_SERIES = 3


def json_lines(replayed: Replayed, *, zone: ZoneInfo) -> Iterator[str]:
    """Yield one JSON object an incident, in order of opening."""
    for incident in replayed.incidents:
        yield json.dumps(_as_json(incident, zone), ensure_ascii=False)


def table(replayed: Replayed, *, zone: ZoneInfo) -> Iterator[str]:
    """Yield the lines of a table, one row an incident, and a line that sums up."""
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading, justify in (
        ("opened", "left"),
        ("lasted", "right"),
        ("severity", "left"),
        ("service", "left"),
        ("what rose (window: observed, expected, upper)", "left"),
        ("extra", "right"),
        ("score", "right"),
        ("incident", "left"),
    ):
        grid.add_column(heading, justify="right" if justify == "right" else "left", overflow="fold")
    for incident in replayed.incidents:
        grid.add_row(*_cells(incident, zone))
    stream = StringIO()
    Console(file=stream, width=WIDTH, color_system=None).print(grid)
    yield from (line.rstrip() for line in stream.getvalue().splitlines())
    yield _summary(replayed, zone)


def _summary(replayed: Replayed, zone: ZoneInfo) -> str:
    weeks = (replayed.judged_until - replayed.judged_from).total_seconds() / 604800
    number = len([incident for incident in replayed.incidents if incident.merged_into is None])
    span = f"{_local(replayed.judged_from, zone)} to {_local(replayed.judged_until, zone)}"
    rate = f", {number / weeks:.1f} a week" if weeks > 0 else ""
    return f"{number} incident{'' if number == 1 else 's'} in {weeks:.1f} weeks{rate} ({span})"


def _cells(incident: Incident, zone: ZoneInfo) -> tuple[str, ...]:
    fate = f" → {incident.merged_into}" if incident.merged_into else ""
    return (
        _local(incident.opened_at, zone),
        _lasted(incident),
        incident.severity.value,
        incident.service or "(company-wide)",
        _what(incident),
        f"{incident.excess:.0f}",
        f"{incident.peak_score:.1f}",
        incident.id + fate,
    )


def _lasted(incident: Incident) -> str:
    if incident.merged_into is not None:
        return "merged"
    if incident.resolved_at is None:
        return "open"
    minutes = int((incident.resolved_at - incident.started_at).total_seconds() // 60)
    return f"{minutes // 60}h{minutes % 60:02d}"


def _what(incident: Incident) -> str:
    strongest = sorted(incident.surges, key=lambda surge: -surge.joined.score)
    told = [_told(surge) for surge in strongest[:MOST_SERIES]]
    rest = len(strongest) - MOST_SERIES
    return "\n".join([*told, *([f"and {rest} more"] if rest > 0 else [])])


def _told(surge: Surge) -> str:
    reading = surge.joined
    name = "the whole fleet" if surge.series.is_fleet else str(surge.series)
    return f"{name} {reading.window_minutes}m: {reading.observed}, {reading.expected:.1f}, {reading.upper}"


def _as_json(incident: Incident, zone: ZoneInfo) -> dict[str, object]:
    return {
        "incident": incident.id,
        "opened_at": _iso(incident.opened_at, zone),
        "started_at": _iso(incident.started_at, zone),
        "resolved_at": _iso(incident.resolved_at, zone),
        "merged_into": incident.merged_into,
        "severity": incident.severity.value,
        "peak_score": round(incident.peak_score, 3),
        "series": [_series_json(surge) for surge in incident.surges],
    }


def _series_json(surge: Surge) -> dict[str, object]:
    reading = surge.joined
    service, category = _names(surge.series)
    return {
        "service": service,
        "category": category,
        "window_minutes": reading.window_minutes,
        "observed": reading.observed,
        "expected": round(reading.expected, 3),
        "upper": reading.upper,
        "score": round(reading.score, 3),
    }


def _names(series: SeriesKey) -> tuple[str | None, str | None]:
    return tuple(None if name == ALL else name for name in series)  # type: ignore[return-value]  # a pair stays one


def _iso(instant: datetime | None, zone: ZoneInfo) -> str | None:
    return None if instant is None else instant.astimezone(zone).isoformat()


def _local(instant: datetime, zone: ZoneInfo) -> str:
    return f"{instant.astimezone(zone):%Y-%m-%d %H:%M}"
