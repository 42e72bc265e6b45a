"""Witnessing: what each incident of a replay looked like, kept while the replay goes by.

Hand a `Witness` over as `on_verdict`. It sees what the live code judged and nothing else, and keeps hours around incidents
only: a large fleet over a year costs what its incidents cost.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from spikewatch.core.counts import SeriesKey
from spikewatch.core.incidents import Incident, Phase
from spikewatch.core.notices import Facts, Part
from spikewatch.core.scoring import Assessment
from spikewatch.core.surges import Surge
from spikewatch.core.timegrid import bucket_start, seconds
from spikewatch.cycle import Verdict
from spikewatch.lab.courses import Course

HOURS_BEFORE = 3
"""So much of a quiet time before an incident shows that it is not one of many."""

AFTERWARDS = timedelta(hours=1)

MOST_FOLLOWED = 4
"""Series of one incident that are followed: the first to surge; a picture of more says no more."""


@dataclass(frozen=True, slots=True)
class View:
    """One series around an incident, in the window in which it began to surge."""

    series: SeriesKey
    window: timedelta
    course: Course


@dataclass(frozen=True, slots=True)
class Sight:
    """What an incident looked like.

    views    its first series: the one that it opened on, then in the order in which they surged
    drivers  the categories (or services) that drove it when it was at its highest, greatest excess first
    more     how many further ones there were
    """

    views: tuple[View, ...] = ()
    drivers: tuple[Part, ...] = ()
    more: int = 0
    chance_weeks: float = 0.0


NOTHING_SEEN = Sight()


@dataclass
class _Watch:
    """One incident under way: the parts of its series' courses, and the facts told at its highest."""

    until: datetime
    windows: dict[SeriesKey, int] = field(default_factory=dict)
    parts: dict[SeriesKey, list[Course]] = field(default_factory=dict)
    facts: Facts | None = None


class Witness:
    """Keeps what incidents looked like; hand it over as `on_verdict`."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self._recent: deque[Assessment] = deque(maxlen=HOURS_BEFORE)
        self._watched: dict[str, _Watch] = {}
        self._ended: dict[str, _Watch] = {}

    def __call__(self, verdict: Verdict) -> None:
        """Keep what a verdict was made of."""
        assessment = verdict.assessment
        now = bucket_start(assessment.first + assessment.n_judged, assessment.step)
        for watch in self._watched.values():
            for series, minutes in watch.windows.items():
                watch.parts[series].append(_part(assessment, series, minutes))
        for incident in (*verdict.changed, *verdict.incidents.active):
            if incident.id not in self._ended:
                self._watch(incident, assessment, now)
        for notice in verdict.notices:
            watched = self._watched.get(notice.incident)
            if watched is not None and _is_higher(notice.facts, watched.facts):
                watched.facts = notice.facts
        for name in [name for name, watch in self._watched.items() if watch.until <= now]:
            self._ended[name] = self._watched.pop(name)
        self._recent.append(assessment)

    def sights(self) -> Mapping[str, Sight]:
        """Return what each incident looked like, by its id."""
        return {name: _sight(watch) for name, watch in (*self._ended.items(), *self._watched.items())}

    def _watch(self, incident: Incident, assessment: Assessment, now: datetime) -> None:
        watch = self._watched.setdefault(incident.id, _Watch(now))
        watch.until = (now if incident.phase is Phase.OPEN else incident.resolved_at or now) + AFTERWARDS
        for surge in _in_order(incident):
            if surge.series in watch.windows or len(watch.windows) == MOST_FOLLOWED:
                continue
            watch.windows[surge.series] = surge.joined.window_minutes
            watch.parts[surge.series] = [
                _part(seen, surge.series, surge.joined.window_minutes) for seen in (*self._recent, assessment)
            ]


def _in_order(incident: Incident) -> Sequence[Surge]:
    """Return its surges as they joined, but first the one that it opened on."""
    opened_on = None if incident.explained is None else incident.explained.series
    return sorted(incident.surges, key=lambda surge: surge.series != opened_on)


def _is_higher(facts: Facts, before: Facts | None) -> bool:
    return before is None or facts.peak.score > before.peak.score


def _part(assessment: Assessment, series: SeriesKey, minutes: int) -> Course:
    """Return one hour of a series as it was judged."""
    row = assessment.limits.roster.rows[series]
    width = minutes * 60 / seconds(assessment.step)
    place = int(np.argmin(np.abs(np.array(assessment.windows) - width)))
    readings = [assessment.reading(row, column, window=place) for column in range(assessment.n_judged)]
    upper = np.array([0 if reading is None else reading.upper for reading in readings], dtype=np.int64)
    return Course.cut(assessment, row, window=place, upper=upper)


def _sight(watch: _Watch) -> Sight:
    facts = watch.facts
    return Sight(
        views=tuple(_views(watch)),
        drivers=() if facts is None else facts.parts,
        more=0 if facts is None else facts.more,
        chance_weeks=0.0 if facts is None else facts.chance_weeks,
    )


def _views(watch: _Watch) -> Iterator[View]:
    for series, minutes in watch.windows.items():
        yield View(series, timedelta(minutes=minutes), Course.joined(watch.parts[series]))
