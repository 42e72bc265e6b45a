"""The same numbers for programs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from spikewatch.lab.evaluation import Judgement
from tests.bench_detection.comparison import Row
from tests.bench_detection.thresholds import Kept

Json = Mapping[str, object]


def of_rows(rows: Sequence[Row]) -> list[Json]:
    """Return a value a row: what the table shows, and what it has no room for."""
    return [_row(row) for row in rows]


def _row(row: Row) -> Json:
    judgement, delay = row.judgement, row.judgement.median_delay
    return {
        "detector": row.name,
        "surges": len(judgement.verdicts),
        "timeliness": asdict(row.timeliness),
        "timeliness_by_fleet": [fleet.timeliness for fleet in row.by_fleet],
        "share_of_limit": row.share,
        "found": judgement.found,
        "median_delay_s": None if delay is None else delay.total_seconds(),
        "right_a_surge": row.right,
        "wrong_a_surge": row.wrong,
        "named_right": judgement.named_right,
        "named_all": judgement.named_all,
        "messages_a_surge": judgement.messages_per_surge,
        "false_a_week": judgement.false_per_week,
        "seconds_a_world": row.seconds,
        "default_gains": None if row.behind is None else asdict(row.behind),
    }


def of_budgets(found: Sequence[Kept]) -> list[Json]:
    """Return a value a budget."""
    return [
        {
            "asked_a_week": kept.budget,
            "delivered_a_week": asdict(kept.delivered),
            "false_incidents": len(kept.quiet.false),
            "worst_world_a_week": kept.worst,
            "with_surges": _with_surges(kept.surging),
        }
        for kept in found
    ]


def _with_surges(surging: Judgement | None) -> Json | None:
    if surging is None:
        return None
    return {
        "false_a_week": surging.false_per_week,
        "timeliness": surging.timeliness,
        "found": surging.found,
        "messages_a_surge": surging.messages_per_surge,
    }
