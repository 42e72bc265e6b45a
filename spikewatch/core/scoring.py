"""Scoring: from what the newest windows of every series weigh to scores, of which 1 is the alert threshold.

The score is what a window weighs over the series' cut-off, so 1 is the threshold for every series and window. Floors hold
the score below 1. Static rules (`rules`) stand beside all that: a series scores at least 1 where one of them is met.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property

import numpy as np

from spikewatch.core.baseline import Baseline
from spikewatch.core.calibration import Tail
from spikewatch.core.counts import Bools, Floats, Ints, Panel, Roster
from spikewatch.core.rules import MOST_SCORE, Counted, RuleMet, StaticRules
from spikewatch.core.sharing import Sharing
from spikewatch.core.tails import largest_normal, surprise_of
from spikewatch.core.timegrid import bucket_end, seconds
from spikewatch.core.windows import (
    Weighed,
    below_floors,
    judged_part,
    left_to_surprise,
    remembered_from,
    total_of,
    weigh,
    window_widths,
)

BELOW_FLOOR = 0.99
"""Most that a window scores which the statistics flag and a floor or subsidence holds back."""


class WhyNot(StrEnum):
    """Why a window was not judged, or was judged and did not alert."""

    ALERTS = "alerts"
    NORMAL = "normal"
    MIN_TICKETS = "min_tickets"
    MIN_RATIO = "min_ratio"
    SUBSIDED = "subsided"
    LEARNING = "learning"
    EVENT = "event"
    UNKNOWN = "unknown"
    DISABLED = "disabled"


@dataclass(frozen=True)
class Limits:
    """What each series of a roster must reach before it alerts; all arrays are (n_series,).

    cutoff          surprise of score 1, > 0
    min_tickets     floor on the window's count
    min_ratio       floor on the window's count over the expected one
    critical_score  score at which a surge is critical
    enabled         False: never judged by itself
    tail            what the cut-offs follow from; None while they are provisional
    rules           static rules; None where there are none
    sharing         what the cut-offs were asked with; None where that was not kept
    """

    roster: Roster
    cutoff: Floats
    min_tickets: Ints
    min_ratio: Floats
    critical_score: Floats
    enabled: Bools
    runbook: tuple[str | None, ...]
    tail: Tail | None = None
    rules: StaticRules | None = None
    sharing: Sharing | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """One series in one window, as it was judged once.

    expected  tickets the baseline expected there, > 0
    upper     the largest count there that would not alert
    score     1 is the threshold; in [0, 100]
    rule      a static rule of the series that is met, whatever window it counts in
    """

    window_minutes: int
    observed: int
    expected: float
    upper: int
    score: float
    rule: RuleMet | None = None

    @property
    def is_by_rule(self) -> bool:
        """Tell whether a static rule set the score, so that it says nothing about chance."""
        met = self.rule
        return met is not None and met.within_minutes == self.window_minutes and self.upper < met.tickets


@dataclass(frozen=True)
class Assessment:
    """All series in all windows, at each of some successive buckets.

    windows   (n_windows,) in buckets, ascending
    first     number of the first bucket judged; axis 2 runs from there
    observed  (n_series, n_windows, n_judged) tickets in the known buckets of the window
    expected  (n_series, n_windows, n_judged) > 0
    variance  (n_series, n_windows, n_judged)
    surprise  (n_series, n_windows, n_judged) >= 0, after subsidence
    evidence  (n_series, n_judged) log10 odds of surging, >= 0; 0 where no window is worth a look
    score     (n_series, n_windows, n_judged) in [0, 100]; 0 where not judged
    judged    (n_series, n_windows, n_judged)
    learned   (n_series,) False where there is too little history to judge
    counts    (n_series, longest window - 1 + n_judged) tickets a bucket, oldest first; 0 where unknown
    mean      like counts: expected tickets; 0 where unknown
    muted     like counts: True where an event mutes the series, which then has neither counts nor mean; None: nowhere
    counted   what the static rules count; None without any
    """

    limits: Limits
    step: timedelta
    windows: tuple[int, ...]
    first: int
    observed: Ints
    expected: Floats
    variance: Floats
    surprise: Floats
    evidence: Floats
    score: Floats
    judged: Bools
    learned: Bools
    counts: Ints
    mean: Floats
    muted: Bools | None = None
    counted: Counted | None = None

    @property
    def n_judged(self) -> int:
        """How many buckets were judged."""
        return self.score.shape[2]

    def end_of(self, column: int) -> datetime:
        """Return the first instant after a judged bucket."""
        return bucket_end(self.first + column, self.step)

    def until(self, column: int) -> "Assessment":
        """Return the same as it was when this judged bucket was the newest."""
        stop, reach = column + 1, self.windows[-1] + column
        return replace(
            self,
            observed=self.observed[:, :, :stop],
            expected=self.expected[:, :, :stop],
            variance=self.variance[:, :, :stop],
            surprise=self.surprise[:, :, :stop],
            evidence=self.evidence[:, :stop],
            score=self.score[:, :, :stop],
            judged=self.judged[:, :, :stop],
            counts=self.counts[:, :reach],
            mean=self.mean[:, :reach],
            muted=None if self.muted is None else self.muted[:, :reach],
            counted=None if self.counted is None else self.counted.until(column),
        )

    def under(self, limits: Limits) -> "Assessment":
        """Return the same windows measured against these limits, which enable the series that were judged here.

        Only scores and static rules follow from limits; what a window weighs does not.
        """
        total = total_of(self.surprise, self.evidence)
        score = np.minimum(total / limits.cutoff[:, None, None], MOST_SCORE)
        low = below_floors(
            self.observed, self.expected, min_tickets=limits.min_tickets, min_ratio=limits.min_ratio
        )
        score = np.where(low, np.minimum(score, BELOW_FLOOR), score)
        counted = None
        if limits.rules is not None:
            counted = limits.rules.counted(
                self.counts, step=self.step, n_judged=self.n_judged, muted=self.muted
            )
            score = np.where(self.judged, counted.raised(score, self.windows), score)
        return replace(self, limits=limits, score=score, counted=counted)

    def is_known(self, row: int, column: int) -> bool:
        """Tell whether the judged bucket itself is known, whatever its windows hold."""
        return bool(self.mean[row, self.windows[-1] - 1 + column] > 0)

    def peaks(self, column: int) -> Floats:
        """Return the (n_series,) highest score over the windows and the static rules at one judged bucket."""
        peaks: Floats = self.score[:, :, column].max(axis=1, initial=0.0)
        return (
            peaks if self.counted is None else np.maximum(peaks, self.counted.highest(len(peaks))[:, column])
        )

    def alerting(self, *, warm: bool) -> Bools:
        """Return (n_series, n_judged) where a series is at the alert threshold; static rules alone before it is warm."""
        ruled = None if self.counted is None else self.counted.highest(len(self.score)) >= 1
        if not warm:
            return np.zeros((len(self.score), self.n_judged), dtype=np.bool_) if ruled is None else ruled
        alerting: Bools = self.score.max(axis=1, initial=0.0) >= 1
        return alerting if ruled is None else alerting | ruled

    def upper(self, window: int, column: int, rows: Ints | None = None) -> Ints:
        """Return the largest counts that would not alert in a window (by place) while it rises, for all rows or some."""
        chosen = np.arange(self.score.shape[0]) if rows is None else rows
        upper = self._unruled_upper(chosen, window, column)
        if self.counted is None:
            return upper
        return self.counted.lowered(upper, chosen, width=self.windows[window])

    def _unruled_upper(self, rows: Ints, window: int | Ints, column: int | Ints) -> Ints:
        """Return the same (n,) for n rows without static rules; window and column may be (n,) too."""
        mean, variance = self.expected[rows, window, column], self.variance[rows, window, column]
        limits = self.limits
        cutoff = left_to_surprise(limits.cutoff[rows], self.evidence[rows, column])
        by_ratio = np.ceil(limits.min_ratio[rows] * mean).astype(np.int64)
        floor = np.maximum(limits.min_tickets[rows], by_ratio) - 1
        return np.maximum(largest_normal(mean, variance, cutoff=cutoff), floor)

    def _uppers(self, row: int) -> Ints:
        """Return (n_windows, n_judged) the largest counts of one row that would not alert.

        Kept, for a surge is followed bucket by bucket, and finding all of them takes hardly longer than finding one.
        """
        known = self._uppers_of.get(row)
        if known is not None:
            return known
        shape = self.score.shape[1:]
        window, column = np.indices(shape).reshape(2, -1)
        found = self._unruled_upper(np.full(len(window), row), window, column).reshape(shape)
        if self.counted is not None:
            for place, width in enumerate(self.windows):
                most = self.counted.lowered(found[place].max(keepdims=True), np.array([row]), width=width)
                found[place] = np.minimum(found[place], most)
        self._uppers_of[row] = found
        return found

    @cached_property
    def _uppers_of(self) -> dict[int, Ints]:
        return {}

    def reading(self, row: int, column: int, *, window: int | None = None) -> Reading | None:
        """Return a series' reading in a window (by place), or in its highest-scoring one; None where none was judged.

        A static rule that is met is a window too where it scores higher; without any other, so is one that is not met.
        """
        met = None if self.counted is None else self.counted.met_by(row, column)
        if window is not None:
            return self._in_window(row, column, window, met)
        if not self.judged[row, :, column].any():
            return self._by_rule(row, column, met)
        window = int(np.argmax(np.where(self.judged[row, :, column], self.score[row, :, column], -1.0)))
        found = self._in_window(row, column, window, met)
        ruled = None if met is None else self._by_rule(row, column, met)
        return ruled if ruled is not None and ruled.score > found.score else found

    def _by_rule(self, row: int, column: int, met: RuleMet | None) -> Reading | None:
        """Return the reading of a row's static rule that is exceeded most, or comes nearest; None without rules."""
        place = None if self.counted is None else self.counted.nearest(row, column)
        if self.counted is None or place is None:
            return None
        counted, stop = self.counted, self.windows[-1] + column
        part = slice(max(0, stop - int(counted.widths[place])), stop)
        told = counted.told(place, column)
        return Reading(
            window_minutes=told.within_minutes,
            observed=told.observed,
            expected=max(float(self.mean[row, part].sum()), 1e-9),
            upper=told.tickets - 1,
            score=float(counted.score[place, column]),
            rule=met,
        )

    def _in_window(self, row: int, column: int, window: int, met: RuleMet | None) -> Reading:
        return Reading(
            window_minutes=self.windows[window] * seconds(self.step) // 60,
            observed=int(self.observed[row, window, column]),
            expected=float(self.expected[row, window, column]),
            upper=int(self._uppers(row)[window, column]),
            score=float(self.score[row, window, column]),
            rule=met,
        )


def assess(
    panel: Panel, baseline: Baseline, limits: Limits, *, first: int, windows: Sequence[timedelta]
) -> Assessment:
    """Judge every series of the panel at each bucket from `first` to the panel's end.

    The panel reaches back at least to `remembered_from(first)`. Panel, baseline and limits have one roster, and all buckets
    judged lie in one hour.
    """
    step = panel.grid.step
    widths = window_widths(windows, step)
    n_judged = panel.grid.stop - first
    panel = panel.cut(remembered_from(first, longest=widths[-1], step=step), panel.grid.stop)
    expectation = baseline.expect(panel.grid.first, panel.grid.stop, step)
    mean, variance = expectation.mean, expectation.variance
    part = judged_part(panel, mean, baseline.calendar.events)
    counts = part.counts
    if part.share is not None:
        mean, variance = mean * part.share, variance * part.share
    seen = weigh(
        counts,
        replace(expectation, mean=mean, variance=variance),
        whole=None if part.share is None else expectation.mean,
        judged=baseline.learned & limits.enabled,
        widths=widths,
        step=step,
        n_judged=n_judged,
    )
    reach = widths[-1] - 1 + n_judged
    muted = None if part.muted is None else part.muted[:, -reach:]
    if muted is not None:
        seen = _silenced(seen, muted[:, -n_judged:])
    return Assessment(
        limits,
        step,
        widths,
        first,
        observed=seen.observed,
        expected=seen.expected,
        variance=seen.variance,
        surprise=seen.surprise,
        evidence=seen.evidence,
        score=seen.surprise,
        judged=seen.judged,
        learned=baseline.learned,
        counts=counts[:, -reach:],
        mean=mean[:, -reach:],
        muted=muted,
    ).under(limits)


def _silenced(seen: "Weighed", muted: Bools) -> "Weighed":
    """Return the same windows with nothing judged at buckets (n_series, n_judged) that are muted."""
    return replace(
        seen,
        surprise=np.where(muted[:, None], 0.0, seen.surprise),
        evidence=np.where(muted, 0.0, seen.evidence),
        judged=seen.judged & ~muted[:, None],
    )


def why_not(assessment: Assessment, row: int, window: int, column: int) -> WhyNot:
    """Return why a series did not alert in a window (by place), or that it did."""
    limits = assessment.limits
    if not limits.enabled[row]:
        return WhyNot.DISABLED
    if not assessment.judged[row, window, column]:
        return _why_not_judged(assessment, row, window, column)
    if assessment.score[row, window, column] >= 1:
        return WhyNot.ALERTS
    observed, expected = assessment.observed[row, window, column], assessment.expected[row, window, column]
    alone = surprise_of(
        assessment.observed[row, window, [column]],
        assessment.expected[row, window, [column]],
        assessment.variance[row, window, [column]],
    )[0]
    if alone < left_to_surprise(limits.cutoff[row], assessment.evidence[row, column]):
        return WhyNot.NORMAL
    if observed < limits.min_tickets[row]:
        return WhyNot.MIN_TICKETS
    return WhyNot.MIN_RATIO if observed < limits.min_ratio[row] * expected else WhyNot.SUBSIDED


def _why_not_judged(assessment: Assessment, row: int, window: int, column: int) -> WhyNot:
    if not assessment.learned[row]:
        return WhyNot.LEARNING
    stop = assessment.windows[-1] + column
    start = stop - assessment.windows[window]
    is_muted = assessment.muted is not None and bool(assessment.muted[row, start:stop].any())
    return WhyNot.EVENT if is_muted else WhyNot.UNKNOWN
