"""Scoring: how improbable the newest windows of every series are, as tail probabilities of counts.

Counts follow a negative binomial with the baseline's mean and variance. The surprise of a window is -log10 of the chance
of at least its count; the odds of surging over time (`evidence`) add to it. The score is the sum over the series' cut-off,
so 1 is the alert threshold for every series and window. Floors hold the score below 1; so does subsidence: from 30 minutes
on, a window may surprise at most twice as much as the next shorter one, so that tickets of an hour ago alone never alert.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

import numpy as np
from scipy import special

from spikewatch.core.baseline import Baseline, Expectation
from spikewatch.core.calibration import Tail
from spikewatch.core.counts import Bools, Floats, Ints, Panel, Roster
from spikewatch.core.events import Event, kept_share
from spikewatch.core.evidence import log_odds
from spikewatch.core.timegrid import seconds

MOST_SCORE = 100.0
UNDERFLOWS = 1e-290
"""Tails below this are computed as logarithms."""

BELOW_FLOOR = 0.99
"""Most that a window scores which the statistics flag and a floor or subsidence holds back."""

LEAST_OVERDISPERSION = 1.02
"""Variance over mean is never smaller, so that the negative binomial exists (at 1 it is Poisson)."""

SUBSIDES_FROM = timedelta(minutes=30)
SUBSIDED_FACTOR = 2.0
"""Most that a window from 30 minutes on may surprise, as a multiple of the next shorter one."""

EVIDENCE_SHARE = 0.5
"""What the log odds of surging add to a window's surprise, which they at most double; measured on simulated desks."""

WORTH_A_LOOK = 1.0
"""Evidence over time is weighed where some window holds at least this surprise; elsewhere it could not matter."""

LEAST_KNOWN_SHARE = 0.5


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
    """

    roster: Roster
    cutoff: Floats
    min_tickets: Ints
    min_ratio: Floats
    critical_score: Floats
    enabled: Bools
    runbook: tuple[str | None, ...]
    tail: Tail | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """One series in one window, as it was judged once.

    expected  tickets the baseline expected there, > 0
    upper     the largest count there that would not alert
    score     1 is the threshold; in [0, 100]
    """

    window_minutes: int
    observed: int
    expected: float
    upper: int
    score: float


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

    @property
    def n_judged(self) -> int:
        """How many buckets were judged."""
        return self.score.shape[2]

    def is_known(self, row: int, column: int) -> bool:
        """Tell whether the judged bucket itself is known, whatever its windows hold."""
        return bool(self.mean[row, self.windows[-1] - 1 + column] > 0)

    def peaks(self, column: int) -> Floats:
        """Return the (n_series,) highest score over the windows at one judged bucket."""
        return self.score[:, :, column].max(axis=1, initial=0.0)

    def upper(self, window: int, column: int, rows: Ints | None = None) -> Ints:
        """Return the largest counts that would not alert in a window (by place) while it rises, for all rows or some."""
        chosen = np.arange(self.score.shape[0]) if rows is None else rows
        mean, variance = self.expected[chosen, window, column], self.variance[chosen, window, column]
        limits = self.limits
        cutoff = left_to_surprise(limits.cutoff[chosen], self.evidence[chosen, column])
        bound = largest_normal(mean, variance, cutoff=cutoff)
        floor = (
            np.maximum(limits.min_tickets[chosen], np.ceil(limits.min_ratio[chosen] * mean).astype(np.int64))
            - 1
        )
        return np.maximum(bound, floor)

    def reading(self, row: int, column: int, *, window: int | None = None) -> Reading | None:
        """Return a series' reading in a window (by place), or in its highest-scoring one; None where none was judged."""
        if window is None:
            if not self.judged[row, :, column].any():
                return None
            window = int(np.argmax(np.where(self.judged[row, :, column], self.score[row, :, column], -1.0)))
        return Reading(
            window_minutes=self.windows[window] * seconds(self.step) // 60,
            observed=int(self.observed[row, window, column]),
            expected=float(self.expected[row, window, column]),
            upper=int(self.upper(window, column, np.array([row]))[0]),
            score=float(self.score[row, window, column]),
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
    whole = mean
    part = judged_part(panel, mean, baseline.calendar.events)
    counts = part.counts
    if part.share is not None:
        mean, variance = mean * part.share, variance * part.share
    seen = weigh(
        counts,
        replace(expectation, mean=mean, variance=variance),
        whole=whole,
        judged=baseline.learned & limits.enabled,
        widths=widths,
        step=step,
        n_judged=n_judged,
    )
    reach = widths[-1] - 1 + n_judged
    muted = None if part.muted is None else part.muted[:, -reach:]
    if muted is not None:
        seen = _silenced(seen, muted[:, -n_judged:])
    observed, expected = seen.observed, seen.expected
    score = np.minimum(seen.total / limits.cutoff[:, None, None], MOST_SCORE)
    low = below_floors(observed, expected, min_tickets=limits.min_tickets, min_ratio=limits.min_ratio)
    score = np.where(low, np.minimum(score, BELOW_FLOOR), score)
    return Assessment(
        limits,
        step,
        widths,
        first,
        observed=observed,
        expected=expected,
        variance=seen.variance,
        surprise=seen.surprise,
        evidence=seen.evidence,
        score=score,
        judged=seen.judged,
        learned=baseline.learned,
        counts=counts[:, -reach:],
        mean=mean[:, -reach:],
        muted=muted,
    )


@dataclass(frozen=True)
class JudgedPart:
    """What of a panel can be judged; all arrays are (n_series, n_buckets).

    counts  0 where nothing can be judged
    share   of the expectation that is known and not muted, in [0, 1]; None where it is 1 everywhere
    muted   True where an event mutes the whole series; None where none does
    """

    counts: Ints
    share: Floats | None
    muted: Bools | None


def judged_part(panel: Panel, mean: Floats, events: Sequence[Event]) -> JudgedPart:
    """Return what of a panel can be judged; mean (n_series, n_buckets) is what is expected there, > 0."""
    counts = panel.counts.astype(np.int64)
    share = None if panel.known.all() else known_share(panel, mean)
    kept = kept_share(events, panel.roster, panel.grid, mean)
    if kept is not None:
        leaves = slice(0, panel.roster.n_leaves)
        heard = np.where((kept[leaves] > 0) & panel.known_rows[leaves], counts[leaves], 0)
        counts = np.asarray(panel.roster.roll_up(heard), dtype=np.int64)
        share = kept if share is None else share * kept
    if share is not None:
        counts = np.where(share > 0, counts, 0)
    return JudgedPart(counts, share, None if kept is None else kept == 0)


def _silenced(seen: "Weighed", muted: Bools) -> "Weighed":
    """Return the same windows with nothing judged at buckets (n_series, n_judged) that are muted."""
    return replace(
        seen,
        surprise=np.where(muted[:, None], 0.0, seen.surprise),
        evidence=np.where(muted, 0.0, seen.evidence),
        judged=seen.judged & ~muted[:, None],
    )


@dataclass(frozen=True)
class Weighed:
    """Windows of some rows before any threshold; all (n_rows, n_windows, n_judged) but the evidence (n_rows, n_judged).

    surprise  after subsidence
    evidence  as in an assessment
    """

    observed: Ints
    expected: Floats
    variance: Floats
    surprise: Floats
    evidence: Floats
    judged: Bools

    @property
    def total(self) -> Floats:
        """The surprise and what the evidence over time adds to it: what the score is measured in."""
        return self.surprise + np.minimum(EVIDENCE_SHARE * self.evidence[:, None], self.surprise)


def weigh(
    counts: Ints,
    known: Expectation,
    *,
    whole: Floats,
    judged: Bools,
    widths: tuple[int, ...],
    step: timedelta,
    n_judged: int,
) -> Weighed:
    """Weigh the newest windows of some rows, each by itself.

    counts    (n_rows, n_buckets) oldest first, 0 where unknown; the last n_judged are judged, those before remembered
    known     what is normal there, 0 where unknown; the same array as `whole` where all is known
    whole     (n_rows, n_buckets) what would be normal if all were known
    judged    (n_rows,) False: nothing there surprises
    widths    of the windows in buckets, ascending
    """
    observed = sliding(counts, widths, n_judged)
    expected = np.maximum(sliding(known.mean, widths, n_judged), 1e-9)
    spread = (known.day_spread[:, None, None] * expected) ** 2
    wide = np.maximum(sliding(known.variance, widths, n_judged) + spread, LEAST_OVERDISPERSION * expected)
    places = np.broadcast_to(judged[:, None, None], observed.shape)
    if whole is not known.mean:
        places = places & (expected >= LEAST_KNOWN_SHARE * sliding(whole, widths, n_judged))
    surprise = np.where(places, surprise_of(observed, expected, wide), 0.0)
    surprise = _subsided(surprise, widths, step)
    evidence = _evidence(counts, known.mean, known.dispersion, surprise, step=step)
    return Weighed(observed, expected, wide, surprise, evidence, places)


def below_floors(observed: Ints, expected: Floats, *, min_tickets: Ints, min_ratio: Floats) -> Bools:
    """Tell which windows (n_rows, n_windows, n_judged) hold too few tickets to alert; the floors are (n_rows,)."""
    return np.asarray(
        (observed < min_tickets[:, None, None]) | (observed < min_ratio[:, None, None] * expected)
    )


def remembered_from(first: int, *, longest: int, step: timedelta) -> int:
    """Return the first bucket that judging bucket `first` looks at: the longest window before the hour began.

    It is the same for all buckets of an hour, so that judging them one by one or at once gives the same.
    """
    per_hour = max(1, 3600 // seconds(step))
    return first // per_hour * per_hour - longest


def _evidence(counts: Ints, mean: Floats, dispersion: Floats, surprise: Floats, *, step: timedelta) -> Floats:
    """Return (n_series, n_judged) the log odds of surging where a window is worth a look, else 0."""
    look = surprise.max(axis=1) >= WORTH_A_LOOK
    rows = np.flatnonzero(look.any(axis=1))
    evidence = np.zeros(look.shape)
    if len(rows):
        evidence[rows] = log_odds(
            counts[rows], mean[rows], dispersion[rows], step=step, n_judged=look.shape[1]
        )
    return np.where(look, evidence, 0.0)


def left_to_surprise(cutoff: Floats, evidence: Floats) -> Floats:
    """Return what a window must surprise by itself to alert, given the evidence over time."""
    return np.maximum(cutoff - EVIDENCE_SHARE * evidence, cutoff / 2)


def surprise_of(observed: Ints, mean: Floats, variance: Floats) -> Floats:
    """Return -log10 P(X >= observed) for a negative binomial X; 0 where observed is not above its mean.

    observed  counts, >= 0
    mean      > 0
    variance  >= 1.02 * mean

    The tail is the regularised incomplete beta function I_q(observed, size), q = 1 - mean / variance, size = mean**2 /
    (variance - mean). Where that underflows, the first term of the tail and the geometric bound of the rest are summed as
    logarithms, so the result is finite for any surge.

    >>> surprise_of(np.array([10, 25, 9000]), np.array([10.0, 10.0, 10.0]), np.array([10.2, 10.2, 10.2])).round(1).tolist()
    [0.0, 4.2, 14524.7]
    """
    result = np.zeros(observed.shape)
    rows = observed > mean
    if not rows.any():
        return result
    k, m, v = observed[rows].astype(np.float64), mean[rows], variance[rows]
    q, size = 1.0 - m / v, m * m / (v - m)
    tail = special.betainc(k, size, q)
    tiny = tail < UNDERFLOWS
    with np.errstate(divide="ignore"):
        surprise = -np.log10(tail)
    if tiny.any():
        surprise[tiny] = -_log_tail(k[tiny], size[tiny], q[tiny]) / np.log(10.0)
    result[rows] = surprise
    return result


def _log_tail(k: Floats, size: Floats, q: Floats) -> Floats:
    first = special.gammaln(k + size) - special.gammaln(size) - special.gammaln(k + 1.0)
    first = first + size * np.log1p(-q) + k * np.log(q)
    ratio = np.minimum((k + size) / (k + 1.0) * q, 1.0 - 1e-9)
    return first - np.log1p(-ratio)


def largest_normal(mean: Floats, variance: Floats, *, cutoff: Floats) -> Ints:
    """Return (n,) the largest counts whose surprise stays below the cut-off.

    Found by bisection on the exact tail, 40 to 60 evaluations at most, between the mean and a bound that is doubled until
    it surprises enough.
    """

    def normal(count: Ints, rows: Ints) -> Bools:
        return np.asarray(surprise_of(count, mean[rows], variance[rows]) < cutoff[rows])

    low = np.floor(mean).astype(np.int64)
    high = (mean + 6.0 * np.sqrt(variance) + 4.0).astype(np.int64)
    # only rows still open are evaluated: most are sparse and close at once
    rows = np.arange(len(mean))
    while len(rows := rows[normal(high[rows], rows)]):
        low[rows] = high[rows]
        high[rows] *= 2
    while len(rows := np.flatnonzero(high - low > 1)):
        middle = (low[rows] + high[rows]) // 2
        below = normal(middle, rows)
        low[rows[below]], high[rows[~below]] = middle[below], middle[~below]
    return low


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


def window_widths(windows: Sequence[timedelta], step: timedelta) -> tuple[int, ...]:
    """Return the windows in buckets, ascending, each once."""
    return tuple(sorted({max(1, window // step) for window in windows}))


def sliding(values: np.ndarray, widths: tuple[int, ...], n_judged: int) -> np.ndarray:
    """Return (n_series, n_windows, n_judged) sums over the last `width` buckets at each of the last `n_judged` buckets.

    Added up newest first and never by differences: a bucket's sums do not depend on which buckets are judged with it.
    """
    end = values.shape[1]
    total = np.zeros((values.shape[0], n_judged), dtype=values.dtype)
    sums = []
    for age in range(widths[-1]):
        total += values[:, end - n_judged - age : end - age]
        if age + 1 in widths:
            sums.append(total.copy())
    return np.stack(sums, axis=1)


def known_share(panel: Panel, mean: Floats) -> Floats:
    """Return (n_series, n_buckets): 1 known, 0 unknown; for the fleet the share of the expectation that is known."""
    share = panel.known_rows.astype(np.float64)
    roster = panel.roster
    services = mean[roster.n_leaves : len(roster) - 1]
    share[-1] = (services * panel.known).sum(axis=0) / np.maximum(services.sum(axis=0), 1e-12)
    return share


def _subsided(surprise: Floats, widths: tuple[int, ...], step: timedelta) -> Floats:
    held = surprise.copy()
    for place in range(1, len(widths)):
        if widths[place] * step >= SUBSIDES_FROM:
            held[:, place] = np.minimum(held[:, place], SUBSIDED_FACTOR * held[:, place - 1])
    return held
