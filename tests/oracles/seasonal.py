"""The seasonal profile of one series, slot by slot and hour by hour, after the formulas in `baseline.seasonal`."""

from collections.abc import Sequence
from math import sqrt

from spikewatch.core.baseline.model import LEAST_DISPERSION, LEAST_MEAN
from spikewatch.core.baseline.seasonal import (
    CLIP_SIGMAS,
    MOST_DISPERSION,
    PASSES,
    PRIOR_TICKETS,
    SPREAD_WEEKS,
)

SLOTS = 168


def profile(
    counts: Sequence[float], known: Sequence[bool], slots: Sequence[int], shape: Sequence[float]
) -> tuple[list[float], list[float]]:
    """Return mean and variance by slot of one series that borrows this shape (mean 1)."""
    hours = [
        [place for place, slot in enumerate(slots) if slot == wanted and known[place]]
        for wanted in range(SLOTS)
    ]
    clipped = [float(count) for count in counts]
    mean = _shrunk(clipped, hours, shape)
    for _ in range(PASSES):
        for place, slot in enumerate(slots):
            m = mean[slot]
            cap = m + CLIP_SIGMAS * sqrt(2 * m + (0.15 * m) ** 2) + 2
            clipped[place] = min(float(counts[place]), cap)
        mean = _shrunk(clipped, hours, shape)
    return mean, _variance(clipped, hours, mean)


def _shrunk(counts: Sequence[float], hours: Sequence[Sequence[int]], shape: Sequence[float]) -> list[float]:
    tickets = sum(counts[place] for places in hours for place in places)
    exposure = sum(shape[slot] * len(places) for slot, places in enumerate(hours))
    level = (tickets + 0.5) / max(exposure, 1.0)
    means = []
    for slot, places in enumerate(hours):
        prior = max(level * shape[slot], LEAST_MEAN)
        seen = sum(counts[place] for place in places)
        means.append(max((seen + PRIOR_TICKETS) / (len(places) + PRIOR_TICKETS / prior), LEAST_MEAN))
    return means


def _variance(counts: Sequence[float], hours: Sequence[Sequence[int]], mean: Sequence[float]) -> list[float]:
    squares = [
        sum((counts[place] - mean[slot]) ** 2 for place in places) for slot, places in enumerate(hours)
    ]
    exposure = sum(mean[slot] * len(places) for slot, places in enumerate(hours))
    dispersion = min(max((sum(squares) + 2) / (exposure + 2), LEAST_DISPERSION), MOST_DISPERSION)
    return [
        max(
            (squares[slot] + SPREAD_WEEKS * dispersion * mean[slot]) / (len(hours[slot]) + SPREAD_WEEKS),
            LEAST_DISPERSION * mean[slot],
        )
        for slot in range(SLOTS)
    ]
