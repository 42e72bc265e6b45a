"""Noise of all series at once: the plain form of what the product does some series at a time."""

import numpy as np

from spikewatch.core.baseline.noise import ALIKE, DOUBT, JUMP, LEAST, MOST, PASSES, SIGMAS, USUAL
from spikewatch.core.counts import Bools, Floats


def noise_of_all(tickets: Floats, expected: Floats, known: Bools) -> tuple[Floats, Floats]:
    """Return dispersion (n,) and spread (n,)."""
    m = np.where(known, expected, 0.0)
    residual = np.where(known, (tickets - expected) ** 2, 0.0)
    dispersion, spread = np.full(len(m), USUAL[0]), np.full(len(m), USUAL[1])
    doubt = [1.0 / each**2 for each in DOUBT]
    for _ in range(PASSES):
        v = dispersion[:, None] * m + spread[:, None] * (m * m)
        weight = ALIKE / np.maximum(v + 2.0 * v * v, 1e-3)
        seen = weight * np.minimum(residual, SIGMAS**2 * v + JUMP**2)
        a = (weight * m * m).sum(axis=1) + doubt[0]
        b = (weight * m * (m * m)).sum(axis=1)
        c = (weight * (m * m) * (m * m)).sum(axis=1) + doubt[1]
        first = (seen * m).sum(axis=1) + doubt[0] * USUAL[0]
        second = (seen * (m * m)).sum(axis=1) + doubt[1] * USUAL[1]
        spread = np.clip((a * second - b * first) / (a * c - b * b), LEAST[1], MOST[1])
        dispersion = np.clip((first - b * spread) / a, LEAST[0], MOST[0])
    return dispersion, np.sqrt(spread)
