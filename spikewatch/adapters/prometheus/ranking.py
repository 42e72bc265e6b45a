"""Which series are exposed where not all can be, without coming and going from cycle to cycle."""

from datetime import datetime, timedelta

import numpy as np

from spikewatch.core.counts import Bools, Floats

SHOWN_FOR = timedelta(hours=1)
"""A series stays exposed this long once its rank earned it, so that series at the limit do not come and go."""


class Ranking:
    """Which series are exposed, and what has to be remembered about them from cycle to cycle."""

    def __init__(self) -> None:
        self._names: tuple[tuple[str, ...], ...] = ()
        self._earned_at: Floats = np.zeros(0)
        self._totals: Floats = np.zeros(0)

    def follow(self, names: tuple[tuple[str, ...], ...]) -> None:
        """Go over to another roster."""
        place = {name: index for index, name in enumerate(self._names)}
        old = np.array([place.get(name, -1) for name in names], dtype=np.int64)
        self._earned_at = np.append(self._earned_at, -np.inf)[old]
        self._totals = np.append(self._totals, 0.0)[old]
        self._names = names

    def never_falling(self, totals: Floats) -> Floats:
        """Return the totals, none below what it was: a counter that falls would be read as a restart."""
        self._totals = np.maximum(self._totals, totals)
        return self._totals

    def choose(
        self, *, candidates: Bools, surging: Bools, score: Floats, volume: Floats, limit: int, now: datetime
    ) -> tuple[Bools, Bools]:
        """Return (n,) what is exposed and what would be but for the limit: surging first, then score, then volume."""
        instant = now.timestamp()
        kept = instant - self._earned_at < SHOWN_FOR.total_seconds()
        wanted = candidates | kept
        earned = candidates & _first(limit, -volume, -score, ~surging, ~candidates)
        chosen = wanted & _first(limit, -volume, -score, ~kept, ~surging, ~wanted)
        self._earned_at = np.where(earned & chosen, instant, self._earned_at)
        return chosen, wanted & ~chosen


def _first(limit: int, *keys: Floats | Bools) -> Bools:
    flags = np.zeros(len(keys[0]), dtype=np.bool_)
    flags[np.lexsort(keys)[:limit]] = True
    return flags
