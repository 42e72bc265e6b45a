"""STL as a matrix: what a seasonal-trend decomposition by LOESS says of chosen hours, as weights on all hours.

On a regular grid and without robustness weights every smoother in STL depends on positions only, never on the counts. So a
season or a trend value is one fixed weighted sum of the series, and a whole fleet is decomposed by one matrix product with
the numbers that statsmodels gives one series at a time. Rows are built from right to left, smoother by smoother, so that
only the rows asked for exist; the smoothers are kept as bands, so that memory grows with the length and not its square.

Cleveland, Cleveland, McRae, Terpenning: STL, Journal of Official Statistics 6 (1990), with the defaults of statsmodels.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import ceil

import numpy as np

from spikewatch.core.calendars import SLOTS
from spikewatch.core.counts import Floats, Ints

SEASONAL = 7
"""Cycles in the window of the seasonal smoother."""

INNER_LOOPS = 5
ROWS_A_BLOCK = 256


@dataclass(frozen=True, slots=True)
class Decomposition:
    """What the last cycle and the end of the trend are made of.

    season  (168, n_hours) weights; times a series: the season of its last 168 hours
    trend   (n_hours,) weights; times a series: the trend at its last hour
    """

    season: Floats
    trend: Floats


@lru_cache(maxsize=16)
def last_cycle(n_hours: int) -> Decomposition:
    """Return the weights for series of so many hours, at least two weeks; the first call for a length takes a moment."""
    rows = season_and_trend(
        n_hours, season_at=np.arange(n_hours - SLOTS, n_hours), trend_at=np.array([n_hours - 1]), period=SLOTS
    )
    rows.setflags(write=False)
    return Decomposition(season=rows[:SLOTS], trend=rows[SLOTS])


def season_and_trend(n: int, *, season_at: Ints, trend_at: Ints, period: int) -> Floats:
    """Return the weights of STL's season and trend at some positions.

    n          length of the series, >= 2 * period
    season_at  (a,) positions in [0, n)
    trend_at   (b,) positions in [0, n)

    Returns (a + b, n): first the rows of the season, then those of the trend. With A the seasonal and R the trend smoother
    the inner loop is season = A (y - trend), trend = R (y - season), from trend 0; here it runs backwards from its result.
    Raises ValueError where the series is shorter than two periods.

    >>> rows = season_and_trend(36, season_at=np.array([35]), trend_at=np.array([0, 35]), period=12)
    >>> (rows @ np.ones(36)).round(12) + 0.0
    array([0., 1., 1.])
    """
    if n < 2 * period:
        message = f"{n} values are no two periods of {period}"
        raise ValueError(message)
    trend = _loess_band(n, _odd(ceil(1.5 * period / (1 - 1.5 / SEASONAL))))
    smoothers = _SeasonalSmoother(
        n, period, low_pass=_loess_band(n, _odd(period + 1)), average=_average_band(n, period)
    )
    wanted = np.concatenate([_unit_rows(season_at, n), trend.applied_to(_unit_rows(trend_at, n))])
    rows, left = np.zeros_like(wanted), wanted
    for remaining in reversed(range(INNER_LOOPS)):
        seasonal = smoothers.applied_to(left)
        rows += seasonal
        if remaining:
            left = trend.applied_to(seasonal)
            rows -= left
    of_trend = slice(len(season_at), None)
    rows[of_trend] = wanted[of_trend] - rows[of_trend]
    return rows


def _odd(length: int) -> int:
    return length + (length % 2 == 0)


def _unit_rows(positions: Ints, n: int) -> Floats:
    rows = np.zeros((len(positions), n))
    rows[np.arange(len(positions)), positions] = 1.0
    return rows


@dataclass(frozen=True, slots=True)
class _Block:
    """Some successive rows of a band matrix, which are 0 outside the columns from `column` on."""

    row: int
    column: int
    weights: Floats


@dataclass(frozen=True, slots=True)
class _Band:
    """A band matrix of so many columns."""

    columns: int
    blocks: tuple[_Block, ...]

    def applied_to(self, left: Floats) -> Floats:
        """Return left (m, rows) times the matrix: (m, columns)."""
        product = np.zeros((len(left), self.columns))
        for block in self.blocks:
            height, width = block.weights.shape
            part = left[:, block.row : block.row + height] @ block.weights
            product[:, block.column : block.column + width] += part
        return product


@dataclass(frozen=True, slots=True)
class _SeasonalSmoother:
    """The seasonal step: each phase smoothed and reached out by one cycle on both sides, less its low-pass."""

    n: int
    period: int
    low_pass: _Band
    average: _Band

    def applied_to(self, left: Floats) -> Floats:
        """Return left (m, n) times the smoother: (m, n)."""
        extended = -self.average.applied_to(self.low_pass.applied_to(left))
        extended[:, self.period : self.period + self.n] += left
        product = np.empty_like(left)
        cycles, longer = divmod(self.n, self.period)
        for phases, points in (
            (np.arange(longer), cycles + 1),
            (np.arange(longer, self.period), cycles),
        ):
            at = phases + self.period * np.arange(points + 2)[:, None]
            smoothed = np.tensordot(extended[:, at], _phase_smoother(points), axes=(1, 0))
            product[:, at[:points]] = np.moveaxis(smoothed, 2, 1)
        return product


def _phase_smoother(points: int) -> Floats:
    """Return the (points + 2, points) LOESS matrix that also reaches out to one point before and one after."""
    at = np.arange(points + 2)
    width = min(SEASONAL, points)
    start = np.clip(at - (SEASONAL + 2) // 2, 0, points - width)
    # the point after the end sees the last full window
    start[-1] = points - width
    return _loess(at, start=start, n=points, length=SEASONAL)


def _loess_band(n: int, length: int) -> _Band:
    """Return the (n, n) LOESS matrix with windows of `length` points."""
    blocks = []
    for row in range(0, n, ROWS_A_BLOCK):
        at = np.arange(row, min(row + ROWS_A_BLOCK, n)) + 1
        start = np.clip(at - (length + 2) // 2, 0, max(0, n - length))
        blocks.append(_Block(row, int(start[0]), _loess(at, start=start, n=n, length=length)))
    return _Band(n, tuple(blocks))


def _loess(at: Ints, *, start: Ints, n: int, length: int) -> Floats:
    """Return the weights of locally linear fits with tricube weights.

    at      (m,) where the fits are wanted; the points of the series lie at 1 .. n
    start   (m,) how many points lie before each window, ascending
    length  of the windows in points; one longer than the series takes all of it and is as wide as if there were more

    Returns (m, width), columns from the first window's start to the last window's end.
    """
    points = min(length, n)
    x = at[:, None].astype(np.float64)
    left, right = start[:, None] + 1, start[:, None] + points
    j = np.arange(start[0] + 1, start[-1] + points + 1, dtype=np.float64)[None, :]
    h = np.maximum(x - left, right - x) + max(0, length - n) // 2
    distance = np.abs(j - x)
    weights = np.where(distance <= 0.001 * h, 1.0, (1 - (distance / h) ** 3) ** 3)
    weights[(distance > 0.999 * h) | (j < left) | (j > right)] = 0.0
    weights /= weights.sum(axis=1, keepdims=True)
    centre = weights @ j.T
    spread = (weights * (j - centre) ** 2).sum(axis=1, keepdims=True)
    return weights * ((x - centre) / spread * (j - centre) + 1.0)


def _average_band(n: int, period: int) -> _Band:
    """Return the (n, n + 2 * period) matrix of two moving averages over a period and one over three points."""
    kernel = np.convolve(np.convolve(_box(period), _box(period)), _box(3))
    blocks = []
    for row in range(0, n, ROWS_A_BLOCK):
        height = min(ROWS_A_BLOCK, n - row)
        along = np.arange(height)[:, None]
        weights = np.zeros((height, height + len(kernel) - 1))
        weights[along, along + np.arange(len(kernel))] = kernel
        blocks.append(_Block(row, row, weights))
    return _Band(n + 2 * period, tuple(blocks))


def _box(width: int) -> Floats:
    return np.full(width, 1.0 / width)
