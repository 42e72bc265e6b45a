"""A source's own counts of one day, one by one: what was answered is kept, and one that is refused stands alone."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from spikewatch.asking import Lane
from spikewatch.core.counts import SeriesKey
from spikewatch.ports import Countable, PortError, QueryRefused, Scope, Unavailable

_PER_MINUTE = 20.0
_LEAST_ALLOWED = 1
_TRIES = 3
"""After so many failures of one count the others go on without it."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Difference:
    """Two counts of the tickets that were created in a span."""

    scope: Scope
    theirs: int
    ours: int

    @property
    def missing(self) -> int:
        """Tickets that the source counts and we do not; negative the other way round."""
        return self.theirs - self.ours

    def matters(self, *, tolerance: float) -> bool:
        """Tell whether it is more than an index that lags explains."""
        return abs(self.missing) > max(_LEAST_ALLOWED, tolerance * self.theirs)

    def beside(self, tally: Mapping[SeriesKey, int]) -> "Difference":
        """Return the same with what we count now, by series; the whole desk is all series that there are."""
        ours = tally if self.scope.level == "desk" else self.scope.series
        return replace(self, ours=sum(tally.get(series, 0) for series in ours))

    def log_fields(self) -> dict[str, object]:
        """Return it as fields of a log line."""
        scope = self.scope
        return {"scope": scope.level, "of": scope.name or "*", "theirs": self.theirs, "ours": self.ours}


class Counts:
    """The counts of `[start, end)`; after a failure, whoever asks again goes on where it was.

    lane  by which the source is asked
    name  of the source, for what is logged
    """

    def __init__(self, source: Countable, lane: Lane, *, name: str, start: datetime, end: datetime) -> None:
        """Ask nothing yet."""
        self._source = source
        self._name = name
        self._lane = lane
        self._start, self._end = start, end
        self._scopes: Sequence[Scope] = ()
        self._theirs: dict[tuple[str, str], int | None] = {}
        self._tries = Counter[tuple[str, str]]()

    def beside(self, tally: Mapping[SeriesKey, int]) -> Sequence[Difference]:
        """Return each count of the source beside ours; one that it does not answer is told and left out.

        tally  our tickets of the span by series

        Raises asking.Stopped, Unavailable or CredentialsRefused.
        """
        if not self._scopes:
            busiest = sorted(tally, key=lambda series: (-tally[series], series))
            self._scopes = self._lane.ask(lambda: self._source.scopes(busiest), per_minute=_PER_MINUTE)
        answered = [(scope, theirs) for scope in self._scopes if (theirs := self._count(scope)) is not None]
        return [Difference(scope, theirs, 0).beside(tally) for scope, theirs in answered]

    def _count(self, scope: Scope) -> int | None:
        known = (scope.level, scope.name)
        if known not in self._theirs:
            self._theirs[known] = self._ask(scope)
        return self._theirs[known]

    def _ask(self, scope: Scope) -> int | None:
        """Return the source's count; None where it refuses this one, or fails over it again and again."""
        try:
            return self._lane.ask(
                lambda: self._source.count(scope, start=self._start, end=self._end), per_minute=_PER_MINUTE
            )
        except QueryRefused as error:
            self._pass_over(scope, error)
        except Unavailable as error:
            self._tries[scope.level, scope.name] += error.reason != "rate_limited"
            if self._tries[scope.level, scope.name] < _TRIES:
                raise
            self._pass_over(scope, error)
        return None

    def _pass_over(self, scope: Scope, error: PortError) -> None:
        fields = {"source": self._name, "scope": scope.level, "of": scope.name or "*"}
        _log.warning(
            "count_refused", extra={**fields, "start": self._start.isoformat(), "detail": str(error)}
        )
