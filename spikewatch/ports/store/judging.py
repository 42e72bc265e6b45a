"""The store as the cycle sees it: incidents, and what judging goes on from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from spikewatch.core.acts import Entry
from spikewatch.core.calibration import Calibration
from spikewatch.core.incidents import Incident, Incidents
from spikewatch.core.outbox import Delivery


@dataclass(frozen=True, slots=True)
class JudgeState:
    """What the judging loop needs to go on after a restart.

    judged_until  number of the first bucket not judged yet; None before the first
    incidents     all that are not closed, and where incident numbering stands
    behind        by service that was unknown when others were judged: number of the first bucket judged without it
    """

    judged_until: int | None = None
    incidents: Incidents = field(default_factory=Incidents)
    behind: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CycleCommit:
    """All that one cycle changes, or one act; it is committed whole or not at all.

    acts  entries of the inbox in their next state
    """

    state: JudgeState
    changed: Sequence[Incident] = ()
    deliveries: Sequence[Delivery] = ()
    acts: Sequence[Entry] = ()


class Judging(Protocol):
    """Incidents and calibrations; see `Store`."""

    def judge_state(self) -> JudgeState:
        """Return where judging stands: every incident that is not closed, and the next bucket."""
        ...

    def commit_cycle(self, commit: CycleCommit) -> None:
        """Take over incident changes and outbox rows together.

        A delivery whose key is already stored is ignored: a key is told once. A root delivery supersedes older root
        deliveries of the same incident and channel that are still queued. The labels of a changed incident are replaced by
        those that its verdict comes to now, so that they reach as far as it surged.
        """
        ...

    def incident(self, identifier: str) -> Incident | None:
        """Return an incident, closed or not; None where there never was one of that name."""
        ...

    def calibration(self, *, week: int) -> Calibration | None:
        """Return what a week's thresholds follow from; None where it was not kept."""
        ...

    def save_calibration(self, calibration: Calibration) -> None:
        """Keep a week's calibration in place of an earlier one, and drop those of weeks long before it."""
        ...

    def incidents(self, *, since: datetime) -> Sequence[Incident]:
        """Return incidents opened at or after `since` and all that are not closed, by opening."""
        ...

    def incident_totals(self) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """Return how many incidents ever opened and closed, by the severity they opened and closed with."""
        ...
