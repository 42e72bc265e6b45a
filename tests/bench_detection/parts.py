"""The parts of the benchmark, each with its tables and its numbers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final, assert_never

from spikewatch.core.timegrid import WEEK
from tests.bench_detection import as_json, tables
from tests.bench_detection.comparison import Row, ranked
from tests.bench_detection.contestants import DEFAULT, NAMES, Runs, WorldJob, on_world
from tests.bench_detection.fleets import FLEETS, Fleet
from tests.bench_detection.pool import each
from tests.bench_detection.recorded import HOW, SURGES, backgrounds, on_background
from tests.bench_detection.tables import Table
from tests.bench_detection.thresholds import BUDGETS, WEEKS, BudgetJob, Kept, on_budgets, over_worlds

TUNED_ON: Final = frozenset([*range(20), *range(100, 120)])


class Part(StrEnum):
    """What can be run alone."""

    WORLDS = "worlds"
    RECORDED = "recorded"
    BUDGET = "budget"


@dataclass(frozen=True)
class Options:
    """What to run.

    seeds     of the simulated worlds
    per_week  false incidents a week of one fleet at which all are compared, a table each
    names     who is judged; the limit only in simulated worlds
    recorded  folder of recorded counts; None where there is none
    surges    planted into each recorded background
    fleets    kinds of simulated desks, by name
    weeks     quiet fleet-weeks of each, rounded up to whole worlds from the first seed on
    zone, country  of recorded counts that do not say
    """

    seeds: Sequence[int]
    parts: Sequence[Part] = tuple(Part)
    per_week: Sequence[float] = (1.0,)
    budgets: Sequence[float] = BUDGETS
    names: Sequence[str] = NAMES
    recorded: Path | None = None
    surges: int = SURGES
    fleets: Mapping[str, Fleet] = field(default_factory=lambda: FLEETS)
    weeks: int = WEEKS
    zone: str = "Asia/Tokyo"
    country: str | None = "JP"
    workers: int = 1


@dataclass(frozen=True)
class Result:
    """What a part came to: for people, and for programs; nothing of either where it was skipped."""

    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()
    numbers: Mapping[str, object] = field(default_factory=dict)


def run(part: Part, options: Options, *, warn: Callable[[str], None]) -> Result:
    """Return what a part came to.

    warn  is told what was left out, and how to have it
    """
    match part:
        case Part.WORLDS:
            return _worlds(options)
        case Part.RECORDED:
            return _recorded(options, warn)
        case Part.BUDGET:
            return _budget(options)
        case _:
            assert_never(part)


def _worlds(options: Options) -> Result:
    shown: list[Table] = []
    numbers: dict[str, object] = {}
    for name, fleet in options.fleets.items():
        jobs = [WorldJob(fleet.of(seed), seed, options.names) for seed in options.seeds]
        found = each(jobs, on_world, what=f"simulated worlds, {name}", workers=options.workers)
        sharing = [found] if fleet.is_one_desk else [[runs] for runs in found]
        at_rates = {}
        for per_week in options.per_week:
            rows = ranked(sharing, per_week=per_week)
            shown += _compared(rows, title=_worlds_named(name, options), per_week=per_week)
            at_rates[f"{per_week:g}"] = as_json.of_rows(rows)
        numbers[name] = at_rates
    return Result(tuple(shown), tables.STANDINGS_NOTES, numbers)


def _recorded(options: Options, warn: Callable[[str], None]) -> Result:
    if options.recorded is None:
        warn(HOW)
        return Result()
    jobs = backgrounds(
        options.recorded,
        zone=options.zone,
        country=options.country,
        surges=options.surges,
        names=options.names,
    )
    found = each(jobs, on_background, what="recorded backgrounds", workers=options.workers)
    for entry in found:
        if entry.why_not:
            warn(f"recorded data: LEFT OUT {entry.name}: {entry.why_not}")
    usable = {entry.name: entry.runs for entry in found if entry.runs}
    if not usable:
        warn(f"recorded data: SKIPPED, no background below {options.recorded}. {HOW}")
        return Result()
    return _on_backgrounds(usable, options)


def _on_backgrounds(usable: Mapping[str, Runs], options: Options) -> Result:
    fleets, names = [[runs] for runs in usable.values()], tuple(usable)
    shown: list[Table] = []
    numbers: dict[str, object] = {"backgrounds": names}
    for per_week in options.per_week:
        rows = ranked(fleets, per_week=per_week)
        title = f"{len(names)} recorded background{'s' * (len(names) > 1)}"
        shown += _compared(rows, title=title, per_week=per_week)
        shown.append(tables.by_background(rows, names=names, title="Each background by itself"))
        numbers[f"{per_week:g}"] = as_json.of_rows(rows)
    return Result(tuple(shown), tables.STANDINGS_NOTES, numbers)


def _budget(options: Options) -> Result:
    shown, numbers = [], {}
    for name, fleet in options.fleets.items():
        found = _asked_of(fleet, options, what=f"budgets, {name}")
        weeks = found[0].quiet.watched / WEEK
        last = options.seeds[0] + _worlds_of(fleet, options) - 1
        where = f"seeds {options.seeds[0]}-{last}"
        title = f"{name} fleets, {DEFAULT} at its own thresholds: {weeks:.0f} quiet fleet-weeks, {where}"
        shown.append(tables.budgets(found, title=title))
        numbers[name] = {"weeks": weeks, "budgets": as_json.of_budgets(found)}
    return Result(tuple(shown), tables.BUDGET_NOTES, numbers)


def _worlds_of(fleet: Fleet, options: Options) -> int:
    return -(-options.weeks // fleet.of(options.seeds[0]).judged_weeks)


def _asked_of(fleet: Fleet, options: Options, *, what: str) -> Sequence[Kept]:
    """Return what each budget came to in fleets of a kind; as many worlds as have seeds are judged with surges too."""
    seeds = range(options.seeds[0], options.seeds[0] + _worlds_of(fleet, options))
    jobs = [
        BudgetJob(fleet.of(seed), seed, options.budgets, surging=n < len(options.seeds))
        for n, seed in enumerate(seeds)
    ]
    return over_worlds(each(jobs, on_budgets, what=what, workers=options.workers))


def _compared(rows: Sequence[Row], *, title: str, per_week: float) -> list[Table]:
    surges, watched = len(rows[0].judgement.verdicts), rows[0].judgement.watched
    scale = (
        f"{surges} planted surges in {watched / WEEK:.0f} fleet-weeks, {per_week:g} false incidents a week"
    )
    standings = tables.standings(rows, title=f"{title}: {scale}")
    duels = tables.duels(rows, title=f"On the same surges, at {per_week:g} false incidents a week")
    return [standings] if duels is None else [standings, duels]


def _worlds_named(name: str, options: Options) -> str:
    return f"{len(options.seeds)} simulated {name} desk{'s' * (len(options.seeds) > 1)}, {_seeds(options)}"


def _seeds(options: Options) -> str:
    named = (
        f"seeds {options.seeds[0]}-{options.seeds[-1]}"
        if len(options.seeds) > 1
        else f"seed {options.seeds[0]}"
    )
    return f"{named} (TUNED ON)" if TUNED_ON & set(options.seeds) else named
