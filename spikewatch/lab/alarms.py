"""Alarms: from a detector and some counts whose surges are known to what the referee judges.

`live_scores` runs the live code and leaves the threshold to the referee, so that it is compared with others at one rate of
false incidents. `delivered` keeps the product's own thresholds and returns the incidents that people would have got.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from spikewatch.core.baseline import History
from spikewatch.core.calibration import Calibration
from spikewatch.core.counts import Floats, Gap, Panel
from spikewatch.core.timegrid import Grid, Span
from spikewatch.cycle import Detector, Verdict
from spikewatch.lab.detectors import Detector as Comparator
from spikewatch.lab.detectors import likelihood_ratio
from spikewatch.lab.evaluation import Opened, Scored
from spikewatch.lab.keeping import Keeping
from spikewatch.lab.replay import Recording, replay
from spikewatch.lab.synthetic import PlantedSurge, World, plant

GENEROUS: Final = 64.0
"""False alarms a week that live scores are taken at: floors hold a score below 1, so they hold at every threshold above 1,
which is where that of any smaller budget lies."""


@dataclass(frozen=True)
class Trial:
    """Counts whose surges are known, and when detectors are judged on them; before that is history.

    surges  all that were planted, those in the history too
    """

    recording: Recording
    surges: tuple[PlantedSurge, ...]
    judged: Span

    def __post_init__(self) -> None:
        """Refuse to judge where no baseline can be warm."""
        if self.judged.start < self.recording.warm_at:
            message = (
                f"judging cannot begin on {self.judged.start.isoformat()}: "
                f"there is too little history before {self.recording.warm_at.isoformat()}"
            )
            raise ValueError(message)


def trial_of(world: World) -> Trial:
    """Return the trial of a simulated world."""
    return Trial(Recording(world.panel, world.judged.end), world.surges, world.judged)


def planted(recording: Recording, *, judged: Span, surges: int, seed: int, gaps: Sequence[Gap] = ()) -> Trial:
    """Return the trial of recorded counts with up to so many surges planted into the judged span, outside the gaps.

    What the recording already holds stays in it: a surge that nobody planted counts as a false alarm, for every detector.
    Raises ValueError where there is too little history.
    """
    panel, roster = recording.panel, recording.panel.roster
    leaves = slice(0, roster.n_leaves)
    grown = plant(
        panel.counts[leaves].astype(np.int64),
        leaves=roster.keys[leaves],
        grid=panel.grid,
        span=judged,
        number=surges,
        seed=seed,
        gaps=gaps,
    )
    counts = roster.roll_up(np.where(panel.known_rows[leaves], grown.counts, 0))
    again = Panel(roster, panel.grid, np.asarray(counts, dtype=np.int64), panel.known)
    return Trial(Recording(again, recording.until), grown.surges, judged)


def live_scores(trial: Trial, detector: Detector) -> Scored:
    """Return the highest score of each series over its windows, as the live code gives it bucket by bucket."""
    grid = _judged_grid(trial)
    scores = np.zeros((len(trial.recording.panel.roster), grid.length))

    def note(verdict: Verdict) -> None:
        left = verdict.assessment.first - grid.first
        for column in range(verdict.assessment.n_judged):
            scores[:, left + column] = verdict.assessment.peaks(column)

    generous = with_budget(detector, GENEROUS)
    replay(trial.recording, generous, since=trial.judged.start, calibrated=False, on_verdict=note)
    return _scored(trial, scores)


def comparator_scores(trial: Trial, comparator: Comparator) -> Scored:
    """Return the scores of a comparator, which is shown the whole history."""
    panel = trial.recording.panel
    return _scored(trial, _cut(trial, comparator(panel.counts, panel.grid, panel.roster)))


def limit_scores(world: World, *, day_cv: float, zone: ZoneInfo) -> Scored:
    """Return the scores of the detector that is told the world's true rates.

    day_cv  relative spread of a day's level, its shared part included
    """
    scores = likelihood_ratio(
        world.panel.counts,
        world.grid,
        world.roster,
        rates=world.rates,
        dispersion=world.dispersions,
        day_cv=day_cv,
        zone=zone,
    )
    trial = trial_of(world)
    return _scored(trial, _cut(trial, scores))


def delivered(trial: Trial, detector: Detector) -> tuple[Opened, ...]:
    """Return the incidents that the product opens at its own thresholds; each is one message, edited as it goes on."""
    replayed = replay(trial.recording, detector, since=trial.judged.start)
    return tuple(
        Opened(incident.opened_at, incident.service, tuple(surge.series for surge in incident.surges))
        for incident in replayed.incidents
    )


def with_budget(detector: Detector, false_alarms_per_week: float) -> Detector:
    """Return the detector with another budget of false alarms."""
    detection = detector.detection.model_copy(update={"false_alarms_per_week": false_alarms_per_week})
    return replace(detector, detection=detection)


@dataclass(frozen=True)
class FitsOnce(Keeping):
    """A detector for one recording that keeps its calibrations too: other budgets (`with_budget`) change neither."""

    calibrations: dict[int, Calibration] = field(default_factory=dict)

    def calibrate(self, history: History, panel_of: Callable[[int, int], Panel], *, week: int) -> Calibration:
        """Return the calibration of a week, made the first time it is asked for: no budget changes it."""
        if week not in self.calibrations:
            self.calibrations[week] = super().calibrate(history, panel_of, week=week)
        return self.calibrations[week]


def _judged_grid(trial: Trial) -> Grid:
    whole = trial.recording.panel.grid
    first, stop = whole.column(trial.judged.start), min(whole.length, whole.column(trial.judged.end))
    return Grid(whole.step, whole.first + first, stop - first)


def _cut(trial: Trial, scores: Floats) -> Floats:
    """Return the columns of the judged span from those of the whole recording."""
    left = trial.recording.panel.grid.column(trial.judged.start)
    return scores[:, left : left + _judged_grid(trial).length]


def _scored(trial: Trial, scores: Floats) -> Scored:
    """Return scores of the judged span, in single precision: comparisons keep them by the dozen."""
    roster = trial.recording.panel.roster
    return Scored(scores.astype(np.float32), roster, _judged_grid(trial), trial.surges, trial.judged)
