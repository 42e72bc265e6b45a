"""One threshold for each contestant, so that all raise false alarms at one rate; and what each was worth there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from spikewatch.lab.evaluation import (
    Interval,
    Judgement,
    Paired,
    at_false_rate,
    compared,
    grouped,
    judge,
    pooled,
    timeliness_interval,
)
from tests.bench_detection.contestants import DEFAULT, LIMIT, NAMES, Runs

_SEED = 7
"""Of the redrawn surges; any will do."""


@dataclass(frozen=True)
class Row:
    """What one contestant was worth.

    by_fleet   its judgement on each fleet, which had a threshold of its own
    judgement  over all of them
    share      of the limit's timeliness; None where no limit ran
    behind     how much sooner the default model was on the same surges; None for itself, and where it did not run
    seconds    for one world, on average
    """

    name: str
    by_fleet: tuple[Judgement, ...]
    judgement: Judgement
    timeliness: Interval
    share: float | None
    behind: Paired | None
    seconds: float

    @property
    def right(self) -> float:
        """Categories named that surged, for each surge found."""
        return self._per_found([verdict.right for verdict in self.judgement.verdicts])

    @property
    def wrong(self) -> float:
        """Categories named that did not surge, for each surge found."""
        return self._per_found([verdict.wrong for verdict in self.judgement.verdicts])

    def _per_found(self, categories: Sequence[int]) -> float:
        return sum(categories) / max(1, sum(v.opened_at is not None for v in self.judgement.verdicts))


def ranked(fleets: Sequence[Sequence[Runs]], *, per_week: float) -> tuple[Row, ...]:
    """Return the rows of a table at a rate of false incidents, in the order of `NAMES`.

    fleets  each with the runs on its trials; trials of a fleet share one threshold
    """
    names = [name for name in NAMES if name in fleets[0][0]]
    judged = {name: tuple(_at(fleet, name, per_week=per_week) for fleet in fleets) for name in names}
    total = {name: pooled(judgements) for name, judgements in judged.items()}
    return tuple(
        Row(
            name=name,
            by_fleet=judged[name],
            judgement=total[name],
            timeliness=timeliness_interval(total[name], seed=_SEED),
            share=_share(total, name),
            behind=_behind(total, name),
            seconds=fmean(runs[name].seconds for fleet in fleets for runs in fleet),
        )
        for name in names
    )


def _at(fleet: Sequence[Runs], name: str, *, per_week: float) -> Judgement:
    scored = [runs[name].scored for runs in fleet]
    threshold = at_false_rate(scored, per_week=per_week)
    return pooled(
        [
            judge(grouped(entry, threshold=threshold), surges=entry.surges, judged=entry.judged)
            for entry in scored
        ]
    )


def _share(total: Mapping[str, Judgement], name: str) -> float | None:
    limit = total.get(LIMIT)
    return total[name].timeliness / limit.timeliness if limit and limit.timeliness else None


def _behind(total: Mapping[str, Judgement], name: str) -> Paired | None:
    if name == DEFAULT or DEFAULT not in total:
        return None
    return compared(total[DEFAULT], total[name], seed=_SEED)
