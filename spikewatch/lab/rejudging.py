"""Rejudging: what other limits would have done, from one replay that was watched.

What a window weighs follows from counts and baseline alone; floors, weights and the budget only decide how much weight is
enough. So a replay keeps what its windows weighed, and other limits are measured against that by the code that judges live,
bucket by bucket: the incidents are those that a replay under these limits comes to. Kept are the series and hours that
could surge under any limits, so that a large fleet costs what its unrest costs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from spikewatch.core.baseline import Baseline
from spikewatch.core.budget import LEAST_CUTOFF
from spikewatch.core.calibration import Tail
from spikewatch.core.counts import Bools, Ints, Roster
from spikewatch.core.incidents import Incident, Incidents, Rules
from spikewatch.core.rules import StaticRules
from spikewatch.core.scoring import Assessment, Limits
from spikewatch.core.settings import SeriesRule
from spikewatch.core.surges import QUIET_FOR, QUIET_SCORE
from spikewatch.core.timegrid import bucket_start
from spikewatch.core.windows import total_of
from spikewatch.cycle import Detector, Verdict, critical_scores, turns
from spikewatch.lab.replay import Replayed

LEAST_LOUD = LEAST_CUTOFF * QUIET_SCORE
"""No limits are so low that a surge goes on below this weight."""


@dataclass(frozen=True)
class _Hour:
    """What was judged together: rows of the whole roster, and their assessment alone.

    baseline  one that has learned the same series, without what it expects
    """

    assessment: Assessment
    rows: Ints
    roster: Roster
    baseline: Baseline
    week: int


class Watched:
    """A replay whose limits can be changed afterwards; hand it over as `on_verdict`."""

    def __init__(self, detector: Detector) -> None:
        """Watch a replay of this detector."""
        self._detector = detector
        self._hours: list[_Hour] = []
        self._baselines: dict[bytes, Baseline] = {}
        self._rosters: dict[bytes, Roster] = {}
        self._quiet: Ints | None = None
        self._ruled: Bools | None = None

    def __call__(self, verdict: Verdict) -> None:
        """Keep what a verdict weighed."""
        whole, baseline = verdict.assessment, verdict.baseline
        roster = whole.limits.roster
        rows = self._worth_keeping(whole)
        known = baseline.learned.tobytes() + bytes([baseline.warm])
        if known not in self._baselines:
            self._baselines[known] = _without_expectations(baseline)
        name = rows.tobytes()
        if name not in self._rosters:
            self._rosters[name] = Roster(tuple(roster.keys[row] for row in rows))
        self._hours.append(
            _Hour(
                _part(whole, rows),
                rows,
                self._rosters[name],
                self._baselines[known],
                self._detector.week_of(self._detector.epoch_of(whole.first)),
            )
        )

    @property
    def tails(self) -> Mapping[int, Tail | None]:
        """What the cut-offs of each week followed from."""
        return {hour.week: hour.assessment.limits.tail for hour in self._hours}

    @property
    def kept_share(self) -> float:
        """Share of series and hours that could surge under some limits."""
        kept = sum(len(hour.rows) for hour in self._hours)
        every = sum(len(hour.baseline.roster) for hour in self._hours)
        return kept / max(1, every)

    def under(self, detector: Detector, *, tails: Mapping[int, Tail | None]) -> Replayed:
        """Return what the replay comes to under the limits of a detector, all else being equal.

        detector  differs from the one that was watched in floors, weights and budget alone
        tails     what the cut-offs of each week follow from

        Raises ValueError before anything was watched.
        """
        if not self._hours:
            message = "nothing was watched: hand this to a replay as on_verdict"
            raise ValueError(message)
        roster = self._hours[0].baseline.roster
        rules = detector.rules(roster)
        whole: dict[tuple[int, int], Limits] = {}
        found: dict[str, Incident] = {}
        incidents = Incidents()
        for hour in self._hours:
            if not len(hour.rows) and not incidents.active:
                continue
            place = (hour.week, id(hour.baseline))
            if place not in whole:
                whole[place] = detector.limits(hour.baseline, tail=tails.get(hour.week), rules=rules)
            limits = _taken(whole[place], hour, rules)
            assessment = hour.assessment.under(limits)
            life = Rules(critical_score=critical_scores(whole[place]), name=detector.name)
            for turn in turns(
                assessment, incidents=incidents, warm=hour.baseline.warm, rules_at=partial(_always, life)
            ):
                incidents = turn.incidents
                found.update({change.after.id: change.after for change in turn.changes})
        ordered = sorted(found.values(), key=lambda incident: (incident.opened_at, incident.id))
        first, last = self._hours[0].assessment, self._hours[-1].assessment
        return Replayed(tuple(ordered), bucket_start(first.first, first.step), last.end_of(last.n_judged - 1))

    def _worth_keeping(self, assessment: Assessment) -> Ints:
        """Return the rows that could surge under some limits, or go on surging."""
        weight = total_of(assessment.surprise, assessment.evidence).max(axis=1, initial=0.0)
        known = assessment.mean[:, assessment.windows[-1] - 1 :] > 0
        needed = -(-QUIET_FOR // assessment.step)
        if self._quiet is None or self._ruled is None:
            self._quiet = np.full(len(weight), needed, dtype=np.int64)
            roster = assessment.limits.roster
            self._ruled = np.array([bool(rule.rules) for rule in self._detector.rules(roster)])
        loud = weight >= LEAST_LOUD
        keep = loud.any(axis=1) | (self._quiet < needed) | self._ruled
        self._quiet = _quiet_after(self._quiet, loud, known)
        return np.flatnonzero(keep)


def _without_expectations(baseline: Baseline) -> Baseline:
    """Return a baseline that says no more than which series it has learned: that is all that limits follow from."""
    nothing = np.empty((len(baseline.roster), 0))
    within = np.empty((*baseline.within.shape[:2], 0))
    return replace(baseline, slot_mean=nothing, slot_variance=nothing, within=within)


def _always(life: Rules, _column: int) -> Rules:
    return life


def _quiet_after(quiet: Ints, loud: Bools, known: Bools) -> Ints:
    """Return (n_series,) for how many known buckets each series has not been loud; loud, known (n_series, n_judged)."""
    later = loud[:, ::-1].cumsum(axis=1)[:, ::-1] == 0
    since = (known & later).sum(axis=1)
    return np.where(loud.any(axis=1), since, quiet + since)


def _part(whole: Assessment, rows: Ints) -> Assessment:
    """Return the assessment of some rows; its limits stand for the tail alone until it is measured under others."""
    per_row = ("observed", "expected", "variance", "surprise", "evidence", "judged", "learned")
    taken = {name: getattr(whole, name)[rows] for name in per_row}
    return replace(
        whole,
        **taken,
        score=taken["surprise"],
        counts=whole.counts[rows],
        mean=whole.mean[rows],
        muted=None if whole.muted is None else whole.muted[rows],
        counted=None,
    )


def _taken(limits: Limits, hour: _Hour, rules: tuple[SeriesRule, ...]) -> Limits:
    """Return the limits of the rows of an hour."""
    rows = hour.rows
    return Limits(
        roster=hour.roster,
        cutoff=limits.cutoff[rows],
        min_tickets=limits.min_tickets[rows],
        min_ratio=limits.min_ratio[rows],
        critical_score=limits.critical_score[rows],
        enabled=limits.enabled[rows],
        runbook=(),
        tail=limits.tail,
        rules=None if limits.rules is None else StaticRules.of([rules[row] for row in rows]),
    )
