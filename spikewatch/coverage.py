"""Coverage: what is known, of each service by the sources that feed it, and how far judging may go.

A bucket of a service is known when every source that feeds the service has passed it. A source that is down therefore
blinds its own services and no others; where two sources feed one service, either can blind it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self, TypeAlias

import numpy as np

from spikewatch.core.counts import Bools, Gap, Roster, known_buckets
from spikewatch.core.timegrid import Grid, Span, bucket_number
from spikewatch.ports import SourceState, Store

GRACE = timedelta(minutes=10)
"""How far one source may be behind another before judging goes on without it: polls come in any order."""

Known: TypeAlias = tuple[datetime | None, datetime | None]
"""Since when and until when something is known; twice None where it is not."""

UNKNOWN: Known = (None, None)


@dataclass(frozen=True)
class Coverage:
    """How far each source has been read, and which services it feeds.

    feeds  need not be stated where there is one source
    grace  how far a source may be behind the newest before judging goes on without it
    """

    sources: Mapping[str, SourceState]
    feeds: Mapping[str, frozenset[str]]
    grace: timedelta = GRACE

    @classmethod
    def of(
        cls, store: Store, sources: Mapping[str, SourceState] | None = None, *, grace: timedelta = GRACE
    ) -> Self:
        """Return the coverage of a store, at the moment or for states that were read before."""
        states = store.source_states() if sources is None else sources
        return cls(states, store.feeds() if len(states) > 1 else {}, grace)

    @property
    def until(self) -> datetime | None:
        """How far judging may go: as far as the slowest source that is not behind the newest by more than the grace."""
        marks = [state.watermark for state in self.sources.values() if state.watermark is not None]
        if not marks:
            return None
        return min(mark for mark in marks if max(marks) - mark <= self.grace)

    @property
    def is_first_read(self) -> bool:
        """Tell whether every source that was ever read has been caught up once."""
        return bool(self.sources) and all(state.watermark is not None for state in self.sources.values())

    @property
    def whole(self) -> Known:
        """Since when anything, and until when enough is known to be judged."""
        until = self.until
        return UNKNOWN if until is None else (min(state.since for state in self.sources.values()), until)

    def of_service(self, service: str) -> Known:
        """Return since when and until when a service is known."""
        return self._known_by(self._feeding(service))

    def reached(self, service: str, *, step: timedelta) -> int | None:
        """Return the number of the first bucket that is not known of a service; None where none is."""
        until = self.of_service(service)[1]
        return None if until is None else bucket_number(until, step)

    def due(
        self, behind: Mapping[str, int], *, judged_until: int, step: timedelta
    ) -> dict[str, tuple[int, int]]:
        """Return the buckets `[first, stop)` by service that were judged without it and are known by now.

        behind  by service the first bucket that was judged without it
        """
        spans = {
            service: (first, min(self.reached(service, step=step) or 0, judged_until))
            for service, first in behind.items()
        }
        return {service: (first, stop) for service, (first, stop) in spans.items() if first < stop}

    def known(self, roster: Roster, grid: Grid) -> Bools:
        """Return (n_services, n_buckets): passed by every source that feeds the service."""
        rows = np.zeros((len(roster.services), grid.length), dtype=np.bool_)
        feeding = [self._feeding(service) for service in roster.services]
        for some in dict.fromkeys(feeding):
            since, until = self._known_by(some)
            places = [place for place, other in enumerate(feeding) if other == some]
            rows[places] = known_buckets(roster, grid, since=since, until=until)[places]
        return rows

    def gaps(self, services: Sequence[str], *, start: datetime, end: datetime) -> Iterator[Gap]:
        """Yield what is not known of these services in `[start, end)`."""
        for service in services:
            since, until = self.of_service(service)
            if since is None or until is None:
                yield Gap(Span(start, end), service)
                continue
            if since > start:
                yield Gap(Span(start, min(since, end)), service)
            if until < end:
                yield Gap(Span(max(until, start), end), service)

    def _feeding(self, service: str) -> tuple[str, ...]:
        """Return the sources of a service: all, where nobody is known to feed it."""
        some = tuple(name for name in self.sources if service in self.feeds.get(name, ()))
        return some or tuple(self.sources)

    def _known_by(self, names: tuple[str, ...]) -> Known:
        states = [self.sources[name] for name in names]
        marks = [state.watermark for state in states if state.watermark is not None]
        if not marks or len(marks) < len(states):
            return UNKNOWN
        return max(state.since for state in states), min(marks)
