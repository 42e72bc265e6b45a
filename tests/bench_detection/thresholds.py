"""How many false alarms the product's own thresholds let through, and what they find, in worlds simulated by seed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from scipy import special

from spikewatch.core.settings import DetectionSettings
from spikewatch.core.timegrid import WEEK
from spikewatch.lab.alarms import FitsOnce, delivered, trial_of, with_budget
from spikewatch.lab.evaluation import Interval, Judgement, judge, pooled
from spikewatch.lab.synthetic import WorldSettings, simulate
from tests.bench_detection.contestants import world_detector

BUDGETS: Final = (0.25, 1.0, 4.0)
WEEKS: Final = 200
"""Fewer quiet fleet-weeks say little about a quarter of an alarm a week."""

USUAL: Final = DetectionSettings().false_alarms_per_week
"""The budget that worlds with surges are judged with as well."""


@dataclass(frozen=True, slots=True)
class BudgetJob:
    """One quiet world, judged with each budget; with its surges too, at the usual one, where that is asked."""

    settings: WorldSettings
    seed: int
    budgets: Sequence[float] = BUDGETS
    surging: bool = True


@dataclass(frozen=True)
class Kept:
    """What a budget came to.

    quiet    worlds without a surge: whatever was told there is false
    surging  the same worlds with surges; None but for the usual budget
    worst    most false incidents a week in one quiet world
    """

    budget: float
    quiet: Judgement
    surging: Judgement | None
    worst: float

    @property
    def delivered(self) -> Interval:
        """False incidents a week in quiet worlds, with the exact 95 % interval of a Poisson rate."""
        return poisson_rate(len(self.quiet.false), weeks=self.quiet.watched / WEEK)


def poisson_rate(number: int, *, weeks: float) -> Interval:
    """Return the rate a week of `number` events and its exact 95 % interval (Garwood 1936).

    >>> rate = poisson_rate(20, weeks=80.0)
    >>> [round(bound, 3) for bound in (rate.low, rate.mean, rate.high)]
    [0.153, 0.25, 0.386]
    """
    low = float(special.gammaincinv(number, 0.025)) if number else 0.0
    high = float(special.gammaincinv(number + 1, 0.975))
    return Interval(low / weeks, number / weeks, high / weeks)


def on_budgets(job: BudgetJob) -> tuple[Kept, ...]:
    """Return what each budget came to in one world; its baselines are fitted once for all budgets."""
    quiet = _judged(replace(job.settings, quiet=True), seed=job.seed, budgets=job.budgets)
    usual = [budget for budget in job.budgets if job.surging and budget == USUAL]
    surging = _judged(replace(job.settings, quiet=False), seed=job.seed, budgets=usual) if usual else {}
    return tuple(
        Kept(budget, quiet[budget], surging.get(budget), worst=quiet[budget].false_per_week)
        for budget in job.budgets
    )


def _judged(settings: WorldSettings, *, seed: int, budgets: Sequence[float]) -> dict[float, Judgement]:
    world = simulate(settings, seed=seed)
    trial = trial_of(world)
    detector = FitsOnce.of(world_detector(world, settings))
    told = {budget: delivered(trial, with_budget(detector, budget)) for budget in budgets}
    return {
        budget: judge(opened, surges=trial.surges, judged=trial.judged) for budget, opened in told.items()
    }


def over_worlds(found: Sequence[Sequence[Kept]]) -> tuple[Kept, ...]:
    """Return what each budget came to over all worlds."""
    return tuple(
        Kept(
            same[0].budget,
            pooled([kept.quiet for kept in same]),
            pooled([kept.surging for kept in same if kept.surging]) if any(k.surging for k in same) else None,
            worst=max(kept.worst for kept in same),
        )
        for same in zip(*found, strict=True)
    )
