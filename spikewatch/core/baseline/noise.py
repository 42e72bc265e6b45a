"""Noise: how far hours lie from what was expected, told apart into what grows with the mean and what grows with its square.

Few tickets vary like independent arrivals, a little wider: variance = dispersion x mean. Many vary by what they have in
common, such as a busy hour or a morning that goes otherwise: variance = (spread x mean)**2. Quiet and busy hours of a
series tell the two apart. Both are shrunk to what desks usually show, and a few hours far out are not believed.
"""

from typing import Final

import numpy as np

from spikewatch.core.counts import Bools, Floats

USUAL: Final = (1.3, 0.10**2)
"""Dispersion, and square of the spread, of a series that has shown nothing."""

DOUBT: Final = (0.4, 0.012)
"""Standard deviations of both, from series to series."""

LEAST: Final = (1.05, 0.06**2)
MOST: Final = (10.0, 0.6**2)

SIGMAS: Final = 4.0
JUMP: Final = 12.0
"""An hour further away than so many standard deviations and this many tickets is an incident or a fall: it counts as one
just so far away. Fewer tickets may be what one caller or an import brings; a series that has such things is wide."""

PASSES: Final = 2
ALIKE: Final = 0.5
"""Hours follow one another: a hundred say as much as half as many."""

CELLS_IN_CACHE: Final = 40_000
"""Each series is told by itself, so some at a time: what is gone over again and again stays in the processor's cache."""


def noise_of(tickets: Floats, expected: Floats, known: Bools) -> tuple[Floats, Floats]:
    """Return dispersion (n,) and spread (n,): an hour's variance is dispersion * mean + (spread * mean)**2.

    tickets, expected  (n, n_hours), of which what is not known says nothing

    Both minimise sum((r**2 - dispersion m - spread**2 m**2)**2 / (v + 2 v**2)) + their distances from `USUAL` over `DOUBT`,
    squared, with r the residuals, m the expectations and v the variances of the pass before.

    >>> rng, mean = np.random.default_rng(1), np.tile(np.linspace(1.0, 100.0, 24), 56)[None]
    >>> rate = mean * rng.gamma(25.0, 1 / 25.0, mean.shape)
    >>> [part.round(1).tolist() for part in noise_of(rng.poisson(rate), mean, np.ones(mean.shape, dtype=bool))]
    [[1.2], [0.2]]
    """
    n_series, n_hours = expected.shape
    dispersion, spread = np.empty(n_series), np.empty(n_series)
    at_once = max(1, CELLS_IN_CACHE // max(1, n_hours))
    for left in range(0, n_series, at_once):
        rows = slice(left, left + at_once)
        dispersion[rows], spread[rows] = _noise(tickets[rows], expected[rows], known[rows])
    return dispersion, spread


def _noise(tickets: Floats, expected: Floats, known: Bools) -> tuple[Floats, Floats]:
    mean = np.where(known, expected, 0.0)
    residual = np.where(known, (tickets - expected) ** 2, 0.0)
    square = mean * mean
    dispersion, spread = (np.full(len(mean), usual) for usual in USUAL)
    for _ in range(PASSES):
        variance = dispersion[:, None] * mean + spread[:, None] * square
        weight = ALIKE / np.maximum(variance + 2.0 * variance * variance, 1e-3)
        seen = weight * np.minimum(residual, SIGMAS**2 * variance + JUMP**2)
        tens = weight * mean
        dispersion, spread = _solved(
            (tens * mean).sum(axis=1),
            (tens * square).sum(axis=1),
            (weight * square * square).sum(axis=1),
            (seen * mean).sum(axis=1),
            (seen * square).sum(axis=1),
        )
    return dispersion, np.sqrt(spread)


def _solved(a: Floats, b: Floats, c: Floats, first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """Return both unknowns of [[a, b], [b, c]] (x, y) = (first, second) with the prior added, within bounds."""
    held = [1.0 / doubt**2 for doubt in DOUBT]
    a, c = a + held[0], c + held[1]
    first, second = first + held[0] * USUAL[0], second + held[1] * USUAL[1]
    square = np.clip((a * second - b * first) / (a * c - b * b), LEAST[1], MOST[1])
    return np.clip((first - b * square) / a, LEAST[0], MOST[0]), square
