"""Data frames of the steps of a decision: what is expected and why, chance, windows, gates, budget, surges.

They are made of what `tracing.Steps` kept of a replay; local time, and nothing is worked out a second way.
"""

from collections.abc import Iterable, Sequence
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from scipy import special

from spikewatch.core.calibration import Tail
from spikewatch.core.explanations import Explanation
from spikewatch.core.incidents import Incident
from spikewatch.core.tails import largest_normal
from spikewatch.core.timegrid import HOUR
from spikewatch.errors import Mistake

MOST_TICKETS_SHOWN = 400
"""Counts in a frame of chances: more are no longer a picture."""


def parts_frame(explanation: Explanation) -> pd.DataFrame:
    """Return what the expected tickets of the newest bucket are made of, one row a factor, their product last.

    Columns are `value` and `meaning`.
    """
    normal = explanation.normal
    per_hour = int(HOUR / explanation.step)
    rows = {
        "shape": (normal.shape, "tickets an hour usual in this hour of the week"),
        "level": (normal.level, "the last days against the whole history"),
        "today": (normal.today, "the last hours against that"),
        "of_day": (normal.of_day, "a day off, or the day after one"),
        "event": (normal.event, "events in the calendar"),
        "within": (normal.within, "its share of the hour; 1 is an even one"),
        "bucket": (normal.bucket, f"expected: all of that, divided by {per_hour}"),
    }
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=["value", "meaning"])
    return frame.rename_axis("part")


def windows_frame(explanations: Iterable[Explanation], *, zone: ZoneInfo) -> pd.DataFrame:
    """Return every window of every bucket, indexed by its end `at` and the `window`.

    Columns are `observed`, `expected`, `deviation`, `upper`, the `surprise` of the window by itself (-log10 of the
    chance of at least so many), the `evidence` over time added to it, the cut-off `needed` by both, their `score`, and
    `why` it did or did not alert.
    """
    rows = [
        {
            "at": explanation.at,
            "window": f"{part.reading.window_minutes}m",
            "observed": part.reading.observed,
            "expected": part.reading.expected,
            "deviation": part.deviation,
            "upper": part.reading.upper,
            "surprise": part.counted,
            "evidence": part.evidence,
            "needed": explanation.cutoff,
            "score": part.reading.score,
            "why": part.why.value,
        }
        for explanation in explanations
        for part in explanation.windows
    ]
    if not rows:
        raise Mistake("no bucket was kept: let since and until of Steps span some judged hours")
    frame = pd.DataFrame(rows)
    frame["at"] = pd.DatetimeIndex(frame["at"]).tz_convert(zone)
    return frame.set_index(["at", "window"])


def chance_frame(explanation: Explanation, *, window: str) -> pd.DataFrame:
    """Return the chance of at least so many tickets in a window, such as `60m`; the index is the tickets, from 0.

    Columns are `detector` (a negative binomial with the expected count and its deviation) and `poisson` (the same count
    if every ticket came by itself). Raises Mistake where the window is not judged.
    """
    parts = {f"{part.reading.window_minutes}m": part for part in explanation.windows}
    if window not in parts:
        raise Mistake(f"a window of {window} is not judged; choose one of {', '.join(parts)}")
    part = parts[window]
    mean, variance = part.reading.expected, part.deviation**2
    size = mean**2 / (variance - mean)
    most = min(max(2 * part.reading.upper, part.reading.observed) + 1, MOST_TICKETS_SHOWN)
    tickets = np.arange(most + 1)
    return pd.DataFrame(
        {
            "detector": np.where(
                tickets > 0, special.betainc(np.maximum(tickets, 1), size, mean / (size + mean)), 1.0
            ),
            "poisson": np.where(tickets > 0, special.gammainc(np.maximum(tickets, 1), mean), 1.0),
        },
        index=pd.Index(tickets, name="tickets"),
    )


def gates_frame(explanation: Explanation) -> pd.DataFrame:
    """Return the conditions of an alert in the window that decided, one row a gate: `value`, `limit`, `holds`, `origin`."""
    rows = [(gate.value, gate.limit, gate.holds, gate.origin or "") for gate in explanation.gates]
    index = pd.Index([gate.name.value for gate in explanation.gates], name="gate")
    return pd.DataFrame(rows, columns=["value", "limit", "holds", "origin"], index=index)


def budget_frame(
    tail: Tail | None, explanation: Explanation, *, budgets: Sequence[float], window: str
) -> pd.DataFrame:
    """Return what a series would need under other budgets, indexed by false alarms a week over the whole fleet.

    Columns are the `cutoff`, and the count that a `window` of this explanation would then `alert_at` without evidence over
    time or floors; weight 1. Raises Mistake while thresholds are provisional.
    """
    if tail is None:
        raise Mistake("thresholds are provisional: replay later, or more history")
    part = next(part for part in explanation.windows if f"{part.reading.window_minutes}m" == window)
    cutoff = np.array([tail.threshold(false_alarms_per_week=budget) for budget in budgets])
    mean, variance = np.full(len(cutoff), part.reading.expected), np.full(len(cutoff), part.deviation**2)
    return pd.DataFrame(
        {"cutoff": cutoff, "alert_at": largest_normal(mean, variance, cutoff=cutoff) + 1},
        index=pd.Index(budgets, name="false_alarms_per_week"),
    )


def surges_frame(incident: Incident, *, zone: ZoneInfo) -> pd.DataFrame:
    """Return the surges of an incident, indexed by series in the order in which they joined.

    `began` is when the excess started, `joined` when the series was above its threshold, `ended` when it had been quiet
    for long enough, missing while it lasts; `window` is the one that it joined in.
    """
    surges = incident.surges
    instants = {
        "began": [surge.began for surge in surges],
        "joined": [surge.opened_at for surge in surges],
        "ended": [surge.ended for surge in surges],
    }
    times = {
        name: pd.to_datetime(pd.Series(values), utc=True).dt.tz_convert(zone)
        for name, values in instants.items()
    }
    frame = pd.DataFrame(
        {
            **times,
            "window": [f"{surge.joined.window_minutes}m" for surge in surges],
            "peak": [round(surge.peak.score, 1) for surge in surges],
            "extra": [round(surge.excess) for surge in surges],
        }
    )
    frame.index = pd.Index([str(surge.series) for surge in surges], name="series")
    return frame
