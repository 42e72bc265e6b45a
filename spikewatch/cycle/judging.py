"""Judging: the pure pipeline from counts to incidents and notices, one bucket after the other."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from types import MappingProxyType

import numpy as np

from spikewatch.core.baseline import Baseline
from spikewatch.core.counts import Panel, SeriesKey
from spikewatch.core.incidents import Change, Incident, Incidents, Rules, advance, ended_surges, open_surges
from spikewatch.core.notices import Notice, notice_of, why_tell
from spikewatch.core.scoring import Assessment, Limits, assess
from spikewatch.core.surges import Surge, buckets_since_rise, follow
from spikewatch.cycle.detector import Detector


@dataclass(frozen=True)
class Verdict:
    """What judging some buckets came to: the incidents as they are now, those that changed, and what is to be told.

    baseline  what they were judged by, with the assessment that came of it
    """

    incidents: Incidents
    changed: tuple[Incident, ...]
    notices: tuple[Notice, ...]
    assessment: Assessment
    baseline: Baseline


def judge(
    panel: Panel,
    baseline: Baseline,
    limits: Limits,
    *,
    first: int,
    incidents: Incidents,
    detector: Detector,
    elsewhere: Mapping[SeriesKey, datetime | None] = MappingProxyType({}),
) -> Verdict:
    """Judge the buckets from `first` to the panel's end, one after the other.

    Panel, baseline and limits share one roster; all buckets belong to the baseline's epoch; the panel reaches back to
    `Detector.reach`. Before the baseline is warm only static rules are judged.

    elsewhere  series that surge in incidents which are not judged here, and until when (None: still): then they rise in none
               of these, and no ticket of an earlier surge is told again
    """
    assessment = assess(panel, baseline, limits, first=first, windows=detector.detection.windows)
    budget = detector.detection.false_alarms_per_week
    changed: dict[str, Incident] = {}
    notices: list[Notice] = []
    rules = Rules(critical_score=critical_scores(limits), name=detector.name)

    def rules_at(column: int) -> Rules:
        return replace(rules, explain=partial(detector.explain, assessment, baseline, column=column))

    rising = turns(
        assessment, incidents=incidents, warm=baseline.warm, rules_at=rules_at, elsewhere=elsewhere
    )
    for turn in rising:
        incidents = turn.incidents
        changed.update({change.after.id: change.after for change in turn.changes})
        for change in turn.changes:
            reason = why_tell(change)
            if reason is not None:
                notices.append(
                    notice_of(
                        change,
                        reason,
                        assessment=assessment,
                        column=turn.column,
                        at=assessment.end_of(turn.column),
                        budget=budget,
                    )
                )
    return Verdict(incidents, tuple(changed.values()), tuple(notices), assessment, baseline)


@dataclass(frozen=True, slots=True)
class Turn:
    """One judged bucket (by its column in the assessment): the incidents after it, and what it changed."""

    column: int
    incidents: Incidents
    changes: tuple[Change, ...]


def turns(
    assessment: Assessment,
    *,
    incidents: Incidents,
    warm: bool,
    rules_at: Callable[[int], Rules],
    elsewhere: Mapping[SeriesKey, datetime | None] = MappingProxyType({}),
) -> Iterator[Turn]:
    """Yield each judged bucket at which something surges or an incident is not closed yet, one after the other.

    incidents  as they were before the first judged bucket
    warm       False: only static rules alert
    rules_at   what the life of an incident depends on at a column
    elsewhere  series that surge in other incidents, see `judge`
    """
    alerting, roster = assessment.alerting(warm=warm), assessment.limits.roster
    told = [key for key, ended in elsewhere.items() if ended is None and key in roster.rows]
    alerting[[roster.rows[key] for key in told]] = False
    earlier = {key: ended for key, ended in elsewhere.items() if ended is not None}
    for column in range(assessment.n_judged):
        risen_rows = np.flatnonzero(alerting[:, column])
        if not len(risen_rows) and not incidents.active:
            continue
        now = assessment.end_of(column)
        lasting, ended = open_surges(incidents), {**earlier, **ended_surges(incidents)}
        followed = {key: _followed(surge, assessment, column, now) for key, surge in lasting.items()}
        risen = [
            _risen(assessment, int(row), column, now, after=ended.get(roster.keys[row]))
            for row in risen_rows
            if roster.keys[row] not in lasting
        ]
        incidents, changes = advance(
            incidents, followed=followed, risen=risen, rules=rules_at(column), now=now
        )
        yield Turn(column, incidents, changes)


def critical_scores(limits: Limits) -> Callable[[SeriesKey], float]:
    """Return the score at which each series of the limits' roster is critical."""

    def critical_score(series: SeriesKey) -> float:
        return float(limits.critical_score[limits.roster.rows[series]])

    return critical_score


def _followed(surge: Surge, assessment: Assessment, column: int, now: datetime) -> Surge:
    row = assessment.limits.roster.rows[surge.series]
    return follow(
        surge,
        assessment.reading(row, column) if assessment.is_known(row, column) else None,
        bucket_end=now,
        step=assessment.step,
        excess=_excess(assessment, row, column),
    )


def _excess(assessment: Assessment, row: int, column: int, *, buckets: int = 1) -> float:
    stop = assessment.windows[-1] + column
    part = slice(stop - buckets, stop)
    return float(assessment.counts[row, part].sum() - assessment.mean[row, part].sum())


def _risen(assessment: Assessment, row: int, column: int, now: datetime, *, after: datetime | None) -> Surge:
    """Return the surge that opens; it began after the series' last one ended, so that no ticket is told twice."""
    reading = assessment.reading(row, column)
    if reading is None:  # pragma: no cover -- a score of 1 comes from a judged window
        message = f"series {row} scored without a reading"
        raise AssertionError(message)
    newest = slice(column, assessment.windows[-1] + column)
    buckets = buckets_since_rise(assessment.counts[row, newest], assessment.mean[row, newest])
    if after is not None:
        buckets = min(buckets, (now - after) // assessment.step)
    return Surge(
        series=assessment.limits.roster.keys[row],
        began=now - buckets * assessment.step,
        opened_at=now,
        joined=reading,
        now=reading,
        peak=reading,
        last_surging=now,
        excess=_excess(assessment, row, column, buckets=buckets),
    )
