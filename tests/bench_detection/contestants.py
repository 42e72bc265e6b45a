"""Who is judged: the product's models through the live code, the usual methods, and the limit."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import hypot
from typing import Final
from zoneinfo import ZoneInfo

from spikewatch.core.settings import CalendarSettings, DetectionSettings, ModelName
from spikewatch.cycle import Detector
from spikewatch.lab.alarms import Trial, comparator_scores, limit_scores, live_scores, trial_of
from spikewatch.lab.detectors import COMPARATORS
from spikewatch.lab.evaluation import Scored
from spikewatch.lab.recordings import detector_for
from spikewatch.lab.synthetic import World, WorldSettings, simulate
from tests.bench.stopwatch import timed

OURS: Final = "spikewatch"
DEFAULT: Final = f"{OURS} {DetectionSettings().model}"
LIMIT: Final = "limit"

NAMES: Final = (
    *sorted((f"{OURS} {model}" for model in ModelName), key=lambda name: name != DEFAULT),
    *COMPARATORS,
    LIMIT,
)
"""Everybody, in the order of the table: ours with the default first, the others as they measured, the limit last."""

TITLES: Final[Mapping[str, str]] = {
    "farrington": "Farrington flexible",
    "hybrid_esd": "S-H-ESD",
    "hour_zscore": "seasonal z-score, 1 h",
    "bucket_zscore": "seasonal z-score, 5 min",
    "ears_c2": "EARS C2",
    "stl_mad": "STL + MAD",
    "ten_minute_difference": "10-minute difference",
    "rolling_zscore": "rolling z-score",
    "spike_ratio": "spike ratio, ElastAlert2",
    LIMIT: "limit: knows true rates",
}


def title_of(name: str) -> str:
    """Return how a contestant is called in a table."""
    return TITLES.get(name, name)


@dataclass(frozen=True)
class Run:
    """A contestant on one trial: its scores, and how long they took."""

    scored: Scored
    seconds: float


Runs = Mapping[str, Run]
"""By contestant."""


@dataclass(frozen=True, slots=True)
class WorldJob:
    """One simulated world and who is judged on it."""

    settings: WorldSettings
    seed: int
    names: Sequence[str] = NAMES


def on_world(job: WorldJob) -> Runs:
    """Simulate a world and return everybody's run on it."""
    world = simulate(job.settings, seed=job.seed)
    detector = world_detector(world, job.settings)
    everybody = dict(_on_trial(trial_of(world), detector))
    everybody[LIMIT] = partial(
        limit_scores, world, day_cv=hypot(*job.settings.day_cv), zone=ZoneInfo(job.settings.zone)
    )
    return _run(everybody, names=job.names)


def on_trial(trial: Trial, detector: Detector, *, names: Sequence[str] = NAMES) -> Runs:
    """Return everybody's run on counts whose true rates nobody knows.

    detector  of the product, whose model is exchanged for each
    """
    return _run(dict(_on_trial(trial, detector)), names=[name for name in names if name != LIMIT])


def world_detector(world: World, settings: WorldSettings) -> Detector:
    """Return the product's detector for a world, as somebody would set it up who knows the country."""
    return detector_for(
        trial_of(world).recording,
        zone=ZoneInfo(settings.zone),
        calendar=CalendarSettings(country=settings.country),
    )


def with_model(detector: Detector, model: ModelName) -> Detector:
    """Return the detector with another model."""
    return replace(detector, detection=detector.detection.model_copy(update={"model": model}))


def _on_trial(trial: Trial, detector: Detector) -> Iterator[tuple[str, Callable[[], Scored]]]:
    for model in ModelName:
        yield f"{OURS} {model}", partial(live_scores, trial, with_model(detector, model))
    for name, comparator in COMPARATORS.items():
        yield name, partial(comparator_scores, trial, comparator)


def _run(everybody: Mapping[str, Callable[[], Scored]], *, names: Sequence[str]) -> Runs:
    found = {}
    for name in names:
        seconds, scored = timed(everybody[name])
        found[name] = Run(scored, seconds)
    return found
