"""Windows: the newest few buckets of every series, weighed by how improbable they are, before any threshold.

The surprise of a window is -log10 of the chance of at least its count; the odds of surging over time (`evidence`) add to it.
Subsidence holds it down: from 30 minutes on, a window may surprise at most twice as much as the next shorter one, so that
tickets of an hour ago alone never alert. A row's weight depends on nothing but that row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from spikewatch.core.baseline import Expectation
from spikewatch.core.counts import Bools, Floats, Ints, Panel
from spikewatch.core.events import Event, kept_share
from spikewatch.core.evidence import log_odds
from spikewatch.core.tails import surprise_of
from spikewatch.core.timegrid import seconds

LEAST_OVERDISPERSION = 1.02
"""Variance over mean is never smaller, so that the negative binomial exists (at 1 it is Poisson)."""

SUBSIDES_FROM = timedelta(minutes=30)
SUBSIDED_FACTOR = 2.0
"""Most that a window from 30 minutes on may surprise, as a multiple of the next shorter one."""

EVIDENCE_SHARE = 0.5
"""What the log odds of surging add to a window's surprise, which they at most double; measured on simulated desks."""

SHARED_FOR = timedelta(hours=1)
"""How long the buckets of a series rise and fall together by what the spread says: for the evidence, whose buckets know
nothing of one another, they are as wide as makes an hour of them right."""

WORTH_A_LOOK = 1.0
"""Evidence over time is weighed where some window holds at least this surprise; elsewhere it could not matter."""

LEAST_KNOWN_SHARE = 0.5

ROWS_IN_CACHE = 2000


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


def known_share(panel: Panel, mean: Floats) -> Floats:
    """Return (n_series, n_buckets): 1 known, 0 unknown; for the fleet the share of the expectation that is known."""
    share = panel.known_rows.astype(np.float64)
    roster = panel.roster
    services = mean[roster.n_leaves : len(roster) - 1]
    share[-1] = (services * panel.known).sum(axis=0) / np.maximum(services.sum(axis=0), 1e-12)
    return share


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
        return total_of(self.surprise, self.evidence)


def total_of(surprise: Floats, evidence: Floats) -> Floats:
    """Return (n_rows, n_windows, n_judged) surprise with what evidence (n_rows, n_judged) adds, which at most doubles it."""
    return surprise + np.minimum(EVIDENCE_SHARE * evidence[:, None], surprise)


def weigh(
    counts: Ints,
    known: Expectation,
    *,
    whole: Floats | None,
    judged: Bools,
    widths: tuple[int, ...],
    step: timedelta,
    n_judged: int,
) -> Weighed:
    """Weigh the newest windows of some rows, each by itself.

    counts    (n_rows, n_buckets) oldest first, 0 where unknown; the last n_judged are judged, those before remembered
    known     what is normal there, 0 where unknown
    whole     (n_rows, n_buckets) what would be normal if all were known; None where all is
    judged    (n_rows,) False: nothing there surprises
    widths    of the windows in buckets, ascending
    """
    observed = sliding(counts, widths, n_judged)
    expected = np.maximum(sliding(known.mean, widths, n_judged), 1e-9)
    spread = (known.day_spread[:, None, None] * expected) ** 2
    wide = np.maximum(sliding(known.variance, widths, n_judged) + spread, LEAST_OVERDISPERSION * expected)
    places = np.broadcast_to(judged[:, None, None], observed.shape)
    if whole is not None:
        places = places & (expected >= LEAST_KNOWN_SHARE * sliding(whole, widths, n_judged))
    surprise = np.where(places, surprise_of(observed, expected, wide), 0.0)
    surprise = _subsided(surprise, widths, step)
    evidence = _evidence(counts, known, surprise, step=step)
    return Weighed(observed, expected, wide, surprise, evidence, places)


def below_floors(observed: Ints, expected: Floats, *, min_tickets: Ints, min_ratio: Floats) -> Bools:
    """Tell which windows (n_rows, n_windows, n_judged) hold too few tickets to alert; the floors are (n_rows,)."""
    return np.asarray(
        (observed < min_tickets[:, None, None]) | (observed < min_ratio[:, None, None] * expected)
    )


def left_to_surprise(cutoff: Floats, evidence: Floats) -> Floats:
    """Return what a window must surprise by itself to alert, given the evidence over time."""
    return np.maximum(cutoff - EVIDENCE_SHARE * evidence, cutoff / 2)


def _evidence(counts: Ints, known: Expectation, surprise: Floats, *, step: timedelta) -> Floats:
    """Return (n_series, n_judged) the log odds of surging where a window is worth a look, else 0."""
    look = surprise.max(axis=1) >= WORTH_A_LOOK
    rows = np.flatnonzero(look.any(axis=1))
    evidence = np.zeros(look.shape)
    if len(rows):
        mean = known.mean[rows]
        shared = known.day_spread[rows, None] ** 2 * mean * (SHARED_FOR / step)
        evidence[rows] = log_odds(
            counts[rows], mean, known.dispersion[rows, None] + shared, step=step, n_judged=look.shape[1]
        )
    return np.where(look, evidence, 0.0)


def _subsided(surprise: Floats, widths: tuple[int, ...], step: timedelta) -> Floats:
    held = surprise.copy()
    for place in range(1, len(widths)):
        if widths[place] * step >= SUBSIDES_FROM:
            held[:, place] = np.minimum(held[:, place], SUBSIDED_FACTOR * held[:, place - 1])
    return held


def window_widths(windows: Sequence[timedelta], step: timedelta) -> tuple[int, ...]:
    """Return the windows in buckets, ascending, each once."""
    return tuple(sorted({max(1, window // step) for window in windows}))


def remembered_from(first: int, *, longest: int, step: timedelta) -> int:
    """Return the first bucket that judging bucket `first` looks at: the longest window before the hour began.

    It is the same for all buckets of an hour, so that judging them one by one or at once gives the same.
    """
    per_hour = max(1, 3600 // seconds(step))
    return first // per_hour * per_hour - longest


def sliding(values: np.ndarray, widths: tuple[int, ...], n_judged: int) -> np.ndarray:
    """Return (n_series, n_windows, n_judged) sums over the last `width` buckets at each of the last `n_judged` buckets.

    Added up newest first and never by differences: a bucket's sums do not depend on which buckets are judged with it. Some
    rows at a time and buckets slowest, so that what is added lies side by side in the processor's cache.
    """
    reach = widths[-1] - 1 + n_judged
    sums = np.empty((len(values), len(widths), n_judged), dtype=values.dtype)
    for left in range(0, len(values), ROWS_IN_CACHE):
        rows = slice(left, left + ROWS_IN_CACHE)
        buckets = np.ascontiguousarray(values[rows, values.shape[1] - reach :].T)
        total = np.zeros_like(buckets[:n_judged])
        for age in range(widths[-1]):
            total += buckets[reach - n_judged - age : reach - age]
            if age + 1 in widths:
                sums[rows, widths.index(age + 1)] = total.T
    return sums
