"""What real desks have and models do not think of: wild noise, levels and habits that wander, closures, imports."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from spikewatch.core.counts import Bools, Floats, Ints
from spikewatch.core.timegrid import HOUR, Grid, seconds
from spikewatch.lab.synthetic.seasons import LocalTime

GUST = timedelta(minutes=30)
"""How long one draw of the wild noise lasts."""

OPENS = 9.0
SPELL = timedelta(hours=10)
"""How long a category is silent, on average."""

CLOSED = 0.03
"""What is left of the rate where a service is closed, or a category silent."""

MOST = 3.0
"""No gust multiplies the rate by more, or divides it: what does is an incident, and no noise."""


@dataclass(frozen=True, slots=True)
class Roughness:
    """How much noise a model does not think of; relative spreads unless it says otherwise, 0 is none.

    gust, tail  of each category's noise by the half hour, Student's t with `tail` degrees of freedom in the logarithm
    drift       of each service's level, which forgets itself over `drift_hours`
    morning     of a rise or a lull that all services share on a morning, gone by noon
    day         of each service's level from day to day
    habit       of a slow change of each service's hours over weeks: opening times, daylight
    closures    days a week on which some service is closed unannounced, for half a day or a whole one
    silent      share of its time in which each category brings nothing, some hours in a row
    batched     tickets that bring others along at once, as a share: one caller, an import
    batch       how many others, on average
    """

    gust: float = 0.15
    tail: float = 3.0
    drift: float = 0.12
    drift_hours: float = 8.0
    morning: float = 0.15
    day: float = 0.0
    habit: float = 0.0
    closures: float = 0.0
    silent: float = 0.0
    batched: float = 0.0
    batch: float = 3.0

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> "Roughness":
        """Return a mixture as a desk may have it: much of some, little of others."""
        low = rng.random(9)
        return cls(
            gust=0.25 * low[0],
            tail=3.0 + 5.0 * low[1],
            drift=0.2 * low[2],
            drift_hours=float(rng.choice([3.0, 8.0, 24.0])),
            morning=0.25 * low[3],
            day=0.3 * low[4],
            habit=0.3 * low[5] ** 2,
            closures=0.5 * low[6] ** 2,
            silent=0.4 * low[7] ** 3,
            batched=0.15 * low[8] ** 2,
            batch=float(rng.choice([2.0, 4.0])),
        )


def noise(
    rng: np.random.Generator, roughness: Roughness, *, service_of: Ints, local: LocalTime, grid: Grid
) -> Floats:
    """Return (n_leaves, n_buckets) what the rates are multiplied by.

    service_of  (n_leaves,) number of each leaf's service
    """
    gust, drift, morning, day, habit, closure, silence = rng.spawn(7)
    n_services = int(service_of.max()) + 1
    level = _gusts(gust, roughness, n=len(service_of), grid=grid)
    shared = _drifts(drift, roughness, n=n_services, grid=grid)
    shared += day.normal(0.0, roughness.day, size=(n_services, len(local.kind)))[:, local.day]
    shared += _habits(habit, roughness, n=n_services, local=local)
    level += (shared + _mornings(morning, roughness, local))[service_of]
    closed = _closed(closure, roughness, n=n_services, local=local)[service_of]
    closed |= _silent(silence, roughness, n=len(service_of), grid=grid)
    return np.asarray(np.exp(level) * np.where(closed, CLOSED, 1.0))


def with_batches(rng: np.random.Generator, roughness: Roughness, counts: Ints) -> Ints:
    """Return the counts with what some tickets bring along: a geometric number of others in the same bucket."""
    leads = rng.binomial(counts, roughness.batched)
    brought = np.zeros_like(counts)
    some = leads > 0
    brought[some] = rng.negative_binomial(leads[some], 1.0 / (1.0 + roughness.batch))
    return np.asarray(counts + brought)


def _gusts(rng: np.random.Generator, roughness: Roughness, *, n: int, grid: Grid) -> Floats:
    per_gust = max(1, GUST // grid.step)
    drawn = roughness.gust * rng.standard_t(roughness.tail, size=(n, -(-grid.length // per_gust)))
    most = np.log(MOST)
    return np.repeat(np.clip(drawn, -most, most), per_gust, axis=1)[:, : grid.length]


def _drifts(rng: np.random.Generator, roughness: Roughness, *, n: int, grid: Grid) -> Floats:
    """Return (n, n_buckets) an autoregression by the hour with a standard deviation of `drift`."""
    per_hour = max(1, seconds(HOUR) // seconds(grid.step))
    hours = -(-grid.length // per_hour)
    keeps = float(np.exp(-1.0 / roughness.drift_hours))
    shocks = rng.normal(0.0, roughness.drift * np.sqrt(1.0 - keeps * keeps), size=(n, hours))
    level = np.zeros((n, hours))
    for hour in range(1, hours):
        level[:, hour] = keeps * level[:, hour - 1] + shocks[:, hour]
    return np.repeat(level, per_hour, axis=1)[:, : grid.length]


def _mornings(rng: np.random.Generator, roughness: Roughness, local: LocalTime) -> Floats:
    """Return (n_buckets,) a day's draw at opening, halved every hour and a half."""
    drawn = rng.normal(0.0, roughness.morning, size=len(local.kind))
    since = local.hour - OPENS
    fades = np.where(since < 0, 0.0, 0.5 ** (since / 1.5))
    return np.asarray(drawn[local.day] * fades)


def _habits(rng: np.random.Generator, roughness: Roughness, *, n: int, local: LocalTime) -> Floats:
    """Return (n, n_buckets) a wave over the day that grows, shrinks and turns over months."""
    days = np.arange(len(local.kind))
    phase, slow = rng.uniform(0.0, 24.0, size=(n, 1)), rng.uniform(0.0, 2.0 * np.pi, size=(n, 1))
    size = roughness.habit * np.sin(2.0 * np.pi * days / 70.0 + slow)
    return np.asarray(size[:, local.day] * np.cos(2.0 * np.pi * (local.hour - phase) / 24.0))


def _closed(rng: np.random.Generator, roughness: Roughness, *, n: int, local: LocalTime) -> Bools:
    """Return (n, n_buckets) where a service is closed, from its opening on a day or from noon."""
    closed = np.zeros((n, len(local.day)), dtype=np.bool_)
    for _ in range(int(rng.poisson(roughness.closures * len(local.kind) / 7.0))):
        begins = rng.choice([OPENS, 12.0])
        closed[rng.integers(0, n)] |= (local.day == rng.integers(0, len(local.kind))) & (local.hour >= begins)
    return closed


def _silent(rng: np.random.Generator, roughness: Roughness, *, n: int, grid: Grid) -> Bools:
    """Return (n, n_buckets) where a category is silent: spells of `SPELL` on average, of any length."""
    per_hour = max(1, seconds(HOUR) // seconds(grid.step))
    hours = -(-grid.length // per_hour)
    ends = HOUR / SPELL
    begins = ends * roughness.silent / max(1.0 - roughness.silent, ends)
    dice = rng.random((n, hours))
    silent = np.zeros((n, hours), dtype=np.bool_)
    for hour in range(1, hours):
        silent[:, hour] = np.where(silent[:, hour - 1], dice[:, hour] >= ends, dice[:, hour] < begins)
    return np.repeat(silent, per_hour, axis=1)[:, : grid.length]
