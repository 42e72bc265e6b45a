"""What real desks have and models do not think of: wild noise, a level that wanders, mornings that go wrong together."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from spikewatch.core.counts import Floats, Ints
from spikewatch.core.timegrid import HOUR, Grid, seconds
from spikewatch.lab.synthetic.seasons import LocalTime

GUST = timedelta(minutes=30)
"""How long one draw of the wild noise lasts."""

OPENS = 9.0
MOST = 3.0
"""No gust multiplies the rate by more, or divides it: what does is an incident, and no noise."""


@dataclass(frozen=True, slots=True)
class Roughness:
    """How much noise a model does not think of; each a relative spread, 0 is none.

    gust, tail  of each category's noise by the half hour, Student's t with `tail` degrees of freedom in the logarithm
    drift       of each service's level, which forgets itself over `drift_hours`
    morning     of a rise or a lull that all services share on a morning, gone by noon
    """

    gust: float = 0.15
    tail: float = 3.0
    drift: float = 0.12
    drift_hours: float = 8.0
    morning: float = 0.15


def noise(
    rng: np.random.Generator, roughness: Roughness, *, service_of: Ints, local: LocalTime, grid: Grid
) -> Floats:
    """Return (n_leaves, n_buckets) what the rates are multiplied by.

    service_of  (n_leaves,) number of each leaf's service
    """
    gust, drift, morning = rng.spawn(3)
    level = _gusts(gust, roughness, n=len(service_of), grid=grid)
    level += _drifts(drift, roughness, n=int(service_of.max()) + 1, grid=grid)[service_of]
    return np.asarray(np.exp(level + _mornings(morning, roughness, local)))


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
