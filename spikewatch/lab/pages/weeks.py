"""The calendar of a page: a block a week, a row a local day, a cell an hour."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from xml.etree.ElementTree import Element

import numpy as np

from spikewatch.core.counts import Panel
from spikewatch.core.markup import node
from spikewatch.core.timegrid import HOUR, bucket_start, seconds
from spikewatch.lab.pages.setting import Setting
from spikewatch.lab.tallies import Tallies, WeekTally

_HOURS = range(24)
_STRONG = 3
"""Incidents an hour from which a cell is no darker."""


@dataclass(frozen=True)
class _Hours:
    """What happened in each local hour."""

    opened: Mapping[tuple[date, int], int]
    first: Mapping[tuple[date, int], str]
    lasting: Collection[tuple[date, int]]
    judged: Collection[tuple[date, int]]


def calendar(tallies: Tallies, panel: Panel, setting: Setting) -> Element:
    """Return the weeks that were judged, oldest first."""
    hours = _hours(tallies, panel, setting)
    weeks = [_week(week, hours, setting, labelled=tallies.labelled) for week in tallies.weeks]
    return node("div", {"class": "weeks"}, weeks)


def _week(week: WeekTally, hours: _Hours, setting: Setting, *, labelled: bool) -> Element:
    words = setting.words
    title = words.week_of.format(monday=week.monday)
    counted = [words.week_count.format(number=week.opened)]
    if labelled:
        counted.append(words.week_spent.format(number=week.spent))
    return node(
        "table",
        {"class": "week"},
        node("caption", None, f"{title}{words.colon}{' · '.join(counted)}"),
        node(
            "thead",
            None,
            node(
                "tr",
                None,
                node("td", None),
                [
                    node("th", {"scope": "colgroup", "colspan": "6"}, str(hour))
                    for hour in _HOURS
                    if hour % 6 == 0
                ],
            ),
        ),
        node(
            "tbody",
            None,
            [_day(week.monday + timedelta(days=day), words.days[day], hours, setting) for day in range(7)],
        ),
    )


def _day(day: date, called: str, hours: _Hours, setting: Setting) -> Element:
    return node(
        "tr",
        None,
        node("th", {"scope": "row"}, called),
        [_cell(day, hour, hours, setting) for hour in _HOURS],
    )


def _cell(day: date, hour: int, hours: _Hours, setting: Setting) -> Element:
    opened, words = hours.opened.get((day, hour), 0), setting.words
    if opened:
        said = words.cell.format(day=day, hour=hour, number=opened)
        link = {"href": f"#{hours.first[day, hour]}", "title": said, "aria-label": said}
        return node("td", {"class": f"o{min(opened, _STRONG)}"}, node("a", link, str(opened)))
    if (day, hour) in hours.lasting:
        return node("td", {"class": "on", "title": words.cell_lasting.format(day=day, hour=hour)})
    return node("td", None if (day, hour) in hours.judged else {"class": "un"})


def _hours(tallies: Tallies, panel: Panel, setting: Setting) -> _Hours:
    def place(instant: datetime) -> tuple[date, int]:
        local = instant.astimezone(setting.zone)
        return local.date(), local.hour

    def next_hour(instant: datetime) -> datetime:
        local = instant.astimezone(setting.zone)
        return instant + HOUR - timedelta(minutes=local.minute, seconds=local.second)

    opened: Counter[tuple[date, int]] = Counter()
    first: dict[tuple[date, int], str] = {}
    lasting: set[tuple[date, int]] = set()
    for incident in tallies.incidents:
        cell = place(incident.opened_at)
        opened[cell] += 1
        first.setdefault(cell, incident.id)
        at, ends = incident.started_at, incident.resolved_at or tallies.judged_until
        while at < ends:
            lasting.add(place(at))
            at = next_hour(at)
    known = np.flatnonzero(panel.known.any(axis=0))
    step = panel.grid.step
    instants = {(panel.grid.first + int(bucket)) * seconds(step) // 3600 * 3600 for bucket in known.tolist()}
    judged = {
        place(datetime.fromtimestamp(instant, UTC))
        for instant in instants
        if tallies.judged_from - HOUR < bucket_start(instant // 3600, HOUR) < tallies.judged_until
    }
    return _Hours(opened, first, lasting, judged)
