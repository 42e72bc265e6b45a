"""Comparing: what other settings would have done differently on the same record.

An incident is lost where nothing of the other replay overlaps it in time and series, and gained the other way round. Of
those that overlap, each has at most one counterpart, the one that opened nearest to it; one without a counterpart is told
within another incident there, which loses and gains nobody anything.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import median

from spikewatch.core.counts import SeriesKey
from spikewatch.core.incidents import Incident
from spikewatch.lab.replay import Replayed


class Shift(StrEnum):
    """What became of an incident."""

    LOST = "lost"
    GAINED = "gained"
    EARLIER = "earlier"
    LATER = "later"
    JOINED = "joined"
    SPLIT = "split"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Told:
    """An incident with those that were merged into it: one thing to people, from the first message on."""

    incident: Incident
    opened_at: datetime
    started_at: datetime
    series: frozenset[SeriesKey]

    def overlaps(self, other: "Told", *, until: datetime) -> bool:
        """Tell whether both are about the same: they touch in time and have a series, or a part of one, in common."""
        ends, other_ends = (each.incident.resolved_at or until for each in (self, other))
        in_time = self.started_at < other_ends and other.started_at < ends
        return in_time and any(_is_part(one, two) for one in self.series for two in other.series)


@dataclass(frozen=True, slots=True)
class Pair:
    """An incident before and after; one of them is None where there is no counterpart."""

    before: Told | None
    after: Told | None
    shift: Shift

    @property
    def told(self) -> Told:
        """The one after, else the one before."""
        told = self.after or self.before
        if told is None:  # pragma: no cover -- a pair of nothing is not made
            message = "a pair has at least one incident"
            raise AssertionError(message)
        return told

    @property
    def service(self) -> str | None:
        """Of the incident; None for the whole company."""
        return self.told.incident.service

    @property
    def opened_at(self) -> datetime:
        """When the first of the two opened."""
        return min(told.opened_at for told in (self.before, self.after) if told is not None)

    @property
    def delay(self) -> timedelta | None:
        """How much later it is told; None where there is no counterpart."""
        if self.before is None or self.after is None:
            return None
        return self.after.opened_at - self.before.opened_at


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change comes to for one service, for the whole company (None), or for all.

    delay  median over the incidents that both tell, in minutes; None without any
    """

    service: str | None
    before: int
    after: int
    shifts: Mapping[Shift, int]
    delay: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Every incident of both replays, in order of opening, and what that comes to."""

    pairs: tuple[Pair, ...]
    whole: Effect
    services: tuple[Effect, ...]

    def count(self, shift: Shift) -> int:
        """Return how many incidents went that way."""
        return self.whole.shifts.get(shift, 0)


@dataclass(frozen=True, slots=True)
class Gate:
    """Most incidents that a change may lose, or gain.

    option  by which it was asked for
    """

    option: str
    shift: Shift
    most: int

    def is_met(self, comparison: Comparison) -> bool:
        """Tell whether no more went that way."""
        return comparison.count(self.shift) <= self.most

    def told(self, comparison: Comparison) -> str:
        """Return in words what came of it."""
        number = comparison.count(self.shift)
        incidents = "1 incident" if number == 1 else f"{number} incidents"
        return f"{incidents} {self.shift.value}, and {self.option} allows {self.most}"


def compare(before: Replayed, after: Replayed) -> Comparison:
    """Return what became of each incident."""
    until = max(before.judged_until, after.judged_until)
    left, right = told_by(before), told_by(after)
    candidates = sorted(
        (abs(one.opened_at - other.opened_at), place, far)
        for place, one in enumerate(left)
        for far, other in enumerate(right)
        if one.overlaps(other, until=until)
    )
    partner: dict[int, int] = {}
    for _, place, far in candidates:
        if place not in partner and far not in partner.values():
            partner[place] = far
    lost, gained = {place for _, place, _ in candidates}, {far for _, _, far in candidates}
    pairs = [
        Pair(one, None, Shift.JOINED if place in lost else Shift.LOST)
        if place not in partner
        else _paired(one, right[partner[place]])
        for place, one in enumerate(left)
    ]
    pairs += [
        Pair(None, other, Shift.SPLIT if far in gained else Shift.GAINED)
        for far, other in enumerate(right)
        if far not in partner.values()
    ]
    ordered = tuple(sorted(pairs, key=lambda pair: (pair.opened_at, pair.service or "", pair.shift)))
    services = sorted({pair.service for pair in ordered}, key=lambda name: (name is None, name or ""))
    return Comparison(
        ordered,
        _effect(None, ordered),
        tuple(_effect(name, [pair for pair in ordered if pair.service == name]) for name in services),
    )


def told_by(replayed: Replayed) -> Sequence[Told]:
    """Return what people were told: incidents that were merged into another belong to it."""
    merged: dict[str, list[Incident]] = {}
    for incident in replayed.incidents:
        if incident.merged_into is not None:
            merged.setdefault(incident.merged_into, []).append(incident)
    return [
        _told(incident, merged.get(incident.id, []))
        for incident in replayed.incidents
        if incident.merged_into is None
    ]


def _told(incident: Incident, children: Sequence[Incident]) -> Told:
    family = (incident, *children)
    return Told(
        incident,
        min(each.opened_at for each in family),
        min(each.started_at for each in family),
        frozenset(surge.series for each in family for surge in each.surges),
    )


def _is_part(one: SeriesKey, other: SeriesKey) -> bool:
    if one == other or one.is_fleet or other.is_fleet:
        return True
    return one.service == other.service and (one.is_rollup or other.is_rollup)


def _paired(before: Told, after: Told) -> Pair:
    if after.opened_at == before.opened_at:
        return Pair(before, after, Shift.SAME)
    return Pair(before, after, Shift.EARLIER if after.opened_at < before.opened_at else Shift.LATER)


def _effect(service: str | None, pairs: Sequence[Pair]) -> Effect:
    delays = [pair.delay.total_seconds() / 60 for pair in pairs if pair.delay is not None]
    return Effect(
        service,
        before=sum(pair.before is not None for pair in pairs),
        after=sum(pair.after is not None for pair in pairs),
        shifts=Counter(pair.shift for pair in pairs),
        delay=median(delays) if delays else None,
    )
