"""Surges whose truth is known: what was planted, where, and how large."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import numpy as np

from spikewatch.core.counts import Floats, Gap, Ints, SeriesKey
from spikewatch.core.timegrid import Grid, Span, bucket_start, seconds

APART: Final = timedelta(hours=6)
"""Planted surges of one service lie at least this far apart, so that each has its own incident."""

_LONGEST: Final = timedelta(hours=6)
_TRIES: Final = 400


class Shape(StrEnum):
    """How a surge comes and goes."""

    STEP = "step"
    RAMP = "ramp"
    BURST = "burst"
    JUMP = "jump"
    SERVICE = "service"
    OUTAGE = "outage"


@dataclass(frozen=True, slots=True)
class PlantedSurge:
    """One surge as it was planted.

    series  the categories that rise
    factor  largest multiple of the normal rate, of the busiest category
    extra   expected tickets above normal, over all categories
    """

    service: str
    series: tuple[SeriesKey, ...]
    start: datetime
    end: datetime
    shape: Shape
    factor: float
    extra: float

    @property
    def duration(self) -> timedelta:
        """How long it lasts."""
        return self.end - self.start

    @property
    def is_whole_service(self) -> bool:
        """Tell whether the service rises as a whole rather than some of its categories."""
        return self.shape is Shape.SERVICE


@dataclass(frozen=True, slots=True)
class SurgeMix:
    """What kinds of surges are planted.

    shares   probability of each shape
    clarity  a surge is at least this many standard deviations of its own span above normal; below that it is no
             incident that anybody would have wanted to hear of
    tickets  and at least this many tickets
    """

    shares: tuple[tuple[Shape, float], ...] = (
        (Shape.STEP, 0.36),
        (Shape.RAMP, 0.22),
        (Shape.BURST, 0.10),
        (Shape.JUMP, 0.12),
        (Shape.SERVICE, 0.20),
    )
    clarity: float = 5.5
    tickets: float = 14.0


@dataclass(frozen=True)
class Ground:
    """Where surges may be planted.

    leaves      (n_leaves,) rows of `base`
    base        (n_leaves, n_buckets) normal tickets per bucket
    dispersion  (n_leaves,) variance over mean, >= 1
    day_cv      relative spread of a whole day
    span        planted surges lie inside
    gaps        and outside these
    """

    leaves: tuple[SeriesKey, ...]
    grid: Grid
    base: Floats
    dispersion: Floats
    day_cv: float
    span: Span
    gaps: tuple[Gap, ...] = ()


def profile_of(shape: Shape, length: int) -> Floats:
    """Return (length,) the course of a surge, 1 at its height.

    >>> profile_of(Shape.RAMP, 9).round(2).tolist()
    [0.33, 0.67, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """
    course = np.ones(length)
    if shape is Shape.RAMP:
        course = np.minimum(1.0, np.arange(1, length + 1) / max(1.0, min(8.0, length / 3)))
    if shape is Shape.OUTAGE:
        rise = np.minimum(1.0, np.arange(1, length + 1) / 3)
        course = np.minimum(rise, np.linspace(1.6, 0.15, length))
    return course


def planned(rng: np.random.Generator, ground: Ground, *, number: int, mix: SurgeMix) -> list[PlantedSurge]:
    """Return up to `number` surges in order of time; fewer where no room is left that suits them."""
    shapes, shares = zip(*mix.shares, strict=True)
    chosen: list[PlantedSurge] = []
    for _ in range(number):
        shape = shapes[int(rng.choice(len(shapes), p=np.array(shares) / sum(shares)))]
        surge = _fitting(rng, ground, shape=shape, mix=mix, taken=chosen)
        if surge is not None:
            chosen.append(surge)
    return sorted(chosen, key=lambda surge: (surge.start, surge.service))


def _fitting(
    rng: np.random.Generator,
    ground: Ground,
    *,
    shape: Shape,
    mix: SurgeMix,
    taken: Sequence[PlantedSurge],
) -> PlantedSurge | None:
    for _ in range(_TRIES):
        surge = _candidate(rng, ground, shape=shape)
        if surge is not None and _is_clear(surge, ground, mix) and _is_free(surge, taken, ground.gaps):
            return surge
    return None


def _candidate(rng: np.random.Generator, ground: Ground, *, shape: Shape) -> PlantedSurge | None:
    length = _drawn_length(rng, shape, ground.grid.step)
    first, stop = ground.grid.column(ground.span.start), ground.grid.column(ground.span.end)
    left = int(rng.integers(first, max(first + 1, stop - length)))
    row = int(rng.integers(0, len(ground.leaves)))
    rows = _rows(rng, ground, row=row, shape=shape)
    course = profile_of(shape, length)
    local = ground.base[rows, left : left + length]
    if local.shape[1] < length or local.sum() <= 0 or not _is_felt(rng, local[0], of=ground.base[row]):
        return None
    factor = _drawn_factor(rng, shape, hourly=float(local[0].mean()) * 3600 / seconds(ground.grid.step))
    return PlantedSurge(
        service=ground.leaves[row].service,
        series=tuple(ground.leaves[index] for index in rows),
        start=bucket_start(ground.grid.first + left, ground.grid.step),
        end=bucket_start(ground.grid.first + left + length, ground.grid.step),
        shape=shape,
        factor=factor,
        extra=float(((factor - 1.0) * local * course).sum()),
    )


def _is_felt(rng: np.random.Generator, local: Floats, *, of: Floats) -> bool:
    """Tell by chance whether anybody is there to notice: what breaks at night is seldom reported at night."""
    return bool(rng.random() < 0.05 + float(local.mean()) / max(float(of.max()), 1e-9))


def _drawn_length(rng: np.random.Generator, shape: Shape, step: timedelta) -> int:
    low, high = (10, 20) if shape is Shape.BURST else (20, 240)
    minutes = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    return max(1, round(minutes * 60 / seconds(step)))


def _rows(rng: np.random.Generator, ground: Ground, *, row: int, shape: Shape) -> Ints:
    service = ground.leaves[row].service
    same = np.array(
        [index for index, key in enumerate(ground.leaves) if key.service == service], dtype=np.int64
    )
    if shape is Shape.SERVICE:
        return same
    others = same[same != row]
    also = rng.choice(others, size=1) if len(others) and rng.random() < 0.2 else others[:0]  # noqa: PLR2004 -- one in five
    return np.array([row, *also], dtype=np.int64)


def _drawn_factor(rng: np.random.Generator, shape: Shape, *, hourly: float) -> float:
    if shape is Shape.JUMP:
        return 1.0 + float(rng.uniform(4.0, 12.0)) / max(hourly, 1e-3) if hourly < 1.0 else 1.0
    low, high = (3.0, 10.0) if shape is Shape.BURST else (1.5, 10.0)
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _is_clear(surge: PlantedSurge, ground: Ground, mix: SurgeMix) -> bool:
    at = slice(ground.grid.column(surge.start), ground.grid.column(surge.end))
    rows = [ground.leaves.index(key) for key in surge.series]
    normal = float(ground.base[rows, at].sum())
    sd = np.sqrt(float(ground.dispersion[rows].mean()) * normal + (ground.day_cv * normal) ** 2)
    return bool(surge.extra >= max(mix.tickets, mix.clarity * sd))


def _is_free(surge: PlantedSurge, taken: Sequence[PlantedSurge], gaps: Sequence[Gap]) -> bool:
    near = any(
        other.service == surge.service and surge.start < other.end + APART and other.start < surge.end + APART
        for other in taken
    )
    blind = any(
        gap.service in (None, surge.service)
        and surge.start < gap.span.end
        and gap.span.start < surge.end + timedelta(hours=1)
        for gap in gaps
    )
    return not near and not blind


def extra_tickets(rng: np.random.Generator, ground: Ground, surges: Sequence[PlantedSurge]) -> Ints:
    """Return (n_leaves, n_buckets) the tickets that the surges add, negative binomial around their course."""
    extra = np.zeros(ground.base.shape, dtype=np.int64)
    rows = {key: row for row, key in enumerate(ground.leaves)}
    for surge in surges:
        at = slice(ground.grid.column(surge.start), ground.grid.column(surge.end))
        course = profile_of(surge.shape, at.stop - at.start)
        for row in (rows[key] for key in surge.series):
            mean = (surge.factor - 1.0) * ground.base[row, at] * course
            extra[row, at] += negative_binomial(rng, mean, dispersion=ground.dispersion[row])
    return extra


def negative_binomial(rng: np.random.Generator, mean: Floats, *, dispersion: float | Floats) -> Ints:
    """Return counts of the given mean with variance `dispersion` times the mean; 1 is Poisson.

    mean        any shape, >= 0
    dispersion  broadcasts against it, >= 1
    """
    spread = np.maximum(np.asarray(dispersion, dtype=np.float64) - 1.0, 1e-9)
    rate = rng.gamma(mean / spread) * spread
    return np.asarray(rng.poisson(rate), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Planted:
    """Recorded counts with surges in them.

    counts  (n_leaves, n_buckets)
    """

    counts: Ints
    surges: tuple[PlantedSurge, ...]


def plant(
    counts: Ints,
    *,
    leaves: Sequence[SeriesKey],
    grid: Grid,
    span: Span,
    number: int,
    seed: int,
    mix: SurgeMix | None = None,
    dispersion: float = 1.5,
    gaps: Sequence[Gap] = (),
) -> Planted:
    """Return recorded counts with known surges added; nothing is taken away, and nothing changes outside `span`.

    counts  (n_leaves, n_buckets), of these leaves on this grid; at least one week long

    A surge multiplies the series' own local mean: an hour around the same time of the week, over all weeks recorded.
    """
    rng = np.random.default_rng(seed)
    ground = Ground(
        tuple(leaves),
        grid,
        _local_mean(counts, grid),
        np.full(len(leaves), dispersion),
        0.12,
        span,
        tuple(gaps),
    )
    surges = planned(rng, ground, number=number, mix=mix or SurgeMix())
    return Planted(counts + extra_tickets(rng, ground, surges), tuple(surges))


def _local_mean(counts: Ints, grid: Grid) -> Floats:
    """Return (n_leaves, n_buckets) the mean of the hour around the same time of the week."""
    week = seconds(timedelta(weeks=1)) // seconds(grid.step)
    hour = max(1, 3600 // seconds(grid.step))
    slot = np.arange(grid.length) % week
    weeks = np.maximum(np.bincount(slot, minlength=week), 1)
    total = np.stack([np.bincount(slot, weights=row, minlength=week) for row in counts]) / weeks
    wrapped = np.concatenate([total[:, -hour:], total, total[:, :hour]], axis=1)
    summed = np.cumsum(np.pad(wrapped, ((0, 0), (1, 0))), axis=1)
    left = np.arange(week) + hour - hour // 2
    return np.asarray((summed[:, left + hour] - summed[:, left]) / hour)[:, slot]
