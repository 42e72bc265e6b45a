"""Knobs: the settings that tuning may turn, where they stand in a configuration, and which values are worth a try."""

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import TypeAlias

import numpy as np

from spikewatch.core.counts import SeriesKey
from spikewatch.core.settings import (
    CategorySettings,
    SeriesRule,
    ServiceSettings,
    rule_for,
)
from spikewatch.core.surges import Surge
from spikewatch.cycle import Detector

SettingPath: TypeAlias = tuple[str, ...]
Value: TypeAlias = int | float | tuple[timedelta, ...]

MOST_VALUES = 5
"""Values of one setting that are tried: the limits that a few of the false alarms, or all of them, would have met."""

MOST_RATIO = 10.0
"""A floor above it says only that next to nothing is expected, which min_tickets says better."""

MORE_TICKETS = (1.5, 2.0, 3.0)
"""Of the highest count that opened a false alarm: what a floor keeps out of one window soon stands in a longer one."""

LIGHTER = (0.5, 0.25, 0.1)
HEAVIER = (2.0, 4.0)
BUDGETS = (0.5, 0.25, 2.0, 4.0)
FEWER_TICKETS = (0.75, 0.5)
LOWER_RATIOS = (1.2, 1.0)


@dataclass(frozen=True, slots=True)
class Change:
    """One setting, by its path in a configuration, as it is and as it might be.

    before  what holds there now, wherever it was set
    """

    path: SettingPath
    before: Value
    after: Value

    @property
    def name(self) -> str:
        """Of the setting itself."""
        return self.path[-1]

    def leaves_out(self, windows: Collection[timedelta]) -> bool:
        """Tell whether it does without one of these windows."""
        if not isinstance(self.before, tuple) or not isinstance(self.after, tuple):
            return False
        return not set(windows).isdisjoint(set(self.before) - set(self.after))

    @property
    def is_looser(self) -> bool:
        """Whether it lets more through."""
        if isinstance(self.before, tuple) or isinstance(self.after, tuple):
            return False
        is_lower = self.after < self.before
        return is_lower if self.name in {"min_tickets", "min_ratio"} else not is_lower


@dataclass(frozen=True, slots=True)
class Target:
    """What may get a setting of its own: a category, a service with all its categories, or the whole fleet.

    surges  that opened its false alarms
    alarms  how many those are
    missed  real incidents of it that are not told
    """

    series: SeriesKey
    surges: tuple[Surge, ...]
    alarms: int
    missed: int = 0

    @property
    def place(self) -> SettingPath:
        """The section that its settings stand in."""
        if self.series.is_fleet:
            return ("detection",)
        if self.series.is_rollup:
            return ("services", self.series.service)
        return ("services", self.series.service, "categories", self.series.category)


def changes_for(target: Target, detector: Detector) -> Iterator[Change]:
    """Yield the changes that may suit a target, the smallest of each setting first."""
    rule = rule_for(*target.series, detection=detector.detection, services=detector.services)
    readings = [reading for surge in target.surges for reading in (surge.joined, surge.peak)]
    ratios = {int(reading.observed / reading.expected * 10 + 1) / 10 for reading in readings}
    tickets: list[float] = _some({reading.observed + 1 for reading in readings}, above=rule.min_tickets)
    most = max((reading.observed for reading in readings), default=0)
    tickets += [
        floor
        for share in MORE_TICKETS
        if (floor := math.ceil(share * most)) > max(most + 1, rule.min_tickets)
    ]
    low = {ratio for ratio in ratios if ratio <= MOST_RATIO}
    ratio: list[float] = _some(low, above=rule.min_ratio)
    weight = [round(rule.weight * share, 4) for share in LIGHTER] if target.surges else []
    if target.missed:
        tickets += [max(1, round(rule.min_tickets * share)) for share in FEWER_TICKETS]
        ratio += [value for value in LOWER_RATIOS if value < rule.min_ratio]
        weight += [min(100.0, rule.weight * share) for share in HEAVIER]
    yield from _changes(target, "min_tickets", rule, tickets)
    yield from _changes(target, "min_ratio", rule, ratio)
    if target.series.is_fleet:
        now = detector.detection.false_alarms_per_week
        for share in BUDGETS:
            yield Change(("detection", "false_alarms_per_week"), now, min(1000.0, round(now * share, 4)))
    else:
        yield from _changes(target, "weight", rule, weight)


def _changes(target: Target, name: str, rule: SeriesRule, values: Sequence[float]) -> Iterator[Change]:
    before: float = getattr(rule, name)
    for after in values:
        if after != before:
            yield Change((*target.place, name), before, after)


def _some(values: set[int] | set[float], *, above: float) -> list[float]:
    """Return at most `MOST_VALUES` above a limit, spread evenly, the highest among them, in ascending order."""
    left = sorted(value for value in values if value > above)
    if len(left) <= MOST_VALUES:
        return list(left)
    places = np.linspace(0, len(left) - 1, MOST_VALUES).round().astype(int)
    return [left[place] for place in places]


def without_a_window(detector: Detector) -> Iterator[Change]:
    """Yield the sets of windows without one of them; the longest stays, for it says what a baseline may look at."""
    windows = detector.detection.windows
    for window in windows[:-1]:
        left = tuple(other for other in windows if other != window)
        yield Change(("detection", "windows"), windows, left)


def changed(detector: Detector, change: Change) -> Detector:
    """Return the detector with a setting changed."""
    given = {change.name: change.after}
    match change.path:
        case ("detection", _):
            return replace(detector, detection=detector.detection.model_copy(update=given))
        case ("services", service, _):
            found = detector.services.get(service, ServiceSettings())
            anew = found.model_copy(update=given)
        case ("services", service, "categories", category, _):
            found = detector.services.get(service, ServiceSettings())
            own = settings_of(found, category).model_copy(update=given)
            anew = found.model_copy(update={"categories": {**found.categories, category: own}})
        case _:
            message = f"{change.path} is no setting of detection or of a service"
            raise ValueError(message)
    return replace(detector, services={**detector.services, service: anew})


def settings_of(service: ServiceSettings, category: str) -> CategorySettings:
    """Return what a category has of its own, or by a glob: a section of its own begins with that."""
    name = key_of(service, category)
    return CategorySettings() if name is None else service.categories[name]


def key_of(service: ServiceSettings, category: str) -> str | None:
    """Return the key that a category goes by: its name, else the first glob that matches; None without either.

    >>> key_of(ServiceSettings(categories={"log*": CategorySettings(weight=2)}), "login")
    'log*'
    """
    if category in service.categories:
        return category
    return next((glob for glob in service.categories if fnmatchcase(category, glob)), None)
