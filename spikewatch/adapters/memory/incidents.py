"""Incidents, and where judging stands, in plain dictionaries."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from spikewatch.core.incidents import Incident, Incidents, Phase
from spikewatch.ports import JudgeState


class Judged:
    """Every incident there ever was, and where judging goes on."""

    def __init__(self) -> None:
        """Begin before the first bucket."""
        self._until: int | None = None
        self._next_number = 1
        self._behind: Mapping[str, int] = {}
        self._active: tuple[str, ...] = ()
        self._incidents: dict[str, Incident] = {}
        self._opened_as: dict[str, str] = {}

    def state(self) -> JudgeState:
        """Return where judging stands."""
        unlisted = [each for each in self._incidents if each not in self._active]
        ordered = [self._incidents[each] for each in (*self._active, *unlisted)]
        active = tuple(each for each in ordered if each.phase is not Phase.CLOSED)
        return JudgeState(self._until, Incidents(active, self._next_number), self._behind)

    def move(self, state: JudgeState, *, changed: Sequence[Incident]) -> None:
        """Keep where judging stands, with every active and every changed incident."""
        self._until, self._behind = state.judged_until, dict(state.behind)
        self._next_number = state.incidents.next_number
        self._active = tuple(each.id for each in state.incidents.active)
        for incident in (*changed, *state.incidents.active):
            self._incidents[incident.id] = incident
            self._opened_as.setdefault(incident.id, incident.severity)

    def named(self, identifier: str) -> Incident | None:
        """Return an incident, closed or not."""
        return self._incidents.get(identifier)

    def since(self, since: datetime) -> Sequence[Incident]:
        """Return incidents opened since then and all that are not closed, by opening."""
        wanted = [
            each
            for each in self._incidents.values()
            if each.opened_at >= since or each.phase is not Phase.CLOSED
        ]
        return sorted(wanted, key=lambda each: each.opened_at)

    def totals(self) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """Return how many incidents ever opened and closed, by the severity they opened and closed with."""
        closed = [str(each.severity) for each in self._incidents.values() if each.phase is Phase.CLOSED]
        return dict(Counter(self._opened_as.values())), dict(Counter(closed))
