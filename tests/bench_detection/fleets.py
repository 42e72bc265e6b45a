"""Which desks are simulated: kinds of fleets by name, each of them a world's settings for every seed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np

from spikewatch.lab.synthetic import Roughness, WorldSettings

JUDGED_WEEKS: Final = 4
HISTORIES: Final = (4, 5, 8, 8)
"""Weeks before the judged ones; half of the mixed desks have little behind them."""

STEPS: Final = (5, 5, 15, 60)


@dataclass(frozen=True)
class Fleet:
    """A kind of desks.

    of           the settings of a seed
    is_one_desk  True: worlds are the same desk at other times, and share a threshold; False: each has one of its own
    """

    of: Callable[[int], WorldSettings]
    is_one_desk: bool = True

    @classmethod
    def always(cls, settings: WorldSettings) -> "Fleet":
        """Return desks with the same settings, whatever the seed."""
        return cls(lambda _seed: settings)


def mixed(seed: int) -> WorldSettings:
    """Return a desk that is rough in its own way: 10 to 100 series, short or long history, buckets up to an hour."""
    rng = np.random.default_rng([seed, 4])
    series = int(np.exp(rng.uniform(np.log(10), np.log(100))))
    busiest = float(np.exp(rng.uniform(np.log(0.8), np.log(25.0))))
    return WorldSettings(
        step=timedelta(minutes=int(rng.choice(STEPS))),
        weeks=JUDGED_WEEKS + int(rng.choice(HISTORIES)),
        judged_weeks=JUDGED_WEEKS,
        services=max(2, series // 6),
        series=series,
        surges=max(10, min(40, series)),
        campaigns=int(rng.integers(0, 3)),
        gaps=int(rng.integers(0, 3)),
        dispersion=(1.1, float(rng.uniform(1.5, 3.0))),
        peaks=(busiest, 0.016),
        rough=Roughness.drawn(rng),
    )


FLEETS: Final[Mapping[str, Fleet]] = {
    "usual": Fleet.always(WorldSettings()),
    "small": Fleet.always(WorldSettings(services=4, series=12, surges=12, campaigns=1)),
    "sparse": Fleet.always(WorldSettings(peaks=(0.4, 0.005))),
    "rough": Fleet.always(WorldSettings(rough=Roughness())),
    "mixed": Fleet(mixed, is_one_desk=False),
}
"""About 40 series, 12, all of them sparse, noise that the model does not think of, and something else for each seed."""
