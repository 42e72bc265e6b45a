"""Arrears: what was judged while a service was unknown, to be judged for that service alone once it is known.

Pure planning: which buckets of which services are judged now and in which order, what is left of them, and which incidents
they touch.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import TypeAlias

from spikewatch.core.counts import FLEET, SeriesKey
from spikewatch.core.incidents import Incident, Incidents, Phase, ended_surges, open_surges

MOST_HOURS = 24
SERIES_HOURS = 20_000
"""So much of the past one cycle judges at most, in hours and in hours times series: each hour has a baseline of its own, and
the present waits meanwhile (a few seconds)."""

Spans: TypeAlias = Mapping[str, tuple[int, int]]
"""By service the buckets `[first, stop)`, never none."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Buckets `[first, stop)` that are judged late, for these services alone."""

    first: int
    stop: int
    services: frozenset[str]


@dataclass(frozen=True, slots=True)
class Arrears:
    """What can be judged late, and how far this is done now.

    due   by service
    stop  the first bucket that is left for another time
    """

    due: Spans
    stop: int

    @classmethod
    def of(cls, due: Spans, *, most: int) -> "Arrears":
        """Return what is due, of which at most so many buckets are judged now, from the first on."""
        return cls(due, min((first for first, _ in due.values()), default=0) + most)

    @property
    def stretches(self) -> tuple[Stretch, ...]:
        """What is judged now, in order of time: cut wherever a service joins or has caught up."""
        edges = sorted({min(edge, self.stop) for span in self.due.values() for edge in span})
        cut = [Stretch(left, right, self._at(left)) for left, right in pairwise(edges)]
        return tuple(stretch for stretch in cut if stretch.services)

    @property
    def left(self) -> frozenset[str]:
        """The services of which something is due after that too."""
        return frozenset(service for service, (_, stop) in self.due.items() if stop > self.stop)

    def after(self, behind: Mapping[str, int], *, judged_until: int) -> dict[str, int]:
        """Return which services are behind the others after that, and since which bucket."""
        reached = {service: max(first, min(stop, self.stop)) for service, (first, stop) in self.due.items()}
        return {service: bucket for service, bucket in {**behind, **reached}.items() if bucket < judged_until}

    def _at(self, bucket: int) -> frozenset[str]:
        return frozenset(service for service, (first, stop) in self.due.items() if first <= bucket < stop)


def is_about(incident: Incident, services: Collection[str]) -> bool:
    """Tell whether an incident is about these services alone; the fleet is nobody's alone."""
    return all(surge.series.service in services for surge in incident.surges)


def waits(incident: Incident, *, hidden: Collection[str], unknown: Collection[str]) -> bool:
    """Tell whether an incident stands still while the present is judged.

    hidden   services that are known and have not caught up yet: their incidents stand in the past
    unknown  services that nobody sees: what is missed may reopen one that had resolved, so it is not closed meanwhile
    """
    is_over = incident.phase is Phase.RESOLVED
    return is_about(incident, hidden) or (is_over and is_about(incident, unknown))


def parted(incidents: Incidents, is_own: Callable[[Incident], bool]) -> tuple[Incidents, Incidents]:
    """Return some of the incidents, and all others; both with the number that the next one gets."""
    own = tuple(incident for incident in incidents.active if is_own(incident))
    others = tuple(incident for incident in incidents.active if not is_own(incident))
    return replace(incidents, active=own), replace(incidents, active=others)


def rejoined(judged: Incidents, others: Incidents) -> Incidents:
    """Return all incidents again once some of them have been judged by themselves."""
    return Incidents((*others.active, *judged.active), judged.next_number)


def surging_in(others: Incidents) -> Mapping[SeriesKey, datetime | None]:
    """Return the series that surge, or did, in incidents that stay as they are: until when, None where they still do.

    The fleet is always among them: it is judged with all its services or not at all.
    """
    return {**ended_surges(others), **dict.fromkeys(open_surges(others)), FLEET: None}
