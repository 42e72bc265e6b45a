"""Calibration: from the peaks of a replayed past to the threshold that keeps a budget of false alarms.

No model is right in its tail, so the threshold comes from what the same detector would have done on the fleet's own past.
Above a level that is met often, peaks follow a mixture: a generalised Pareto tail of false alarms, and a heavier tail of the
real incidents that the past holds. Averaging over a grid of its parameters keeps few weeks from being believed too much.
Sources: Siffer et al. 2017 (SPOT) for tails from exceedances; Pickands 1975 for the generalised Pareto law.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import special

from spikewatch.core.counts import Bools, Floats, Ints

OFTEN_A_WEEK = 10.0
"""The tail is fitted above the score that is met this often: at 25 small fleets show their middle, and too wide a tail."""

STORM_CHANCE = 0.005
"""A day with more peaks than a day of the kept ones has by this chance is a storm, real and undated."""

REAL_A_WEEK = np.array([0.0, 0.5, 1.0, 2.0, 4.0])
"""Real incidents a week that the past may hold; each is as likely before the peaks are seen."""

SCALES = np.geomspace(0.3, 10.0, 25)
SHAPES = np.linspace(0.0, 0.6, 13)
SHAPE_SPREAD = 0.1
REAL_SCALE = 6.0
LEAST_WEIGHT = 1e-6
"""Parts of the grid that are so much less likely than the likeliest say nothing, and are left out."""

LEAST_PEAKS = 20
LEAST_WEEKS = 1.5
LEAST_SCALE = 0.05
"""Peaks can be all alike in a very sparse fleet; e times rarer is never less than this away."""


VERSION = 3
"""Of the way from counts to peaks: whoever changes what is expected, how it is scored or how peaks are taken raises it, and
every desk measures its cut-offs anew instead of keeping those of an older program for a week."""

KEPT_WEEKS = 4
"""How many weeks' calibrations a store keeps."""


@dataclass(frozen=True)
class Peaks:
    """The highest scores of the incidents that a replay of the past would have raised above some low level.

    score  (n,) in the units of the surprise, > 0
    day    (n,) number of the day of each, in [0, n_days)
    """

    score: Floats
    day: Ints
    n_days: int

    def __post_init__(self) -> None:
        """Refuse peaks on days that were not replayed."""
        if self.score.shape != self.day.shape or (len(self.day) and not 0 <= self.day.max() < self.n_days):
            message = f"{len(self.score)} peaks do not fit {len(self.day)} days of {self.n_days}"
            raise ValueError(message)


@dataclass(frozen=True)
class Tail:
    """How often a fleet's false alarms exceed a score: a mixture of generalised Pareto tails; arrays are (n_parts,).

    above   the score above which the tail was fitted
    rate    false alarms and real incidents a week above it
    scale   how much more score makes false ones e times rarer, there
    falses  share of each part that is false
    """

    above: float
    rate: float
    scale: float
    weights: Floats
    scales: Floats
    shapes: Floats
    falses: Floats

    def per_week(self, score: float) -> float:
        """Return how many false alarms a week exceed a score; below the fitted part the rate grows by e each scale."""
        excess = score - self.above
        if excess < 0:
            return self._often * float(np.exp(min(-excess / self.scale, 50.0)))
        with np.errstate(divide="ignore", invalid="ignore"):
            heavy = (1.0 + self.shapes * excess / self.scales) ** (-1.0 / self.shapes)
        survival = np.where(self.shapes > 0, heavy, np.exp(-excess / self.scales))
        return float(self.rate * (self.weights * self.falses * survival).sum())

    def threshold(self, *, false_alarms_per_week: float) -> float:
        """Return the score that false alarms exceed that often."""
        known = self._thresholds.get(false_alarms_per_week)
        if known is None:
            known = self._thresholds[false_alarms_per_week] = self._crossed_by(false_alarms_per_week)
        return known

    def _crossed_by(self, false_alarms_per_week: float) -> float:
        low, high = self.above, self.above + self.scale
        if self._often <= false_alarms_per_week:
            return self.above - self.scale * float(np.log(false_alarms_per_week / self._often))
        while self.per_week(high) > false_alarms_per_week:
            low, high = high, high + 2 * (high - self.above)
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if self.per_week(middle) > false_alarms_per_week else (low, middle)
        return high

    @cached_property
    def _thresholds(self) -> dict[float, float]:
        return {}

    @cached_property
    def _often(self) -> float:
        return float(self.rate * (self.weights * self.falses).sum())


@dataclass(frozen=True)
class Calibration:
    """What a week's thresholds follow from, as it is kept.

    week      weeks since the epoch, in UTC
    settings  digest of all settings that the replay depended on, and of the `VERSION`
    peaks     None where there was too little history to replay
    """

    week: int
    settings: str
    peaks: Peaks | None

    @cached_property
    def tail(self) -> Tail | None:
        """The tail of false alarms; None where the past says too little, and thresholds are provisional."""
        return None if self.peaks is None else fit_tail(self.peaks)


def fit_tail(peaks: Peaks) -> Tail | None:
    """Return the tail of false alarms; None where the past is too short or too quiet to say anything.

    >>> rng = np.random.default_rng(1)
    >>> peaks = Peaks(rng.exponential(1.0, 2000) + 2.0, rng.integers(0, 56, 2000), 56)
    >>> tail = fit_tail(peaks)
    >>> bool(6.5 < tail.threshold(false_alarms_per_week=1.0) < 8.5)  # 250 a week above 2, each unit e times rarer: 7.5
    True
    """
    kept = _calm_days(peaks)
    weeks = float(kept.sum()) / 7.0
    score = peaks.score[kept[peaks.day]]
    if weeks < LEAST_WEEKS or len(score) < LEAST_PEAKS:
        return None
    ordered = np.sort(score)[::-1]
    number = min(len(ordered) - 1, int(OFTEN_A_WEEK * weeks))
    above = float(ordered[number])
    # the median, for real incidents are a few of the highest
    scale = max((float(ordered[number // 2]) - above) / float(np.log(2.0)), LEAST_SCALE)
    return _posterior(ordered[:number] - above, weeks=weeks, above=above, scale=scale)


def _calm_days(peaks: Peaks) -> Bools:
    """Return (n_days,) True for days that are no storms, judged by their peaks at a level met often."""
    kept = np.ones(peaks.n_days, dtype=np.bool_)
    for _ in range(10):
        number = int(OFTEN_A_WEEK * kept.sum() / 7.0)
        score = np.sort(peaks.score[kept[peaks.day]])[::-1]
        if number >= len(score) or not number:
            return kept
        count = np.bincount(peaks.day[peaks.score >= score[number]], minlength=peaks.n_days)
        calm = special.gammainc(count, count[kept].mean()) > STORM_CHANCE
        if (calm == kept).all() or not calm.any():
            return kept
        kept = calm
    return kept


def _posterior(excess: Floats, *, weeks: float, above: float, scale: float) -> Tail:
    """Weigh a grid of tails by how well they explain the excesses (n,) >= 0 over the level."""
    n = len(excess)
    real = np.minimum(REAL_A_WEEK * weeks / n, 0.9)
    scales, shapes, reals = (
        grid.ravel() for grid in np.meshgrid(SCALES * scale, SHAPES, real, indexing="ij")
    )
    x = excess[None, :]
    with np.errstate(divide="ignore", invalid="ignore"):
        heavy = (1.0 + shapes[:, None] * x / scales[:, None]) ** (-1.0 / shapes[:, None] - 1.0)
    density = np.where(shapes[:, None] > 0, heavy, np.exp(-x / scales[:, None])) / scales[:, None]
    c = REAL_SCALE * scale
    mixed = (1.0 - reals[:, None]) * density + reals[:, None] * c / (x + c) ** 2
    log_weight = np.log(np.maximum(mixed, 1e-300)).sum(axis=1) - 0.5 * (shapes / SHAPE_SPREAD) ** 2
    weights = np.exp(log_weight - log_weight.max())
    told = weights > LEAST_WEIGHT
    weights = weights[told] / weights[told].sum()
    return Tail(
        above=above,
        rate=n / weeks,
        scale=float((weights * scales[told]).sum()),
        weights=weights,
        scales=scales[told],
        shapes=shapes[told],
        falses=1.0 - reals[told],
    )
