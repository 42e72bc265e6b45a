"""Stored counts as OpenMetrics with timestamps, from which promtool makes blocks: graphs have a past on the first day.

Only what is stored is written: tickets. What was expected then depends on a baseline that is gone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from spikewatch.adapters.prometheus.catalogue import METRICS, USUAL_NAMES, LabelNames, clean_label, label_text
from spikewatch.core.counts import Cells, Ints, Roster, SeriesKey
from spikewatch.core.settings import format_duration
from spikewatch.core.timegrid import Grid, seconds


@dataclass(frozen=True)
class Past:
    """The counts of a grid, and of what came after it.

    cells   from the start of the grid up to now
    totals  how often a ticket had ever begun to count in each series, now
    lead    buckets at the start of the grid that only the first windows reach back to
    """

    grid: Grid
    cells: Cells
    totals: Mapping[SeriesKey, int]
    lead: int


def openmetrics(
    past: Past, *, window: timedelta, most: int, target: Mapping[str, str], names: LabelNames = USUAL_NAMES
) -> Iterator[str]:
    """Yield the lines of the past; at most so many series, the busiest, and their roll-ups.

    names   what the labels of a series are called
    target  labels of the scrape, which every series has once Prometheus read it
    """
    counts = _by_name(past)
    busiest = sorted(counts, key=lambda name: int(counts[name].sum()), reverse=True)[:most]
    named = {"window": format_duration(window), **target}
    width = max(1, window // past.grid.step)
    yield from _declared("spikewatch_series_tickets")
    for name in sorted(busiest):
        yield from _gauge(
            "spikewatch_series_tickets", {**_pair(name, names), **named}, counts[name], past, width
        )
    yield from _declared("spikewatch_service_tickets")
    for service in sorted({service for service, _ in counts}):
        total = np.sum([row for (owner, _), row in counts.items() if owner == service], axis=0)
        yield from _gauge("spikewatch_service_tickets", {names.service: service, **named}, total, past, width)
    if counts:
        yield from _declared("spikewatch_fleet_tickets")
        yield from _gauge(
            "spikewatch_fleet_tickets", named, np.sum(list(counts.values()), axis=0), past, width
        )
    yield from _declared("spikewatch_tickets_total")
    totals = _totals_by_name(past)
    for name in sorted(busiest):
        yield from _counter({**_pair(name, names), **target}, counts[name], past, at_end=totals[name])
    yield "# EOF"


def _pair(name: tuple[str, str], names: LabelNames) -> dict[str, str]:
    return {names.service: name[0], names.category: name[1]}


def _name(key: SeriesKey) -> tuple[str, str]:
    return clean_label(key.service), clean_label(key.category)


def _by_name(past: Past) -> dict[tuple[str, str], Ints]:
    """Return the counts of each bucket by cleaned name; names that become equal are one series."""
    roster, cells = past.cells.roster, past.cells
    order = np.argsort(cells.row, kind="stable")
    edges = np.searchsorted(cells.row[order], np.arange(len(roster) + 1))
    found: dict[tuple[str, str], Ints] = {}
    for row in _leaves(roster):
        mine = order[edges[row] : edges[row + 1]]
        places = cells.bucket[mine] - past.grid.first
        inside = (places >= 0) & (places < past.grid.length)
        counts = np.zeros(past.grid.length, dtype=np.int64)
        np.add.at(counts, places[inside], cells.tickets[mine][inside])
        name = _name(roster.keys[row])
        found[name] = found[name] + counts if name in found else counts
    return found


def _leaves(roster: Roster) -> Sequence[int]:
    return [row for row, key in enumerate(roster.keys) if not key.is_rollup]


def _totals_by_name(past: Past) -> dict[tuple[str, str], int]:
    """Return how often a ticket had begun to count by the end of the grid."""
    cells, totals = past.cells, dict[tuple[str, str], int]()
    after = cells.bucket >= past.grid.stop
    since = np.bincount(cells.row[after], weights=cells.tickets[after], minlength=len(cells.roster))
    for row in _leaves(cells.roster):
        key = cells.roster.keys[row]
        totals[_name(key)] = totals.get(_name(key), 0) + past.totals.get(key, 0) - int(since[row])
    return totals


def _declared(name: str) -> Iterator[str]:
    metric = METRICS[name]
    yield f"# HELP {metric.family} {metric.help}"
    yield f"# TYPE {metric.family} {metric.kind}"


def _gauge(name: str, labels: Mapping[str, str], counts: Ints, past: Past, width: int) -> Iterator[str]:
    sums = np.concatenate([[0], np.cumsum(counts)])
    shown = label_text(labels)
    for place, end in _ends(past):
        yield f"{name}{shown} {sums[place] - sums[max(0, place - width)]} {end}"


def _counter(labels: Mapping[str, str], counts: Ints, past: Past, *, at_end: int) -> Iterator[str]:
    """Yield what the counter stood at, so that it goes on to what it stands at now and never falls."""
    sums = np.concatenate([[0], np.cumsum(counts)])
    shown, before = label_text(labels), max(0, at_end - int(sums[-1]))
    for place, end in _ends(past):
        yield f"spikewatch_tickets_total{shown} {before + sums[place]} {end}"


def _ends(past: Past) -> Iterator[tuple[int, int]]:
    """Yield how many buckets had ended, and when in Unix seconds, for each bucket after the lead."""
    step = seconds(past.grid.step)
    for place in range(past.lead + 1, past.grid.length + 1):
        yield place, (past.grid.first + place) * step
