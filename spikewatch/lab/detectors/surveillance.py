"""Comparators from public health: EARS C2 and the flexible Farrington algorithm, on sliding hours."""

import numpy as np

from spikewatch.core.counts import Floats, Roster
from spikewatch.core.timegrid import Grid
from spikewatch.lab.detectors.windows import (
    Counts,
    buckets_in,
    lagged,
    mean_and_sd,
    same_slot,
    settled,
    trailing,
)

_DAY_MIN = 24 * 60
_ANSCOMBE_LIMIT = 2.58


def ears_c2(counts: Counts, grid: Grid, roster: Roster) -> Floats:
    """Return (x - mean) / sd of the newest hour against the same hour of days 3 to 9 before (Hutwagner et al. 2003)."""
    del roster  # every row is a series of its own here
    now = trailing(counts, buckets_in(grid, minutes=60))
    past = same_slot(now, every=buckets_in(grid, minutes=_DAY_MIN), times=7, skip=2)
    mean, sd = mean_and_sd(past, least=7)
    return settled((now - mean) / np.maximum(sd, 1.0))


def farrington(counts: Counts, grid: Grid, roster: Roster) -> Floats:
    """Return how far the newest hour exceeds Farrington's bound, as the quantile that would just reach it.

    z = 3/2 ((x / mu)**(2/3) - 1) mu / sqrt(phi mu + Var mu), the bound on the 2/3-power scale solved for z. mu and phi
    come from the same hour of up to eight past weeks, half an hour around it; past outbreaks with an Anscombe residual
    above 2.58 weigh its inverse square (Farrington et al. 1996; Noufaily et al. 2013). No trend within eight weeks.
    """
    del roster  # as above
    now = trailing(counts, buckets_in(grid, minutes=60))
    return settled(np.concatenate([_exceedance(now[rows], grid) for rows in _slices(len(now))]))


def _slices(number: int) -> list[slice]:
    """Return a few rows at a time: 24 past values of each bucket take memory."""
    return [slice(start, start + 8) for start in range(0, number, 8)]


def _exceedance(now: Floats, grid: Grid) -> Floats:
    week, half = buckets_in(grid, minutes=7 * _DAY_MIN), buckets_in(grid, minutes=30)
    past = [lagged(now, week * back + shift) for back in range(1, 9) for shift in (-half, 0, half)]
    mean, dispersion = _weighted(np.stack(past))
    spread = np.sqrt(dispersion * mean * (1.0 + 1.0 / 8.0))
    return np.asarray(1.5 * ((now / mean) ** (2.0 / 3.0) - 1.0) * mean / spread)


def _weighted(past: Floats) -> tuple[Floats, Floats]:
    """Return mean, at least a tenth of a ticket, and dispersion, at least 1, with past outbreaks weighed down."""
    known = np.isfinite(past)
    values = np.where(known, past, 0.0)
    weight = known.astype(np.float64)
    mean = dispersion = np.ones(past.shape[1:])
    for _ in range(2):
        total = np.maximum(weight.sum(axis=0), 1e-9)
        mean = np.maximum((weight * values).sum(axis=0) / total, 0.1)
        chi = (weight * (values - mean) ** 2 / mean).sum(axis=0)
        dispersion = np.maximum(chi / np.maximum(known.sum(axis=0) - 1, 1), 1.0)
        residual = (
            1.5 * (values ** (2.0 / 3.0) - mean ** (2.0 / 3.0)) / (mean ** (1.0 / 6.0) * np.sqrt(dispersion))
        )
        weight = known * np.where(residual > _ANSCOMBE_LIMIT, np.maximum(residual, 1.0) ** -2.0, 1.0)
    enough = known.sum(axis=0) >= 6  # noqa: PLR2004 -- two weeks of three values
    return np.where(enough, mean, np.nan), dispersion
