"""Which series are alive: those with a ticket within the past week, looked up once an hour."""

from dataclasses import replace
from datetime import timedelta

import numpy as np

from spikewatch.core.counts import Bools, Roster
from spikewatch.core.snapshot import Snapshot
from spikewatch.core.timegrid import HOUR, bucket_number
from spikewatch.ports import Store

ALIVE_FOR = timedelta(days=7)


class Activity:
    """Marks the series of snapshots that are alive.

    is_asked  whether anybody wants to know: a week of counts is read for it
    """

    def __init__(self, store: Store, *, step: timedelta, is_asked: bool) -> None:
        """Hold where the counts are."""
        self._store = store
        self._step = step
        self._is_asked = is_asked
        self._hour: int | None = None
        self._alive: frozenset[tuple[str, str]] = frozenset()

    def marked(self, snapshot: Snapshot) -> Snapshot:
        """Return the snapshot with its series marked; a roll-up never is."""
        if not self._is_asked or snapshot.judged_until is None:
            return snapshot
        hour = bucket_number(snapshot.judged_until, HOUR)
        if hour != self._hour:
            stop = bucket_number(snapshot.judged_until, self._step)
            cells = self._store.counts(first=stop - ALIVE_FOR // self._step, stop=stop)
            self._alive = frozenset(cells.roster.keys[row] for row in np.unique(cells.row).tolist())
            self._hour = hour
        return replace(snapshot, active=_marks(snapshot.roster, self._alive))


def _marks(roster: Roster, alive: frozenset[tuple[str, str]]) -> Bools:
    return np.array([key in alive for key in roster.keys], dtype=np.bool_)
