"""Reporting: what a replay found, and what another would change, as tables for people and JSON lines for programs."""

import json
from collections.abc import Container, Iterator, Sequence
from datetime import datetime
from io import StringIO
from zoneinfo import ZoneInfo

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from spikewatch.core.counts import ALL, SeriesKey
from spikewatch.core.incidents import Incident
from spikewatch.core.surges import Surge
from spikewatch.lab.comparing import Comparison, Effect, Pair, Shift, Told
from spikewatch.lab.replay import Replayed
from spikewatch.lab.tallies import Said, Tallies, Tally

WIDTH = 132
MOST_SERIES = 3
MOST_CATEGORIES = 20
_WHAT = "what rose (window: observed, expected, upper)"
_HEAD = ("opened", "lasted", "severity", "service", _WHAT, "extra", "score", "incident")
_NUMBERS = frozenset(place for place, heading in enumerate(_HEAD) if heading in {"lasted", "extra", "score"})
_TOLD = (Shift.LOST, Shift.GAINED, Shift.EARLIER, Shift.LATER)


def json_lines(replayed: Replayed, *, zone: ZoneInfo) -> Iterator[str]:
    """Yield one JSON object an incident, in order of opening."""
    for incident in replayed.incidents:
        yield json.dumps(incident_json(incident, zone=zone), ensure_ascii=False)


def table(replayed: Replayed, tallies: Tallies, *, zone: ZoneInfo) -> Iterator[str]:
    """Yield a table of incidents, one of series, what the budget came to, and a line that sums up."""
    if replayed.incidents:
        yield from _printed(_HEAD, [_cells(each, zone) for each in replayed.incidents], numbers=_NUMBERS)
        yield from _series(tallies)
    yield from _labels(tallies)
    yield _budget(tallies)
    yield _summary(replayed, zone)


def diff_json_lines(comparison: Comparison, *, zone: ZoneInfo) -> Iterator[str]:
    """Yield one JSON object an incident of either side, in order of opening."""
    for pair in comparison.pairs:
        delay = pair.delay
        told = {
            "change": pair.shift.value,
            "service": pair.service,
            "delay_minutes": None if delay is None else delay.total_seconds() / 60,
            "before": None if pair.before is None else incident_json(pair.before.incident, zone=zone),
            "after": None if pair.after is None else incident_json(pair.after.incident, zone=zone),
        }
        yield json.dumps(told, ensure_ascii=False)


def diff_table(
    comparison: Comparison, sides: tuple[Tallies, Tallies], *, names: tuple[str, str], zone: ZoneInfo
) -> Iterator[str]:
    """Yield a table of what changed, one of services, and what both came to; `names` are those of both configurations."""
    yield f"A = {names[0]}, B = {names[1]}"
    changed = [pair for pair in comparison.pairs if pair.shift is not Shift.SAME]
    if changed:
        yield from _printed(
            ("change", "A opened", "B opened", "service", _WHAT),
            [_change(pair, zone) for pair in changed],
        )
        yield from _printed(
            ("service", "A", "B", *(shift.value for shift in Shift), "median shift"),
            [_effect(effect) for effect in comparison.services],
            numbers=range(1, len(Shift) + 4),
        )
    for letter, tallies in zip("AB", sides, strict=True):
        yield f"{letter}: {_budget(tallies)}"
    counts = ", ".join(f"{comparison.count(shift)} {shift.value}" for shift in _TOLD)
    whole = comparison.whole
    yield f"{whole.before} -> {whole.after} incidents: {counts}"


def _change(pair: Pair, zone: ZoneInfo) -> Sequence[str]:
    delay = pair.delay
    shifted = f" {_minutes(delay.total_seconds() / 60)}" if delay else ""
    opened = [_opened(told, zone) for told in (pair.before, pair.after)]
    return (
        pair.shift.value + shifted,
        *opened,
        pair.service or "(company-wide)",
        _what(pair.told.incident),
    )


def _opened(told: Told | None, zone: ZoneInfo) -> str:
    return "-" if told is None else _local(told.opened_at, zone)


def _effect(effect: Effect) -> Sequence[str]:
    counts = [str(effect.shifts.get(shift, 0)) for shift in Shift]
    shifted = "-" if effect.delay is None else _minutes(effect.delay)
    return (effect.service or "(company-wide)", str(effect.before), str(effect.after), *counts, shifted)


def _minutes(minutes: float) -> str:
    return f"{minutes:+.0f} min" if minutes else "0 min"


def _series(tallies: Tallies) -> Iterator[str]:
    """Yield the services, and under each its categories that alerted."""
    alerted = [tally for tally in tallies.categories if tally.alerts]
    shown = alerted[:MOST_CATEGORIES]
    rows = []
    for service in tallies.services:
        rows.append(_tally(service, tallies, called=_called(service)))
        rows += [
            _tally(each, tallies, called=f"  {each.series.category}")
            for each in shown
            if each.series.service == service.series.service
        ]
    said = [each.value for each in Said] if tallies.labelled else []
    head = ("service and category", "alerts", "critical", *said, "budget", "spent", "tickets")
    yield from _printed(head, rows, numbers=range(1, len(head)))
    quiet, more = len(tallies.categories) - len(alerted), len(alerted) - len(shown)
    left = [f"{more} more that alerted less"] if more else []
    left += [f"{quiet} that never alerted"] if quiet else []
    if left:
        yield f"categories not shown: {', '.join(left)}"


def _called(service: Tally) -> str:
    return "(company-wide)" if service.series.is_fleet else service.series.service


def _tally(tally: Tally, tallies: Tallies, *, called: str) -> Sequence[str]:
    said = [tally.said.get(each, 0) for each in Said] if tallies.labelled else []
    counts = [tally.alerts, tally.critical, *said]
    return (called, *map(str, counts), f"{tally.asked:.2g}", str(tally.spent), f"{tally.tickets:,}")


def _labels(tallies: Tallies) -> Iterator[str]:
    if tallies.labelled:
        counts = ", ".join(f"{tallies.counted.get(said, 0)} {said.value}" for said in Said)
        yield f"labels: {counts}; {len(tallies.missed)} labelled incidents without an alert"


def _budget(tallies: Tallies) -> str:
    by_labels = "not labelled real" if tallies.labelled else "no labels, so each counts"
    return (
        f"budget: {tallies.per_week:g} false alarms a week, {tallies.asked:.1f} in this time;"
        f" {tallies.spent} spent ({by_labels})"
    )


def _printed(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: Container[int] = ()
) -> Iterator[str]:
    """Yield the lines of a table; `numbers` are the places of columns that stand to the right."""
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, heading in enumerate(head):
        grid.add_column(heading, justify="right" if place in numbers else "left", overflow="fold")
    for row in rows:
        grid.add_row(*map(escape, row))
    stream = StringIO()
    Console(file=stream, width=WIDTH, color_system=None).print(grid)
    yield from (line.rstrip() for line in stream.getvalue().splitlines())


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


def incident_json(incident: Incident, *, zone: ZoneInfo) -> dict[str, object]:
    """Return an incident as the object that a line of JSON holds."""
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
