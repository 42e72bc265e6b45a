"""Turning: the smallest budget, and the smallest weight, at which a bucket alerts, all else being equal.

The way from a budget to cut-offs is asked with numbers as people write them, of three significant digits, until the
smallest that lets the bucket through is found: what is named and set gives what was said, whatever that way is made of.
"""

from collections.abc import Callable
from math import floor, log, log10

import numpy as np

from spikewatch.core.budget import cutoffs
from spikewatch.core.calibration import Tail
from spikewatch.core.counts import Floats, Ints
from spikewatch.core.explanations import Turning
from spikewatch.core.scoring import Assessment
from spikewatch.core.settings import MOST_BUDGET, MOST_WEIGHT
from spikewatch.core.sharing import Sharing
from spikewatch.core.timegrid import seconds
from spikewatch.core.windows import below_floors, total_of

LEAST = 0.001
"""The smallest number that is named: a false alarm in twenty years, a thousandth of another's share."""

_A_DECADE = 900
_NEAR = 2


def turning(assessment: Assessment, row: int) -> Turning | None:
    """Return where the newest bucket of a series turns; None where it is not judged, or a static rule alerts anyway."""
    column, limits = assessment.n_judged - 1, assessment.limits
    met = assessment.counted is not None and assessment.counted.met_by(row, column) is not None
    judged = assessment.judged[row, :, column]
    if limits.sharing is None or met or not judged.any():
        return None
    totals = np.where(judged & ~_held(assessment, row), _totals(assessment, row), 0.0)
    place = int(totals.argmax())
    total = float(totals[place])
    if not total:
        return Turning(None, None, None)
    return Turning(
        assessment.windows[place] * seconds(assessment.step) // 60,
        _budget(total, row, limits.sharing, limits.tail),
        _weight(total, _weighed_with(assessment, row), row, limits.sharing, limits.tail),
    )


def _totals(assessment: Assessment, row: int) -> Floats:
    """Return (n_windows,) what each window weighs."""
    rows = slice(row, row + 1)
    return total_of(assessment.surprise[rows, :, -1:], assessment.evidence[rows, -1:])[0, :, 0]


def _held(assessment: Assessment, row: int) -> np.ndarray:
    """Tell (n_windows,) which windows a floor holds back, whatever they weigh."""
    rows, limits = slice(row, row + 1), assessment.limits
    return below_floors(
        assessment.observed[rows, :, -1:],
        assessment.expected[rows, :, -1:],
        min_tickets=limits.min_tickets[rows],
        min_ratio=limits.min_ratio[rows],
    )[0, :, 0]


def _budget(total: float, row: int, sharing: Sharing, tail: Tail | None) -> float | None:
    def alerts(budget: float) -> bool:
        return _scores(total, row, sharing, tail, weights=sharing.weights, budget=budget)

    near = None
    if tail is not None:
        near = tail.per_week(total + tail.scale * log(sharing.weights[row]))
    return smallest(alerts, most=MOST_BUDGET, near=near)


def _weight(total: float, rows: Ints, row: int, sharing: Sharing, tail: Tail | None) -> float | None:
    def alerts(weight: float) -> bool:
        weights = sharing.weights.copy()
        weights[rows] = weight
        return _scores(total, row, sharing, tail, weights=weights, budget=sharing.false_alarms_per_week)

    return smallest(alerts, most=MOST_WEIGHT) if len(rows) else None


def _scores(
    total: float, row: int, sharing: Sharing, tail: Tail | None, *, weights: Floats, budget: float
) -> bool:
    """Tell whether a weight of evidence scores 1 at such weights and such a budget."""
    asked = cutoffs(
        weights, judged=sharing.judged, windows=sharing.windows, false_alarms_per_week=budget, tail=tail
    )
    return bool(total / asked[row] >= 1)


def _weighed_with(assessment: Assessment, row: int) -> Ints:
    """Return the rows that take their weight from the same setting as a row, as categories do from their service.

    None for the whole fleet, whose weight cannot be set.
    """
    roster, sharing = assessment.limits.roster, assessment.limits.sharing
    series = roster.keys[row]
    if series.is_fleet or sharing is None:
        return np.empty(0, dtype=np.int64)
    if not series.is_rollup:
        return np.array([row])
    inherited = {"default", f"services.{series.service}.weight"}
    rows = np.flatnonzero(roster.service_of == roster.service_of[row])
    return np.array([each for each in rows.tolist() if sharing.rules[each].origin["weight"] in inherited])


def smallest(passes: Callable[[float], bool], *, most: float, near: float | None = None) -> float | None:
    """Return the smallest number of three significant digits in [`LEAST`, most] that passes; None where none does.

    passes  true from some number on
    near    where that is likely to be: it saves time and changes nothing

    >>> smallest(lambda number: number > 12.34, most=100), smallest(lambda number: number > 200, most=100)
    (12.4, None)
    """
    low, high = 0, _place(most)
    if not passes(most):
        return None
    if passes(LEAST):
        return LEAST
    around = [] if near is None else [_place(near) - _NEAR, _place(near) + _NEAR]
    while high - low > 1:
        place = next((each for each in around if low < each < high), (low + high) // 2)
        low, high = (low, place) if passes(_number(place)) else (place, high)
    return _number(high)


def _number(place: int) -> float:
    """Return a number of three significant digits by its place among them; `LEAST` has 0."""
    decade, mantissa = divmod(place, _A_DECADE)
    return float(f"{mantissa + 100}e{decade - 5}")


def _place(number: float) -> int:
    """Return the place of the number of three significant digits at or below a number, 0 at the least."""
    if number <= LEAST:
        return 0
    decade = floor(log10(number))
    return (decade + 3) * _A_DECADE + floor(number / 10.0**decade * 100) - 100
